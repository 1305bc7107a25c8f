"""Who answers a request in this context, and what an answer may be.

Who answers is found by a context variable, so threads and tasks with tapes of their own never cross.
"""

from __future__ import annotations

import contextlib
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeAlias

from harness.core.errors import CassetteMiss
from harness.core.exchange import Exchange, Failure, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.exchange import Headers


class TooLongError(OSError):
    """An answer that is longer than who records it allows: it is broken off, as a connection is."""


class ResponseListener(Protocol):
    """Who is told of a request that goes on to the network, piece by piece as it comes."""

    def head(self, status: int, headers: Headers) -> None: ...

    def chunk(self, data: bytes) -> None:
        """Raises ``TooLongError``."""

    def end(self, failure: Failure | None, *, complete: bool = True) -> None: ...


Answer: TypeAlias = "HttpResponse | Failure | Exchange | ResponseListener"
"""A response, a failure or a recorded exchange (a response that breaks off) instead of the network, or a
witness: go on to the network and tell it."""

Answerer: TypeAlias = "Callable[[HttpRequest], Answer]"


class _Interceptor:
    """One ``answering`` that is open or was: who answers, and the one that it stands inside of."""

    __slots__ = ("above", "answer", "open", "opener")

    def __init__(self, answer: Answerer, above: _Interceptor | None) -> None:
        self.answer, self.above, self.open, self.opener = answer, above, True, _runner()


_here: ContextVar[_Interceptor | None] = ContextVar("harness_answerer", default=None)
_lock = threading.Lock()
_seats: list[_Interceptor] = []


@contextlib.contextmanager
def seated(answer: Answerer) -> Iterator[None]:
    """Let ``answer`` be the one who answers in this context; ``doors.answering`` says what that means."""
    seat = _Interceptor(answer, _taken(_here.get()))
    _here.set(seat)
    with _lock:
        _seats.append(seat)
    try:
        yield
    finally:
        seat.open = False
        with _lock:
            _seats[:] = [other for other in _seats if other is not seat]
        # Closed elsewhere, as by an abandoned generator, this context has a seat of its own: it stays.
        if _here.get() is seat:
            _here.set(_taken(seat.above))


def played(answer: Answer) -> tuple[HttpResponse | None, Failure | None] | None:
    """What to play for ``answer``: a response, a failure, or a response that ends in one; None to go on."""
    if isinstance(answer, HttpResponse):
        return answer, None
    if isinstance(answer, Failure):
        return None, answer
    if isinstance(answer, Exchange):
        return answer.response, answer.failure
    return None


def witness(answer: Answer) -> ResponseListener:
    """``answer`` as the witness that it is, where there is nothing to play."""
    assert not isinstance(answer, (HttpResponse, Failure, Exchange))
    return answer


def current() -> Answerer | None:
    """Who answers here and now; None if nobody does. Raises ``CassetteMiss`` where that can't be known."""
    seat = _here.get()
    if seat is not None:
        own = _taken(seat)
        if own is not None:
            return own.answer
        if seat.opener != _runner():
            raise CassetteMiss("a thread or task asked whose tape is closed already; nothing went out")
    if not _seats:
        return None
    with _lock:
        answers = {id(seat.answer): seat.answer for seat in _seats}
    if len(answers) > 1:
        raise CassetteMiss(
            "several tapes are open and this thread belongs to none, so nothing went out; "
            "run it in a copy of its tape's context (contextvars.copy_context)"
        )
    return next(iter(answers.values()), None)


def _taken(seat: _Interceptor | None) -> _Interceptor | None:
    """The innermost of ``seat`` and those around it that is still open."""
    while seat is not None and not seat.open:
        seat = seat.above
    return seat


def _runner() -> tuple[int, int]:
    """Which thread and task this is."""
    import asyncio  # noqa: PLC0415 - slow to load, and not needed by those who only read cassettes

    try:
        return threading.get_ident(), id(asyncio.current_task())
    except RuntimeError:
        return threading.get_ident(), 0
