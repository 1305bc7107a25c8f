"""HTTP/1.1 in bytes, as ``http.client`` writes and reads it: requests read, answers written."""

from __future__ import annotations

import http.client
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.core.exchange import Failure, HttpRequest, header
from harness.interception.pace import paced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.exchange import HttpResponse
    from harness.interception.context import ResponseListener

_PIECE = 65536
# What frames a body or ties it to its connection: written again.
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})
_END = b"0\r\n\r\n"


def read_request(sent: bytes, root: str) -> HttpRequest:
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
    kept = [f"{name}: {value}\r\n" for name, value in headers if name.lower() not in _FRAMING]
    kept.append("Connection: close\r\n" + ("Transfer-Encoding: chunked\r\n" if body else ""))
    return f"HTTP/1.1 {status} {reason}\r\n{''.join(kept)}\r\n".encode("latin-1", "replace")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _bodiless(method: str, status: int) -> bool:
    return method == "HEAD" or status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


def written(response: HttpResponse | None, failure: Failure | None, method: str) -> Iterator[bytes]:
    """A recorded answer in bytes; a failure comes as the operating system would tell it."""
    if response is None:
        raise _error(failure or Failure("reset"))
    known = {status.value: status.phrase for status in HTTPStatus}
    body = not _bodiless(method, response.status)
    yield _head(response.status, known.get(response.status, ""), response.headers, body=body)
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


def handed_on(came: http.client.HTTPResponse, method: str, witness: ResponseListener) -> Iterator[bytes]:
    """A live answer in bytes, each piece as it comes. A body that breaks off ends without its end."""
    body = not _bodiless(method, came.status)
    yield _head(came.status, came.reason, came.getheaders(), body=body)
    try:
        while data := came.read1(_PIECE):
            witness.chunk(data)
            yield _framed(data)
    except http.client.IncompleteRead as error:
        witness.end(Failure("cut", str(error)))
        return
    if body and came.length:
        witness.end(Failure("cut", f"{came.length} bytes were still to come"))
        return
    witness.end(None)
    if body:
        yield _END


def failure(error: BaseException, *, connecting: bool) -> Failure:
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
