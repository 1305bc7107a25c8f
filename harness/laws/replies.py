"""A reply compared whole with the one that was served: each difference has one aspect, and so one law."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.checks.json_equality import difference, same
from harness.core.errors import HarnessError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.laws.complaints import differ, number_differs, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.checks.json_equality import Mode
    from harness.core.chat import Json, Reply, ToolCall
    from harness.core.exchange import Headers
    from harness.dialects.dialect import Dialect
    from harness.laws.trial import Trial

WHOLE = frozenset({"plain", "broken", "unknown", "written"})
"""Kinds of question whose answer is a whole reply."""


def differences(trial: Trial) -> dict[str, str]:
    """Aspect → complaint, for all in which the reply is not the one that was served."""
    found: dict[str, str] = trial.once("differences", lambda: dict(reversed(list(_differences(trial)))))
    return found


def reference(trial: Trial) -> Reply | None:
    """The answer as the dialect's own reader has it; None where there is none."""
    return trial.once("reference", lambda: _reference(trial))  # type: ignore[no-any-return]  # as it was made


def _reference(trial: Trial) -> Reply | None:
    if trial.served is None:
        return None
    try:
        return read_served(trial.question.dialect, trial.served)
    except HarnessError:
        return None


def read_served(dialect: Dialect, response: HttpResponse) -> Reply:
    """What the dialect's own reader makes of a response; where it is cut means nothing. A backend without litellm and
    the laws read the same one: it is read once.
    """
    return _read_body(dialect.name, response.status, response.headers, response.body)


@lru_cache(maxsize=16)
def _read_body(dialect: str, status: int, headers: Headers, body: bytes) -> Reply:
    return DIALECTS[dialect].read(HttpResponse(status, headers, (Chunk(body),)))


def _differences(trial: Trial) -> Iterator[tuple[str, str]]:
    """The first of an aspect counts."""
    kind = trial.question.kind
    if kind not in WHOLE:
        return
    reply, drawn = trial.reply, trial.question.reply
    if reply is None:
        if kind == "plain":
            yield "raised", f"raised {shown(repr(trial.error))}"
        return
    if kind == "plain":
        yield from _calls(drawn.calls, reply)
        yield from _ids(trial, reply)
    else:
        good = [call for call in drawn.calls if kind != "unknown" or call.name in trial.question.tools]
        if len(good) == len(reply.calls) and not _reordered(good, reply.calls):
            yield from _each(good, reply.calls)
    if kind == "written":
        return
    yield from _differ("text", "the text", drawn.text, reply.text)
    yield from _differ("refusal", "the refusal", drawn.refusal, reply.refusal)
    right = reference(trial)
    if right is None:
        return
    yield from _differ("reasoning", "the reasoning", right.reasoning, reply.reasoning)
    yield from _provider_calls(trial, reply)
    yield from _differ("finish", "the finish reason", right.finish, reply.finish)
    yield from _usage(right, reply)
    if right.id:
        yield from _differ("meta", "the answer's id", right.id, reply.id)
    if right.model:
        yield from _differ("meta", "the model that answered", right.model, reply.model)


def _differ(aspect: str, what: str, one: Json, other: Json, mode: Mode = "exact") -> Iterator[tuple[str, str]]:
    complaint = differ(what, one, other, mode)
    if complaint:
        yield aspect, complaint


def _calls(expected: Sequence[ToolCall], reply: Reply) -> Iterator[tuple[str, str]]:
    if reply.errors:
        first = reply.errors[0]
        empty = any(not call.parameters and call.name == first.name for call in expected)
        aspect = "name" if first.fault == "unknown_tool" else "no_arguments" if empty else "calls"
        yield aspect, f"a good call was refused: {first.name!r}: {first.detail}"
        return
    found = reply.calls
    if lost := number_differs(expected, found):
        yield "calls", lost
        return
    if len(expected) > 1 and _reordered(expected, found):
        yield "calls", f"calls to {[call.name for call in expected]} came back in another order"
        return
    yield from _each(expected, found)


