"""The pytest door: a marker and fixtures that replay a cassette around any test, and suites as items.

Nothing heavy is imported at pytest's start, and nothing is done to tests that don't ask for it.

- ``@pytest.mark.cassette("hello.json")`` answers every HTTP request of the test from that file, its path counted
  from the test's own; without a path, from ``cassettes/<module>/<test>.json`` beside the test's file.
- The fixture ``cassette`` is the open tape (``taken``, ``unused``, ``misses``). A miss fails the test at once, and so
  does a recorded exchange that the test did not use.
- The fixture ``open_cassette`` opens any cassette in a ``with``, as often as needed (inside ``@given`` too).
- ``pytest suites/`` runs harness suites, an item for each case and model.
- The fixture ``serve_cassettes`` serves cassettes at a port of their own, for programs in any language.
- ``@pytest.mark.laws("my_adapter:complete")`` makes a test with the fixture ``proof`` one for each provider and mode:
  it fails where the backend breaks a law of tool calling. ``pytest X.law.json`` puts a kept counterexample again.
- ``--record-mode=once`` or ``record`` records. The default, ``none``, only replays, and so does CI.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import re
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.pytest_plugin import laws
from harness.app.pytest_plugin.laws import proof
from harness.app.pytest_plugin.serving import serve_cassettes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from harness.app.settings import Settings
    from harness.cassette import Tape
    from harness.core.errors import CassetteMiss
    from harness.core.exchange import Provenance
    from harness.engine.events import CaseResult, Job

__all__ = ["cassette", "cassette_provenance", "open_cassette", "proof", "serve_cassettes"]

_SUITE = re.compile(rb"^cases\s*:", re.MULTILINE)
_TAPE: pytest.StashKey[Tape] = pytest.StashKey()
_WHOLE: pytest.StashKey[bool] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness", "harness: recorded answers of language models")
    told = "none: only replay (the default); once: record what has no cassette; record: record anew"
    add = functools.partial(group.addoption, dest="harness_record_mode", default=None, metavar="MODE", help=told)
    # pytest-recording has an option of this name, and may be loaded before or after; ours then goes by a longer one.
    try:
        add("--harness-record-mode" if importlib.util.find_spec("pytest_recording") else "--record-mode")
    except (ValueError, argparse.ArgumentError):
        add("--harness-record-mode")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("harness_record_mode") is not None:
        from harness.core.errors import UsageError  # noqa: PLC0415 - only where there is something to refuse

        try:
            _settings(config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
    config.addinivalue_line(
        "markers",
        "cassette(path=None, *, unused='fail'): answer the test's HTTP requests from a cassette; "
        "with unused='allow' recorded exchanges may be left over",
    )
    config.addinivalue_line("markers", laws.MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of laws is one for each provider and mode."""
    marker = metafunc.definition.get_closest_marker("laws")
    if marker is not None and "proof" in metafunc.fixturenames:
        laws.parametrize(metafunc, marker)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A marked test uses the fixture, whether it names it or not."""
    if not isinstance(item, pytest.Function) or item.get_closest_marker("cassette") is None:
        return
    if "cassette" not in item.fixturenames:
        item.fixturenames.insert(0, "cassette")


@pytest.fixture(scope="session")
def cassette_provenance() -> Provenance:
    """What a new recording of a test says of itself; override it to say who really answers."""
    from harness.app.assembly import provenance  # noqa: PLC0415 - only tests that replay pay for it

    return provenance("live", "recorded by a test")


@pytest.fixture(scope="session")
def open_cassette(
    pytestconfig: pytest.Config, cassette_provenance: Provenance
) -> Callable[[str | Path], AbstractContextManager[Tape]]:
    """A function that opens a cassette for a ``with``: HTTP requests inside are answered from it."""
    from harness.cassette import open_tape  # noqa: PLC0415 - as above

    chosen = _settings(pytestconfig)
    return functools.partial(
        open_tape,
        mode=chosen.record_mode,
        provenance=cassette_provenance,
        miss=_miss(),
        matcher=chosen.matcher(),
    )


@pytest.fixture
def cassette(
    request: pytest.FixtureRequest, open_cassette: Callable[[Path], AbstractContextManager[Tape]]
) -> Iterator[Tape]:
    """The tape that answers this test's HTTP requests."""
    from harness.core.errors import CassetteError  # noqa: PLC0415 - as above

    try:
        with open_cassette(_path(request.node)) as tape:
            request.node.stash[_TAPE] = tape
            yield tape
            _refuse_unfinished(request.node)
    except _UnfinishedError:
        pass  # a recording of it is put aside, not in a cassette's place
    except CassetteError as error:
        pytest.fail(str(error), pytrace=False)


class _UnfinishedError(Exception):
    """Leaves the tape of a test that did not pass."""


