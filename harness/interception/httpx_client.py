"""httpx, sync and async: litellm's way out for whole and streamed sync calls; and httpx2, its like."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.exchange import Failure, HttpRequest
from harness.interception import context
from harness.interception.context import paced
from harness.interception.when_imported import when_imported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from harness.core.exchange import HttpResponse
    from harness.interception.context import ResponseListener

_ERRORS = {
    "refused": "ConnectError",
    "reset": "ReadError",
    "timeout": "ReadTimeout",
    "cut": "RemoteProtocolError",
    "protocol": "RemoteProtocolError",
    "closed": "RemoteProtocolError",
}


def install() -> None:
    """Patch the transports of both libraries, for good, when the program loads them."""
    for name in ("httpx", "httpx2"):
        when_imported(name, lambda module: _patch(_library(module)))


@dataclass(frozen=True, slots=True)
class _Library:
    """httpx or httpx2: its module, and our two kinds of body as streams of its own."""

    module: Any
    replayed_body: Any
    live_body: Any

    def error(self, failure: Failure, request: Any) -> Exception:
        made: Exception = getattr(self.module, _ERRORS[failure.kind])(failure.detail, request=request)
        return made

    def failure(self, error: Exception) -> Failure:
        if isinstance(error, self.module.ConnectError):
            return Failure("refused", str(error))
        if isinstance(error, self.module.TimeoutException):
            return Failure("timeout", str(error))
        if isinstance(error, self.module.RemoteProtocolError):
            return Failure("protocol", str(error))
        return Failure("reset", str(error))

    @contextlib.contextmanager
    def connecting(self, listener: ResponseListener) -> Iterator[None]:
        """Inside, a request goes out to the network: a connection that fails is reported to ``listener``."""
        try:
            with context.live_request():
                yield
        except self.module.TransportError as error:
            listener.end(self.failure(error))
            raise

    def response(
        self, response: HttpResponse | None, failure: Failure | None, request: Any, *, stays_open: bool = False
    ) -> Any:
        if response is None:
            raise self.error(failure or Failure("reset"), request)
        return self.module.Response(
            response.status,
            headers=list(response.headers),
            stream=self.replayed_body(self, response, failure, request, stays_open=stays_open),
            extensions={"http_version": b"HTTP/1.1"},
        )


def _library(module: Any) -> _Library:
    kinds: tuple[Any, ...] = (module.SyncByteStream, module.AsyncByteStream)
    return _Library(
        module, type("ReplayedBody", (_ReplayedBody, *kinds), {}), type("LiveBody", (_LiveBody, *kinds), {})
    )


def _patch(library: _Library) -> None:
    module = library.module
    sync, asynchronous = module.HTTPTransport.handle_request, module.AsyncHTTPTransport.handle_async_request

    def handle_request(self: Any, request: Any) -> Any:
        answer = context.current()
        if answer is None:
            return sync(self, request)
        got = answer(_http_request(request, request.read()))
        play = context.to_replay(got)
        if play:
            return library.response(*play, request)
        listener = context.listener(got)
        with library.connecting(listener):
            response = sync(self, request)
        return _with_live_body(library, response, listener)

    async def handle_async_request(self: Any, request: Any) -> Any:
        answer = context.current()
        if answer is None:
            return await asynchronous(self, request)
        got = answer(_http_request(request, await request.aread()))
        play = context.to_replay(got)
        if play:
            return library.response(*play, request, stays_open=context.stays_open(got))
        listener = context.listener(got)
        with library.connecting(listener):
            response = await asynchronous(self, request)
        return _with_live_body(library, response, listener)

    module.HTTPTransport.handle_request = handle_request
    module.AsyncHTTPTransport.handle_async_request = handle_async_request


def _http_request(request: Any, body: bytes) -> HttpRequest:
    return HttpRequest(request.method, str(request.url), tuple(request.headers.multi_items()), body)


def _with_live_body(library: _Library, response: Any, listener: ResponseListener) -> Any:
    listener.head(response.status_code, tuple(response.headers.multi_items()))
    response.stream = library.live_body(library, response.stream, listener)
    return response


class _ReplayedBody:
    """A recorded body, chunk by chunk, for sync and async readers alike."""

    def __init__(
        self, library: _Library, response: HttpResponse, failure: Failure | None, request: Any, *, stays_open: bool
    ) -> None:
        self._library, self._failure, self._request, self._stays_open = library, failure, request, stays_open
        self._pieces = paced(response.chunks)

    def __iter__(self) -> Iterator[bytes]:
        for wait, data in self._pieces:
            if wait:
                time.sleep(wait)
            yield data
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait, data in self._pieces:
            if wait:
                import anyio  # noqa: PLC0415 - httpx has it; whose loop this is, it knows

                await anyio.sleep(wait)
            yield data
        if self._stays_open:
            import anyio  # noqa: PLC0415 - as above

            await anyio.sleep_forever()  # until its client leaves, as it did
        self._end()

    def _end(self) -> None:
        if self._failure is not None:
            raise self._library.error(self._failure, self._request)


class _LiveBody:
    """A live body on its way to the caller: each chunk is reported and passed on at once."""

    def __init__(self, library: _Library, live: Any, listener: ResponseListener) -> None:
        self._library, self._live, self._listener = library, live, listener

    def _broke(self, error: Exception) -> None:
        failure = self._library.failure(error)
        self._listener.end(Failure("cut", failure.detail) if failure.kind == "protocol" else failure)

    @contextlib.contextmanager
    def _to_its_end(self) -> Iterator[None]:
        """Report how the body ends, for sync and async readers alike."""
        try:
            yield
        except self._library.module.TransportError as error:
            self._broke(error)
            raise
        except context.TooLongError as error:
            self._broke(self._library.module.ReadError(str(error)))
            raise self._library.module.ReadError(str(error)) from error
        self._listener.end(None)

    def __iter__(self) -> Iterator[bytes]:
        with self._to_its_end():
            for data in self._live:
                self._listener.chunk(data)
                yield data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._to_its_end():
            async for data in self._live:
                self._listener.chunk(data)
                yield data

    def close(self) -> None:
        self._live.close()
        self._listener.end(None, complete=False)

    async def aclose(self) -> None:
        await self._live.aclose()
        self._listener.end(None, complete=False)
