"""All checks on one observation; a check that crashes is a finding too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from harness.core.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.core.expectation import Expectation
    from harness.core.observation import Observation

Check: TypeAlias = "Callable[[Observation, Expectation], Iterable[Finding]]"
"""A plain function. It yields nothing where it has nothing to say."""


def judge(observation: Observation, expect: Expectation, checks: Sequence[Check]) -> tuple[Finding, ...]:
    """What ``checks`` find, in their order, each with the exchanges that show it."""
    places = tuple(place for place, _ in observation.exchanges)
    evidence = Evidence(observation.cassette, places) if observation.cassette else None
    found: list[Finding] = []
    for check in checks:
        found += (replace(one, evidence=one.evidence or evidence) for one in _run(check, observation, expect))
    return tuple(found)


def _run(check: Check, observation: Observation, expect: Expectation) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check(observation, expect))
    except Exception as error:  # noqa: BLE001 - whatever a check does wrong must not end the run
        name = getattr(check, "__name__", repr(check))
        found.append(Finding(name, "fail", f"the check {name} crashed: {type(error).__name__}: {error}", "crash"))
    return found