def _each(expected: Sequence[ToolCall], found: Sequence[ToolCall]) -> Iterator[tuple[str, str]]:
    """Name and parameters of calls that are as many as they should be."""
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        if one.name != other.name:
            yield "name", f"call {number} was to {one.name!r}, came back as {other.name!r}"
        if where := difference(one.parameters, other.parameters):
            yield (
                _aspect(one, where.expected),
                differ(f"call {number} ({one.name!r})", one.parameters, other.parameters),
            )


def _aspect(call: ToolCall, value: Json) -> str:
    return "no_arguments" if not call.parameters else "string" if isinstance(value, str) else "value"


def _reordered(expected: Sequence[ToolCall], found: Sequence[ToolCall]) -> bool:
    alike = all(
        here.name == there.name and same(here.parameters, there.parameters)
        for here, there in zip(expected, found, strict=True)
    )
    if alike:
        return False
    one, other = ([repr((call.name, call.parameters)) for call in calls] for calls in (expected, found))
    return one != other and sorted(one) == sorted(other)


def _ids(trial: Trial, reply: Reply) -> Iterator[tuple[str, str]]:
    """Ids are there, distinct, those that the provider gave, and the same on each replay."""
    found: list[Any] = [call.id for call in reply.calls]
    drawn = trial.question.reply.calls
    if not drawn or len(found) != len(drawn) or (len(drawn) > 1 and _reordered(drawn, reply.calls)):
        return
    if not all(isinstance(one, str) and one for one in found) or len(set(found)) != len(found):
        yield "ids", f"ids are missing or doubled: {found[:9]}"
    elif trial.again is not None and [call.id for call in trial.again.calls] != found:
        yield "ids", f"the same answer was given the ids {found}, and then {[call.id for call in trial.again.calls]}"
    right = reference(trial)
    if right is None:
        return
    sent = [call.id for call in right.calls]
    for index, (one, other) in enumerate(zip(sent, found, strict=False)):
        # Gemini's thought signature must come back with the call: litellm hands it on behind the id.
        if one and one not in sent[:index] and one != str(other).partition("__thought__")[0]:
            yield "ids", f"the provider gave the id {one!r}, {other!r} came back"


def _provider_calls(trial: Trial, reply: Reply) -> Iterator[tuple[str, str]]:
    ran = trial.question.reply.provider_calls
    handed = [call.name for call in reply.calls]
    mixed = [call.name for call in ran if call.name in handed and call.name not in trial.question.tools]
    if mixed:
        yield "provider", f"{mixed} were run by the provider, and are handed to the caller to run"
    elif len(ran) != len(reply.provider_calls):
        returned = [call.name for call in reply.provider_calls]
        yield "provider", f"the provider ran {[call.name for call in ran]} itself, kept apart are {returned}"
    else:
        for one, other in zip(ran, reply.provider_calls, strict=True):
            yield from _differ("provider", "a call that the provider ran", one.name, other.name)
            # SDKs read these into classes with an order of fields of their own.
            for what, sent, got in (
                (f"what {one.name!r} was given", one.parameters, other.parameters),
                (f"what came of {one.name!r}", one.result, other.result),
            ):
                yield from _differ("provider", what, sent, got, "unordered")


def _usage(right: Reply, reply: Reply) -> Iterator[tuple[str, str]]:
    expected, found = right.usage, reply.usage
    if expected is None:
        if found:
            yield "usage", f"no token counts were sent, {found} came back"
    elif found is None:
        yield "usage", f"token counts {expected} were sent, none came back"
    elif not all(_counted(getattr(expected, name), getattr(found, name)) for name in ("prompt", "completion")) or not (
        _counted(found.total if expected.total is None else expected.total, found.total)
    ):
        yield "usage", f"token counts {expected} came back as {found}"


def _counted(expected: int | None, found: Json) -> bool:
    """Whether a count is the one that was sent, as an integer: a provider may send 12.0."""
    return found == expected and (found is None or (isinstance(found, int) and not isinstance(found, bool)))
