"""Who answers a request in this context, what an answer may be, and how fast a recorded stream is replayed.

The interceptor is found by a context variable, so threads and tasks with tapes of their own never cross. Threads and
pools belong to the code that starts them or gives them work: so it is known which tape is meant.
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
"""A response, a failure or a recorded exchange (a response that breaks off) instead of the network, or a listener: go
on to the network and report to it."""

Answerer: TypeAlias = "Callable[[HttpRequest], Answer]"


class Unrecorded:
    """The listener to a request that goes on to the network and is not recorded."""

    def head(self, status: int, headers: Headers) -> None: ...

    def chunk(self, data: bytes) -> None: ...

    def end(self, failure: Failure | None, *, complete: bool = True) -> None: ...


class Interceptor:
    """One ``answering`` that is open or was: who answers, the one that it stands inside of, and the tape's traffic."""

    __slots__ = ("answer", "open", "opener", "outer", "traffic")

    def __init__(self, answer: Answerer, outer: Interceptor | None, traffic: Traffic | None) -> None:
        self.answer, self.outer, self.traffic = answer, outer, traffic
        self.open, self.opener = True, _thread_and_task()

    def close(self) -> None:
        self.open = False
        self.answer = _closed  # a thread that was started in here may live on: it does not keep the tape alive


_here: ContextVar[Interceptor | None] = ContextVar("harness_answerer", default=None)
_in_live_request: ContextVar[bool] = ContextVar("harness_passing", default=False)
_TAG = "_harness_interceptor"


class _OpenInterceptors:
    """Those that are open now, the outermost first: a new tuple each time, which is read without a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: tuple[Interceptor, ...] = ()

    def add(self, interceptor: Interceptor) -> None:
        with self._lock:
            self.now = (*self.now, interceptor)

    def remove(self, interceptor: Interceptor) -> None:
        with self._lock:
            self.now = tuple(other for other in self.now if other is not interceptor)


_open_interceptors = _OpenInterceptors()


@contextlib.contextmanager
def intercepting(answer: Answerer, traffic: Traffic | None = None) -> Iterator[None]:
    """Let ``answer`` be the one who answers in this context; ``clients.answering`` says what that means."""
    interceptor = Interceptor(answer, _open(_here.get()), traffic)
    _here.set(interceptor)
    _open_interceptors.add(interceptor)
    try:
        yield
    finally:
        interceptor.close()
        _open_interceptors.remove(interceptor)
        # Closed elsewhere, as by an abandoned generator, this context has an interceptor of its own: it stays.
        if _here.get() is interceptor:
            _here.set(_open(interceptor.outer))


@contextlib.contextmanager
def live_request() -> Iterator[None]:
    """Inside, this context's connections are those of a request that is being recorded."""
    token = _in_live_request.set(True)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # ended in another context, as an abandoned generator is
            _in_live_request.reset(token)


def in_live_request() -> bool:
    """Whether this context's connections are those of a request that is being recorded."""
    return _in_live_request.get()


def called_in(interceptor: Interceptor, call: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    """``call`` with ``interceptor`` for its own: work for a pool is that of the tape in which it was given."""
    token = _here.set(interceptor)
    try:
        return call(*args, **options)
    finally:
        _here.reset(token)


def to_replay(answer: Answer) -> tuple[HttpResponse | None, Failure | None] | None:
    """What to replay for ``answer``: a response, a failure, or a response that ends in one; None to go on."""
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


def received_nothing(exchange: Exchange) -> bool:
    """Whether a client only listened, and nothing came: a session may be over before its client comes to that."""
    return stays_open(exchange) and exchange.response is not None and not exchange.response.chunks


def listener(answer: Answer) -> ResponseListener:
    """``answer`` as the listener that it is, where there is nothing to replay."""
    assert not isinstance(answer, (HttpResponse, Failure, Exchange))
    return answer


def current() -> Answerer | None:
    """Who answers here and now; None if nobody does. Raises ``CassetteMiss`` where that can't be known."""
    mine = _here.get()
    if mine is not None and _open(mine) is None and mine.opener != _thread_and_task():
        raise CassetteMiss("a thread or task made a request whose tape is closed already; nothing went out")
    if not _open_interceptors.now:
        return None
    interceptor, is_side = interceptor_here()
    if interceptor is not None:
        return interceptor.answer
    if is_side:
        return _refuse_side_traffic
    raise CassetteMiss(
        "several tapes are open and this thread belongs to none, so nothing went out; "
        "run it in a copy of its tape's context (contextvars.copy_context)"
    )


def own_interceptor() -> Interceptor | None:
    """Whose this context is; None where that is nobody, or can't be known."""
    return interceptor_here()[0] if _open_interceptors.now else None


def interceptor_here() -> tuple[Interceptor | None, bool]:
    """The open interceptor that this code belongs to, and whether it is side traffic: a thread that belongs to none.

    A thread belongs to the tape in which it was started. The main thread and those that opened a tape belong to the
    one that is open; None where there are several.
    """
    interceptor = _open(_here.get())
    if interceptor is not None:
        return interceptor, False
    thread, interceptors = threading.current_thread(), _open_interceptors.now
    interceptor = _open(getattr(thread, _TAG, None))
    if interceptor is not None:
        return interceptor, False
    if _is_side_thread(thread, interceptors):
        interceptors = tuple(one for one in interceptors if one.traffic is None or one.traffic.every_thread)
        if not interceptors:
            return None, True
    answers = {id(one.answer) for one in interceptors}
    return (interceptors[-1] if len(answers) == 1 else None), False


def count_side(host: str) -> None:
    """Count side traffic to ``host`` on every tape that is open."""
    for interceptor in _open_interceptors.now:
        if interceptor.traffic is not None:
            interceptor.traffic.side[host] += 1


def _is_side_thread(thread: threading.Thread, interceptors: Sequence[Interceptor]) -> bool:
    if thread is threading.main_thread() or isinstance(thread, threading._DummyThread):  # noqa: SLF001 - made in C
        return False
    return all(interceptor.opener[0] != thread.ident for interceptor in interceptors)


def _refuse_side_traffic(request: HttpRequest) -> Failure:
    """The answer to side traffic: to its client it looks as if nobody were there."""
    count_side(urlsplit(request.url).hostname or "")
    return Failure("refused", QUIET)


def _closed(request: HttpRequest) -> Answer:
    raise CassetteMiss(f"{request.method} {request.url}: the tape is closed already; nothing went out")


def _open(interceptor: Interceptor | None) -> Interceptor | None:
    """The innermost of ``interceptor`` and those around it that is still open."""
    while interceptor is not None and not interceptor.open:
        interceptor = interceptor.outer
    return interceptor


def _thread_and_task() -> tuple[int, int]:
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
        interceptor = own_interceptor()
        if interceptor is not None:
            setattr(self, _TAG, interceptor)  # a thread belongs to the tape of the code that starts it
        start(self)

    threading.Thread.start = started  # type: ignore[method-assign]  # this is the patch
    when_imported("concurrent.futures.thread", _watch_pools)


def _watch_pools(module: ModuleType) -> None:
    pool: Any = module.ThreadPoolExecutor
    submit = pool.submit

    @functools.wraps(submit)
    def submitted(self: Any, fn: Any, /, *args: Any, **options: Any) -> Any:
        interceptor = own_interceptor()
        if interceptor is None:
            return submit(self, fn, *args, **options)
        return submit(self, called_in, interceptor, fn, *args, **options)

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
    """Replay streams that are requested in this context at this pace."""
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
