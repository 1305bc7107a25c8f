"""Send a recorded request again, as it stands: the same bytes, the key put back, the answer as it comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import httpx

from harness.cassette.format import encodings
from harness.core.exchange import Chunk, Exchange, Failure, HttpResponse
from harness.dialects import dialect_at
from harness.dialects.providers import profile, provider_at

if TYPE_CHECKING:
    from harness.core.exchange import Headers, HttpRequest

WRONG_KEY = "a-wrong-key-on-purpose"
SECONDS = 120.0
"""How long one answer may keep silent."""
_REFUSED = 401
KEYLESS = frozenset({401, 403})
_MARK = b"REDACTED"


def unsendable(exchange: Exchange) -> str:
    """Why this request can't be sent again; ``""`` where it can."""
    if _MARK in exchange.request.body or _MARK.decode() in exchange.request.url:
        return "a secret was taken out of the request, and what was there is not known"
    dialect = dialect_at(exchange.request.url)
    provider = profile(provider_at(urlsplit(exchange.request.url).hostname or ""))
    return provider.resigned or (dialect.facts.resigned if dialect else "")


def key_headers(exchange: Exchange, provider: str, key: str) -> Headers:
    """The header that carries the key at this provider. What was refused its key is sent a wrong one again."""
    if exchange.response is not None and exchange.response.status == _REFUSED:
        key = WRONG_KEY
    if not key:
        return ()
    dialect = dialect_at(exchange.request.url)
    name = profile(provider).key_header or (dialect.facts.key_header if dialect else "authorization")
    if "/openai/deployments/" in exchange.request.url:  # Azure's path, at an address of one's own
        name = "api-key"
    return ((name, f"Bearer {key}" if name == "authorization" else key),)


def wants_key(recorded: Exchange, answer: Exchange) -> bool:
    """Whether ``answer`` refuses a key that was good enough when ``recorded`` was."""
    was, now = (one.response.status if one.response else 0 for one in (recorded, answer))
    return now in KEYLESS and was not in KEYLESS


def redirected(url: str, hostname: str) -> str:
    """``url`` at the host of ``hostname``; as it is where that is empty."""
    if not hostname:
        return url
    there = urlsplit(hostname)
    return urlunsplit(urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc))


def sent(client: httpx.Client, request: HttpRequest, *, keys: Headers = (), hostname: str = "") -> Exchange:
    """``request`` and what came of it now, its chunks as they came. Whatever goes wrong on the way is in the value."""
    headers = [(name, value) for name, value in request.headers if name.lower() != "content-length"]
    start = time.monotonic()
    chunks: list[Chunk] = []
    status = 0
    headers_received: Headers = ()
    failure = None
    try:
        with client.stream(
            request.method, redirected(request.url, hostname), headers=[*headers, *keys], content=request.body
        ) as answer:
            status, headers_received = answer.status_code, tuple(answer.headers.multi_items())
            chunks.extend(Chunk(data, round(time.monotonic() - start, 3)) for data in answer.iter_raw())
    except httpx.TransportError as error:
        failure = _failure(error, begun=bool(status))
    if not status:
        return Exchange(request, None, failure)
    response = HttpResponse(status, headers_received, tuple(chunks))
    return Exchange(request, response if failure else encodings.decoded(response), failure)


def client() -> httpx.Client:
    """What requests are sent with: nothing is retried, no redirect is followed."""
    return httpx.Client(timeout=httpx.Timeout(SECONDS, connect=10.0), headers={"user-agent": "toolcall-harness"})


def _failure(error: httpx.TransportError, *, begun: bool) -> Failure:
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return Failure("refused", str(error))
    if isinstance(error, httpx.TimeoutException):
        return Failure("timeout", str(error))
    if isinstance(error, httpx.RemoteProtocolError):
        return Failure("cut" if begun else "closed", str(error))
    return Failure("reset", str(error))
