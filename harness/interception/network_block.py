"""What a replay does not let out: no connection is made, no name resolved and no program started, from any thread of
this process. The interceptors of HTTP clients answer what those ask. This stands behind them, for whatever goes round
them, and while a tape records it counts that.

So every way out of the process that Python code can take is watched, and reported before it is taken. Python tells an
audit hook of connections, look-ups and programs. uvloop makes its connections in C without a report, so its loop is
patched; so are sends over connections that are open already, and the processes of multiprocessing.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.interception import context
from harness.interception.traffic import QUIET, WEBSOCKET, Traffic, hosts, is_loopback
from harness.interception.when_imported import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType, ModuleType

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKING_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.startfile", "pty.spawn"})
_OUTWARD = _CONNECTING | _LOOKING_UP | _PROGRAMS
_LOOP_WAYS = (
    "create_connection",
    "create_datagram_endpoint",
    "getaddrinfo",
    "getnameinfo",
    "sock_connect",
    "subprocess_exec",
    "subprocess_shell",
)
_SENDING = ("send", "sendall")
_INET = {socket.AF_INET, socket.AF_INET6}
_OWN_WORKERS = "/pymp-"  # the folder of multiprocessing's sockets, between a process and its workers
_MOST_NAMES = 10_000
_BETWEEN = frozenset({"anyio", "uvloop", "harness", "tenacity"})  # never the one who wants to connect
# What litellm would fetch when it is imported or first used, and what keeps it from that.
_LITELLM = {
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
}
# A command's own process has no other use of these libraries; a test's may.
_ALL = {**_LITELLM, "HF_HUB_OFFLINE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
_WEBSOCKETS = {"websockets", "websocket", "wsproto", "picows"}  # libraries that speak nothing else


@dataclass(frozen=True, slots=True)
class Target:
    """Where something wants to go: ``event`` is Python's own name for it, ``host`` a name, an address, the path of a
    Unix socket or a program. An ``established`` connection was made before; ``own_port`` is its end in this process, as
    a server's.
    """

    event: str
    host: str
    port: int | None = None
    established: bool = False
    own_port: int | None = None

    @property
    def is_program(self) -> bool:
        return self.event in _PROGRAMS or self.event.startswith("program.")

    @property
    def is_connection(self) -> bool:
        return self.event == "socket.connect" or self.event.endswith("create_connection")

    @property
    def place(self) -> tuple[str, int | None]:
        """Host and port, the host by the name that was looked up for its address."""
        return _watch.names.get(self.host, self.host), self.port

    @property
    def address(self) -> str:
        host, port = self.place
        return host if port is None else f"{host}:{port}"


class _Watch:
    """What each way out is reported to, if anything is; and the names that addresses were looked up by."""

    def __init__(self) -> None:
        self.report: Callable[[Target], None] | None = None
        self.in_place = False
        self.names: dict[str, str] = {}

    def audit_hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.report is not None and event in _OUTWARD:
            target = _target(event, args)
            if target is not None:
                self.report(target)


_watch = _Watch()


def _watch_all(report: Callable[[Target], None]) -> None:
    """Call ``report`` with each way out before it is taken; what it raises, the code that takes it gets."""
    if not _watch.in_place:
        _watch.in_place = True
        sys.addaudithook(_watch.audit_hook)
        socket.getaddrinfo = _remembering_names(socket.getaddrinfo)
        when_imported("uvloop", _watch_uvloop)
        for name in ("popen_spawn_posix", "popen_forkserver"):
            when_imported(f"multiprocessing.{name}", _watch_spawning)
        when_imported("ssl", _watch_tls)
    _watch.report = report
    for name in _SENDING:
        setattr(socket.socket, name, _reporting(getattr(socket.socket, name)))


def _unwatch() -> None:
    """Report nothing any more."""
    _watch.report = None
    for name in _SENDING:
        if name in socket.socket.__dict__:
            delattr(socket.socket, name)  # what it inherits from the C type is what there was


def client() -> str:
    """The library that is at it: the first on the stack that is neither Python's own nor a layer between."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to the stack that costs so little
    while frame is not None:
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if root and root not in sys.stdlib_module_names and root not in _BETWEEN:
            return root
        frame = frame.f_back
    return "a thread of Python's own"


