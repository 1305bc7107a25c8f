"""The pytest plugin: a marker and fixtures that replay a cassette around any test, and suites as items.

Nothing heavy is imported at pytest's start, and nothing is done to tests that don't ask for it.

- ``@pytest.mark.cassette("hello.json")`` answers every HTTP request of the test from that file, its path counted
  from the test's own; without a path, from ``cassettes/<module>/<test>.json`` beside the test's file.
- The fixture ``cassette`` is the open tape (``taken``, ``unused``, ``misses``, ``requests``). A miss fails the test at
  once, and so do a recorded exchange that the test did not use and whatever tried to go round the tape. Where another
  plugin has a fixture of that name, ours is ``harness_cassette`` alone.
- The fixture ``open_cassette`` opens any cassette in a ``with``, as often as needed (inside ``@given`` too).
- ``pytest suites/`` runs harness suites, an item for each case and model, where ``[tool.harness]`` names them.
- The fixture ``serve_cassettes`` serves cassettes at a port of their own, for programs in any language.
- ``@pytest.mark.laws("my_adapter:complete")`` makes a test with the fixture ``proof`` one for each provider and mode:
  it fails where the backend breaks a law of tool calling. ``pytest X.law.json`` reproduces a stored counterexample.
- ``--harness-record-mode=once`` or ``record`` records; so does ``--record-mode`` where no other plugin has it. The
  default, ``none``, only replays, and so does CI.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.pytest_plugin import items
from harness.app.pytest_plugin.items import collected, proof
from harness.app.pytest_plugin.options import (
    OPTION,
    add_options,
    add_short_option,
    ignored_by_ci,
    placeholder_keys,
    replays_vcr,
    tool_settings,
)
from harness.core.errors import CassetteMiss

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from harness.cassette import Tape
    from harness.core.exchange import Provenance
    from harness.server.in_process import Served

__all__ = ["cassette_provenance", "harness_cassette", "open_cassette", "proof", "serve_cassettes"]

FIXTURE = "harness_cassette"
_OPTIONS = ("allow", "ignore_hosts", "allow_subprocesses", "every_thread")
_LISTS = ("allow", "ignore_hosts")
_TAPE: pytest.StashKey[Tape] = pytest.StashKey()
_WHOLE: pytest.StashKey[bool] = pytest.StashKey()
_BYPASSED: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> Generator[None, Any, Any]:
    """By now every plugin and conftest has its options."""
    result = yield
    add_short_option(parser, args)
    return result


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("harness_record_mode") is not None:
        tool_settings(config)
    config.addinivalue_line(
        "markers",
        "cassette(path=None, *, unused='fail', allow=(), ignore_hosts=(), allow_subprocesses=False, "
        "every_thread=False): answer the test's HTTP requests from a cassette; with unused='allow' recorded "
        "exchanges may be left over; `allow` are hosts that are reached past it",
    )
    config.addinivalue_line("markers", items.LAWS_MARKER)
    if replays_vcr(config):
        from harness.app.pytest_plugin.vcr import use  # noqa: PLC0415 - only suites that come from vcrpy pay for it

        use(config)
    others = (plugin for plugin in config.pluginmanager.get_plugins() if plugin is not sys.modules[__name__])
    if not any(hasattr(plugin, "cassette") for plugin in others):
        config.pluginmanager.register(_ShortName(), "harness-short-name")


class _ShortName:
    """The fixture by its short name: another plugin's of that name may be one that all its tests use."""

    @pytest.fixture
    def cassette(self, harness_cassette: Tape) -> Tape:
        """The tape that answers this test's HTTP requests."""
        return harness_cassette


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of laws is one for each provider and mode."""
    marker = metafunc.definition.get_closest_marker("laws")
    if marker is not None and "proof" in metafunc.fixturenames:
        items.parametrize(metafunc, marker)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A marked test uses the fixture, whether it names it or not."""
    if not isinstance(item, pytest.Function):
        return
    if item.get_closest_marker("cassette") is not None and FIXTURE not in item.fixturenames:
        item.fixturenames.insert(_first_of_its_own(item), FIXTURE)
    if item.get_closest_marker("vcr") is not None and replays_vcr(item.config):
        item.fixturenames.insert(_first_of_its_own(item), "harness_vcr")


