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
    """Put our door before the transports of both libraries, for good, when the program loads them."""
    for name in ("httpx", "httpx2"):
        when_imported(name, lambda module: _guard(_library(module)))


@dataclass(frozen=True, slots=True)
class _Library:
    """httpx or httpx2: its module, and our two kinds of body as streams of its own."""

    module: Any
    played: Any
    watched: Any

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
    def connecting(self, witness: ResponseListener) -> Iterator[None]:
        """Inside, a request goes out to the network: ``witness`` is told of a connection that fails."""
        try:
            with context.passing():
                yield
        except self.module.TransportError as error:
            witness.end(self.failure(error))
            raise

    def response(
        self, response: HttpResponse | None, failure: Failure | None, request: Any, *, held: bool = False
    ) -> Any:
        if response is None:
            raise self.error(failure or Failure("reset"), request)
        return self.module.Response(
            response.status,
            headers=list(response.headers),
            stream=self.played(self, response, failure, request, held=held),
            extensions={"http_version": b"HTTP/1.1"},
        )


def _library(module: Any) -> _Library:
    kinds: tuple[Any, ...] = (module.SyncByteStream, module.AsyncByteStream)
    return _Library(module, type("Played", (_Played, *kinds), {}), type("Watched", (_Watched, *kinds), {}))


def _guard(library: _Library) -> None:
    module = library.module
    sync, asynchronous = module.HTTPTransport.handle_request, module.AsyncHTTPTransport.handle_async_request

    def handle_request(self: Any, request: Any) -> Any:
        answer = context.current()
        if answer is None:
            return sync(self, request)
        got = answer(_asked(request, request.read()))
        play = context.played(got)
        if play:
            return library.response(*play, request)
        witness = context.witness(got)
        with library.connecting(witness):
            response = sync(self, request)
        return _watched(library, response, witness)

    async def handle_async_request(self: Any, request: Any) -> Any:
        answer = context.current()
        if answer is None:
            return await asynchronous(self, request)
        got = answer(_asked(request, await request.aread()))
        play = context.played(got)
        if play:
            return library.response(*play, request, held=context.stays_open(got))
        witness = context.witness(got)
        with library.connecting(witness):
            response = await asynchronous(self, request)
        return _watched(library, response, witness)

    module.HTTPTransport.handle_request = handle_request
    module.AsyncHTTPTransport.handle_async_request = handle_async_request


def _asked(request: Any, body: bytes) -> HttpRequest:
    return HttpRequest(request.method, str(request.url), tuple(request.headers.multi_items()), body)


def _watched(library: _Library, response: Any, witness: ResponseListener) -> Any:
    witness.head(response.status_code, tuple(response.headers.multi_items()))
    response.stream = library.watched(library, response.stream, witness)
    return response


class _Played:
    """A recorded body, chunk by chunk, for sync and async readers alike."""

    def __init__(
        self, library: _Library, response: HttpResponse, failure: Failure | None, request: Any, *, held: bool
    ) -> None:
        self._library, self._failure, self._request, self._held = library, failure, request, held
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
        if self._held:
            import anyio  # noqa: PLC0415 - as above

            await anyio.sleep_forever()  # until its client leaves, as it did
        self._end()

    def _end(self) -> None:
        if self._failure is not None:
            raise self._library.error(self._failure, self._request)


class _Watched:
    """A live body on its way to the caller: each chunk is told to the witness and handed on at once."""

    def __init__(self, library: _Library, live: Any, witness: ResponseListener) -> None:
        self._library, self._live, self._witness = library, live, witness

    def _broke(self, error: Exception) -> None:
        failure = self._library.failure(error)
        self._witness.end(Failure("cut", failure.detail) if failure.kind == "protocol" else failure)

    @contextlib.contextmanager
    def _to_its_end(self) -> Iterator[None]:
        """Tell the witness how the body ends, for sync and async readers alike."""
        try:
            yield
        except self._library.module.TransportError as error:
            self._broke(error)
            raise
        except context.TooLongError as error:
            self._broke(self._library.module.ReadError(str(error)))
            raise self._library.module.ReadError(str(error)) from error
        self._witness.end(None)

    def __iter__(self) -> Iterator[bytes]:
        with self._to_its_end():
            for data in self._live:
                self._witness.chunk(data)
                yield data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._to_its_end():
            async for data in self._live:
                self._witness.chunk(data)
                yield data

    def close(self) -> None:
        self._live.close()
        self._witness.end(None, complete=False)

    async def aclose(self) -> None:
        await self._live.aclose()
        self._witness.end(None, complete=False)
