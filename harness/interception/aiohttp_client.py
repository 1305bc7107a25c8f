"""aiohttp: litellm's way out for async calls. Replayed and live bodies alike are real ``StreamReader``s that ask
for their next chunk only when they are empty, so that chunk boundaries survive.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_exceptions import ClientConnectorError
from aiohttp.payload import PAYLOAD_REGISTRY
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from harness.core.exchange import Failure, HttpRequest
from harness.interception import context
from harness.interception.context import paced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from harness.core.exchange import HttpResponse
    from harness.interception.context import ResponseListener

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_BODY = ("Content-Length", "Content-Type")
_OF_ORIGIN = ("Authorization", "Cookie", "Proxy-Authorization")
_REASONS = {status.value: status.phrase for status in HTTPStatus}


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
        super().__init__(_NoConnection(), 2**26, loop=asyncio.get_running_loop())  # type: ignore[arg-type]  # there is none
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


def patch(_module: object) -> None:
    """Patch every aiohttp session, for good."""
    original = aiohttp.ClientSession._request  # noqa: SLF001 - the one place that all of aiohttp's verbs pass

    async def request(self: aiohttp.ClientSession, method: str, str_or_url: str | URL, **options: Any) -> Any:
        if context.current() is None:
            return await original(self, method, str_or_url, **options)
        if not options.pop("allow_redirects", True):
            return await once(self, method, str_or_url, **options)
        return await _followed(self, once, method, str_or_url, options)

    async def once(self: aiohttp.ClientSession, method: str, str_or_url: str | URL, **options: Any) -> Any:
        """One hop: each is an exchange of its own."""
        options["allow_redirects"] = False
        answer = context.current()
        assert answer is not None
        http_request = _http_request(self, method, str_or_url, options, await _body(self, options))
        got = answer(http_request)
        play = context.to_replay(got)
        if play:
            return await _checked(self, _replayed(self, http_request, *play), options)
        listener = context.listener(got)
        try:
            with context.live_request():
                response = await original(self, method, str_or_url, **options)
        except (aiohttp.ClientError, TimeoutError) as error:
            listener.end(_failure(error))
            raise
        decoded = _either(options, self, "auto_decompress")
        return _with_live_body(response, listener, decoded=decoded)

    aiohttp.ClientSession._request = request  # type: ignore[method-assign]  # noqa: SLF001 - as above


async def _followed(
    session: aiohttp.ClientSession, once: Callable[..., Any], method: str, url: str | URL, options: dict[str, Any]
) -> aiohttp.ClientResponse:
    """The answer at the end of all redirects, as aiohttp follows them: a 303, and a 301 or 302 of a POST, become a GET
    without a body; another origin is not sent what belongs to the first one. Raises ``TooManyRedirects``.
    """
    most = options.pop("max_redirects", 10)
    history: list[aiohttp.ClientResponse] = []
    await _body(session, options)  # a body that can be read but once is needed again
    while True:
        response: aiohttp.ClientResponse = await once(session, method, url, **options)
        target = response.headers.get("Location") or response.headers.get("URI")
        if response.status not in _REDIRECTS or not target:
            response._history = tuple(history)  # noqa: SLF001 - aiohttp's own loop sets it there
            return response
        history.append(response)
        if len(history) >= most:
            response.close()
            raise aiohttp.TooManyRedirects(history[0].request_info, tuple(history))
        see_other = response.status == HTTPStatus.SEE_OTHER and method.upper() != "HEAD"
        moved = response.status in {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND} and method.upper() == "POST"
        dropped = {"params"}
        if see_other or moved:
            method, dropped = "GET", {"params", "data", "json"}
        url = response.url.join(URL(target, encoded=not session.requote_redirect_url))
        headers = CIMultiDict(options.get("headers") or {})
        for name in _OF_BODY if "data" in dropped else ():
            headers.popall(name, None)
        if url.origin() != response.url.origin():
            dropped |= {"auth", "cookies"}
            for name in _OF_ORIGIN:
                headers.popall(name, None)
        options = {**{name: value for name, value in options.items() if name not in dropped}, "headers": headers}
        response.release()


def _http_request(
    session: aiohttp.ClientSession, method: str, url: str | URL, options: dict[str, Any], body: bytes
) -> HttpRequest:
    """What aiohttp would send: session and call headers together."""
    whole = session._build_url(url)  # noqa: SLF001 - base_url and relative paths are resolved there
    if options.get("params"):
        whole = whole.extend_query(options["params"])
    headers = CIMultiDict(session.headers)
    headers.update(options.get("headers") or {})
    return HttpRequest(method.upper(), str(whole), tuple((str(name), value) for name, value in headers.items()), body)


async def _body(session: aiohttp.ClientSession, options: dict[str, Any]) -> bytes:
    """The body in bytes. One that can be read but once, or has a random boundary, goes into ``options`` as bytes."""
    if options.get("json") is not None:
        return session.json_serialize(options["json"]).encode()
    data = options.get("data")
    if data is None:
        return b""
    if isinstance(data, (bytes, bytearray, memoryview, str)):
        return data.encode() if isinstance(data, str) else bytes(data)
    try:
        form = aiohttp.FormData(data) if isinstance(data, (dict, list, tuple)) else data
        payload = form() if isinstance(form, aiohttp.FormData) else PAYLOAD_REGISTRY.get(form)
    except LookupError:
        payload = aiohttp.FormData(data)()
    collected = _Collected()
    await payload.write(collected)
    options["data"] = bytes(collected.data)
    headers = CIMultiDict(options.get("headers") or {})
    headers.setdefault("Content-Type", payload.content_type)
    options["headers"] = headers
    return bytes(collected.data)


class _Collected(AbstractStreamWriter):
    """Takes what a payload writes."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.data += chunk

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.data += chunk

    async def drain(self) -> None: ...

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None: ...

    def enable_chunking(self) -> None: ...

    async def write_headers(self, status_line: str, headers: Any) -> None: ...