def _first_of_its_own(item: pytest.Function) -> int:
    """Where a test's own fixtures begin: what a module or session shares, such as a server, is made outside a tape."""
    known = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - there is no public way to a fixture's scope
    own = (
        place for place, name in enumerate(item.fixturenames) if name in known and known[name][-1].scope == "function"
    )
    return next(own, len(item.fixturenames))


@pytest.fixture(scope="session")
def cassette_provenance() -> Provenance:
    """What a new recording of a test says of itself; override it to say who really answers."""
    from harness.cassette.opening import provenance  # noqa: PLC0415 - only tests that record pay for it

    return provenance("live", "recorded by a test")


@pytest.fixture(scope="session")
def open_cassette(request: pytest.FixtureRequest) -> Callable[[str | Path], AbstractContextManager[Tape]]:
    """A function that opens a cassette for a ``with``: HTTP requests inside are answered from it."""
    from harness.cassette import open_tape  # noqa: PLC0415 - only tests that replay pay for it

    chosen = tool_settings(request.config)
    recording = chosen.record_mode != "none"
    return functools.partial(
        open_tape,
        mode=chosen.record_mode,
        provenance=request.getfixturevalue("cassette_provenance") if recording else None,
        miss=_miss(),
        matcher=chosen.matcher(),
        allow=chosen.allow,
        ignore_hosts=chosen.ignore_hosts,
        allow_subprocesses=chosen.allow_subprocesses,
        drop_headers=chosen.drop_headers,
    )


@pytest.fixture
def harness_cassette(
    request: pytest.FixtureRequest, open_cassette: Callable[..., AbstractContextManager[Tape]]
) -> Iterator[Tape]:
    """The tape that answers this test's HTTP requests."""
    from harness.core.errors import CassetteError  # noqa: PLC0415 - as above

    if invalid := _invalid_marker(request.node.get_closest_marker("cassette")):
        pytest.fail(f"{request.node.nodeid}: {invalid}", pytrace=False)
    try:
        with open_cassette(_path(request.node), **_options(request)) as tape, placeholder_keys(tape):
            request.node.stash[_TAPE] = tape
            yield tape
            _report_bypassed(request.node, tape)
            _refuse_unfinished(request.node)
    except _UnfinishedError:
        pass  # a recording of it is put aside, not in a cassette's place
    except CassetteError as error:
        # Without its causes: pytest would print the same sentence once for each.
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _invalid_marker(marker: pytest.Mark | None) -> str:
    """What is wrong with the words of a marker; empty where nothing is."""
    if marker is None:
        return ""
    known = ("path", "unused", *_OPTIONS)
    if unknown := sorted(marker.kwargs.keys() - set(known)):
        return f"the marker knows no option {unknown[0]!r}; it has {', '.join(known)}"
    if len(marker.args) > 1:
        return f"the marker takes one path, and {len(marker.args)} are given"
    path = marker.args[0] if marker.args else marker.kwargs.get("path")
    if path is not None and not isinstance(path, str | os.PathLike):
        return f"the path in the marker must be a text, not {path!r}"
    return ""


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's marker says of its tape, beside the settings."""
    marker = request.node.get_closest_marker("cassette")
    chosen_options = {name: marker.kwargs[name] for name in _OPTIONS if name in marker.kwargs} if marker else {}
    chosen = tool_settings(request.config) if chosen_options.keys() & set(_LISTS) else None
    for name in _LISTS if chosen else ():
        own = chosen_options.get(name, ())
        chosen_options[name] = (*getattr(chosen, name), *((own,) if isinstance(own, str) else own))
    return chosen_options


class _UnfinishedError(Exception):
    """Leaves the tape of a test that did not pass."""


def _refuse_unfinished(item: pytest.Item) -> None:
    if not item.stash.get(_WHOLE, False):
        raise _UnfinishedError


