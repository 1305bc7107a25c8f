"""What happens during a run, as values, and what the whole amounts to. Listeners decide what to write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.core.folders import is_there

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.exchange import Provenance
    from harness.core.finding import Finding, Observation, Verdict
    from harness.suite import Case, Model

FINE, CHECK_FAILED, UNUSABLE = 0, 1, 2
_WANTING = {"fail", "infra"}


@dataclass(frozen=True, slots=True)
class Job:
    """One case to be asked of one model, and where its recording is or will be.

    ``repeats`` is how often it is asked, one recording after the other in the same cassette; 0, for a replay, as often
    as was recorded. ``probing``: it asks how the provider behaves, so that a refusal is an answer, and kept.
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
        """Whether its recording is there. Raises ``UsageError`` where nobody may look."""
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
