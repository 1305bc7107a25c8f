"""What is never written: headers outside a short list, keys in a URL, and every secret that is known.

Two locks: what is recorded is redacted first, and the text to be saved is then searched for leaks once
more. Matching sees redacted requests on both sides, so another key, or none, replays as well.
"""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from harness.errors import LeakError
from harness.exchange import Chunk, Exchange, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.exchange import Headers

KEPT_REQUEST_HEADERS = frozenset({"accept", "content-type", "anthropic-version", "anthropic-beta"})
KEPT_RESPONSE_HEADERS = frozenset(
    {"content-type", "content-encoding", "retry-after", "retry-after-ms", "x-should-retry", "x-amzn-errortype"}
)
_SECRET_NAME = re.compile(r"(API|ACCESS|SECRET|AUTH|PRIVATE)_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 8
_SECRET_PARAMETER = re.compile(
    r"([?&](?:key|api[-_]?key|access_token|token|sig|signature|x-amz-[a-z-]+|password)=)[^&#]*", re.IGNORECASE
)
_SHAPES = {
    "an OpenAI-style key": r"\bsk-(?:ant-|or-v1-|proj-|svcacct-)?[A-Za-z0-9_-]{20,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "an AWS access key id": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Groq key": r"\bgsk_[A-Za-z0-9]{32,}",
    "an xAI key": r"\bxai-[A-Za-z0-9]{32,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}",
    "a JWT": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
_SHAPE = re.compile("|".join(f"(?P<s{place}>{pattern})" for place, pattern in enumerate(_SHAPES.values())))


def known_secrets(given: Iterable[str] = ()) -> tuple[str, ...]:
    """``given`` and the values of environment variables that are named like secrets, the longest first.

    Values under eight characters are left out: they would be found in ordinary text.
    """
    named = (value for name, value in os.environ.items() if _SECRET_NAME.search(name))
    return tuple(sorted({value for value in (*given, *named) if len(value) >= _SHORTEST}, key=lambda v: (-len(v), v)))


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes ``secrets`` out of exchanges, each replaced by the same placeholder wherever it stands."""

    secrets: tuple[str, ...] = ()

    def request(self, request: HttpRequest) -> HttpRequest:
        headers = _kept(request.headers, KEPT_REQUEST_HEADERS)
        return HttpRequest(request.method, self._url(request.url), self._headers(headers), self._bytes(request.body))

    def response(self, response: HttpResponse) -> HttpResponse:
        """A secret that is split over chunks is taken out too: the chunk it begins in then holds the placeholder."""
        headers = self._headers(_kept(response.headers, KEPT_RESPONSE_HEADERS))
        whole = response.body
        if not any(form in whole for secret in self.secrets for form in _forms(secret)):
            return replace(response, headers=headers)
        return replace(response, headers=headers, chunks=tuple(self._chunks(response.chunks)))

    def exchange(self, exchange: Exchange) -> Exchange:
        response = exchange.response and self.response(exchange.response)
        failure = exchange.failure and replace(exchange.failure, detail=self.text(exchange.failure.detail))
        return Exchange(self.request(exchange.request), response, failure, complete=exchange.complete)

    def text(self, text: str) -> str:
        return self._bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _url(self, url: str) -> str:
        parts = urlsplit(url)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return self.text(_SECRET_PARAMETER.sub(r"\1REDACTED", bare))

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self.text(value)) for name, value in headers)

    def _bytes(self, data: bytes) -> bytes:
        for number, secret in enumerate(self.secrets):
            for form in _forms(secret):
                data = data.replace(form, _placeholder(number))
        return data

    def _chunks(self, chunks: tuple[Chunk, ...]) -> Iterator[Chunk]:
        whole = b"".join(chunk.data for chunk in chunks)
        owner = [place for place, chunk in enumerate(chunks) for _ in chunk.data]
        made = [bytearray() for _ in chunks]
        spots = sorted(self._spots(whole))
        at = 0
        for start, end, placeholder in spots:
            if start < at:
                continue
            for place in range(at, start):
                made[owner[place]].append(whole[place])
            made[owner[start]] += placeholder
            at = end
        for place in range(at, len(whole)):
            made[owner[place]].append(whole[place])
        return (Chunk(bytes(data), chunk.at) for data, chunk in zip(made, chunks, strict=True))

    def _spots(self, whole: bytes) -> Iterator[tuple[int, int, bytes]]:
        for number, secret in enumerate(self.secrets):
            for form in _forms(secret):
                for found in re.finditer(re.escape(form), whole):
                    yield found.start(), found.end(), _placeholder(number)


def refuse_leaks(text: str, path: str, secrets: Iterable[str] = ()) -> None:
    """Raise ``LeakError`` if ``text`` holds a known secret in any usual encoding, or anything shaped like a key."""
    for secret in known_secrets(secrets):
        for form in (*_forms(secret), *_base64_forms(secret), secret.encode().hex().encode()):
            place = text.find(form.decode("utf-8", "surrogatepass"))
            if place >= 0:
                raise LeakError(
                    f"{path}: line {text.count(chr(10), 0, place) + 1} holds a known secret; nothing was written"
                )
    found = _SHAPE.search(text)
    if found:
        kind = tuple(_SHAPES)[int(str(found.lastgroup)[1:])]
        line = text.count("\n", 0, found.start()) + 1
        raise LeakError(f"{path}: line {line} holds what looks like {kind}; nothing was written")


def _placeholder(number: int) -> bytes:
    return b"REDACTED-%d" % (number + 1)


def _kept(headers: Headers, names: frozenset[str]) -> Headers:
    return tuple((name.lower(), value) for name, value in headers if name.lower() in names)


def _forms(secret: str) -> tuple[bytes, ...]:
    forms = (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""))
    return tuple(dict.fromkeys(form.encode("utf-8", "surrogatepass") for form in forms))


def _base64_forms(secret: str) -> Iterator[bytes]:
    """The middle of the secret's base64 at each of the three offsets it can stand at."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + secret.encode("utf-8", "surrogatepass"))
        yield coded[(0, 2, 3)[offset] : -4]