def _target(event: str, args: tuple[Any, ...]) -> Target | None:
    """What an audit event is about; None for what never leaves the process and its own workers."""
    if event in _PROGRAMS:
        return Target(event, _text(args[0] if args else ""))
    family = getattr(args[0], "family", None) if args else None
    where = args[1] if family is not None and len(args) > 1 else args[0] if args else None
    if family is not None and family not in _INET:
        path = _text(where)
        return None if where is None or _OWN_WORKERS in path else Target(event, path)
    if family is not None and where is None:
        return _connected(args[0], event)
    if event == "socket.gethostbyaddr" and is_loopback(_text(where)):
        return None  # its own address by name: every http.server asks that when it starts
    return _addressed(event, where, args[1] if event == "socket.getaddrinfo" else None)


def _addressed(event: str, where: Any, port: Any = None) -> Target:
    if isinstance(where, tuple):
        host = where[0] if where else ""
        port = where[1] if len(where) > 1 else None
    else:
        host = where
    return Target(event, _text(host), port if isinstance(port, int) else None)


def _connected(sock: Any, event: str) -> Target | None:
    """What a send over an open connection is about; None for one that stays in this process and its own workers."""
    if sock.family not in _INET:
        return None
    try:
        peer, own = sock.getpeername(), sock.getsockname()
    except OSError:
        return None  # it is not connected: the send fails by itself
    return Target(event, str(peer[0]), peer[1], established=True, own_port=own[1])


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def _reporting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def report_first(self: Any, *args: Any, **options: Any) -> Any:
        report = _watch.report
        target = _connected(self, "socket.send") if report is not None else None
        if report is not None and target is not None:
            report(target)
        return original(self, *args, **options)

    return report_first


