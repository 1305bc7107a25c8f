"""The state that a task leaves its world in, held against the one that it began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.json_equality import difference, shown
from harness.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.expectation import Expectation
    from harness.core.observation import Observation


def state(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.state``, that the task came to its end, and what its own check says."""
    run = observation.world
    if run is None:
        return
    faults = [("steps", run.stopped)] if run.stopped else []
    faults += [("check", run.complaint)] if run.complaint else []
    if expect.state is not None:
        faults += _against(run.before, run.after, expect.state)
    for path, fault in faults:
        yield Finding("state", "fail", fault, path)
    if not faults:
        yield Finding("state", "pass", "the world is as it must be")


def _against(before: Json, after: Json, wanted: dict[str, dict[str, Json]]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys((*before, *after, *wanted)):
        was, now, right = before.get(name) or {}, after.get(name) or {}, wanted.get(name) or {}
        for key in dict.fromkeys((*was, *now, *right)):
            if why := _entry(key, was, now, right):
                yield f"{name}.{key}", why


def _entry(key: str, was: Json, now: Json, right: Json) -> str | None:
    if key in right:
        if right[key] is None:
            return f"it is still there: {shown(now[key])}" if key in now else None
        return difference(right[key], now[key], partly=True) if key in now else "it is not there"
    if key not in now:
        return "it is gone, and must not be"
    if key not in was:
        return f"it is new, and must not be: {shown(now[key])}"
    found = difference(was[key], now[key])
    return f"it must be as at the start: {found}" if found else None
