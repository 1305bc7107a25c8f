"""aiohttp: litellm's way out for async calls. Replayed and live bodies alike are real ``StreamReader``s that ask
for their next chunk only when they are empty, so that chunk boundaries survive.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_exceptions import ClientConnectorError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from harness.cassette import doors
from harness.exchange import Failure, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from harness.cassette.doors import Witness
    from harness.exchange import HttpResponse


def install() -> None:
    """Put our door before every aiohttp session, for good."""
    original = aiohttp.ClientSession._request  # noqa: SLF001 - the one place that all of aiohttp's verbs pass

    async def request(self: aiohttp.ClientSession, method: str, str_or_url: str | URL, **options: Any) -> Any:
        answer = doors.current()
        if answer is None:
            return await original(self, method, str_or_url, **options)
        asked = _asked(self, method, str_or_url, options)
        got = answer(asked)
        play = doors.played(got)
        if play:
            return _played(self, asked, *play)
        witness = doors.witness(got)
        try:
            response = await original(self, method, str_or_url, **options)
        except (aiohttp.ClientError, TimeoutError) as error:
            witness.end(_failure(error))
            raise
        return _watched(response, witness)

    aiohttp.ClientSession._request = request  # type: ignore[method-assign]  # noqa: SLF001 - as above


def _asked(session: aiohttp.ClientSession, method: str, url: str | URL, options: dict[str, Any]) -> HttpRequest:
    """What aiohttp would send: session and call headers together, and the body if it is known beforehand."""
    whole = session._build_url(url)  # noqa: SLF001 - base_url and relative paths are resolved there
    if options.get("params"):
        whole = whole.extend_query(options["params"])
    headers = CIMultiDict(session.headers)
    headers.update(options.get("headers") or {})
    body, kind = _body(session, options)
    if kind and "Content-Type" not in headers:
        headers["Content-Type"] = kind
    return HttpRequest(method.upper(), str(whole), tuple(headers.items()), body)


def _body(session: aiohttp.ClientSession, options: dict[str, Any]) -> tuple[bytes, str]:
    if options.get("json") is not None:
        return session.json_serialize(options["json"]).encode(), "application/json"
    data = options.get("data")
    if data is None:
        return b"", ""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), ""
    if isinstance(data, str):
        return data.encode(), ""
    payload = data() if isinstance(data, aiohttp.FormData) else aiohttp.FormData(data)()
    return payload.decode().encode(), payload.content_type


def _failure(error: BaseException) -> Failure:
    if isinstance(error, ClientConnectorError):
        return Failure("refused", str(error))
    if isinstance(error, TimeoutError):
        return Failure("timeout", str(error))
    return Failure("reset", str(error))


def _error(failure: Failure, url: URL) -> Exception:
    if failure.kind == "refused":
        key: Any = SimpleNamespace(host=url.host, port=url.port, ssl=True, is_ssl=url.scheme == "https")
        return ClientConnectorError(key, ConnectionRefusedError(111, failure.detail or "Connection refused"))
    if failure.kind == "timeout":
        return aiohttp.SocketTimeoutError(failure.detail)
    if failure.kind == "cut":
        return aiohttp.ClientPayloadError(failure.detail or "Response payload is not completed")
    return aiohttp.ServerDisconnectedError(failure.detail or None)


class _NoConnection:
    """Stands where a StreamReader expects its connection: there is none to pause."""

    _reading_paused = False
    connected = False

    def pause_reading(self) -> None: ...

    def resume_reading(self, resume_parser: bool = True) -> None: ...


class _Reader(aiohttp.StreamReader):
    """A body that fetches its next chunk when it runs dry. ``fetch`` gives b"" at the end, or raises."""

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Callable[[], Awaitable[bytes]]) -> None:
        super().__init__(_NoConnection(), 2**26, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
        self._fetch = fetch

    async def _wait(self, func_name: str) -> None:
        del func_name
        try:
            data = await self._fetch()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.set_exception(error)
            raise
        if data:
            self.feed_data(data)
        else:
            self.feed_eof()


def _played(
    session: aiohttp.ClientSession, asked: HttpRequest, response: HttpResponse | None, failure: Failure | None
) -> aiohttp.ClientResponse:
    url = URL(asked.url, encoded=True)
    if response is None:
        raise _error(failure or Failure("reset"), url)
    info = aiohttp.RequestInfo(url, asked.method, CIMultiDictProxy(CIMultiDict(asked.headers)), url)
    made = aiohttp.ClientResponse(
        asked.method,
        url,
        writer=None,
        continue100=None,
        timer=None,  # type: ignore[arg-type]
        request_info=info,
        traces=[],
        loop=asyncio.get_running_loop(),
        session=session,
        stream_writer=SimpleNamespace(output_size=0),  # type: ignore[arg-type]
    )
    made.status = response.status
    made.reason = ""
    made.version = aiohttp.HttpVersion11
    made._headers = CIMultiDictProxy(CIMultiDict(response.headers))  # noqa: SLF001 - set by start() on a live one
    made._raw_headers = tuple((key.encode(), value.encode()) for key, value in response.headers)  # noqa: SLF001
    pieces = iter([chunk.data for chunk in response.chunks if chunk.data])

    async def fetch() -> bytes:
        data = next(pieces, b"")
        if not data and failure is not None:
            raise _error(failure, url)
        return data

    made.content = _Reader(fetch)
    return made


def _watched(response: aiohttp.ClientResponse, witness: Witness) -> aiohttp.ClientResponse:
    witness.head(response.status, tuple(response.headers.items()))
    live, close = response.content, response.close
    over: list[bool] = []

    def end(failure: Failure | None = None, *, complete: bool = True) -> None:
        if not over:
            over.append(True)
            witness.end(failure, complete=complete)

    async def fetch() -> bytes:
        try:
            data = await live.readany()
        except (aiohttp.ClientError, TimeoutError) as error:
            end(_failure(error))
            raise
        witness.chunk(data) if data else end()
        return data

    def closed() -> None:
        close()
        end(complete=live.at_eof())

    response.content = _Reader(fetch)
    response.close = closed  # type: ignore[method-assign]
    return response
