"""What is never written: headers outside a short list, keys in a URL, and every secret that is known.

Two locks: what is recorded is redacted here first, and what is to be saved is then searched once more by ``gate``.
Matching sees redacted requests on both sides, so another key, or none, replays as well.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from harness.cassette.secrets import shapes
from harness.cassette.secrets.shapes import known_secrets
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.dialects.mcp.messages import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.exchange import Headers

__all__ = ["KEPT_REQUEST_HEADERS", "KEPT_RESPONSE_HEADERS", "Redactor", "known_secrets"]

KEPT_REQUEST_HEADERS = frozenset({"accept", "content-type", "anthropic-version", "anthropic-beta"})
KEPT_RESPONSE_HEADERS = frozenset(
    {
        "allow",
        "content-encoding",
        "content-type",
        "location",
        "mcp-session-id",
        "retry-after",
        "retry-after-ms",
        "x-amzn-errortype",
        "x-should-retry",
    }
)
# Headers whose values are secrets: they are learnt before they are dropped, and found wherever they are echoed.
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token", "cookie"}
)
_NUMBERED = re.compile(r"session-\d+")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey)\s+", re.IGNORECASE)
# Only these of a signature's or a cookie's words are secret; the others stand in every URL.
_SIGNED = re.compile(r"(?:Credential|[Ss]ignature)=\"?([^/,;\s\"]+)")
_COOKIE = re.compile(r"(?:^|;)\s*[\w.-]+=([^;]{8,})(?=;|$)")
_SECRET_PARAMETER = re.compile(
    r"([?&](?:key|api[-_]?key|access_token|token|sig|signature|x-amz-[a-z-]+|password)=)[^&#]*", re.IGNORECASE
)
_KEY_PARAMETERS = frozenset({"key", "api_key", "api-key", "apikey", "access_token", "token"})
# OAuth's own fields, in a form and in JSON. `token` in logprobs and `total_tokens` are none of them.
_FORM_FIELD = re.compile(rb"(^|&)(assertion|client_assertion|client_secret|refresh_token|password)=([^&]+)")
_JSON_FIELD = re.compile(
    rb'("(?:access_token|refresh_token|id_token|client_secret)"\s*:\s*")((?:[^"\\]|\\.){8,16384})(?=")'
)


class Redactor:
    """Takes secrets out of exchanges, each replaced by the same placeholder wherever it stands.

    ``secrets`` are those known beforehand; those that requests carry in their headers are learnt. Placeholders are
    numbered as they first appear, whatever other secrets are known. With ``by_shape`` whatever looks like a key is
    replaced too, which serves matching: a recording would be refused for it.
    """

    def __init__(self, secrets: Iterable[str] = (), *, by_shape: bool = False) -> None:
        self.secrets = known_secrets(secrets)
        self._by_shape = by_shape
        self._numbers: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._lock = threading.Lock()
        self._pieces = shapes.Pieces(self.secrets)

    @property
    def numbered(self) -> int:
        """How many secrets were found so far."""
        return len(self._numbers)

    def request(self, request: HttpRequest) -> HttpRequest:
        self.learn(request)
        url = self._url(request.url)  # it stands first in the document
        headers = self._headers(_kept(request.headers, KEPT_REQUEST_HEADERS))
        body = self._bytes(request.body)
        if body[:1] not in {b"{", b"["} and b"=" in body[:4096]:
            body = _FORM_FIELD.sub(rb"\1\2=" + shapes.MARK.encode(), body)
        return HttpRequest(request.method, url, headers, body)

    def response(self, response: HttpResponse) -> HttpResponse:
        """A secret that is split over chunks is taken out too: the chunk it begins in then holds the placeholder."""
        kept = _kept(response.headers, KEPT_RESPONSE_HEADERS)
        headers = self._headers(
            tuple((name, self._session(value) if name == SESSION else value) for name, value in kept)
        )
        headers = tuple((name, self._url(value) if name == "location" else value) for name, value in headers)
        whole = response.body
        spots = self._replacements(whole)
        chunks = tuple(_replaced(response.chunks, whole, spots)) if spots else response.chunks
        return replace(response, headers=headers, chunks=chunks)

    def exchange(self, exchange: Exchange) -> Exchange:
        request = self.request(exchange.request)
        response = exchange.response and self.response(exchange.response)
        failure = exchange.failure and replace(exchange.failure, detail=self.text(exchange.failure.detail))
        return Exchange(request, response, failure, complete=exchange.complete)

    def text(self, text: str) -> str:
        """``text`` without secrets, those in base64 and hex among them: nobody reads it back."""
        return self._bytes(text.encode("utf-8", "surrogatepass"), coded=True).decode("utf-8", "surrogatepass")

    def learn(self, request: HttpRequest) -> None:
        """Take the keys that ``request`` carries for secrets from now on."""
        carried: list[str] = []
        for name, value in request.headers:
            if name.lower() in _SECRET_HEADERS:
                carried += _SIGNED.findall(value) or _COOKIE.findall(value) or [_SCHEME.sub("", value, count=1)]
        parts = urlsplit(request.url)
        if parts.password:
            carried.append(parts.password)
        if "=" in parts.query:
            carried += [value for name, value in parse_qsl(parts.query) if name.lower() in _KEY_PARAMETERS]
        # A word such as "none" given for a key is no secret, and may stand in any prompt.
        carried = [value for value in carried if shapes.random_part(value)]
        with self._lock:
            if not set(carried).issubset(self.secrets):
                self.secrets = known_secrets((*self.secrets, *carried))
                self._pieces = shapes.Pieces(self.secrets)

    def _url(self, url: str) -> str:
        if "@" in url:
            parts = urlsplit(url)
            url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if "=" in url:
            url = _SECRET_PARAMETER.sub(rf"\1{shapes.MARK}", url)
        return self.text(url)

    def _session(self, value: str) -> str:
        """A session by a number: whoever holds its id may go on with it."""
        with self._lock:
            return (
                value
                if _NUMBERED.fullmatch(value)
                else f"session-{self._sessions.setdefault(value, len(self._sessions) + 1)}"
            )

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self.text(value)) for name, value in headers)

    def _bytes(self, data: bytes, *, coded: bool = False) -> bytes:
        spots = self._replacements(data, coded=coded)
        if not spots:
            return data
        made, at = bytearray(), 0
        for start, end, instead in spots:
            made += data[at:start] + instead
            at = end
        return bytes(made + data[at:])

    def _replacements(self, data: bytes, *, coded: bool = False) -> list[tuple[int, int, bytes]]:
        """Where secrets stand, in order and apart, and what is to stand there."""
        found = _apart(self._spots(data, coded=coded))
        return [(start, end, self._placeholder(secret, data[start:end])) for start, end, secret in found]

    def _spots(self, data: bytes, *, coded: bool) -> Iterator[tuple[int, int, str]]:
        for secret in self.secrets:
            for form in (*shapes.forms(secret), *(shapes.coded(secret) if coded else ())):
                start = data.find(form)
                while start >= 0:
                    yield start, start + len(form), secret
                    start = data.find(form, start + len(form))
        yield from self._pieces.runs(data)
        for found in _JSON_FIELD.finditer(data) if b"_token" in data or b"client_secret" in data else ():
            if shapes.MARK.encode() not in found[2]:
                yield *found.span(2), found[2].decode("utf-8", "replace")
        for start, end, _ in shapes.shaped(data) if self._by_shape else ():
            yield start, end, data[start:end].decode("utf-8", "replace")

    def _placeholder(self, secret: str, written: bytes) -> bytes:
        with self._lock:
            number = self._numbers.setdefault(secret, len(self._numbers) + 1)
        return shapes.placeholder(secret, number, written.decode("utf-8", "replace")).encode("utf-8", "replace")


def _apart(spots: Iterator[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """``spots`` in order, those that overlap as one, which is called by the first and longest."""
    made: list[tuple[int, int, str]] = []
    for start, end, secret in sorted(spots, key=lambda spot: (spot[0], -spot[1])):
        if not made or start >= made[-1][1]:
            made.append((start, end, secret))
        elif end > made[-1][1]:
            made[-1] = made[-1][0], end, made[-1][2]
    return made


def _replaced(chunks: tuple[Chunk, ...], whole: bytes, spots: list[tuple[int, int, bytes]]) -> Iterator[Chunk]:
    """``chunks`` of ``whole`` with each spot replaced in the chunk that it begins in."""
    begin = 0
    for chunk in chunks:
        end = begin + len(chunk.data)
        made, at = bytearray(), begin
        for start, stop, instead in spots:
            if stop <= begin or start >= end:
                continue
            made += whole[at : max(at, start)] + (instead if start >= begin else b"")
            at = min(stop, end)
        yield Chunk(bytes(made + whole[at:end]), chunk.at)
        begin = end


def _kept(headers: Headers, names: frozenset[str]) -> Headers:
    return tuple((name.lower(), value) for name, value in headers if name.lower() in names)
