"""What is never written: headers that are secret or volatile, keys in a URL, and every secret that is known.

Two locks: what is recorded is redacted here first, and what is to be saved is then searched once more by ``leak_scan``.
Matching sees redacted requests on both sides, so another key, or none, replays as well. A body is changed in its texts
alone: what decodes before decodes after.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from harness.cassette.secrets import edits, places, rules, shapes
from harness.cassette.secrets.edits import Edit
from harness.cassette.secrets.nested_encodings import unfolded
from harness.cassette.secrets.shapes import known_secrets
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, header
from harness.dialects.mcp import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.core.exchange import Headers

__all__ = ["Redactor", "known_secrets"]

_NUMBERED = re.compile(r"session-\d+")
_PART = re.compile(r"[^/?&=#;]{16,}")
_SECRET_PARAMETER = re.compile(rf"([?&#;](?:{places.PARAMETER_NAMES})=)[^&#\s\"'<>]*", re.IGNORECASE)
# What a client reads an answer by. A secret that is an ordinary word is none there.
_PROTOCOL = frozenset(
    [
        *("role", "type", "object", "finish_reason", "finishReason", "stop_reason", "stopReason", "stop_sequence"),
        *("status", "model", "name", "id", "event", "kind", "index", "service_tier", "modelVersion", "created_at"),
        *("format",),
    ]
)
_PLACEHOLDER = re.compile(rb"REDACTED-\d+|=REDACTED(?![A-Za-z0-9-])")
_MARK = shapes.MARK.encode()
_BLOB = 2048


class Redactor:
    """Takes secrets out of exchanges, each replaced by the same placeholder wherever it stands.

    ``secrets`` are those known beforehand, beside those of the ``environment``; those that requests and answers carry
    where secrets stand are learnt.
    Placeholders are numbered as they first appear, whatever other secrets are known. With ``by_shape`` whatever looks
    like a key is replaced too, which serves matching: a recording would be refused for it. ``drop_headers`` are
    answers' headers that are not recorded, beside those of the table. ``changed`` counts the places where a secret was
    replaced, headers that are dropped whole not among them, and ``version`` how often something was learnt.
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        *,
        by_shape: bool = False,
        drop_headers: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.secrets = known_secrets(secrets, environment)
        self.changed = 0
        self.version = 0
        self._weak: tuple[str, ...] = ()
        self._words: re.Pattern[bytes] | None = None
        self._by_shape = by_shape
        self._drop = tuple(drop_headers)
        self._numbers: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._lock = threading.Lock()
        self._pieces = shapes.Pieces(self.secrets)

    @property
    def numbered(self) -> int:
        """How many secrets were found so far."""
        return len(self._numbers)

    def with_fresh_numbers(self) -> Redactor:
        """One that knows the same, and numbers from the beginning."""
        made = Redactor(by_shape=self._by_shape, drop_headers=self._drop)
        made.secrets, made._pieces, made._weak, made._words = self.secrets, self._pieces, self._weak, self._words
        return made

    def request(self, request: HttpRequest) -> HttpRequest:
        self.learn(request)
        url = self._url(request.url)  # it stands first in the document
        headers = self._headers(
            tuple(
                (name.lower(), value)
                for name, value in request.headers
                if name.lower() in places.RECORDED_REQUEST_HEADERS
            )
        )
        body = request.body
        if body[:1] not in {b"{", b"["} and b"=" in body[:65536]:
            body = self._fields(
                body, multipart=(header(request.headers, "content-type") or "").startswith("multipart/")
            )
        return HttpRequest(request.method, url, headers, edits.applied(body, self._changes(body)))

    def response(self, response: HttpResponse) -> HttpResponse:
        """A secret that is split over chunks is taken out too: the chunk it begins in then holds the placeholder."""
        recorded = [
            (name.lower(), value) for name, value in response.headers if not places.dropped(name.lower(), self._drop)
        ]
        headers = self._headers(tuple((name, self._header(name, value)) for name, value in recorded))
        whole = response.body
        changes = self._changes(whole)
        chunks = tuple(_replaced(response.chunks, whole, changes)) if changes else response.chunks
        return replace(response, headers=headers, chunks=chunks)

    def exchange(self, exchange: Exchange) -> Exchange:
        self.learn(exchange.request, exchange.response)
        request = self.request(exchange.request)
        response = exchange.response and self.response(exchange.response)
        failure = exchange.failure and replace(exchange.failure, detail=self.text(exchange.failure.detail))
        return Exchange(request, response, failure, complete=exchange.complete)

    def text(self, text: str) -> str:
        """``text`` without secrets, those in base64 and hex among them: nobody reads it back."""
        data = text.encode("utf-8", "surrogatepass")
        found = edits.merged(self._find(data, ()))
        return edits.applied(data, self._written(data, found)).decode("utf-8", "surrogatepass")

    def learn(self, request: HttpRequest, response: HttpResponse | None = None) -> None:
        """Take what a request, and its answer, carry where secrets stand for secrets from now on."""
        if response is not None:
            self._learn(places.of_response(response.headers))
            self._learn((value, False) for value in places.of_links(response.body))
            if places.may_hold_fields(response.body):
                self._learn(_field_values(response.body))
        self._learn(places.of_request(request.headers))
        body = request.body
        self._learn((value, True) for value in places.of_url(request.url))
        self._learn((value, False) for value in places.of_links(body))
        if body[:1] in {b"{", b"["}:
            if places.may_hold_fields(body):
                self._learn(_field_values(body))
        elif body:
            found = [match[3] for match in places.FORM_FIELD.finditer(body)]
            found += places.part_values(body) if b"\nContent-Disposition" in body or body[:2] == b"--" else ()
            self._learn((unquote(one.decode("utf-8", "replace").replace("+", " ")), True) for one in found)
            self._learn((one.decode("utf-8", "replace"), True) for one in places.loose_values(body))

    def _learn(self, carried: Iterable[tuple[str, bool]]) -> None:
        strong: list[str] = []
        weak: list[str] = []
        for value, sure in carried:
            kind = shapes.strength(value, sure=sure)
            if kind:
                (strong if kind == "strong" else weak).append(value)
        with self._lock:
            if not set(strong).issubset(self.secrets):
                self.version += 1
                self.secrets = known_secrets((*self.secrets, *strong))
                self._pieces = shapes.Pieces(self.secrets)
            if not set(weak).issubset(self._weak):
                self.version += 1
                self._learnt(weak=weak)

    def _learnt(self, *, weak: Iterable[str]) -> None:
        self._weak = tuple(sorted({*self._weak, *weak}, key=lambda value: (-len(value), value)))
        forms = dict.fromkeys(
            form for value in self._weak for form in (value, quote(value, safe="")) if value not in self.secrets
        )
        words = b"|".join(re.escape(form.encode("utf-8", "surrogatepass")) for form in forms)
        self._words = (
            re.compile(rb"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))(?:" + words + rb")(?![A-Za-z0-9])")
            if words
            else None
        )

    def _url(self, url: str) -> str:
        bare = url
        if "@" in url:
            try:
                parts = urlsplit(url)
                bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
            except ValueError:
                bare = url
        if "=" in bare:
            bare = _SECRET_PARAMETER.sub(rf"\1{shapes.MARK}", bare)
        self.changed += bare != url
        start = bare.find("/", bare.find("://") + 3) if "://" in bare else 0
        path = self.text(bare[max(start, 0) :])
        return bare[: max(start, 0)] + _PART.sub(self._part, path)

    def _part(self, found: re.Match[str]) -> str:
        """A part of a URL without secrets behind percent signs, or in base64 in base64: such a part goes whole."""
        plain = unquote(found[0])
        clean = self.text(plain)
        if clean != plain:
            return quote(clean, safe="")
        inside = (inner.decode("utf-8", "replace") for inner in unfolded(plain.encode("utf-8", "surrogatepass")))
        return shapes.MARK if any(self.text(inner) != inner for inner in inside) else found[0]

    def _session(self, value: str) -> str:
        """A session by a number: anyone who holds its id may go on with it."""
        with self._lock:
            return (
                value
                if _NUMBERED.fullmatch(value)
                else f"session-{self._sessions.setdefault(value, len(self._sessions) + 1)}"
            )

    def _header(self, name: str, value: str) -> str:
        if name == SESSION:
            return self._session(value)
        return self._url(value) if "://" in value or "?" in value else value

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self.text(value)) for name, value in headers)

    def _fields(self, body: bytes, *, multipart: bool) -> bytes:
        found = (places.PART_FIELD if multipart else places.FORM_FIELD).subn(
            lambda match: match[0][: match.start(match.lastindex or 0) - match.start()] + _MARK, body
        )
        self.changed += found[1]
        return found[0]

    def _changes(self, body: bytes) -> list[tuple[int, int, bytes]]:
        """What is to be replaced in a body, in order."""
        if not self._may_hold(body):
            return []
        return edits.reencoded(body, self._written(body, edits.edits(body, self._find)))

    def _may_hold(self, body: bytes) -> bool:
        """Whether a body is worth parsing: most are not."""
        if any(form in body for secret in self.secrets for form in (*shapes.forms(secret), *shapes.coded(secret))):
            return True
        if places.may_hold_fields(body) or next(self._pieces.runs(body), None) is not None:
            return True
        if self._words is not None and self._words.search(body):
            return True
        if any(form in body for word in self._weak for form in shapes.coded(word)):
            return True
        if self._by_shape and next(rules.shaped(body), None) is not None:
            return True
        if not self.secrets and self._words is None:
            return False
        return b"\\" in body or edits.streamed(body)

    def _written(self, body: bytes, found: Iterable[Edit]) -> list[tuple[int, int, bytes]]:
        return [
            (one.start, one.end, b"" if one.empty else self._placeholder(one, body[one.start : one.end]))
            for one in found
        ]

    def _find(self, text: bytes, path: tuple[str, ...]) -> list[Edit]:
        """The secrets in a text that stands at ``path`` of a JSON value, or by itself."""
        if places.secret_field(path) and text and _MARK not in text:
            return [Edit(0, len(text), text.decode("utf-8", "replace"), bare=path[-1] not in places.SHAPED)]
        return list(self._secrets_in(text, protocol=bool(path) and path[-1] in _PROTOCOL))

    def _secrets_in(self, text: bytes, *, protocol: bool) -> Iterator[Edit]:
        for secret in self.secrets:
            for form in shapes.forms(secret):
                yield from (Edit(start, start + len(form), secret) for start in shapes.places(text, form))
            for form in shapes.coded(secret):
                found = (Edit(start, start + len(form), secret) for start in shapes.places(text, form))
                yield from (one for one in found if not _in_blob(text, one.start, one.end))
        yield from (Edit(*found) for found in self._pieces.runs(text))
        for value in self._weak:
            for form in shapes.coded(value):
                yield from (Edit(start, start + len(form), value) for start in shapes.places(text, form))
        if self._words is not None and not protocol:
            for word in self._words.finditer(text):
                yield Edit(*word.span(), unquote(word[0].decode("utf-8", "surrogatepass")))
        for start, end, _ in rules.shaped(text) if self._by_shape else ():
            yield Edit(start, end, text[start:end].decode("utf-8", "replace"))

    def _placeholder(self, edit: Edit, written: bytes) -> bytes:
        with self._lock:
            self.changed += 1
            number = self._numbers.setdefault(edit.secret, len(self._numbers) + 1)
        if edit.bare:
            return f"{shapes.MARK}-{number}".encode()
        return shapes.placeholder(edit.secret, number, written.decode("utf-8", "replace")).encode("utf-8", "replace")


