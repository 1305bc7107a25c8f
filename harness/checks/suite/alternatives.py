"""Several expectations of which one must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.suite.calls import call_count, call_errors, calls
from harness.checks.suite.ending import error, finish
from harness.checks.suite.state import state
from harness.checks.suite.text import json_text, text
from harness.checks.suite.trajectory import trajectory
from harness.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.judging import Check
    from harness.core.expectation import Expectation
    from harness.core.observation import Observation

PLAIN: tuple[Check, ...] = (error, call_errors, call_count, calls, finish, text, json_text, trajectory, state)
"""The checks of an expectation that has no others inside it."""


def any_of(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.any_of``: one of them holds as a whole."""
    if not expect.any_of or (observation.error is not None and expect.error is None):
        return  # an error that nobody expected is told by its own check
    told = []
    for number, one in enumerate(expect.any_of):
        found = [finding for check in (*PLAIN, any_of) for finding in check(observation, one)]
        against = [finding.message for finding in found if finding.verdict != "pass"]
        if not against:
            yield Finding("any_of", "pass", f"the expected answer {number} came")
            return
        told.append(f"{number}: {against[0]}")
    yield Finding("any_of", "fail", f"none of {len(told)} expected answers; {'; '.join(told)}")
