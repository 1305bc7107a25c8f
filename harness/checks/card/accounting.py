"""Counts and errors: tokens add up, errors have their class, and nothing is asked again blindly."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.checks.card.blame import unaccountable
from harness.checks.card.context import CardCheck, describe, failed, judged, passing, quirk
from harness.core import errors
from harness.core.chat import Reply
from harness.dialects.request import read_chat_request

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


def counts(seen: CheckContext) -> Iterator[Finding]:
    usage = seen.observation.reply.usage if seen.observation.reply else None
    if usage is None or (seen.both and seen.both[0].usage is None):
        return
    given = [usage.prompt, usage.completion, usage.total]
    if any(one is not None and (type(one) is not int or one < 0) for one in given):
        yield failed(f"counts that are no whole numbers from 0: {given}", blame=_miscounted(seen))
    elif usage.total is None or usage.prompt is None or usage.completion is None:
        yield quirk(f"not every count is given: {given}", blame="provider")
    elif usage.total != usage.prompt + usage.completion:
        yield quirk(
            f"the provider's total is {usage.total}, prompt and completion are {usage.prompt + usage.completion}",
            blame="provider",
        )
    else:
        yield passing(f"{usage.prompt} + {usage.completion} = {usage.total}")


def _miscounted(seen: CheckContext) -> Blame:
    """Whose wrong counts are: the provider's where the wire has them, and else litellm's."""
    sent = seen.both[0].usage if seen.both else None
    numbers = (sent.prompt, sent.completion, sent.total) if sent else ()
    return "provider" if any(number is not None and number < 0 for number in numbers) else "litellm"


def equal_counts(all_: tuple[CheckContext, ...]) -> Iterator[tuple[CheckContext, Finding]]:
    """Equal requests, by their bytes, have equal prompt counts."""
    known: dict[str, tuple[CheckContext, int]] = {}
    for seen in all_:
        usage = seen.both[0].usage if seen.both else None
        key = seen.request_key
        if not key or usage is None or usage.prompt is None:
            continue
        if key not in known:
            known[key] = (seen, usage.prompt)
            continue
        before = known[key][1]
        wrong = f"the same request counted {before} prompt tokens, and then {usage.prompt}"
        if before == usage.prompt:
            yield seen, passing(f"{before} prompt tokens each time")
        else:  # recordings of others may be of years apart, and of another model under the name
            yield seen, failed(wrong, blame="provider") if seen.own else quirk(wrong, blame="provider")


def classes(seen: CheckContext) -> Iterator[Finding]:
    status = seen.exchange.response.status if seen.exchange and seen.exchange.response else None
    error = seen.observation.error
    if seen.exchange is not None and seen.exchange.response is None and seen.exchange.failure is not None:
        kind: type[errors.BackendError] = errors.ProviderError
        wrong = None if isinstance(error, kind) else f"{seen.exchange.failure.kind} raised {describe(error)}"
        yield judged(wrong, f"{seen.exchange.failure.kind}: {type(error).__name__}")
    if status is None or status < HTTPStatus.BAD_REQUEST:
        return
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    expected = _CLASSES.get(status, errors.ServerError if server else errors.BadRequestError)
    if error is None:
        yield failed(f"status {status} raised nothing")
    elif not isinstance(error, expected) or getattr(error, "status", None) != status:
        yield failed(f"status {status} raised {describe(error)}, not {expected.__name__}")
    elif _waits(seen.exchange) and getattr(error, "retry_after", None) is None:
        yield failed(f"status {status} came with Retry-After, and the error does not keep it")
    else:
        yield passing(f"status {status}: {type(error).__name__}")


def _waits(exchange: Exchange | None) -> bool:
    headers = exchange.response.headers if exchange and exchange.response else ()
    return any(name.lower() == "retry-after" and value.strip().isdigit() for name, value in headers)


def no_blind_retry(seen: CheckContext) -> Iterator[Finding]:
    if not seen.own:
        return
    statuses = [
        one.response.status
        for _, one in seen.observation.exchanges
        if one.response and read_chat_request(one.request) is not None
    ]
    refused = [status for status in statuses if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR]
    if not refused or refused[0] in _AGAIN:
        return
    again = len(statuses) - 1 - statuses.index(refused[0])
    yield judged(f"asked again {again} times after status {refused[0]}" if again else None, "asked once")


def reasoning_alone(seen: CheckContext) -> Iterator[Finding]:
    reading = seen.reading
    if not isinstance(reading, Reply) or not reading.reasoning:
        return
    said = reading.text or reading.calls or reading.errors or reading.provider_calls or reading.refusal
    if said:
        yield passing("reasoning with an answer")
    elif why := unaccountable(seen):
        yield why
    else:
        yield failed("reasoning, and neither text nor call", blame="model", cause="empty")


CHECKS = (
    CardCheck(
        "U1",
        "counts",
        "token counts are whole numbers that add up",
        "accounting",
        counts,
        about="wire",
        blame="provider",
        needs="an answer with token counts",
    ),
    CardCheck(
        "U2",
        "equal counts",
        "equal requests have equal prompt counts",
        "accounting",
        together=equal_counts,
        about="wire",
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
        about="model",
        blame="model",
        needs="an answer with reasoning",
    ),
)
