"""Every check of what a suite's case expects of an answer: how it ended, its calls and those that an agent's models
made until it, what its text says, the state that a task left; and all of them together.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from harness.checks.json_equality import shown, value_mismatch
from harness.checks.schema import misfit
from harness.checks.structure import in_call, paired, summed
from harness.core import errors
from harness.core.chat import Reply
from harness.core.expectation import CallExpectation, ErrorExpectation, amount, bounds, several
from harness.core.finding import Evidence, Finding, count
from harness.dialects import read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.core.chat import Json, ToolCall
    from harness.core.expectation import Expectation, TextExpectation, TrajectoryExpectation
    from harness.core.finding import Observation, Verdict

Check: TypeAlias = "Callable[[Observation, Expectation], Iterable[Finding]]"
"""A plain function. It yields nothing where it has nothing to say."""


def call_count(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.call_count`` and ``expect.no_calls``."""
    reply = observation.reply
    if reply is None:
        return
    names = f" ({', '.join(call.name for call in reply.calls)})" if reply.calls else ""
    got = f"{count(len(reply.calls), 'call')}{names}"
    if expect.no_calls:
        yield Finding("calls", "fail" if reply.calls else "pass", f"{got}, none expected", "none")
    if expect.call_count is None:
        return
    least, most = bounds(expect.call_count)
    fits = least <= len(reply.calls) and (most is None or len(reply.calls) <= most)
    yield Finding("calls", "pass" if fits else "fail", f"{got}, {amount(least, most)} expected", "count")


