"""Suites, laws and counterexamples as pytest items: files that a project says are ours, and no other file is opened; a
marked test for each provider and mode.
"""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.pytest_plugin.options import tool_settings, tool_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.engine.events import CaseResult, Job
    from harness.laws.prove import Mode, Proof
    from harness.laws.tested_backend import Backend

FOLDER = ".harness"
EXAMPLES = 100
LAWS_MARKER = (
    "laws(backend, *, providers=(), modes=(), laws=(), examples=100, exemplars=True, seed=None): judge a backend, "
    "named module:attribute, by the laws of tool calling; the test takes the fixture `proof`"
)
_PROOF: pytest.StashKey[Proof] = pytest.StashKey()
_SUITE = re.compile(rb"^cases\s*:", re.MULTILINE)
_SCHEMA = re.compile(rb"^#\s*yaml-language-server:\s*\$schema=\S*\bsuite\.schema\.json\s*$", re.MULTILINE)
_HEAD = 512
_LAW = ".law.json"
_FOLDERS: pytest.StashKey[tuple[Path, ...]] = pytest.StashKey()


def collected(file: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """``file`` as a suite or as a counterexample; None for one that is not ours."""
    made: pytest.Collector
    if file.suffix in {".yaml", ".yml"}:
        if not _is_suite(file, parent.config):
            return None
        made = SuiteFile.from_parent(parent, path=file)
        return made
    if file.name.endswith(_LAW) and (FOLDER in file.parts or _is_named(file, parent.config)):
        made = LawFile.from_parent(parent, path=file)
        return made
    return None


def _is_suite(file: Path, config: pytest.Config) -> bool:
    """Whether the settings, an option or its own first lines say that ``file`` is a suite."""
    if any(file.is_relative_to(folder) for folder in _folders(config)):
        return file.is_file() and _SUITE.search(file.read_bytes()) is not None
    if not tool_table(config) and not _is_named(file, config):
        return False  # a project that does not use us
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return _SCHEMA.search(opened.read(_HEAD)) is not None


def _folders(config: pytest.Config) -> tuple[Path, ...]:
    """Files and folders that hold suites."""
    found = config.stash.get(_FOLDERS, None)
    if found is None:
        by_option = config.getoption("harness_suites") or ()
        found = tuple((config.invocation_params.dir / one).resolve() for one in by_option)
        if tool_table(config):
            found += tuple((config.rootpath / one).resolve() for one in tool_settings(config).suites)
        config.stash[_FOLDERS] = found
    return found


def _is_named(file: Path, config: pytest.Config) -> bool:
    """Whether the command line names ``file`` itself."""
    start = config.invocation_params.dir
    return any(file.name in one and (start / one.partition("::")[0]).resolve() == file for one in config.args)


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
        for job in assembly.plan(suites, tool_settings(self.config)) if suites else ():
            yield SuiteCase.from_parent(self, name=f"{job.case.id}[{job.model.called}]", job=job)


class SuiteCase(pytest.Item):
    """One case asked of one model."""

    def __init__(self, *, job: Job, **known: Any) -> None:
        super().__init__(**known)
        self.job = job

    def runtest(self) -> None:
        from harness.app import assembly  # noqa: PLC0415 - as above

        result = assembly.one(self.job, tool_settings(self.config))
        if result.verdict == "unsupported":
            pytest.skip("; ".join(_described(result)))
        if result.verdict in {"fail", "infra"}:
            pytest.fail("\n".join([f"{result.verdict}: {result.name}", *_described(result)]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.job.name


def _described(result: CaseResult) -> list[str]:
    from harness.report.runs import reasons  # noqa: PLC0415 - as above

    return reasons(result)


def modes(backend: Backend, name: str) -> tuple[Mode, ...]:
    """How the backend called ``name`` is judged: awaited and streamed only if it can be, without litellm only if it is
    ours.
    """
    from harness.laws.prove import BARE_MODES, MODES  # noqa: PLC0415 - only tests of laws pay for it
    from harness.laws.tested_backend import OURS  # noqa: PLC0415 - as above

    possible = tuple(mode for mode in MODES if backend.acomplete is not None or not mode.startswith("async"))
    possible = tuple(mode for mode in possible if backend.streams or not mode.endswith("stream"))
    return (*possible, *(BARE_MODES if name == OURS else ()))


def parametrize(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """A test for each provider and mode that ``marker`` asks for."""
    from harness.core.errors import UsageError  # noqa: PLC0415 - as above
    from harness.laws.provider_options import provers  # noqa: PLC0415 - as above
    from harness.laws.tested_backend import OURS, backend_at  # noqa: PLC0415 - as above

    name = marker.args[0] if marker.args else marker.kwargs.get("backend", OURS)
    try:
        backend = backend_at(name)
        chosen = provers(tuple(marker.kwargs.get("providers", ())))
    except UsageError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from None
    possible, requested = modes(backend, name), marker.kwargs.get("modes", ())
    if unknown := [mode for mode in requested if mode not in possible]:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(
            f"{where}: {name} has no mode {', '.join(unknown)}; it has {', '.join(possible)}"
        )
    made = [(name, provider, mode) for provider in chosen for mode in requested or possible]
    names = [f"{provider}-{mode.replace(' ', '-')}" for _, provider, mode in made]
    metafunc.parametrize("proof", made, indirect=True, ids=names)


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    """How often each law was judged for one provider and mode, and what broke; see the marker ``laws``."""
    request.node.stash[_PROOF] = made = _proved(request)
    return made


def _proved(request: pytest.FixtureRequest) -> Proof:
    from harness.app.settings import settings  # noqa: PLC0415 - as above
    from harness.backend.library import load_offline  # noqa: PLC0415 - as above
    from harness.core.errors import UsageError  # noqa: PLC0415 - as above
    from harness.laws.counterexample import stored_questions  # noqa: PLC0415 - as above
    from harness.laws.law import GRADES  # noqa: PLC0415 - as above
    from harness.laws.prove import Effort, chosen_laws, prove_one  # noqa: PLC0415 - as above
    from harness.laws.tested_backend import OURS, backend_at  # noqa: PLC0415 - as above

    if not hasattr(request, "param"):
        raise pytest.UsageError(f"{request.node.nodeid}: the fixture `proof` needs @pytest.mark.laws(backend)")
    name, provider, mode = request.param
    marker = request.node.get_closest_marker("laws")
    examples = marker.kwargs.get("examples", EXAMPLES)
    root = request.config.rootpath
    counterexamples = () if settings({}, folder=root).ci else stored_questions(root / FOLDER / "counterexamples", name)
    load_offline()
    try:
        chosen = marker.kwargs.get("laws", ())
        laws = chosen_laws(chosen, () if chosen or name == OURS else GRADES[:-1])
    except UsageError as error:
        raise pytest.UsageError(f"{request.node.nodeid}: {error}") from error
    bare, seed = marker.kwargs.get("bare", 5 * examples), marker.kwargs.get("seed")
    effort = Effort(examples, bare, seed, exemplars=marker.kwargs.get("exemplars", True), first=counterexamples)
    with warnings.catch_warnings():
        # Of answers that are broken on purpose: one a law would fill pytest's summary, and as errors blame the backend.
        warnings.simplefilter("ignore")
        return prove_one(backend_at(name), provider, mode, laws=laws, effort=effort)


def judge_item(item: pytest.Item) -> None:
    """Fail a test whose proof does not hold."""
    made = item.stash.get(_PROOF, None)
    if made is not None:
        judge(made)


def judge(made: Proof) -> None:
    """Fail the test if a law was broken, with every counterexample in plain words."""
    from harness.report.proofs import describe, faults  # noqa: PLC0415 - as above

    if made.broken:
        pytest.fail("\n\n".join(describe(fault) for fault in faults([made])), pytrace=False)


class LawFile(pytest.File):
    """A counterexample that ``harness prove`` stored."""

    def collect(self) -> Iterator[pytest.Item]:
        from harness.core.errors import UsageError  # noqa: PLC0415 - as above
        from harness.laws.counterexample import from_json  # noqa: PLC0415 - as above

        try:
            counterexample = from_json(json.loads(self.path.read_bytes()), str(self.path))
        except (ValueError, RecursionError, UsageError) as error:
            raise self.CollectError(f"{self.path}: {error}") from error
        yield LawItem.from_parent(
            self,
            name=f"{counterexample.law}[{counterexample.question.provider}-{counterexample.mode}]",
            counterexample=counterexample,
        )


class LawItem(pytest.Item):
    """A stored counterexample, tried again: it passes when the law holds."""

    def __init__(self, *, counterexample: Any, **known: Any) -> None:
        super().__init__(**known)
        self.counterexample = counterexample

    def runtest(self) -> None:
        from harness.backend.library import load_offline  # noqa: PLC0415 - as above
        from harness.laws import BY_ID  # noqa: PLC0415 - as above
        from harness.laws.prove import asker, judged  # noqa: PLC0415 - as above
        from harness.laws.tested_backend import backend_at  # noqa: PLC0415 - as above

        load_offline()
        put = asker(backend_at(self.counterexample.backend), self.counterexample.mode)
        judge(judged(put(self.counterexample.question), BY_ID[self.counterexample.law], self.counterexample.mode))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name
