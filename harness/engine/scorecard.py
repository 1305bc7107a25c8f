"""What a whole run amounts to: counts, and the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.engine.events import CaseResult

FINE, CHECK_FAILED, UNUSABLE = 0, 1, 2
_WANTING = {"fail", "infra"}


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
