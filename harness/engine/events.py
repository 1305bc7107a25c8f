"""A run as values: which cases are asked of which models, what happens with them, and what the whole amounts to.
Listeners decide what to write.
"""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import UsageError
from harness.core.folders import is_there
from harness.suite import Model, Suite, named_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from harness.core.exchange import Provenance
    from harness.core.finding import Finding, Observation, Verdict
    from harness.suite import Case

FINE, CHECK_FAILED, UNUSABLE = 0, 1, 2
_WANTING = {"fail", "infra"}
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Job:
    """One case to be asked of one model, and where its recording is or will be.

    ``repeats`` is how often it is asked, one recording after the other in the same cassette; 0, for a replay, as often
    as was recorded. ``probing``: it asks how the provider behaves, so that a refusal is an answer, and recorded.
    """

    suite: str
    case: Case
    model: Model
    cassette: Path
    repeats: int = 1
    probing: bool = False

    @property
    def name(self) -> str:
        return f"{self.suite} / {self.case.id} / {self.model.called}"

    @property
    def has_cassette(self) -> bool:
        """Whether its recording is there. Raises ``UsageError`` where the folder can't be read."""
        return is_there(self.cassette)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case could not be judged: its cassette is missing, damaged, does not answer, or would leak.

    ``kind`` is the error's class, ``exit_code`` what the command ends with for it, ``details`` a sentence for each
    leaf that differs.
    """

    kind: str
    message: str
    exit_code: int
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one job. ``observations`` has one for each turn that was asked; ``kept`` says whether the
    cassette holds it. ``seconds`` is how long it took, and the only thing here that differs from run to run.
    """

    suite: str
    case: str
    model: str
    cassette: str
    findings: tuple[Finding, ...] = ()
    observations: tuple[Observation, ...] = ()
    problem: Problem | None = None
    provenance: Provenance | None = None
    kept: bool = True
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.suite} / {self.case} / {self.model}"

    @property
    def verdict(self) -> Verdict:
        """The gravest of the findings; a case that a problem kept from being judged has failed."""
        if self.problem:
            return "fail"
        found = {finding.verdict for finding in self.findings}
        gravest: tuple[Verdict, ...] = ("fail", "infra", "unsupported", "quirk")
        return next((verdict for verdict in gravest if verdict in found), "pass")


@dataclass(frozen=True, slots=True)
class RunStarted:
    """``total`` cases are to be played."""

    total: int


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """A case is about to be asked."""

    job: Job


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """A case is done; ``number`` counts from 1."""

    number: int
    result: CaseResult


Event: TypeAlias = RunStarted | CaseStarted | CaseFinished


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The results in the order of the suites. ``orphans`` are cassettes that no case uses."""

    results: tuple[CaseResult, ...]
    orphans: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many cases have each verdict; those that could not be judged count as ``unusable``."""
        counted = Counter("unusable" if one.problem else one.verdict for one in self.results)
        return {name: counted[name] for name in sorted(counted)}

    @property
    def wanting(self) -> tuple[CaseResult, ...]:
        """The cases that are not as they should be."""
        return tuple(one for one in self.results if one.verdict in _WANTING)

    @property
    def exit_code(self) -> int:
        """0 fine, 1 a check failed, 2 a cassette can't be used or nothing was run, 3 a leak."""
        problems = [one.problem.exit_code for one in self.results if one.problem]
        if problems:
            return max(problems)
        if not self.results:
            return UNUSABLE
        return CHECK_FAILED if self.wanting or self.orphans else FINE


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns of names, of which any will do; none given, all are chosen. ``*``, ``?`` and ``[…]`` as in a shell.

    ``missing`` chooses only what has no cassette yet.
    """

    suites: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    missing: bool = False


ALL = Selection()


def jobs(suites: Sequence[Suite], choice: Selection, place: Callable[[str, str, str], Path]) -> tuple[Job, ...]:
    """Every chosen case for every chosen model, suites in their order. ``place`` says where a cassette is, from the
    names of suite, case and model.

    A model that is no pattern and that no suite has is asked too. Raises ``UsageError`` where nothing is left.
    """
    found = tuple(
        Job(suite.name, case, model, place(suite.name, case.id, model.called))
        for suite in suites
        if _fits(choice.suites, suite.name)
        for case in suite.cases
        if _fits(choice.cases, case.id)
        for model in _models(suite, choice.models)
    )
    left = tuple(job for job in found if not job.has_cassette) if choice.missing else found
    if found and not left:
        raise UsageError("nothing to record: every case has its cassette")
    if not left:
        raise UsageError(_nothing(suites, choice))
    return left


def regressions(suites: Sequence[Suite], choice: Selection, files: Sequence[Path]) -> tuple[tuple[Suite, ...], int]:
    """The suites that a run takes up, and how many evaluations it leaves alone. An evaluation is taken up only where
    it is named: its own file among ``files``, or its name by ``choice``. Raises ``UsageError`` where only
    evaluations are there.
    """
    taken = tuple(
        suite
        for suite in suites
        if suite.kind != "evaluation"
        or suite.file in map(str, files)
        or (choice.suites and _fits(choice.suites, suite.name))
    )
    if suites and not taken:
        raise UsageError("there are only evaluations; `harness eval` scores them, and the name of one runs it")
    return taken, len(suites) - len(taken)


def _fits(patterns: Sequence[str], *names: str) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _models(suite: Suite, patterns: Sequence[str]) -> list[Model]:
    found = [model for model in suite.models if _fits(patterns, model.called, model.id)]
    for pattern in patterns:
        known = any(_fits([pattern], model.called, model.id) for model in suite.models)
        if not known and not set(pattern) & set("*?["):
            found += named_models(pattern, ())
    return found


def _nothing(suites: Sequence[Suite], choice: Selection) -> str:
    """Why nothing is chosen, and what could be."""
    chosen = [suite for suite in suites if _fits(choice.suites, suite.name)]
    if not chosen:
        return f"no suite fits {' or '.join(choice.suites)}; there are {_some(suite.name for suite in suites)}"
    cases = [case.id for suite in chosen for case in suite.cases]
    if not any(_fits(choice.cases, case) for case in cases):
        return f"no case fits {' or '.join(choice.cases)}; there are {_some(cases)}"
    models = _some(model.called for suite in chosen for model in suite.models)
    path = next((name for name in choice.models if os.path.exists(name)), "")  # noqa: PTH110 - a Path raises for a long name
    hint = f"{path} is a path, which --help has a place for" if path else "name others as provider/model"
    return f"no model fits {' or '.join(choice.models)}; there are {models}; {hint}"


def _some(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    more = len(found) - _MOST_NAMES
    return ", ".join(found[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
