"""No way out: while it is closed no connection is made, no name resolved and no program started, from any thread of
this process.

The tape's doors answer what HTTP clients ask. This stands behind them, for whatever goes round them: Python tells an
audit hook of every connection before it is made. uvloop makes its connections in C and tells nobody, so its
loop is asked beforehand.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import importlib.util
import ipaddress
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

from harness.core.errors import CassetteMiss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OUTWARD = frozenset(
    {
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.startfile",
        "pty.spawn",
    }
)
_PROGRAMS = ("subprocess.", "os.", "pty.", "program.")
_LOOP_WAYS = (
    "create_connection",
    "create_datagram_endpoint",
    "getaddrinfo",
    "getnameinfo",
    "sock_connect",
    "subprocess_exec",
    "subprocess_shell",
)
# Libraries that would fetch something when they are imported or first used, and what keeps each from it.
_OFFLINE = {
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_INET = {socket.AF_INET, socket.AF_INET6}
_HERE = {"localhost", "ip6-localhost", ""}
_OWN_WORKERS = "/pymp-"  # the folder of multiprocessing's sockets, between a process and its workers


class _Guard:
    """How many ask for it to be closed. An audit hook is process-wide and can't be taken out again, so it is
    put in once and looks here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = 0
        self._allowing = 0
        self._in_place = False
        self._set: list[str] = []

    def close(self, *, loopback: bool) -> None:
        with self._lock:
            if not self._in_place:
                _watch_uvloop(self._asked)
                sys.addaudithook(self._heard)
                self._in_place = True
            if not self._closed:
                self._set = [name for name in _OFFLINE if name not in os.environ]
                os.environ.update({name: _OFFLINE[name] for name in self._set})
            self._closed += 1
            self._allowing += loopback

    def open(self, *, loopback: bool) -> None:
        with self._lock:
            self._closed -= 1
            self._allowing -= loopback
            if not self._closed:
                for name in self._set:
                    os.environ.pop(name, None)

    def _heard(self, event: str, words: tuple[Any, ...]) -> None:
        if self._closed and event in _OUTWARD:
            self._asked(event, words)

    def _asked(self, event: str, words: tuple[Any, ...]) -> None:
        """Refuse, unless it stays on this machine and that is allowed by all who closed the guard."""
        if not self._closed:
            return
        family = getattr(words[0], "family", None) if words else None
        where = words[1] if family is not None and len(words) > 1 else words[0] if words else ""
        if family == socket.AF_UNIX and _OWN_WORKERS in str(where):
            return
        if self._allowing == self._closed and _local(event, family, where):
            return
        told = f"a replay must not go out, and something tried to: {event} {where!r}"
        if event.startswith(_PROGRAMS):
            raise PermissionError(errno.EPERM, told)
        raise CassetteMiss(told)


def _local(event: str, family: int | None, where: Any) -> bool:
    """Whether this stays on the machine."""
    if not event.startswith(("socket.", "uvloop.")):
        return False
    if family is not None and family not in _INET:
        return True
    host = where[0] if isinstance(where, tuple) and where else where
    if host is None:
        return True
    if isinstance(host, bytes):
        host = host.decode("latin-1")
    if not isinstance(host, str) or host in _HERE:
        return isinstance(host, str)
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _watch_uvloop(asked: Callable[[str, tuple[Any, ...]], None]) -> None:
    if not importlib.util.find_spec("uvloop"):
        return
    loop: Any = importlib.import_module("uvloop").Loop
    for name in _LOOP_WAYS:
        setattr(loop, name, _asking(getattr(loop, name), name, asked))


def _asking(
    original: Callable[..., Any], name: str, asked: Callable[[str, tuple[Any, ...]], None]
) -> Callable[..., Any]:
    @functools.wraps(original)
    async def ask_first(self: Any, *given: Any, **options: Any) -> Any:
        if name == "sock_connect":
            asked(f"uvloop.{name}", given)
        elif name.startswith("create_"):
            host = options.get("host", given[1] if len(given) > 1 else options.get("remote_addr"))
            sock = options.get("sock")
            if not (sock is not None and sock.family not in _INET):
                asked(f"uvloop.{name}", (host,))
        else:
            asked(f"uvloop.{name}" if name.startswith("get") else f"program.{name}", given)
        return await original(self, *given, **options)

    return ask_first


_guard = _Guard()


@contextlib.contextmanager
def no_way_out(*, loopback: bool = False) -> Iterator[None]:
    """Refuse every connection, datagram and name look-up while this is open, with ``CassetteMiss``, and every new
    program with ``PermissionError``, which those are ready for who ask ``uname`` for a word about the machine.

    With ``loopback`` what stays on this machine may pass, if nested guards allow it too. A miss is no ``Exception``:
    an ``OSError`` would set off retries. What litellm fetches when it is imported is turned off by its own
    environment variables meanwhile: it would take any other refusal for a fault of its own. Sockets that were
    connected before, programs started before, and libraries that open sockets in C are not seen; nor are the
    workers that multiprocessing spawns, which are processes of their own.
    """
    _guard.close(loopback=loopback)
    try:
        yield
    finally:
        _guard.open(loopback=loopback)