def _either(options: dict[str, Any], session: aiohttp.ClientSession, name: str) -> Any:
    """An option of the call, or the session's where the call says nothing."""
    option = options.get(name)
    return getattr(session, name) if option is None else option


async def _checked(
    session: aiohttp.ClientSession, response: aiohttp.ClientResponse, options: dict[str, Any]
) -> aiohttp.ClientResponse:
    check = _either(options, session, "raise_for_status")
    if callable(check):
        await check(response)
    elif check:
        response.raise_for_status()
    return response


def _failure(error: BaseException) -> Failure:
    if isinstance(error, ClientConnectorError):
        return Failure("refused", str(error))
    if isinstance(error, TimeoutError):
        return Failure("timeout", str(error))
    if isinstance(error, aiohttp.ClientPayloadError):
        return Failure("cut", str(error))
    if isinstance(error, aiohttp.ClientResponseError):
        return Failure("protocol", error.message)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Failure("closed", str(error))
    return Failure("reset", str(error))


def _error(failure: Failure, http_request: HttpRequest) -> Exception:
    url = URL(http_request.url, encoded=True)
    if failure.kind == "refused":
        key: Any = SimpleNamespace(host=url.host, port=url.port, ssl=True, is_ssl=url.scheme == "https")
        return ClientConnectorError(key, ConnectionRefusedError(111, failure.detail or "Connection refused"))
    if failure.kind == "timeout":
        return aiohttp.SocketTimeoutError(failure.detail)
    if failure.kind == "cut":
        return aiohttp.ClientPayloadError(failure.detail or "Response payload is not completed")
    if failure.kind == "protocol":
        return aiohttp.ClientResponseError(_info(http_request), (), status=400, message=failure.detail)
    if failure.kind == "closed":
        return aiohttp.ServerDisconnectedError(failure.detail or None)
    return aiohttp.ClientOSError(104, failure.detail or "Connection reset by peer")


def _info(http_request: HttpRequest) -> aiohttp.RequestInfo:
    url = URL(http_request.url, encoded=True)
    return aiohttp.RequestInfo(url, http_request.method, CIMultiDictProxy(CIMultiDict(http_request.headers)), url)


def _replayed(
    session: aiohttp.ClientSession, http_request: HttpRequest, response: HttpResponse | None, failure: Failure | None
) -> aiohttp.ClientResponse:
    url = URL(http_request.url, encoded=True)
    if response is None:
        raise _error(failure or Failure("reset"), http_request)
    made = aiohttp.ClientResponse(
        http_request.method,
        url,
        writer=None,
        continue100=None,
        timer=None,  # type: ignore[arg-type]  # nothing here can time out
        request_info=_info(http_request),
        traces=[],
        loop=asyncio.get_running_loop(),
        session=session,
        stream_writer=SimpleNamespace(output_size=0),  # type: ignore[arg-type]  # all that is read of it
    )
    made.status = response.status
    made.reason = _REASONS.get(response.status, "")
    made.version = aiohttp.HttpVersion11
    made._headers = CIMultiDictProxy(CIMultiDict(response.headers))  # noqa: SLF001 - set by start() on a live one
    made._raw_headers = tuple((key.encode(), value.encode()) for key, value in response.headers)  # noqa: SLF001 - set by start() on a live one
    pieces = iter(paced([chunk for chunk in response.chunks if chunk.data]))

    async def fetch() -> bytes:
        wait, data = next(pieces, (0.0, b""))
        if wait:
            await asyncio.sleep(wait)
        if not data and failure is not None:
            raise _error(failure, http_request)
        return data

    made.content = _Reader(fetch)
    return made


def _with_live_body(
    response: aiohttp.ClientResponse, listener: ResponseListener, *, decoded: bool
) -> aiohttp.ClientResponse:
    headers = [(str(name), value) for name, value in response.headers.items()]
    if decoded:
        headers = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
    listener.head(response.status, tuple(headers))
    live, close, release = response.content, response.close, response.release

    async def fetch() -> bytes:
        try:
            data = await live.readany()
        except (aiohttp.ClientError, TimeoutError) as error:
            listener.end(_failure(error))
            raise
        listener.chunk(data) if data else listener.end(None)
        return data

    def closed() -> None:
        close()
        listener.end(None, complete=live.at_eof())

    def released() -> Any:
        listener.end(None, complete=live.at_eof())
        return release()

    response.content = _Reader(fetch)
    response.close = closed  # type: ignore[method-assign]  # of this one response alone
    response.release = released  # type: ignore[method-assign]  # likewise
    return response
