"""Which calls an answer asks for: how many, of what, with which parameters, and which can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.json_equality import difference, shown
from harness.checks.schema import misfit
from harness.checks.suite.pairing import paired
from harness.checks.suite.structure import in_call
from harness.core.expectation import CallExpectation
from harness.core.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import Json, ToolCall
    from harness.core.expectation import Expectation
    from harness.core.observation import Observation


def call_count(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.call_count`` and ``expect.no_calls``."""
    reply = observation.reply
    if reply is None:
        return
    names = f" ({', '.join(call.name for call in reply.calls)})" if reply.calls else ""
    got = f"{len(reply.calls)} calls{names}"
    if expect.no_calls:
        yield Finding("calls", "fail" if reply.calls else "pass", f"{got}, none expected", "none")
    if expect.call_count is None:
        return
    given = expect.call_count
    least, most = (given, given) if isinstance(given, int) else (given.min, given.max)
    fits = least <= len(reply.calls) and (most is None or len(reply.calls) <= most)
    wanted = str(least) if least == most else f"{least} to {'any number' if most is None else most}"
    yield Finding("calls", "pass" if fits else "fail", f"{got}, {wanted} expected", "count")


def calls(observation: Observation, expect: Expectation) -> Iterator[Finding]:
    """``expect.calls``: as many, and each as described, in order or in any."""
    reply = observation.reply
    if expect.calls is None or reply is None:
        return
    faults = list(_mismatches(reply.calls, expect, _schemas(observation)))
    for path, fault in faults:
        yield Finding("calls", "fail", fault, path)
    if not faults:
        names = ", ".join(call.name for call in reply.calls) or "no call"
        yield Finding("calls", "pass", f"the calls are as expected: {names}")


def _mismatches(got: Sequence[ToolCall], expect: Expectation, schemas: dict[str, Json]) -> Iterator[tuple[str, str]]:
    wanted = list(expect.calls or ())
    if len(got) != len(wanted):
        names = ", ".join(call.name for call in got) or "none"
        yield "count", f"{len(got)} calls ({names}), {len(wanted)} expected"
    if expect.any_order:
        yield from _in_any_order(got, wanted, schemas)
        return
    for number, (call, one) in enumerate(zip(got, wanted, strict=False)):
        if fault := mismatch(call, one, schemas):
            yield f"[{number}]", f"call {number} ({call.name}): {fault}"


def _in_any_order(
    got: Sequence[ToolCall], wanted: Sequence[CallExpectation], schemas: dict[str, Json]
) -> Iterator[tuple[str, str]]:
    """Pair them off so that as many as possible are met and name those that are not."""
    meets = [[mismatch(call, one, schemas) is None for call in got] for one in wanted]
    met = paired(meets)
    for number in range(len(wanted)):
        if number not in met:
            reasons = [
                f"call {n} ({call.name}): {mismatch(call, wanted[number], schemas)}" for n, call in enumerate(got)
            ]
            yield f"[{number}]", f"no call is the expected one {number}; {'; '.join(reasons) or 'there is none'}"


def mismatch(call: ToolCall, wanted: CallExpectation, schemas: dict[str, Json]) -> str | None:
    """Why a call is not the expected one; None where it is."""
    names = (wanted.name,) if isinstance(wanted.name, str) else wanted.name
    if names and call.name not in names:
        return f"the name is {shown(call.name)}, not {' or '.join(map(shown, names))}"
    if wanted.parameters is not None and (found := difference(wanted.parameters, call.parameters)):
        return f"parameters: {found}"
    if wanted.includes is not None and (found := difference(wanted.includes, call.parameters, partly=True)):
        return f"parameters: {found}"
    if wanted.accepts is not None:
        only = CallExpectation(accepts=wanted.accepts, optional=wanted.optional, strings=wanted.strings)
        if wrong := next(in_call(call, only, schemas.get(call.name)), None):
            return f"parameters: {wrong.message}"
    if wanted.fits is None:
        return None
    schema = schemas.get(call.name, {}) if wanted.fits == "tool" else wanted.fits
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
    wanted = expect.call_errors or ()
    got = tuple(error.fault for error in reply.errors)
    if got == wanted:
        yield Finding("call_errors", "pass", f"unreadable calls as expected: {', '.join(got)}")
        return
    told = "; ".join(
        f"call {error.index} ({error.name}): {error.fault}, {error.detail}; sent as {shown(error.raw)}"
        for error in reply.errors
    )
    expected = ", ".join(wanted) or "none"
    yield Finding("call_errors", "fail", f"unreadable calls: {told or 'none'}; expected: {expected}")
