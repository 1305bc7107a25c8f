"""The ways out of the process: every HTTP client's request is shown to whoever answers in this context.

One lasting patch, put in place when somebody first answers. Who answers is found by a context variable, so
threads and tasks with tapes of their own never cross. litellm goes out through httpx (sync) and aiohttp
(async): those two have streams of their own here, chunk by chunk; every other client goes through
vcrpy's patches.
"""

from __future__ import annotations

import contextlib
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeAlias

from harness.errors import UsageError
from harness.exchange import Exchange, Failure, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.exchange import Headers


class Witness(Protocol):
    """Who is told of a request that goes on to the network, piece by piece as it comes."""

    def head(self, status: int, headers: Headers) -> None: ...

    def chunk(self, data: bytes) -> None: ...

    def end(self, failure: Failure | None, *, complete: bool = True) -> None: ...


Answer: TypeAlias = "HttpResponse | Failure | Exchange | Witness"
"""A response, a failure or a recorded exchange (a response that breaks off) instead of the network, or a
witness: go on to the network and tell it."""

Answerer: TypeAlias = "Callable[[HttpRequest], Answer]"

_here: ContextVar[Answerer | None] = ContextVar("harness_answerer", default=None)
_open: list[Answerer] = []
_lock = threading.Lock()
_installed: list[str] = []


@contextlib.contextmanager
def answering(answer: Answerer) -> Iterator[None]:
    """Give every HTTP request made in this context to ``answer`` while this is open.

    A plain worker thread has no context of its own: it uses the one ``answer`` open in the process, and is
    refused (``UsageError``) if there are several, for it can't be known which is meant.
    """
    _install()
    token = _here.set(answer)
    with _lock:
        _open.append(answer)
    try:
        yield
    finally:
        with _lock:
            _open.remove(answer)
        _here.reset(token)


def played(answer: Answer) -> tuple[HttpResponse | None, Failure | None] | None:
    """What to play for ``answer``: a response, a failure, or a response that ends in one; None to go on."""
    if isinstance(answer, HttpResponse):
        return answer, None
    if isinstance(answer, Failure):
        return None, answer
    if isinstance(answer, Exchange):
        return answer.response, answer.failure
    return None


def witness(answer: Answer) -> Witness:
    """``answer`` as the witness that it is, where there is nothing to play."""
    assert not isinstance(answer, (HttpResponse, Failure, Exchange))
    return answer


def current() -> Answerer | None:
    """Who answers here and now; None if nobody does."""
    own = _here.get()
    if own is not None and own in _open:
        return own
    with _lock:
        if not _open:
            return None
        if len({id(one) for one in _open}) == 1:
            return _open[0]
    raise UsageError("several tapes are open and this thread belongs to none; run it in a copy of the tape's context")


def _install() -> None:
    with _lock:
        if _installed:
            return
        from harness.cassette import aiohttp_door, httpx_door, vcr_door  # noqa: PLC0415 - they load the clients

        httpx_door.install()
        aiohttp_door.install()
        vcr_door.install()
        _installed.append("doors")
