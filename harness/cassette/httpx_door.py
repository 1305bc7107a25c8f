"""httpx, sync and async: litellm's way out for whole and streamed sync calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from harness.cassette import doors
from harness.exchange import Failure, HttpRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from harness.cassette.doors import Witness
    from harness.exchange import HttpResponse

_ERRORS: dict[str, type[httpx.TransportError]] = {
    "refused": httpx.ConnectError,
    "reset": httpx.ReadError,
    "timeout": httpx.ReadTimeout,
    "cut": httpx.RemoteProtocolError,
    "protocol": httpx.RemoteProtocolError,
}


def install() -> None:
    """Put our door before both of httpx's transports, for good."""
    sync, asynchronous = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def handle_request(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        answer = doors.current()
        if answer is None:
            return sync(self, request)
        got = answer(_asked(request, request.read()))
        play = doors.played(got)
        if play:
            return _played(*play, request)
        witness = doors.witness(got)
        try:
            response = sync(self, request)
        except httpx.TransportError as error:
            witness.end(_failure(error))
            raise
        return _watched(response, witness)

    async def handle_async_request(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        answer = doors.current()
        if answer is None:
            return await asynchronous(self, request)
        got = answer(_asked(request, await request.aread()))
        play = doors.played(got)
        if play:
            return _played(*play, request)
        witness = doors.witness(got)
        try:
            response = await asynchronous(self, request)
        except httpx.TransportError as error:
            witness.end(_failure(error))
            raise
        return _watched(response, witness)

    httpx.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign]
    httpx.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[method-assign]


def _asked(request: httpx.Request, body: bytes) -> HttpRequest:
    return HttpRequest(request.method, str(request.url), tuple(request.headers.multi_items()), body)


def _failure(error: httpx.TransportError) -> Failure:
    if isinstance(error, httpx.ConnectError):
        return Failure("refused", str(error))
    if isinstance(error, httpx.TimeoutException):
        return Failure("timeout", str(error))
    if isinstance(error, httpx.RemoteProtocolError):
        return Failure("protocol", str(error))
    return Failure("reset", str(error))


def _played(response: HttpResponse | None, failure: Failure | None, request: httpx.Request) -> httpx.Response:
    if response is None:
        raise _error(failure or Failure("reset"), request)
    stream = _Played(response, failure, request)
    return httpx.Response(
        response.status, headers=list(response.headers), stream=stream, extensions={"http_version": b"HTTP/1.1"}
    )


def _error(failure: Failure, request: httpx.Request) -> httpx.TransportError:
    return _ERRORS[failure.kind](failure.detail, request=request)


class _Played(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A recorded body, chunk by chunk, for sync and async readers alike."""

    def __init__(self, response: HttpResponse, failure: Failure | None, request: httpx.Request) -> None:
        self._response, self._failure, self._request = response, failure, request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._response.chunks:
            yield chunk.data
        if self._failure is not None:
            raise _error(self._failure, self._request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def _watched(response: httpx.Response, witness: Witness) -> httpx.Response:
    witness.head(response.status_code, tuple(response.headers.multi_items()))
    response.stream = _Watched(response.stream, witness)
    return response


class _Watched(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A live body on its way to the caller: each chunk is told to the witness and handed on at once."""

    def __init__(self, live: httpx.SyncByteStream | httpx.AsyncByteStream, witness: Witness) -> None:
        self._live, self._witness, self._over = live, witness, False

    def _end(self, failure: Failure | None = None, *, complete: bool = True) -> None:
        if not self._over:
            self._over = True
            self._witness.end(failure, complete=complete)

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._live, httpx.SyncByteStream)
        try:
            for data in self._live:
                self._witness.chunk(data)
                yield data
        except httpx.TransportError as error:
            self._end(_failure(error))
            raise
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._live, httpx.AsyncByteStream)
        try:
            async for data in self._live:
                self._witness.chunk(data)
                yield data
        except httpx.TransportError as error:
            self._end(_failure(error))
            raise
        self._end()

    def close(self) -> None:
        assert isinstance(self._live, httpx.SyncByteStream)
        self._live.close()
        self._end(complete=False)

    async def aclose(self) -> None:
        assert isinstance(self._live, httpx.AsyncByteStream)
        await self._live.aclose()
        self._end(complete=False)
