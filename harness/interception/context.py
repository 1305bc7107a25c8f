"""Who answers a request in this context, what an answer may be, and how fast a recorded stream is replayed.

Who answers is found by a context variable, so threads and tasks with tapes of their own never cross. Threads and pools
belong to the code that starts them or gives them work: so it is known which tape is meant.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import urlsplit

from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Exchange, Failure, HttpRequest, HttpResponse, header
from harness.dialects.mcp import SESSION, listens
from harness.interception.traffic import QUIET, Traffic
from harness.interception.when_imported import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType
    from typing import Any

    from harness.core.exchange import Chunk, Headers

_pace: ContextVar[float] = ContextVar("harness_pace", default=0.0)


class TooLongError(OSError):
    """An answer that is longer than who records it allows: it is broken off, as a connection is."""


class ResponseListener(Protocol):
    """What receives a request that goes on to the network, piece by piece as it comes."""

    def head(self, status: int, headers: Headers) -> None: ...

    def chunk(self, data: bytes) -> None:
        """Raises ``TooLongError``."""

    def end(self, failure: Failure | None, *, complete: bool = True) -> None:
        """Nothing more comes. Only the first call counts."""


Answer: TypeAlias = "HttpResponse | Failure | Exchange | ResponseListener"
"""A response, a failure or a recorded exchange (a response that breaks off) instead of the network, or a
witness: go on to the network and tell it."""

Answerer: TypeAlias = "Callable[[HttpRequest], Answer]"


class Unwatched:
    """The witness of a request that goes on to the network and is nobody's to record."""

    def head(self, status: int, headers: Headers) -> None: ...

    def chunk(self, data: bytes) -> None: ...

    def end(self, failure: Failure | None, *, complete: bool = True) -> None: ...


class Seat:
    """One ``answering`` that is open or was: who answers, the one that it stands inside of, and the tape's traffic."""

    __slots__ = ("above", "answer", "open", "opener", "traffic")

    def __init__(self, answer: Answerer, above: Seat | None, traffic: Traffic | None) -> None:
        self.answer, self.above, self.traffic = answer, above, traffic
        self.open, self.opener = True, _runner()

    def close(self) -> None:
        self.open = False
        self.answer = _nobody  # a thread that was started in here may live on: it does not keep the tape alive


_here: ContextVar[Seat | None] = ContextVar("harness_answerer", default=None)
_passing: ContextVar[bool] = ContextVar("harness_passing", default=False)
_TAG = "_harness_seat"


class _Seats:
    """Those that are open now, the outermost first: a new tuple each time, which is read without a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: tuple[Seat, ...] = ()

    def add(self, seat: Seat) -> None:
        with self._lock:
            self.now = (*self.now, seat)

    def remove(self, seat: Seat) -> None:
        with self._lock:
            self.now = tuple(other for other in self.now if other is not seat)


_seats = _Seats()


@contextlib.contextmanager
def seated(answer: Answerer, traffic: Traffic | None = None) -> Iterator[None]:
    """Let ``answer`` be the one who answers in this context; ``doors.answering`` says what that means."""
    seat = Seat(answer, _open(_here.get()), traffic)
    _here.set(seat)
    _seats.add(seat)
    try:
        yield
    finally:
        seat.close()
        _seats.remove(seat)
        # Closed elsewhere, as by an abandoned generator, this context has a seat of its own: it stays.
        if _here.get() is seat:
            _here.set(_open(seat.above))


@contextlib.contextmanager
def passing() -> Iterator[None]:
    """Inside, this context's connections are those of a request that is being recorded."""
    token = _passing.set(True)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # ended in another context, as an abandoned generator is
            _passing.reset(token)


def is_passing() -> bool:
    """Whether this context's connections are those of a request that is being recorded."""
    return _passing.get()


def mark_thread(thread: threading.Thread) -> None:
    """See that ``thread``, about to start, belongs to the tape of the code that starts it."""
    seat = own_seat()
    if seat is not None:
        setattr(thread, _TAG, seat)


def called_in(seat: Seat, call: Callable[..., Any], /, *given: Any, **options: Any) -> Any:
    """``call`` with ``seat`` for its own: work for a pool is that of the tape in which it was given."""
    token = _here.set(seat)
    try:
        return call(*given, **options)
    finally:
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


def stays_open(answer: Answer) -> bool:
    """Whether a recorded stream went on when its client left, who only listened: it does so in a replay."""
    if not isinstance(answer, Exchange) or answer.failure is not None or answer.response is None:
        return False
    # A server ends these streams with the session that they belong to: in a replay they would end too early.
    lasts = not answer.complete or header(answer.response.headers, SESSION) is not None
    return lasts and listens(answer.request, answer.response)


def heard_nothing(exchange: Exchange) -> bool:
    """Whether somebody only listened, and nothing came: a session may be over before its client comes to that."""
    return stays_open(exchange) and exchange.response is not None and not exchange.response.chunks


def witness(answer: Answer) -> ResponseListener:
    """``answer`` as the witness that it is, where there is nothing to play."""
    assert not isinstance(answer, (HttpResponse, Failure, Exchange))
    return answer


