"""No way out: while it is closed, no connection is made and no name resolved, from any thread of this process.

The tape's doors answer what HTTP clients ask. This stands behind them, for whatever goes round them: Python tells an
audit hook of every connection before it is made.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any

from harness.errors import CassetteMiss

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTWARD = frozenset(
    {
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
    }
)
_INET = frozenset({2, 10, 23, 28, 30})  # AF_INET, and AF_INET6 as the systems number it


class _Guard:
    """How many ask for it to be closed. An audit hook is process-wide and can't be taken out again, so it is
    put in once and looks here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = 0
        self._in_place = False

    def close(self) -> None:
        with self._lock:
            self._closed += 1
            if not self._in_place:
                sys.addaudithook(self._heard)
                self._in_place = True

    def open(self) -> None:
        with self._lock:
            self._closed -= 1

    def _heard(self, event: str, words: tuple[Any, ...]) -> None:
        if not self._closed or event not in _OUTWARD:
            return
        family = getattr(words[0], "family", None) if words else None
        if family is not None and family not in _INET:
            return  # a socket of this machine's own, such as a pipe between processes
        where = words[1] if event in {"socket.connect", "socket.sendto"} and len(words) > 1 else words[0]
        raise CassetteMiss(f"a replay must not go out, and something tried to: {event} {where!r}")


_guard = _Guard()


@contextlib.contextmanager
def no_way_out() -> Iterator[None]:
    """Refuse every connection, datagram and name look-up while this is open, with ``CassetteMiss``.

    A miss is no ``Exception``: an ``OSError`` would set off retries, and a ``RuntimeError`` breaks ``import litellm``.
    What a child process or a library with sockets of its own (uvloop) does is not seen.
    """
    _guard.close()
    try:
        yield
    finally:
        _guard.open()
