"""How an answer came. Streams: put together they are the whole answer, however they are cut, and an early end is an
error. Counts and errors: tokens add up, errors have their class, and nothing is asked again blindly.
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.checks.card.blame import calls_differ, lost, otherwise, unaccountable
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, quirk, unsupported
from harness.checks.json_equality import shown
from harness.core import errors
from harness.core.chat import Reply
from harness.core.errors import StreamCutError
from harness.core.finding import count
from harness.dialects import DIALECTS
from harness.dialects.registry import read_chat_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.exchange import Exchange
    from harness.core.finding import Blame, Finding

_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
# What each status must raise; the others of the 4xx a bad request, of the 5xx a server error.
_CLASSES: dict[int, type[errors.ProviderError]] = {
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.ProviderTimeoutError,
    409: errors.ConflictError,
    429: errors.RateLimitError,
}


def _streamed(context: CheckContext) -> bool:
    return bool(context.observation.asked.get("stream"))


def whole(context: CheckContext) -> Iterator[Finding]:
    """The stream as litellm and the backend put it together, and as the reference reader does."""
    if context.both is None or not _streamed(context):
        return
    reading, reply = context.both
    wrong = lost(context) if not reading.errors and reading.calls else None
    if wrong is None and reply.text != reading.text and not (reply.calls and not reading.calls):
        yield otherwise(reading, reply)
    else:
        yield judged(wrong, "the stream put together is what its chunks say", "assembled")


def pairs(all_: tuple[CheckContext, ...]) -> Iterator[tuple[CheckContext, Finding]]:
    """The same question asked whole and streamed, where the model answers the same twice (temperature 0)."""
    known: dict[tuple[str, int, int], dict[bool, CheckContext]] = {}
    for context in all_:
        options = context.observation.asked
        if context.own and options.get("temperature") == 0 and context.observation.reply is not None:
            name = context.observation.case.removesuffix("-streamed")
            place = known.setdefault((name, context.observation.turn, context.observation.repeat), {})
            place[bool(options.get("stream"))] = context
    for both in known.values():
        if len(both) > 1:
            yield both[True], _pair(both[False].observation.reply, both[True].observation.reply)


def _pair(one: Reply | None, other: Reply | None) -> Finding:
    assert one is not None
    assert other is not None
    if wrong := calls_differ([(call.name, call) for call in one.calls], other.calls):
        return quirk(f"asked twice, whole and as a stream, it calls otherwise: {wrong}", "pair", blame="model")
    if one.text != other.text:
        message = f"asked twice, whole it says {shown(one.text)}, streamed {shown(other.text)}"
        return quirk(message, "pair", blame="model")
    if one.finish != other.finish:
        return quirk(
            f"whole it ends with {one.raw_finish!r}, streamed with {other.raw_finish!r}", "pair", blame="provider"
        )
    return passing("whole and streamed are the same answer", "pair")


def splits(context: CheckContext) -> Iterator[Finding]:
    reply = context.observation.reply
    if reply is None or not _streamed(context):
        return
    for number, other in enumerate(context.observation.rechunked):
        if isinstance(other, Reply):
            alike = (other.text, other.calls, other.finish) == (reply.text, reply.calls, reply.finish)
            yield judged(
                None if alike else "the same bytes in other pieces gave another answer", "any cut", f"{number}"
            )
        else:
            yield failed(f"the same bytes in other pieces: {describe(other)}", f"{number}")


def deltas(context: CheckContext) -> Iterator[Finding]:
    if context.both is not None and _streamed(context) and context.both[0].calls:
        yield judged(lost(context), "each fragment went to its own call")


def one_end(context: CheckContext) -> Iterator[Finding]:
    if context.both is None or not _streamed(context) or context.exchange is None or context.exchange.response is None:
        return
    line = DIALECTS[context.request.dialect].facts.last_line if context.request else ""
    if not line:
        yield passing("the stream ends with its finish")
        return
    found = re.findall(line.encode(), context.exchange.response.body)
    if len(found) == 1:
        yield passing("one terminator")
    else:
        yield quirk(f"{len(found) or 'no'} terminators; the answer is whole all the same", blame="provider")


def finish(context: CheckContext) -> Iterator[Finding]:
    if context.both is None:
        return
    reading, reply = context.both
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


def cut_short(context: CheckContext) -> Iterator[Finding]:
    cut = isinstance(context.reading, StreamCutError)
    if not (cut and _streamed(context)):
        return
    error, reply = context.observation.error, context.observation.reply
    if reply is not None:
        yield failed(
            f"the stream ends before its end, and came back as {shown(reply.text)} and "
            f"{count(len(reply.calls), 'call')}"
        )
    elif half := getattr(getattr(error, "reply", None), "calls", ()):
        yield failed(f"the stream ends early, and half calls came back: {names(half)}")
    else:
        yield quirk(f"the stream ends early; {describe(error)}", blame="provider" if context.own else "recording")


def usage(context: CheckContext) -> Iterator[Finding]:
    if context.both is None or not _streamed(context):
        return
    reading, reply = context.both
    if reading.usage is None:
        if b"include_usage" in (context.exchange.request.body if context.exchange else b""):
            yield unsupported("token counts were asked for, and none were sent")
    elif reply.usage is None:
        yield failed(f"{reading.usage} was sent, and none came back")
    else:
        same = (reply.usage.prompt, reply.usage.completion) == (reading.usage.prompt, reading.usage.completion)
        yield judged(None if same else f"{reading.usage} was sent, {reply.usage} came back", "the counts came back")


_streaming = partial(CardCheck, topic="streaming", streamed=True)

CHECKS = (
    _streaming(
        "S1",
        "whole = streamed",
        "a stream put together is the whole answer",
        judge=whole,
        together=pairs,
        needs="a stream",
    ),
    _streaming(
        "S2",
        "any split",
        "however the bytes are cut, the answer is the same",
        judge=splits,
        needs="a stream read again in other pieces",
    ),
    _streaming("S3", "deltas", "fragments go to their own call", judge=deltas, needs="a stream with calls"),
    _streaming("S4", "one end", "one terminator, last", judge=one_end, needs="a stream", aspect="wire"),
    _streaming(
        "S5",
        "finish reason",
        "the finish says tool_calls exactly when calls are there",
        judge=finish,
        needs="an answer",
        aspect="wire",
        streamed=False,
    ),
    _streaming(
        "S6",
        "cut short",
        "a stream that ends early is an error, and gives no half call",
        judge=cut_short,
        needs="a stream that ends early",
        aspect="wire",
    ),
    _streaming(
        "S7",
        "usage",
        "token counts arrive",
        judge=usage,
        needs="a stream with token counts",
        aspect="wire",
        blame="litellm",
    ),
)


def counts(context: CheckContext) -> Iterator[Finding]:
    usage = context.observation.reply.usage if context.observation.reply else None
    if usage is None or (context.both and context.both[0].usage is None):
        return
    reported = [usage.prompt, usage.completion, usage.total]
    if any(one is not None and (type(one) is not int or one < 0) for one in reported):
        yield failed(f"counts that are no whole numbers from 0: {reported}", blame=_miscounted(context))
    elif usage.total is None or usage.prompt is None or usage.completion is None:
        yield quirk(f"not every count is given: {reported}", blame="provider")
    elif usage.total != usage.prompt + usage.completion:
        yield quirk(
            f"the provider's total is {usage.total}, prompt and completion are {usage.prompt + usage.completion}",
            blame="provider",
        )
    else:
        yield passing(f"{usage.prompt} + {usage.completion} = {usage.total}")


def _miscounted(context: CheckContext) -> Blame:
    """Whose wrong counts are: the provider's where the wire has them, and else litellm's."""
    sent = context.both[0].usage if context.both else None
    numbers = (sent.prompt, sent.completion, sent.total) if sent else ()
    return "provider" if any(number is not None and number < 0 for number in numbers) else "litellm"


def equal_counts(all_: tuple[CheckContext, ...]) -> Iterator[tuple[CheckContext, Finding]]:
    """Equal requests, by their bytes, have equal prompt counts."""
    known: dict[str, tuple[CheckContext, int]] = {}
    for context in all_:
        usage = context.both[0].usage if context.both else None
        key = context.request_key
        if not key or usage is None or usage.prompt is None:
            continue
        if key not in known:
            known[key] = (context, usage.prompt)
            continue
        before = known[key][1]
        wrong = f"the same request counted {before} prompt tokens, and then {usage.prompt}"
        if before == usage.prompt:
            yield context, passing(f"{before} prompt tokens each time")
        else:  # recordings of others may be of years apart, and of another model under the name
            yield context, failed(wrong, blame="provider") if context.own else quirk(wrong, blame="provider")


def classes(context: CheckContext) -> Iterator[Finding]:
    status = context.exchange.response.status if context.exchange and context.exchange.response else None
    error = context.observation.error
    if context.exchange is not None and context.exchange.response is None and context.exchange.failure is not None:
        kind: type[errors.BackendError] = errors.ProviderError
        wrong = None if isinstance(error, kind) else f"{context.exchange.failure.kind} raised {describe(error)}"
        yield judged(wrong, f"{context.exchange.failure.kind}: {type(error).__name__}")
    if status is None or status < HTTPStatus.BAD_REQUEST:
        return
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    expected = _CLASSES.get(status, errors.ServerError if server else errors.BadRequestError)
    if error is None:
        yield failed(f"status {status} raised nothing")
    elif not isinstance(error, expected) or getattr(error, "status", None) != status:
        yield failed(f"status {status} raised {describe(error)}, not {expected.__name__}")
    elif _waits(context.exchange) and getattr(error, "retry_after", None) is None:
        yield failed(f"status {status} came with Retry-After, and the error does not keep it")
    else:
        yield passing(f"status {status}: {type(error).__name__}")


def _waits(exchange: Exchange | None) -> bool:
    headers = exchange.response.headers if exchange and exchange.response else ()
    return any(name.lower() == "retry-after" and value.strip().isdigit() for name, value in headers)


def no_blind_retry(context: CheckContext) -> Iterator[Finding]:
    if not context.own:
        return
    statuses = [
        one.response.status
        for _, one in context.observation.exchanges
        if one.response and read_chat_request(one.request) is not None
    ]
    refused = [status for status in statuses if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR]
    if not refused or refused[0] in _AGAIN:
        return
    again = len(statuses) - 1 - statuses.index(refused[0])
    yield judged(f"asked again {again} times after status {refused[0]}" if again else None, "asked once")


def reasoning_alone(context: CheckContext) -> Iterator[Finding]:
    reading = context.reading
    if not isinstance(reading, Reply) or not reading.reasoning:
        return
    content = reading.text or reading.calls or reading.errors or reading.provider_calls or reading.refusal
    if content:
        yield passing("reasoning with an answer")
    elif why := unaccountable(context):
        yield why
    else:
        yield failed("reasoning, and neither text nor call", blame="model", cause="empty")


ACCOUNTING = (
    CardCheck(
        "U1",
        "counts",
        "token counts are whole numbers that add up",
        "accounting",
        counts,
        aspect="wire",
        blame="provider",
        needs="an answer with token counts",
    ),
    CardCheck(
        "U2",
        "equal counts",
        "equal requests have equal prompt counts",
        "accounting",
        together=equal_counts,
        aspect="wire",
        blame="provider",
        needs="the same request twice",
    ),
    CardCheck(
        "E1", "classes", "each error has its class, and Retry-After is kept", "errors", classes, needs="an error"
    ),
    CardCheck(
        "E2",
        "no blind retry",
        "nothing is asked again after a 4xx other than 408 and 429",
        "errors",
        no_blind_retry,
        needs="a refusal with a 4xx",
    ),
    CardCheck(
        "R3",
        "reasoning alone",
        "reasoning never stands alone",
        "answers",
        reasoning_alone,
        aspect="model",
        blame="model",
        needs="an answer with reasoning",
    ),
)
