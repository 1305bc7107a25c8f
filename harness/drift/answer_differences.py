"""Two decoded answers to one question: what of them differs for a caller, ids aside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.chat import Reply
from harness.dialects import read_answer
from harness.drift.consequences import graded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.change import Change
    from harness.core.chat import Json
    from harness.core.exchange import Exchange

_MOST = 300
_BY_LENGTH = {"stop", "length"}


def replies(before: Reply, after: Reply) -> Iterator[Change]:
    """What differs between two decoded answers, ids aside."""
    yield from _calls(before, after)
    yield from _ran(before, after)
    if _nothing(before) != _nothing(after):
        word = "no text, no calls and no refusal came" if _nothing(after) else "something came where nothing did"
        yield graded("empty", "answer", _decoded(before), _decoded(after), word)
    for name in ("finish", "raw_finish"):
        was, now = getattr(before, name), getattr(after, name)
        if was != now and not (name == "raw_finish" and before.finish != after.finish):
            word = f"ended in {was or 'no reason'}, now in {now or 'no reason'}"
            # Another text is as long as it is: whether it reached the limit follows from that.
            kind = "text" if {was, now} == _BY_LENGTH and _other_text_alone(before, after) else name
            yield graded(kind, "finish", was, now, word)
    if bool(before.refusal) != bool(after.refusal):
        word = "refuses" if after.refusal else "no longer refuses"
        yield graded("refusal", "refusal", before.refusal, after.refusal, f"the model {word}")
    if (before.usage is None) != (after.usage is None):
        yield graded("usage", "usage", _counts(before), _counts(after), "token counts came or went")
    elif before.usage != after.usage:
        yield graded("value", "usage", _counts(before), _counts(after), "other token counts")
    for name in ("text", "reasoning", "refusal"):
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            yield graded("text", name, was, now, f"other {name}")


def _calls(before: Reply, after: Reply) -> Iterator[Change]:
    was, now = ([[call.name, call.parameters] for call in one.calls] for one in (before, after))
    bad, worse = ([[one.fault, one.name, one.raw] for one in reply.errors] for reply in (before, after))
    places = [[one.index for one in reply.errors] for reply in (before, after)]
    describe = _decoded(before), _decoded(after)
    if bool(was or bad) != bool(now or worse):
        word = "text came where a call did" if was or bad else "a call came where text did"
        yield graded("called", "calls", *describe, word)
        return
    if bad != worse:
        yield graded(
            "call_errors", "calls", *describe, "other calls can't be read" if worse else "all calls can be read"
        )
    if _text(was) != _text(now):
        names = [[one[0] for one in calls] for calls in (was, now)]
        word = "other parameters" if names[0] == names[1] else f"called {names[0]}, now {names[1]}"
        yield graded("calls", "calls", *describe, word)
    elif bad == worse and places[0] != places[1]:
        yield graded("calls", "calls", *describe, "a call that can't be read stands at another place")


def _ran(before: Reply, after: Reply) -> Iterator[Change]:
    """What the provider ran itself, ids aside."""
    was, now = ([one.name for one in reply.provider_calls] for reply in (before, after))
    path, describe = "provider_calls", (_decoded(before), _decoded(after))
    if was != now:
        yield graded("ran", path, *describe, f"the provider ran {was}, now {now}")
        return
    for part, word in (("parameters", "was given other parameters"), ("result", "came to other results")):
        one, other = ([getattr(call, part) for call in reply.provider_calls] for reply in (before, after))
        if _text(one) != _text(other):
            yield graded("ran_with", f"{path}.{part}", *describe, f"what the provider ran {word}")


def _text(value: Json) -> str:
    """JSON by which two values are compared: 1 is not 1.0, and the order of keys means nothing."""
    return json.dumps(value, sort_keys=True)


def is_json(reply: Reply) -> bool:
    """Whether the text is one JSON value."""
    try:
        json.loads(reply.text)
    except (ValueError, RecursionError):
        return False
    return True


def _other_text_alone(before: Reply, after: Reply) -> bool:
    return before.text != after.text and not any((*one.calls, *one.errors) for one in (before, after))


def _nothing(reply: Reply) -> bool:
    return not (reply.text or reply.calls or reply.errors or reply.provider_calls or reply.refusal or reply.reasoning)


def _counts(reply: Reply) -> Json:
    usage = reply.usage
    return usage and {"prompt": usage.prompt, "completion": usage.completion, "total": usage.total}


def _decoded(reply: Reply) -> dict[str, Json]:
    """A decoded answer as JSON: what of it there is, ids aside."""
    made: dict[str, Json] = {"text": reply.text} if reply.text else {}
    if reply.calls:
        made["calls"] = [{"name": call.name, "parameters": call.parameters} for call in reply.calls]
    if reply.provider_calls:
        ran = ({"name": one.name, "parameters": one.parameters, "result": one.result} for one in reply.provider_calls)
        made["run by the provider"] = list(ran)
    if reply.errors:
        made["unreadable calls"] = [{"name": one.name, "fault": one.fault, "raw": one.raw} for one in reply.errors]
    return {**made, "finish": reply.finish}


def describe(exchange: Exchange) -> Json:
    """An answer as JSON, whatever it is: decoded, or its status and its first words."""
    reply = read_answer(exchange)
    if isinstance(reply, Reply):
        return _decoded(reply)
    response = exchange.response
    if response is None:
        return {"failure": exchange.failure.kind if exchange.failure else "none"}
    body = response.body[:_MOST].decode(errors="replace")
    return {"status": response.status, **({"unreadable": reply} if reply else {"body": body})}
