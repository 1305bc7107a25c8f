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
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.core.exchange import Failure, HttpRequest, header
from harness.interception import context
from harness.interception.context import paced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.exchange import HttpResponse
    from harness.interception.context import ResponseListener

# What frames a body or ties it to its connection: written again.
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})
_END = b"0\r\n\r\n"
_HTTPS = 443
_PIECE = 65536


def _read_request(sent: bytes, root: str) -> HttpRequest:
    """The request that a client wrote. ``root`` is the scheme and host that its connection was made to."""
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    target = rest.rpartition(" ")[0]
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    if (header(headers, "transfer-encoding") or "").lower() == "chunked":
        body = b"".join(_unchunked(body))
    return HttpRequest(method, target if "://" in target else root + target, headers, body)


def _unchunked(data: bytes) -> Iterator[bytes]:
    start = 0
    while (end := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:end].partition(b";")[0] or b"0", 16)
        if not size:
            return
        yield data[end + 2 : end + 2 + size]
        start = end + 2 + size + 2


def _head(status: int, reason: str, headers: Any, *, body: bool) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in headers if name.lower() not in _FRAMING]
    lines.append("Connection: close\r\n" + ("Transfer-Encoding: chunked\r\n" if body else ""))
    return f"HTTP/1.1 {status} {reason}\r\n{''.join(lines)}\r\n".encode("latin-1", "replace")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _bodiless(method: str, status: int) -> bool:
    return method == "HEAD" or status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


def _written(response: HttpResponse | None, failure: Failure | None, method: str) -> Iterator[bytes]:
    """A recorded answer in bytes; a failure comes as the operating system would tell it."""
    if response is None:
        raise _error(failure or Failure("reset"))
    reasons = {status.value: status.phrase for status in HTTPStatus}
    body = not _bodiless(method, response.status)
    yield _head(response.status, reasons.get(response.status, ""), response.headers, body=body)
    if not body:
        return
    for wait, data in paced(response.chunks):
        if wait:
            time.sleep(wait)
        if data:
            yield _framed(data)
    if failure is None:
        yield _END
    elif failure.kind != "cut":
        raise _error(failure)


def _error(failure: Failure) -> OSError | http.client.HTTPException:
    if failure.kind == "refused":
        return ConnectionRefusedError(111, failure.detail or "Connection refused")
    if failure.kind == "timeout":
        return TimeoutError(failure.detail or "timed out")
    if failure.kind == "protocol":
        return http.client.BadStatusLine(failure.detail)
    if failure.kind == "closed":
        return http.client.RemoteDisconnected(failure.detail)
    return ConnectionResetError(104, failure.detail or "Connection reset by peer")


def _passed_on(response: http.client.HTTPResponse, method: str, listener: ResponseListener) -> Iterator[bytes]:
    """A live answer in bytes, each piece as it comes. A body that breaks off ends without its end."""
    body = not _bodiless(method, response.status)
    yield _head(response.status, response.reason, response.getheaders(), body=body)
    try:
        while data := response.read1(_PIECE):
            listener.chunk(data)
            yield _framed(data)
    except http.client.IncompleteRead as error:
        listener.end(Failure("cut", str(error)))
        return
    if body and response.length:
        listener.end(Failure("cut", f"{response.length} bytes were still to come"))
        return
    listener.end(None)
    if body:
        yield _END


def _failure_of(error: BaseException, *, connecting: bool) -> Failure:
    """How a real connection failed. urllib3 wraps what the system said: that is looked for first."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError | http.client.HTTPException):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, TimeoutError):
        return Failure("timeout", str(cause))
    if connecting or isinstance(cause, ConnectionRefusedError | socket.gaierror):
        return Failure("refused", str(cause or error))
    if isinstance(cause, http.client.RemoteDisconnected):
        return Failure("closed", str(cause))
    if isinstance(cause, http.client.HTTPException):
        return Failure("protocol", str(cause))
    return Failure("reset", str(cause or error))


def patch(_module: object) -> None:
    """Patch every connection class, those defined later among them, for good."""
    base = http.client.HTTPConnection
    putrequest = base.putrequest

    def put(self: http.client.HTTPConnection, *args: Any, **options: Any) -> None:
        # A connection kept open from before, or from inside, is the wrong one on the other side of a tape.
        if self.sock is not None and isinstance(self.sock, _Line) != (context.current() is not None):
            self.sock.close()
            self.sock = None
        putrequest(self, *args, **options)

    def subclassed(cls: type[http.client.HTTPConnection], **options: Any) -> None:
        object.__init_subclass__(**options)
        _patch(cls)

    base.putrequest = put  # type: ignore[method-assign]  # this is the patch
    base.__init_subclass__ = classmethod(subclassed)  # type: ignore[assignment, arg-type]  # it is called for each class as it is made
    for cls in _kin(base):
        _patch(cls)


def _kin(cls: type[http.client.HTTPConnection]) -> Iterator[type[http.client.HTTPConnection]]:
    yield cls
    for below in cls.__subclasses__():
        yield from _kin(below)


def _patch(cls: type[http.client.HTTPConnection]) -> None:
    connect = cls.__dict__.get("connect")
    if connect is not None:
        cls.connect = _answered(connect)  # type: ignore[assignment, method-assign]  # a function becomes a method there


def _answered(connect: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(connect)
    def connected(self: Any) -> None:
        if context.in_live_request() or context.current() is None:
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
        request = _read_request(sent, _root(self._connection))
        answer = context.current()
        got = answer(request) if answer else context.Unrecorded()
        play = context.to_replay(got)
        pieces = _written(*play, request.method) if play else self._live(sent, request.method, context.listener(got))
        return io.BufferedReader(_Bytes(pieces), _PIECE)

    def _live(self, sent: bytes, method: str, listener: ResponseListener) -> Iterator[bytes]:
        """A real exchange: the client's bytes go out, and what comes is reported and passed on at once."""
        connecting = True
        try:
            with self._connected() as real:
                connecting = False
                real.sendall(sent)
                with contextlib.closing(http.client.HTTPResponse(real, method=method)) as response:
                    response.begin()
                    listener.head(response.status, tuple(response.getheaders()))
                    yield from _passed_on(response, method, listener)
        except GeneratorExit:
            listener.end(None, complete=False)
            raise
        except Exception as error:  # whatever broke it off is recorded, and raised as it was
            listener.end(_failure_of(error, connecting=connecting))
            raise

    def _connected(self) -> socket.socket:
        """The real socket, made by the client's own code."""
        try:
            with context.live_request():
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

    def setsockopt(self, *_args: Any) -> None: ...

    def shutdown(self, *_args: Any) -> None: ...

    def getpeercert(self, *_args: Any, **_options: Any) -> dict[str, Any]:
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
