"""litellm's exceptions as ours: by type, status and what stands in their chain of causes, never by their words.

litellm calls a refused connection, a broken answer and a fault of its own alike a "500". What really happened is at
the root of the chain: an ``httpx.HTTPStatusError`` holds the true status and headers, a transport error
says that there was no answer, and a ``KeyError`` that litellm could not read one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from harness.core.errors import (
    BackendError,
    ConnectionFailedError,
    ContextWindowError,
    ProviderError,
    ProviderTimeoutError,
    UnreadableReplyError,
    UnsupportedError,
    by_status,
)
from harness.dialects.facts import retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

# litellm's own types that say more than a status does, or that it raises before anything is sent.
BY_NAME: dict[str, type[ProviderError]] = {
    "ContextWindowExceededError": ContextWindowError,
    "UnsupportedParamsError": UnsupportedError,
    "UnsupportedEndpointError": UnsupportedError,
    "EndpointNotSupportedByModelError": UnsupportedError,
    "Timeout": ProviderTimeoutError,
    "APITimeoutError": ProviderTimeoutError,
}

# What Python raises when an answer is not of the shape that litellm expects.
TRIPPED = (ValueError, LookupError, TypeError, AttributeError, AssertionError, UnicodeError, RecursionError)


def translate(error: Exception, *, provider: str = "", raw: str = "", begun: bool = False) -> BackendError:
    """Our error for what litellm raised. ``raw`` is the answer as far as it came, ``begun`` says that the
    error came out of a stream that had begun with status 200.
    """
    chain = list(causes(error))
    message = words(error)
    named = next((BY_NAME[name] for one in chain for name in _names(one) if name in BY_NAME), None)
    answered = next((one.response for one in chain if isinstance(one, httpx.HTTPStatusError)), None)
    if answered is not None:
        too_long = named is not None and issubclass(named, ContextWindowError)
        kind = ContextWindowError if too_long else by_status(answered.status_code)
        wait = retry_after(answered.headers.multi_items())
        return kind(message, status=answered.status_code, retry_after=wait, provider=provider)
    if named is not None:
        # No answer came, so the status is litellm's invention, but for refusals of its own.
        status = None if issubclass(named, ProviderTimeoutError) else _status(error)
        return named(message, status=status, provider=provider)
    if any(isinstance(one, httpx.TransportError) for one in chain):
        return ConnectionFailedError(message, provider=provider)
    status = _status(error)
    # litellm says 500 where it is lost itself; below that, and in a stream's error event, the provider sent it.
    believed = status is not None and (status < 500 or begun)  # noqa: PLR2004 - HTTP's own border
    if status is not None and believed and not isinstance(chain[-1], TRIPPED):
        return by_status(status)(message, status=status, provider=provider)
    return UnreadableReplyError(f"litellm could not read the answer: {message}", raw=raw)


def broke_off(error: Exception, *, binary: bool = False) -> bool:
    """Whether ``error`` says that an answer ended before its time, rather than that it was bad or late; ``binary`` of a
    stream of frames, for which litellm makes up a bad gateway.
    """
    chain = list(causes(error))
    if any(isinstance(one, httpx.TransportError) for one in chain):
        return not any(isinstance(one, httpx.TimeoutException) for one in chain)
    # litellm loses the cause of its own "stream ended before a finish_reason"; only this type is left at the root.
    lost = "APIConnectionError" in _names(chain[-1])
    return lost or (binary and any("BadGatewayError" in _names(one) for one in chain))


def words(error: BaseException) -> str:
    """What ``error`` says, without the traceback that litellm may put into it."""
    text = str(error).partition("Traceback (most recent call last)")[0].rstrip(" \n:")
    return text or type(error).__name__


def causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and everything behind it, each once, the root last."""
    known: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in known or isinstance(one, (StopIteration, StopAsyncIteration)):
            continue
        known.add(id(one))
        yield one
        waiting += [getattr(one, "original_exception", None), one.__cause__, one.__context__]


def _names(error: BaseException) -> Iterator[str]:
    return (kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] in ("litellm", "openai"))


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None