def calls(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.calls``: as many, and each as described, in order or in any."""
    reply = observation.reply
    if expect.calls is None or reply is None:
        return
    faults = list(_mismatches(reply.calls, expect, _schemas(observation)))
    names = ", ".join(call.name for call in reply.calls) or "no call"
    yield from summed("calls", faults, f"the calls are as expected: {names}")


def _mismatches(got: Sequence[ToolCall], expect: Expectation, schemas: dict[str, Json]) -> Iterator[tuple[str, str]]:
    expected = list(expect.calls or ())
    if len(got) != len(expected):
        names = ", ".join(call.name for call in got) or "none"
        yield "count", f"{count(len(got), 'call')} ({names}), {len(expected)} expected"
    if expect.any_order:
        yield from _in_any_order(got, expected, schemas)
        return
    for place, (call, one) in enumerate(zip(got, expected, strict=False)):
        if fault := mismatch(call, one, schemas):
            yield f"[{place}]", f"call {place} ({call.name}): {fault}"


def _in_any_order(
    got: Sequence[ToolCall], expected: Sequence[CallExpectation], schemas: dict[str, Json]
) -> Iterator[tuple[str, str]]:
    """Pair them off so that as many as possible are met and name those that are not."""
    meets = [[mismatch(call, one, schemas) is None for call in got] for one in expected]
    met = paired(meets)
    for number in range(len(expected)):
        if number not in met:
            reasons = [
                f"call {n} ({call.name}): {mismatch(call, expected[number], schemas)}" for n, call in enumerate(got)
            ]
            yield f"[{number}]", f"no call is the expected one {number}; {'; '.join(reasons) or 'there is none'}"


def mismatch(call: ToolCall, expected: CallExpectation, schemas: dict[str, Json]) -> str | None:
    """Why a call is not the expected one; None where it is."""
    names = several(expected.name)
    if names and call.name not in names:
        return f"the name is {shown(call.name)}, not {' or '.join(map(shown, names))}"
    if expected.parameters is not None and (found := value_mismatch(expected.parameters, call.parameters)):
        return f"parameters: {found}"
    if expected.includes is not None and (found := value_mismatch(expected.includes, call.parameters, partly=True)):
        return f"parameters: {found}"
    if expected.accepts is not None:
        only = CallExpectation(accepts=expected.accepts, optional=expected.optional, strings=expected.strings)
        if wrong := next(in_call(call, only, schemas.get(call.name)), None):
            return f"parameters: {wrong.message}"
    if expected.fits is None:
        return None
    schema = schemas.get(call.name, {}) if expected.fits == "tool" else expected.fits
    found = misfit(call.parameters, schema)
    return f"the parameters do not fit the schema: {found}" if found else None


def _schemas(observation: Observation) -> dict[str, Json]:
    tools = [tool["function"] for tool in observation.asked.get("tools") or ()]
    return {tool["name"]: tool.get("parameters") or {} for tool in tools}


def call_errors(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """Calls that can't be read: those in ``expect.call_errors``, and no others."""
    reply = observation.reply
    if reply is None or not (reply.errors or expect.call_errors):
        return
    requested = expect.call_errors or ()
    got = tuple(error.fault for error in reply.errors)
    if got == requested:
        yield Finding("call_errors", "pass", f"unreadable calls as expected: {', '.join(got)}")
        return
    listed = "; ".join(
        f"call {error.index} ({error.name}): {error.fault}, {error.detail}; sent as {shown(error.raw)}"
        for error in reply.errors
    )
    expected = ", ".join(requested) or "none"
    yield Finding("call_errors", "fail", f"unreadable calls: {listed or 'none'}; expected: {expected}")


def trajectory(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.trajectory``, read from the exchanges by the reference readers."""
    expected = expect.trajectory
    if expected is None:
        return
    replies = [reply for _, one in observation.exchanges if isinstance(reply := read_answer(one), Reply)]
    calls = [call for reply in replies for call in reply.calls]
    faults = [*_order(calls, expected), *_single(calls, expected), *_steps(len(replies), expected)]
    yield from summed("trajectory", faults, f"{count(len(replies), 'step')}, tools as expected: {_names(calls)}")


def _order(calls: Sequence[ToolCall], expected: TrajectoryExpectation) -> Iterator[tuple[str, str]]:
    names = [call.name for call in calls]
    if expected.tools is not None and names != list(several(expected.tools)):
        yield "tools", f"called: {_names(calls)}; expected: {', '.join(several(expected.tools)) or 'none'}"
    left = iter(names)
    missing = next((name for name in several(expected.in_order) if name not in left), None)
    if missing is not None:
        order = ", ".join(several(expected.in_order))
        yield "in_order", f"called: {_names(calls)}; {missing} does not come in its place of: {order}"


def _single(calls: Sequence[ToolCall], expected: TrajectoryExpectation) -> Iterator[tuple[str, str]]:
    counts = Counter(call.name for call in calls)
    for name in several(expected.any_order):
        if not counts[name]:
            yield "any_order", f"{name} was not called; called: {_names(calls)}"
    for name in several(expected.never):
        if counts[name]:
            yield "never", f"{name} was called, {counts[name]} times"
    for name, most in (expected.at_most or {}).items():
        if counts[name] > most:
            yield "at_most", f"{name} was called {counts[name]} times, {most} at most expected"
    for number, one in enumerate(expected.calls):
        reasons = [mismatch(call, one, {}) for call in calls]
        if None not in reasons:
            reasons_text = "; ".join(f"{call.name}: {why}" for call, why in zip(calls, reasons, strict=True))
            yield f"calls[{number}]", f"no call is the expected one {number}; {reasons_text or 'there is none'}"


def _steps(steps: int, expected: TrajectoryExpectation) -> Iterator[tuple[str, str]]:
    if expected.steps is None:
        return
    least, most = bounds(expected.steps)
    if not least <= steps <= (steps if most is None else most):
        yield "steps", f"models were asked {steps} times, {amount(least, most)} expected"


def _names(calls: Sequence[ToolCall]) -> str:
    return ", ".join(call.name for call in calls) or "none"


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


def finish(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.finish``."""
    reply = observation.reply
    if expect.finish is None or reply is None:
        return
    expected = several(expect.finish)
    ended = f"the answer ended with {reply.finish or 'no reason'}"
    if reply.finish in expected:
        yield Finding("finish", "pass", ended)
    else:
        own = f" (the provider's word: {reply.raw_finish!r})" if reply.raw_finish else ""
        yield Finding("finish", "fail", f"{ended}{own}, not with {' or '.join(expected)}")


def error(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.error``; and where none is expected, that none came."""
    got = observation.error
    if expect.error is None:
        if got is not None:
            yield Finding("error", _verdict(got), f"{_described(got)}; no error was expected")
        return
    expected = ErrorExpectation(type=expect.error) if isinstance(expect.error, str) else expect.error
    name = expected.type if expected.status is None else f"{expected.type} with status {expected.status}"
    if got is None:
        yield Finding("error", "fail", f"the model answered, {name} was expected")
        return
    kind = getattr(errors, expected.type)
    fits = isinstance(got, kind) and expected.status in {None, getattr(got, "status", None)}
    yield Finding("error", "pass" if fits else "fail", f"{_described(got)}; {name} was expected")
    for piece in several(expected.contains):
        if piece not in str(got):
            yield Finding("error", "fail", f"{shown(piece)} is not in {_described(got)}", "contains")


def _described(got: errors.HarnessError) -> str:
    status = getattr(got, "status", None)
    return f"{type(got).__name__}{f' {status}' if status else ''}: {got}"


def _verdict(got: errors.HarnessError) -> Verdict:
    """What an unexpected error says of the model: nothing, where it never got to answer."""
    if isinstance(got, errors.UnsupportedError):
        return "unsupported"
    if isinstance(got, errors.ProviderError):
        status = got.status
        if status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "infra"
    return "fail"


def text(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.text``: every part that is given must hold."""
    if expect.text is None or observation.reply is None:
        return
    faults = list(_faults(observation.reply.text, expect.text))
    yield from summed("text", faults, "the text is as expected")


def _faults(text: str, expected: TextExpectation) -> Iterator[tuple[str, str]]:
    if expected.exact is not None and text != expected.exact:
        yield "exact", f"the text is {shown(text)}, not {shown(expected.exact)}"
    for piece in several(expected.contains):
        if piece not in text:
            yield "contains", f"{shown(piece)} is not in the text {shown(text)}"
    for piece in several(expected.excludes):
        if piece in text:
            yield "excludes", f"{shown(piece)} is in the text {shown(text)}"
    if expected.regex is not None and not re.search(expected.regex, text):
        yield "regex", f"{expected.regex!r} matches nothing in the text {shown(text)}"
    if expected.empty is not None and (text == "") != expected.empty:
        yield "empty", f"the text is {shown(text)}, which is {'not empty' if expected.empty else 'empty'}"


def json_text(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.json_schema``: the text is one JSON value that fits it."""
    if expect.json_schema is None or observation.reply is None:
        return
    text = observation.reply.text
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        yield Finding("json", "fail", f"the text {shown(text)} is not JSON: {error}", "value")
        return
    fault = misfit(value, expect.json_schema)
    if fault:
        yield Finding("json", "fail", f"the JSON does not fit the schema: {fault}", "schema")
    else:
        yield Finding("json", "pass", "the text is JSON that fits the schema")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def state(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.state``, that the task came to its end, and what its own check says."""
    run = observation.world
    if run is None:
        return
    faults = [("steps", run.stopped)] if run.stopped else []
    faults += [("check", run.complaint)] if run.complaint else []
    if expect.state is not None:
        faults += _against(run.before, run.after, expect.state)
    yield from summed("state", faults, "the world is as it must be")


def _against(before: Json, after: Json, expected: dict[str, dict[str, Json]]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys((*before, *after, *expected)):
        was, now, right = before.get(name) or {}, after.get(name) or {}, expected.get(name) or {}
        for key in dict.fromkeys((*was, *now, *right)):
            if why := _entry(key, was, now, right):
                yield f"{name}.{key}", why


def _entry(key: str, was: Json, now: Json, right: Json) -> str | None:
    if key in right:
        if right[key] is None:
            return f"it is still there: {shown(now[key])}" if key in now else None
        return value_mismatch(right[key], now[key], partly=True) if key in now else "it is not there"
    if key not in now:
        return "it is gone, and must not be"
    if key not in was:
        return f"it is new, and must not be: {shown(now[key])}"
    found = value_mismatch(was[key], now[key])
    return f"it must be as at the start: {found}" if found else None


PLAIN: tuple[Check, ...] = (error, call_errors, call_count, calls, finish, text, json_text, trajectory, state)
"""The checks of an expectation that has no others inside it."""


def any_of(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.any_of``: one of them holds as a whole."""
    if not expect.any_of or (observation.error is not None and expect.error is None):
        return  # an unexpected error is reported by its own check
    reasons = []
    for number, one in enumerate(expect.any_of):
        found = [finding for check in (*PLAIN, any_of) for finding in check(observation, one)]
        against = [finding.message for finding in found if finding.verdict != "pass"]
        if not against:
            yield Finding("any_of", "pass", f"the expected answer {number} came")
            return
        reasons.append(f"{number}: {against[0]}")
    yield Finding("any_of", "fail", f"none of {len(reasons)} expected answers; {'; '.join(reasons)}")