def _refuse_unfinished(item: pytest.Item) -> None:
    if not item.stash.get(_WHOLE, False):
        raise _UnfinishedError


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that passed has still failed if its tape or its proof says so."""
    result = yield
    laws.judge_item(item)
    tape = item.stash.get(_TAPE, None)
    if tape is not None:
        _judge(tape, item.get_closest_marker("cassette"))
        item.stash[_WHOLE] = True
    return result


def _judge(tape: Tape, marker: pytest.Mark | None) -> None:
    if tape.misses:
        asked = ", ".join(f"{one.method} {one.url}" for one in tape.misses)
        pytest.fail(f"{tape.path}: no recording answers {asked}, and the test went on all the same", pytrace=False)
    if tape.unused and (marker is None or marker.kwargs.get("unused", "fail") != "allow"):
        places = ", ".join(map(str, tape.unused))
        hint = "record the test again, or mark it with unused='allow'"
        pytest.fail(f"{tape.path}: recorded, but never asked for: exchange {places}; {hint}", pytrace=False)


def _path(item: pytest.Item) -> Path:
    from harness.cassette.storage.paths import escaped  # noqa: PLC0415 - as above

    marker = item.get_closest_marker("cassette")
    folder: Path = item.path.parent
    named = (marker.args[0] if marker.args else marker.kwargs.get("path")) if marker else None
    if named is not None:
        return folder / str(named)
    test = item.nodeid.partition("::")[2].replace("::", ".")
    return folder / "cassettes" / escaped(item.path.stem) / f"{escaped(test)}.json"


@functools.cache
def _miss() -> type[CassetteMiss]:
    """A miss that pytest takes for a failure of the test, and that Hypothesis shrinks."""
    from harness.core.errors import CassetteMiss  # noqa: PLC0415 - as above

    class CassetteMissed(CassetteMiss, pytest.fail.Exception):  # type: ignore[misc, name-defined]  # pytest.fail.Exception is a class that mypy can't see as one
        def __init__(self, message: str, **known: Any) -> None:
            super().__init__(message, **known)
            self.pytrace = False  # the message says it all; the trace leads through the client's inside

        def __str__(self) -> str:
            return "\n".join([str(self.msg), *getattr(self, "__notes__", ())])  # Hypothesis' example is in the notes

    CassetteMissed.__qualname__ = "CassetteMissed"
    return CassetteMissed


def _settings(config: pytest.Config) -> Settings:
    """Settings counted from the root of the tests, whatever folder pytest was started in."""
    from dataclasses import replace  # noqa: PLC0415 - as above

    from harness.app.settings import settings  # noqa: PLC0415 - as above

    chosen = settings({"record_mode": config.getoption("harness_record_mode")}, folder=config.rootpath)
    return replace(
        chosen,
        cassettes=config.rootpath / chosen.cassettes,
        record_mode="none" if chosen.ci else chosen.record_mode,
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A YAML file that holds cases is a suite; a file of ``harness prove`` is a counterexample."""
    if file_path.name.endswith(".law.json"):
        kept: pytest.Collector = laws.LawFile.from_parent(parent, path=file_path)
        return kept
    if file_path.suffix not in {".yaml", ".yml"} or not _SUITE.search(file_path.read_bytes()):
        return None
    collected: pytest.Collector = SuiteFile.from_parent(parent, path=file_path)
    return collected


class SuiteFile(pytest.File):
    """A suite: an item for each of its cases and models."""

    def collect(self) -> Iterator[pytest.Item]:
        from harness.app import assembly  # noqa: PLC0415 - as above
        from harness.core.errors import SuiteError  # noqa: PLC0415 - as above
        from harness.suite import load_suites  # noqa: PLC0415 - as above

        try:
            suites = [one for one in load_suites([self.path]) if one.kind == "regression"]
        except SuiteError as error:
            raise self.CollectError(str(error)) from error
        for job in assembly.plan(suites, _settings(self.config)) if suites else ():
            yield SuiteCase.from_parent(self, name=f"{job.case.id}[{job.model.called}]", job=job)


class SuiteCase(pytest.Item):
    """One case asked of one model."""

    def __init__(self, *, job: Job, **known: Any) -> None:
        super().__init__(**known)
        self.job = job

    def runtest(self) -> None:
        from harness.app import assembly  # noqa: PLC0415 - as above

        result = assembly.one(self.job, _settings(self.config))
        if result.verdict == "unsupported":
            pytest.skip("; ".join(_told(result)))
        if result.verdict in {"fail", "infra"}:
            pytest.fail("\n".join([f"{result.verdict}: {result.name}", *_told(result)]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.job.name


def _told(result: CaseResult) -> list[str]:
    from harness.report.terminal import reasons  # noqa: PLC0415 - as above

    return reasons(result)