def current() -> Answerer | None:
    """Who answers here and now; None if nobody does. Raises ``CassetteMiss`` where that can't be known."""
    mine = _here.get()
    if mine is not None and _open(mine) is None and mine.opener != _runner():
        raise CassetteMiss("a thread or task asked whose tape is closed already; nothing went out")
    if not _seats.now:
        return None
    seat, foreign = whose()
    if seat is not None:
        return seat.answer
    if foreign:
        return _refused
    raise CassetteMiss(
        "several tapes are open and this thread belongs to none, so nothing went out; "
        "run it in a copy of its tape's context (contextvars.copy_context)"
    )


def own_seat() -> Seat | None:
    """Whose this context is; None where that is nobody, or can't be known."""
    return whose()[0] if _seats.now else None


def whose() -> tuple[Seat | None, bool]:
    """The open seat that this code belongs to, and whether it is side traffic: a thread that belongs to none of them.

    A thread belongs to the tape in which it was started. The main thread and those that opened a tape belong to the
    one that is open; None where there are several.
    """
    seat = _open(_here.get())
    if seat is not None:
        return seat, False
    thread, seats = threading.current_thread(), _seats.now
    seat = _open(getattr(thread, _TAG, None))
    if seat is not None:
        return seat, False
    if _foreign(thread, seats):
        seats = tuple(one for one in seats if one.traffic is None or one.traffic.every_thread)
        if not seats:
            return None, True
    answers = {id(one.answer) for one in seats}
    return (seats[-1] if len(answers) == 1 else None), False


def count_side(host: str) -> None:
    """Count side traffic to ``host`` on every tape that is open."""
    for seat in _seats.now:
        if seat.traffic is not None:
            seat.traffic.side[host] += 1


def _foreign(thread: threading.Thread, seats: Sequence[Seat]) -> bool:
    if thread is threading.main_thread() or isinstance(thread, threading._DummyThread):  # noqa: SLF001 - made in C
        return False
    return all(seat.opener[0] != thread.ident for seat in seats)


def _refused(request: HttpRequest) -> Failure:
    """The answer to side traffic: to its client it looks as if nobody were there."""
    count_side(urlsplit(request.url).hostname or "")
    return Failure("refused", QUIET)


def _nobody(request: HttpRequest) -> Answer:
    raise CassetteMiss(f"{request.method} {request.url}: the tape is closed already; nothing went out")


def _open(seat: Seat | None) -> Seat | None:
    """The innermost of ``seat`` and those around it that is still open."""
    while seat is not None and not seat.open:
        seat = seat.above
    return seat


def _runner() -> tuple[int, int]:
    """Which thread and task this is."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return threading.get_ident(), 0
    try:
        return threading.get_ident(), id(asyncio.current_task())
    except (RuntimeError, AttributeError):  # no loop runs here, or another thread is just importing it
        return threading.get_ident(), 0


def watch_threads() -> None:
    """Put the two patches in place, for good. With no tape open they do nothing."""
    start = threading.Thread.start

    @functools.wraps(start)
    def started(self: threading.Thread) -> None:
        mark_thread(self)
        start(self)

    threading.Thread.start = started  # type: ignore[method-assign]  # this is the patch
    when_imported("concurrent.futures.thread", _watch_pools)


def _watch_pools(module: ModuleType) -> None:
    pool: Any = module.ThreadPoolExecutor
    submit = pool.submit

    @functools.wraps(submit)
    def submitted(self: Any, fn: Any, /, *given: Any, **options: Any) -> Any:
        seat = own_seat()
        if seat is None:
            return submit(self, fn, *given, **options)
        return submit(self, called_in, seat, fn, *given, **options)

    pool.submit = submitted


def pace(word: str | float | None) -> float:
    """``word`` as how many times as fast as recorded: ``"realtime"`` is 1, ``"x10"`` is 10; None, 0 and ``"none"``
    are 0, at once.

    Raises ``UsageError`` for anything else.
    """
    if word in (None, 0, "", "none"):
        return 0.0
    try:
        times = 1.0 if word == "realtime" else float(str(word).removeprefix("x"))
    except ValueError:
        times = -1.0
    if not (math.isfinite(times) and times > 0):
        raise UsageError(f"{word!r} is no pace; give realtime, or x10 for ten times as fast (none is at once)")
    return times


@contextlib.contextmanager
def pacing(times: float) -> Iterator[None]:
    """Replay streams asked for in this context at this pace."""
    token = _pace.set(times)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # closed in another context: that one has a pace of its own
            _pace.reset(token)


def paced(chunks: Sequence[Chunk]) -> list[tuple[float, bytes]]:
    """The seconds to wait before each of ``chunks``, and its data, at the pace of this context."""
    times, before = _pace.get(), 0.0
    if not times:
        return [(0.0, chunk.data) for chunk in chunks]
    made = []
    for chunk in chunks:
        made.append((max(chunk.at - before, 0.0) / times, chunk.data))
        before = max(chunk.at, before)
    return made