def _remembering_names(original: Callable[..., Any]) -> Callable[..., Any]:
    """``getaddrinfo`` that remembers under which name an address was looked up, while it is reported."""

    @functools.wraps(original)
    def named(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        found = original(host, port, *args, **options)
        if _watch.report is not None and host:
            if len(_watch.names) > _MOST_NAMES:
                _watch.names.clear()
            _watch.names.update({str(one[4][0]): _text(host) for one in found if one[4][0] != host})
        return found

    return named


def _watch_tls(module: ModuleType) -> None:
    kind: Any = module.SSLSocket
    for name in ("send", "write"):
        setattr(kind, name, _reporting(getattr(kind, name)))


def _watch_uvloop(module: ModuleType) -> None:
    loop: Any = module.Loop
    for name in _LOOP_WAYS:
        setattr(loop, name, _reporting_async(getattr(loop, name), name))


def _reporting_async(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    async def report_first(self: Any, *args: Any, **options: Any) -> Any:
        target = _of_uvloop(name, args, options) if _watch.report is not None else None
        if target is not None and _watch.report is not None:
            _watch.report(target)
        return await original(self, *args, **options)

    return report_first


def _of_uvloop(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Target | None:
    if name == "sock_connect":
        return _target("socket.connect", args)
    if name.startswith("subprocess_"):
        return Target(f"program.{name}", " ".join(map(_text, args[1:] if name == "subprocess_exec" else args[1:2])))
    if name.startswith("get"):
        return _addressed(f"uvloop.{name}", args[0] if args else options.get("host", options.get("sockaddr")))
    sock = options.get("sock")
    if sock is not None:
        return _connected(sock, f"uvloop.{name}")
    host = options.get("host", args[1] if len(args) > 1 else options.get("remote_addr"))
    if host is None and name != "create_datagram_endpoint":
        return None
    port = options.get("port", args[2] if len(args) > 2 else None)  # noqa: PLR2004 - the third of create_connection
    return _addressed(f"uvloop.{name}", host, port)


def _watch_spawning(module: ModuleType) -> None:
    """Python tells nobody of the processes that multiprocessing spawns; forked ones inherit the guard."""
    kind: Any = module.Popen
    launch = kind._launch  # noqa: SLF001 - the one place where they start

    @functools.wraps(launch)
    def report_first(self: Any, process: Any) -> None:
        if _watch.report is not None:
            _watch.report(Target("program.multiprocessing", str(getattr(process, "name", process))))
        launch(self, process)

    kind._launch = report_first  # noqa: SLF001 - as above


class _Block:
    """Whose traffic is watched. Audit hooks are process-wide and can't be taken out again, so one is put in once and
    looks here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: tuple[Traffic, ...] = ()
        self._environment: dict[str, str] = {}

    def close(self, traffic: Traffic) -> None:
        with self._lock:
            if not self._watched:
                _watch_all(self.judge)
            self._watched = (*self._watched, traffic)
            for name, value in (_LITELLM if traffic.of_tape else _ALL).items():
                if name not in os.environ:
                    os.environ[name] = self._environment[name] = value

    def open(self, traffic: Traffic) -> None:
        with self._lock:
            self._watched = tuple(one for one in self._watched if one is not traffic)
            if not self._watched:
                _unwatch()
                for name in self._environment:
                    os.environ.pop(name, None)
                self._environment.clear()

    def judge(self, target: Target) -> None:
        """Refuse ``target`` unless all whose it may be let it out; count it where a tape of its own records."""
        interceptor, is_side = context.interceptor_here()
        own = interceptor.traffic if interceptor is not None else None
        watched = self._watched
        if own is not None and own.live:
            # Other tapes' replays are not this recording's affair.
            watched = tuple(one for one in watched if not one.of_tape or one is own)
            if target.is_connection and not (context.in_live_request() or own.allow.holds(*target.place)):
                own.bypassed[target.address, client()] += 1
        refusing = [one for one in watched if not _lets(one, target)]
        if refusing:
            self._refuse(target, own, refusing, side=is_side and all(one.of_tape for one in refusing))

    def _refuse(self, target: Target, own: Traffic | None, refusing: Sequence[Traffic], *, side: bool) -> None:
        if side and target.established:
            return  # a connection that an older thread made before is no affair of this tape's
        message = f"a replay must not go out, and something tried to: {target.event} {target.address!r}"
        if target.is_program:
            raise PermissionError(errno.EPERM, f"{message}; allow_subprocesses lets a test start programs")
        if side:
            context.count_side(target.host)
            raise ConnectionRefusedError(errno.ECONNREFUSED, QUIET)
        who = client()
        what = f" (it asks for {WEBSOCKET})" if who in _WEBSOCKETS else ""
        message = f"{message}, by {who}{what}; `allow` lets a test reach a server of its own"
        for one in refusing:
            one.refused.append(message)
        raise (own or refusing[-1]).miss(message)


def _lets(traffic: Traffic, target: Target) -> bool:
    if target.is_program:
        return traffic.live or traffic.subprocesses
    if traffic.live or traffic.allow.holds(*target.place):
        return True
    return target.own_port is not None and traffic.allow.holds(target.place[0], target.own_port)


_block = _Block()


@contextlib.contextmanager
def blocking(traffic: Traffic) -> Iterator[None]:
    """Watch what goes round a tape with this ``traffic``: refused in a replay, counted while it records.

    A connection, datagram or name look-up is refused with the ``miss`` of ``traffic``, a new program with
    ``PermissionError``, which those are ready for who ask ``uname`` for a word about the machine; side traffic with
    ``ConnectionRefusedError``.
    """
    _block.close(traffic)
    try:
        yield
    finally:
        _block.open(traffic)


@contextlib.contextmanager
def no_network(*, loopback: bool = False, programs: bool = False) -> Iterator[None]:
    """Refuse every connection, datagram and name look-up while this is open, with ``CassetteMiss``, and every new
    program with ``PermissionError``.

    With ``programs`` those may start that talk to a server of ours; with ``loopback`` what stays on this machine may
    pass, if nested guards allow it too. A miss is no ``Exception``: an ``OSError`` would set off retries. What litellm
    fetches when it is imported is turned off by its own environment variables meanwhile: it would take any other
    refusal for a fault of its own. ``docs/reliability.md`` lists what can't be seen.
    """
    allow = hosts(["localhost"]) if loopback or programs else hosts(())
    with blocking(Traffic(allow=allow, subprocesses=programs, of_tape=False)):
        yield