def placeholders(exchanges: Iterable[Exchange]) -> int:
    """In how many places of ``exchanges`` a secret was redacted."""
    texts = (
        one.request.url.encode("utf-8", "replace") + one.request.body + (one.response.body if one.response else b"")
        for one in exchanges
    )
    return sum(len(_PLACEHOLDER.findall(text)) for text in texts)


def _field_values(body: bytes) -> Iterator[tuple[str, bool]]:
    for unit in edits.units(body):
        for path, text in edits.strings(unit.value, ()) if unit.json else ():
            if places.url_field(path, text):
                yield from ((one, not one.isalpha()) for one in places.of_url(text))  # a word is none
            if places.secret_field(path):
                if len(path) > 1 and path[-1].lower() in {"authorization", "proxy-authorization"}:
                    yield from places.of_header(text, sure=True)
                else:
                    yield text, True


def _in_blob(text: bytes, start: int, end: int) -> bool:
    """Whether letters of base64 stand around a place in great number: a document, which would be broken."""
    around = text[max(0, start - _BLOB) : end + _BLOB]
    longest = max((stop - begin for begin, stop in rules.runs(around)), default=0)
    return longest - (end - start) > _BLOB


def _replaced(chunks: tuple[Chunk, ...], whole: bytes, changes: list[tuple[int, int, bytes]]) -> Iterator[Chunk]:
    """``chunks`` of ``whole`` with each change made in the chunk that it begins in."""
    begin = 0
    for chunk in chunks:
        end = begin + len(chunk.data)
        made, at = bytearray(), begin
        for start, stop, instead in changes:
            if stop <= begin or start >= end:
                continue
            made += whole[at : max(at, start)] + (instead if start >= begin else b"")
            at = min(stop, end)
        yield Chunk(bytes(made + whole[at:end]), chunk.at)
        begin = end
