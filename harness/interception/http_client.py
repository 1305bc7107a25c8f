"""``http.client``, and with it urllib, urllib3, requests, botocore and httplib2: a socket that is none.

A connection made while somebody answers gets a ``_Line`` for its socket. What the client writes is read as a request;
what it reads are the bytes of the answer, chunk by chunk. So the client's own code parses them, and meets a broken
connection as it always does.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import socket
from typing import TYPE_CHECKING, Any

from harness.interception import context, http_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.exchange import Failure, Headers
    from harness.interception.context import ResponseListener

_HTTPS = 443
_PIECE = 65536


def install() -> None:
    """Put our door before every connection class, those defined later among them, for good."""
    base = http.client.HTTPConnection
    putrequest = base.putrequest

    def put(self: http.client.HTTPConnection, *given: Any, **options: Any) -> None:
        # A connection kept open from before, or from inside, is the wrong one on the other side of a tape.
        if self.sock is not None and isinstance(self.sock, _Line) != (context.current() is not None):
            self.sock.close()
            self.sock = None
        putrequest(self, *given, **options)

    def hear(cls: type[http.client.HTTPConnection], **options: Any) -> None:
        object.__init_subclass__(**options)
        _guard(cls)

    base.putrequest = put  # type: ignore[method-assign]  # this is the patch
    base.__init_subclass__ = classmethod(hear)  # type: ignore[assignment, arg-type]  # classes are told of as they are made
    for cls in _kin(base):
        _guard(cls)


def _kin(cls: type[http.client.HTTPConnection]) -> Iterator[type[http.client.HTTPConnection]]:
    yield cls
    for below in cls.__subclasses__():
        yield from _kin(below)


def _guard(cls: type[http.client.HTTPConnection]) -> None:
    connect = cls.__dict__.get("connect")
    if connect is not None:
        cls.connect = _answered(connect)  # type: ignore[assignment, method-assign]  # a function becomes a method there


def _answered(connect: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(connect)
    def connected(self: Any) -> None:
        if context.is_passing() or context.current() is None:
            connect(self)
            return
        self.sock = _Line(self, connect)
        for name in ("is_verified", "proxy_is_verified"):
            if hasattr(self, name):
                setattr(self, name, True)  # urllib3 warns of a TLS that was not checked; here is none to check

    return connected


class _Line:
    """Stands where a connection expects its socket."""

    def __init__(self, connection: http.client.HTTPConnection, connect: Callable[[Any], None]) -> None:
        self._connection, self._connect = connection, connect
        self._sent = bytearray()
        self._timeout: tuple[float | None, ...] = ()
        self._pair: tuple[socket.socket, socket.socket] | None = None

    def sendall(self, data: Any, _flags: int = 0) -> None:
        self._sent += data

    def makefile(self, *_mode: Any, **_options: Any) -> io.BufferedReader:
        """What the connection reads its answer from: the request is whole by now."""
        sent = bytes(self._sent)
        self._sent.clear()
        asked = http_bytes.read_request(sent, _root(self._connection))
        answer = context.current()
        got = answer(asked) if answer else context.Unwatched()
        play = context.played(got)
        pieces = (
            http_bytes.written(*play, asked.method) if play else self._live(sent, asked.method, context.witness(got))
        )
        return io.BufferedReader(_Bytes(pieces), _PIECE)

    def _live(self, sent: bytes, method: str, witness: ResponseListener) -> Iterator[bytes]:
        """A real exchange: the client's bytes go out, and what comes is told to the witness and handed on at once."""
        once = _Once(witness)
        connecting = True
        try:
            with self._connected() as real:
                connecting = False
                real.sendall(sent)
                with contextlib.closing(http.client.HTTPResponse(real, method=method)) as came:
                    came.begin()
                    witness.head(came.status, tuple(came.getheaders()))
                    yield from http_bytes.handed_on(came, method, once)
        except GeneratorExit:
            once.end(None, complete=False)
            raise
        except Exception as error:  # whatever broke it off is recorded, and raised as it was
            once.end(http_bytes.failure(error, connecting=connecting))
            raise

    def _connected(self) -> socket.socket:
        """The real socket, made by the client's own code."""
        try:
            with context.passing():
                self._connect(self._connection)
                made: socket.socket = self._connection.sock
        finally:
            self._connection.sock = self
        for timeout in self._timeout:
            made.settimeout(timeout)
        return made

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = (timeout,)

    def gettimeout(self) -> float | None:
        return next(iter(self._timeout), None)

    def setsockopt(self, *_given: Any) -> None: ...

    def shutdown(self, *_given: Any) -> None: ...

    def getpeercert(self, *_given: Any, **_options: Any) -> dict[str, Any]:
        return {}

    def fileno(self) -> int:
        """A descriptor that nothing ever arrives at, for those who ask whether the connection was dropped."""
        if self._pair is None:
            self._pair = socket.socketpair()
        return self._pair[0].fileno()

    def close(self) -> None:
        for end in self._pair or ():
            end.close()
        self._pair = None


class _Once:
    """A witness that receives one end."""

    def __init__(self, witness: ResponseListener) -> None:
        self._witness, self._over = witness, False

    def head(self, status: int, headers: Headers) -> None:
        self._witness.head(status, headers)

    def chunk(self, data: bytes) -> None:
        self._witness.chunk(data)

    def end(self, failure: Failure | None, *, complete: bool = True) -> None:
        if not self._over:
            self._over = True
            self._witness.end(failure, complete=complete)


class _Bytes(io.RawIOBase):
    """What a client reads from: each read gives at most one piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._left or next(self._pieces, b"")
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        self._left = data[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._pieces.close()  # type: ignore[attr-defined]  # a generator
        super().close()


def _root(connection: Any) -> str:
    host = connection._tunnel_host or connection.host  # noqa: SLF001 - http.client has no other name for it
    port = connection._tunnel_port or connection.port  # noqa: SLF001 - as above
    scheme, usual = ("https", _HTTPS) if connection.default_port == _HTTPS else ("http", 80)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port in {None, usual} else f":{port}")