def _report_bypassed(item: pytest.Item, tape: Tape) -> None:
    bypassed = tape.traffic.describe_bypassed()
    if bypassed:
        item.config.stash.setdefault(_BYPASSED, []).append(f"{item.nodeid}: {bypassed}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if wish := ignored_by_ci(config):
        terminalreporter.write_line(
            f"harness: {OPTION}={wish} was ignored and cassettes were replayed: CI is set, and a CI job never records. "
            "Unset CI to record."
        )
    bypassed = config.stash.get(_BYPASSED, [])
    if bypassed:
        terminalreporter.section("went past a tape that recorded")
        for line in bypassed:
            terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """A miss in an async test leaves its event loop as any failure does."""
    if "harness.interception.context" not in sys.modules or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return (yield)
    with _misses_deferred(pyfuncitem):
        return (yield)


@contextlib.contextmanager
def _misses_deferred(item: pytest.Function) -> Iterator[None]:
    """Raise a miss of the test ``item`` when its loop has released it: a miss is no ``Exception``, and a loop that
    several tests share, as anyio's, would end with it.
    """
    missed: list[CassetteMiss] = []
    test = item.obj

    @functools.wraps(test)
    async def caught(*arguments: Any, **fixtures: Any) -> None:
        try:
            await test(*arguments, **fixtures)
        except CassetteMiss as miss:
            missed.append(miss)

    item.obj = caught
    try:
        yield
    finally:
        item.obj = test
    if missed:
        raise missed[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that passed has still failed if its tape or its proof says so."""
    try:
        result = yield
    except BaseException as error:
        # Some clients hold a miss for an answer (asyncio.gather gives it back), and fail at something else later.
        tape = item.stash.get(_TAPE, None)
        if tape is not None and tape.miss_messages and str(error) not in tape.miss_messages:
            item.add_report_section("call", "harness", "\n".join(tape.miss_messages))
        raise
    items.judge_item(item)
    tape = item.stash.get(_TAPE, None)
    if replays_vcr(item.config):
        _judge_vcr(item)
    if tape is not None:
        _judge(tape, item.get_closest_marker("cassette"))
        item.stash[_WHOLE] = True
    return result


def _judge_vcr(item: pytest.Item) -> None:
    """As vcrpy, leave it to the test what is not used; a miss fails it which code swallows it."""
    from harness.app.pytest_plugin.vcr import VCR_TAPE  # noqa: PLC0415 - as above

    tape = item.stash.get(VCR_TAPE, None)
    if tape is not None:
        _judge_refused(tape)


def _judge(tape: Tape, marker: pytest.Mark | None) -> None:
    _judge_refused(tape)
    if tape.unused and (marker is None or marker.kwargs.get("unused", "fail") != "allow"):
        places = ", ".join(map(str, tape.unused))
        hint = "record the test again, or mark it with unused='allow'"
        pytest.fail(f"{tape.path}: recorded, but never asked for: exchange {places}; {hint}", pytrace=False)


def _judge_refused(tape: Tape) -> None:
    if tape.misses:
        messages = "\n".join(tape.miss_messages)
        pytest.fail(f"{messages}\nand the test went on all the same", pytrace=False)
    if tape.traffic.refused:
        messages = "\n".join(tape.traffic.refused)
        pytest.fail(f"{tape.path}: the test went on after it was refused this:\n{messages}", pytrace=False)


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

    class CassetteMissed(CassetteMiss, pytest.fail.Exception):  # type: ignore[misc, name-defined]  # pytest.fail.Exception is a class that mypy can't see as one
        def __init__(self, message: str, **known: Any) -> None:
            super().__init__(message, **known)
            self.pytrace = False  # the message says it all; the trace leads through the client's inside

        def __str__(self) -> str:
            return "\n".join([str(self.msg), *getattr(self, "__notes__", ())])  # Hypothesis' example is in the notes

    CassetteMissed.__qualname__ = "CassetteMissed"
    return CassetteMissed


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A suite, or a counterexample of ``harness prove``."""
    return collected(file_path, parent)


@pytest.fixture
def serve_cassettes(request: pytest.FixtureRequest) -> Iterator[Callable[..., Served]]:
    """A function that serves cassettes while the test runs: ``serve_cassettes("hello.json").openai`` is a base URL.

    Paths count from the test's own file; options are those of ``harness.server.in_process``. Each call has a free port
    of its own, so that tests may run side by side. A request that no recording answers fails the test.
    """
    opened: list[Served] = []
    with contextlib.ExitStack() as stack:

        def serve(*cassettes: Path | str, **options: Any) -> Served:
            from harness.server.in_process import replaying  # noqa: PLC0415 - only tests that serve pay for it

            paths = [request.node.path.parent / cassette for cassette in cassettes]
            opened.append(stack.enter_context(replaying(*paths, **options)))
            return opened[-1]

        yield serve
    misses = [why for one in opened for why in one.misses]
    if misses:
        pytest.fail("\n".join(misses), pytrace=False)
