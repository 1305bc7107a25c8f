"""A recording proxy: what a client asks goes on to the provider, what comes goes back at once, and both are kept."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import httpx

from harness.cassette.recording import Recorder
from harness.cassette.secrets.redaction import Redactor
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, Failure, HttpRequest, HttpResponse
from harness.dialects import dialect_at
from harness.dialects.providers import is_local
from harness.server.outgoing import ClientGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.core.chat import Json
    from harness.core.exchange import Exchange, FailureKind, Provenance
    from harness.interception.context import ResponseListener
    from harness.server.app import RequestLog
    from harness.server.outgoing import Outgoing

# Of one connection, or worked out again. A compressed answer could not be searched for secrets.
_NOT_PASSED_ON = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-harness-fault"),
    }
)
SECONDS = 600.0
"""How long the provider may be silent."""

_SIGNED = "AWS4-HMAC-SHA256 "


@contextlib.contextmanager
def recorder(path: Path | str, provenance: Provenance, drop_headers: Iterable[str] = ()) -> Iterator[Recorder]:
    """Record into a new cassette at ``path``.

    Raises ``UsageError`` if there is one already, and the errors of the recorder.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise UsageError(f"{path}: a cassette's name ends in .json")
    if path.exists():
        raise UsageError(f"{path} exists; a recording never replaces one. Choose another file, or remove it first")
    made = Recorder(path, provenance, Redactor(drop_headers=drop_headers), (), lambda *_: None)
    try:
        yield made
    except BaseException:  # Ctrl-C too: what came by then is put aside
        made.end(whole=False)
        raise
    made.end(whole=True)


class RequestRecorder(Protocol):
    """What receives what passes: a recorder."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]: ...

    def begin(self, request: HttpRequest) -> Any: ...


class Proxy:
    """A source of answers for the application: the provider at ``upstream``. ``say`` is told what went wrong."""

    def __init__(
        self, upstream: str, recorder: RequestRecorder, *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        url = urlsplit(upstream)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
            raise UsageError(f"--upstream {shown(upstream)} is no base URL; give one such as https://api.openai.com")
        self._upstream = upstream.rstrip("/")
        self._shown = shown(upstream).rstrip("/")
        self._recorder, self._say = recorder, say
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(SECONDS, connect=30),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            trust_env=not is_local(upstream),
        )

    def loaded(self) -> list[dict[str, Json]]:
        number = len(self._recorder.exchanges)
        return [{"file": self._shown, "provenance": "recording", "exchanges": number, "used": 0}]

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None:
        del shut
        forwarded = self._forwarded(request)
        path = urlsplit(request.url).path
        listener = await asyncio.to_thread(self._recorder.begin, _unsigned(forwarded))
        try:
            status = await self._pass(forwarded, listener, out)
        except httpx.HTTPError as error:
            await asyncio.to_thread(listener.end, Failure(_kind(error, begun=out.begun), str(error)))
            ledger.note(request.method, path, "failed")
            self._say(f"{forwarded.method} {self._shown}{path}: {type(error).__name__}: {error}")
            await _broken(path, error, out)
            return
        except ClientGoneError:
            await asyncio.to_thread(listener.end, None, complete=False)
            ledger.note(request.method, path, "left")
            return
        # On disk before the client can know that it has all; others are answered while it is redacted.
        await asyncio.to_thread(listener.end, None)
        ledger.note(request.method, path, "recorded", status=status)
        await out.end()

    async def _pass(self, forwarded: HttpRequest, listener: ResponseListener, out: Outgoing) -> int:
        sent = self._client.build_request(
            forwarded.method,
            forwarded.url,
            headers=[*forwarded.headers, ("accept-encoding", "identity")],
            content=forwarded.body,
        )
        response = await self._client.send(sent, stream=True)
        try:
            headers = tuple(response.headers.multi_items())
            listener.head(response.status_code, headers)
            await out.head(response.status_code, headers)
            async for data in response.aiter_raw():
                await asyncio.to_thread(listener.chunk, data)  # the last one of a stream has all of it redacted
                await out.chunk(data)
        finally:
            await response.aclose()
        return response.status_code

    def _forwarded(self, request: HttpRequest) -> HttpRequest:
        url = urlsplit(request.url)
        base = urlsplit(self._upstream).path
        # A base may end in /v1 as the SDKs' own do, while the path that came begins with it.
        path = url.path.removeprefix(base) if base and url.path.startswith(f"{base}/") else url.path
        target = f"{self._upstream}{path}" + (f"?{url.query}" if url.query else "")
        headers = tuple((name, value) for name, value in request.headers if name.lower() not in _NOT_PASSED_ON)
        return HttpRequest(request.method, target, headers, request.body)


def shown(upstream: str) -> str:
    """A base URL without the name and the password in it."""
    scheme, slashes, rest = upstream.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _unsigned(request: HttpRequest) -> HttpRequest:
    """Without AWS' signature: it is of one request alone, and no key to be looked for in others."""
    return replace(request, headers=tuple(pair for pair in request.headers if not pair[1].startswith(_SIGNED)))


def _kind(error: httpx.HTTPError, *, begun: bool) -> FailureKind:
    if begun:
        return "cut"
    if isinstance(error, httpx.ConnectError):
        return "refused"
    return "timeout" if isinstance(error, httpx.TimeoutException) else "reset"


async def _broken(path: str, error: httpx.HTTPError, out: Outgoing) -> None:
    """Tell the client: with a 502 where nothing was sent yet, else by breaking off as the provider did."""
    if out.begun:
        out.drop()
        return
    dialect = dialect_at(path)
    why = f"the provider can't be reached: {type(error).__name__}: {error}"
    body = HttpResponse(502, (("content-type", "text/plain; charset=utf-8"),), (Chunk(why.encode()),))
    await out.whole(dialect.error(502, why) if dialect else body)
