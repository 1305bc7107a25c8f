"""What an agent did until its answer: the tools that its models called, in order, and how often they were asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.checks.suite.calls import mismatch
from harness.core.chat import Reply
from harness.core.finding import Finding
from harness.dialects.decoded import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import ToolCall
    from harness.core.expectation import Expectation, TrajectoryExpectation
    from harness.core.observation import Observation


def trajectory(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.trajectory``, read from the exchanges by the reference readers."""
    wanted = expect.trajectory
    if wanted is None:
        return
    replies = [reply for _, one in observation.exchanges if isinstance(reply := read(one), Reply)]
    calls = [call for reply in replies for call in reply.calls]
    faults = [*_order(calls, wanted), *_single(calls, wanted), *_steps(len(replies), wanted)]
    for path, fault in faults:
        yield Finding("trajectory", "fail", fault, path)
    if not faults:
        yield Finding("trajectory", "pass", f"{len(replies)} steps, tools as expected: {_names(calls)}")


def _order(calls: Sequence[ToolCall], wanted: TrajectoryExpectation) -> Iterator[tuple[str, str]]:
    names = [call.name for call in calls]
    if wanted.tools is not None and names != list(_several(wanted.tools)):
        yield "tools", f"called: {_names(calls)}; expected: {', '.join(_several(wanted.tools)) or 'none'}"
    left = iter(names)
    missing = next((name for name in _several(wanted.in_order) if name not in left), None)
    if missing is not None:
        order = ", ".join(_several(wanted.in_order))
        yield "in_order", f"called: {_names(calls)}; {missing} does not come in its place of: {order}"


def _single(calls: Sequence[ToolCall], wanted: TrajectoryExpectation) -> Iterator[tuple[str, str]]:
    counts = Counter(call.name for call in calls)
    for name in _several(wanted.any_order):
        if not counts[name]:
            yield "any_order", f"{name} was not called; called: {_names(calls)}"
    for name in _several(wanted.never):
        if counts[name]:
            yield "never", f"{name} was called, {counts[name]} times"
    for name, most in (wanted.at_most or {}).items():
        if counts[name] > most:
            yield "at_most", f"{name} was called {counts[name]} times, {most} at most expected"
    for number, one in enumerate(wanted.calls):
        reasons = [mismatch(call, one, {}) for call in calls]
        if None not in reasons:
            told = "; ".join(f"{call.name}: {why}" for call, why in zip(calls, reasons, strict=True))
            yield f"calls[{number}]", f"no call is the expected one {number}; {told or 'there is none'}"


def _steps(steps: int, wanted: TrajectoryExpectation) -> Iterator[tuple[str, str]]:
    if wanted.steps is None:
        return
    given = wanted.steps
    least, most = (given, given) if isinstance(given, int) else (given.min, given.max)
    if not least <= steps <= (steps if most is None else most):
        expected = str(least) if least == most else f"{least} to {'any number' if most is None else most}"
        yield "steps", f"models were asked {steps} times, {expected} expected"


def _several(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _names(calls: Sequence[ToolCall]) -> str:
    return ", ".join(call.name for call in calls) or "none"
