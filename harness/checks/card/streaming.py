"""Streams: put together they are the whole answer, however they are cut, and an early end is an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.checks.card.call_comparison import calls_differ, lost, otherwise
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, quirk, unsupported
from harness.checks.json_equality import shown
from harness.core.chat import Reply
from harness.core.errors import StreamCutError
from harness.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.finding import Finding


def _streamed(seen: CheckContext) -> bool:
    return bool(seen.observation.asked.get("stream"))


def whole(seen: CheckContext) -> Iterator[Finding]:
    """The stream as litellm and the backend put it together, and as the reference reader does."""
    if seen.both is None or not _streamed(seen):
        return
    reading, reply = seen.both
    wrong = lost(seen) if not reading.errors and reading.calls else None
    if wrong is None and reply.text != reading.text and not (reply.calls and not reading.calls):
        yield otherwise(reading, reply)
    else:
        yield judged(wrong, "the stream put together is what its chunks say", "assembled")


def pairs(all_: tuple[CheckContext, ...]) -> Iterator[tuple[CheckContext, Finding]]:
    """The same question asked whole and streamed, where the model answers the same twice (temperature 0)."""
    known: dict[tuple[str, int, int], dict[bool, CheckContext]] = {}
    for seen in all_:
        asked = seen.observation.asked
        if seen.own and asked.get("temperature") == 0 and seen.observation.reply is not None:
            name = seen.observation.case.removesuffix("-streamed")
            place = known.setdefault((name, seen.observation.turn, seen.observation.repeat), {})
            place[bool(asked.get("stream"))] = seen
    for both in known.values():
        if len(both) > 1:
            yield both[True], _pair(both[False].observation.reply, both[True].observation.reply)


def _pair(one: Reply | None, other: Reply | None) -> Finding:
    assert one is not None
    assert other is not None
    if wrong := calls_differ([(call.name, call) for call in one.calls], other.calls):
        return quirk(f"asked twice, whole and as a stream, it calls otherwise: {wrong}", "pair", blame="model")
    if one.text != other.text:
        said = f"asked twice, whole it says {shown(one.text)}, streamed {shown(other.text)}"
        return quirk(said, "pair", blame="model")
    if one.finish != other.finish:
        return quirk(
            f"whole it ends with {one.raw_finish!r}, streamed with {other.raw_finish!r}", "pair", blame="provider"
        )
    return passing("whole and streamed are the same answer", "pair")


def splits(seen: CheckContext) -> Iterator[Finding]:
    reply = seen.observation.reply
    if reply is None or not _streamed(seen):
        return
    for number, other in enumerate(seen.observation.recut):
        if isinstance(other, Reply):
            alike = (other.text, other.calls, other.finish) == (reply.text, reply.calls, reply.finish)
            yield judged(
                None if alike else "the same bytes in other pieces gave another answer", "any cut", f"{number}"
            )
        else:
            yield failed(f"the same bytes in other pieces: {describe(other)}", f"{number}")


def deltas(seen: CheckContext) -> Iterator[Finding]:
    if seen.both is not None and _streamed(seen) and seen.both[0].calls:
        yield judged(lost(seen), "each fragment went to its own call")


def one_end(seen: CheckContext) -> Iterator[Finding]:
    if seen.both is None or not _streamed(seen) or seen.exchange is None or seen.exchange.response is None:
        return
    line = DIALECTS[seen.asked.dialect].facts.last_line if seen.asked else ""
    if not line:
        yield passing("the stream ends with its finish")
        return
    found = re.findall(line.encode(), seen.exchange.response.body)
    if len(found) == 1:
        yield passing("one terminator")
    else:
        yield quirk(f"{len(found) or 'no'} terminators; the answer is whole all the same", blame="provider")


def finish(seen: CheckContext) -> Iterator[Finding]:
    if seen.both is None:
        return
    reading, reply = seen.both
    calls = bool(reading.calls or reading.errors)
    if calls and not (reply.calls or reply.errors):
        yield failed(f"calls are on the wire, the finish is {reading.raw_finish!r}, and none came back")
    elif calls == (reading.finish == "tool_calls"):
        yield passing(f"the finish is {reading.finish or 'not said'}")
    elif calls:
        yield quirk(f"calls come with the finish {reading.raw_finish!r}; they are decoded", blame="provider")
    elif reply.calls:
        yield quirk("the finish tells of calls, which stand in the text; they are decoded", blame="provider")
    elif reading.provider_calls:
        yield passing("the finish is about calls that the provider ran itself")
    else:
        yield quirk(f"the finish is {reading.raw_finish!r}, and there is no call", blame="provider")


def cut_short(seen: CheckContext) -> Iterator[Finding]:
    cut = isinstance(seen.reading, StreamCutError)
    if not (cut and _streamed(seen)):
        return
    error, reply = seen.observation.error, seen.observation.reply
    if reply is not None:
        yield failed(
            f"the stream ends before its end, and came back as {shown(reply.text)} and {len(reply.calls)} calls"
        )
    elif half := getattr(getattr(error, "reply", None), "calls", ()):
        yield failed(f"the stream ends early, and half calls came back: {names(half)}")
    else:
        yield quirk(f"the stream ends early; {describe(error)}", blame="provider" if seen.own else "recording")


def usage(seen: CheckContext) -> Iterator[Finding]:
    if seen.both is None or not _streamed(seen):
        return
    reading, reply = seen.both
    if reading.usage is None:
        if b"include_usage" in (seen.exchange.request.body if seen.exchange else b""):
            yield unsupported("token counts were asked for, and none were sent")
    elif reply.usage is None:
        yield failed(f"{reading.usage} was sent, and none came back")
    else:
        same = (reply.usage.prompt, reply.usage.completion) == (reading.usage.prompt, reading.usage.completion)
        yield judged(None if same else f"{reading.usage} was sent, {reply.usage} came back", "the counts came back")


CHECKS = (
    CardCheck(
        "S1",
        "whole = streamed",
        "a stream put together is the whole answer",
        "streaming",
        whole,
        together=pairs,
        needs="a stream",
        streamed=True,
    ),
    CardCheck(
        "S2",
        "any split",
        "however the bytes are cut, the answer is the same",
        "streaming",
        splits,
        needs="a stream read again in other pieces",
        streamed=True,
    ),
    CardCheck(
        "S3",
        "deltas",
        "fragments go to their own call",
        "streaming",
        deltas,
        needs="a stream with calls",
        streamed=True,
    ),
    CardCheck(
        "S4", "one end", "one terminator, last", "streaming", one_end, needs="a stream", streamed=True, about="wire"
    ),
    CardCheck(
        "S5",
        "finish reason",
        "the finish says tool_calls exactly when calls are there",
        "streaming",
        finish,
        needs="an answer",
        about="wire",
    ),
    CardCheck(
        "S6",
        "cut short",
        "a stream that ends early is an error, and gives no half call",
        "streaming",
        cut_short,
        needs="a stream that ends early",
        streamed=True,
        about="wire",
    ),
    CardCheck(
        "S7",
        "usage",
        "token counts arrive",
        "streaming",
        usage,
        needs="a stream with token counts",
        streamed=True,
        about="wire",
        blame="litellm",
    ),
)
