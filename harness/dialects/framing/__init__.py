"""How a body is framed (server-sent events, JSON lines, AWS event streams), judged by its bytes: the header only
decides where the bytes can't.

Recorders strip, mask and change a content type, and servers send a wrong one.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.core.exchange import header
from harness.dialects.framing.sse import BYTE_ORDER_MARK, EventFeed, SseEvent, is_json, json_events, line_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

Framing: TypeAlias = Literal["events", "lines", "array", "frames", "whole"]
"""``events``: server-sent events. ``lines``: a JSON value a line. ``array``: a stream sent as one JSON array.
``frames``: AWS's binary event stream. ``whole``: one body."""

_BY_HEADER: tuple[tuple[str, Framing], ...] = (
    ("amazon.eventstream", "frames"),
    ("event-stream", "events"),
    ("ndjson", "lines"),
    ("jsonl", "lines"),
    ("json-seq", "lines"),
    ("stream+json", "lines"),
)
_FIELD = re.compile(rb"(?:data|event|id|retry)(?=[:\r\n])|error: ?\{|:")
_DATA = re.compile(rb"(?:\A|[\r\n])(?:data[:\r\n]|error: ?\{)")
_EVENT = re.compile(rb".*?(?:\r\n|\n|\r(?!\n)){2}|.+\Z", re.DOTALL)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_HEAD = 65536
_PRELUDE = 12
_SPACE = b"\xef\xbb\xbf \t\r\n"


def framing(response: HttpResponse) -> Framing:
    """How the body of ``response`` is framed."""
    body = response.body
    head = body[:_HEAD]
    text = head.lstrip(_SPACE)
    labelled = by_header(header(response.headers, "content-type") or "")
    if _is_frame(head):
        return "frames"
    if text[:1] == b"[":
        return "array"
    if text[:1] == b"{":
        return "lines" if labelled == "lines" or _more_lines(body.lstrip(_SPACE)) else "whole"
    if _FIELD.match(text) and _DATA.search(text):
        return "events"
    return labelled


class Feed:
    """Bytes of a stream on its way in, its pieces out as events; the framing is judged by the first bytes."""

    def __init__(self) -> None:
        self._start = b""
        self._inner: EventFeed | _LineFeed | _ArrayFeed | None = None

    def feed(self, data: bytes) -> list[SseEvent]:
        """The pieces that ``data`` ends. Raises ``UnreadableReplyError`` for bytes that are not UTF-8."""
        if self._inner is None:
            self._start += data
            start = self._start.lstrip(_SPACE)[:1]
            if not start:
                return []
            self._inner = _ArrayFeed() if start == b"[" else _LineFeed() if start == b"{" else EventFeed()
            data, self._start = self._start, b""
        return self._inner.feed(data)

    def end(self) -> list[SseEvent]:
        """What was left. Raises ``StreamCutError`` where that is half a character or half an array."""
        return self._inner.end() if self._inner is not None else []


class _LineFeed:
    """JSON values, each on a line of its own, or one over several lines that ends in a line of its own."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._open: list[bytes] = []

    def feed(self, data: bytes) -> list[SseEvent]:
        first, *others = data.split(b"\n")
        self._line.append(first)
        if not others:
            return []
        lines = [b"".join(self._line), *others[:-1]]
        self._line = [others[-1]]
        return [event for line in lines for event in self._take(line.lstrip(BYTE_ORDER_MARK))]

    def end(self) -> list[SseEvent]:
        rest = b"\n".join((*self._open, b"".join(self._line).lstrip(BYTE_ORDER_MARK))).strip()
        try:
            return [SseEvent("", rest.decode(), whole=False)] if rest else []
        except UnicodeDecodeError as error:
            raise StreamCutError("the stream ends inside a character") from error

    def _take(self, line: bytes) -> Iterator[SseEvent]:
        if not line.strip():
            return
        if self._open and not line.startswith(b"{"):
            self._open.append(line)
            if line.startswith(b"}"):
                yield self._event(b"\n".join(self._open))
                self._open = []
        elif is_json(line) or self._open:
            yield from (self._event(one) for one in (b"\n".join(self._open), line) if one)
            self._open = []
        else:
            self._open.append(line)

    def _event(self, text: bytes) -> SseEvent:
        try:
            return SseEvent("", text.decode())
        except UnicodeDecodeError as error:
            raise UnreadableReplyError(f"a line that is not UTF-8: {text[:200]!r}", repr(text)) from error


class _ArrayFeed:
    """A stream sent as one JSON array: its items come when it has ended."""

    def __init__(self) -> None:
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[SseEvent]:
        self._data.append(data)
        return []

    def end(self) -> list[SseEvent]:
        made: list[SseEvent] = []
        with suppress(StreamCutError):  # the items before the cut have no finish word, and that shows it
            made.extend(SseEvent("", json.dumps(item)) for item in array_items(b"".join(self._data)))
        return made


def streamed(response: HttpResponse) -> bool:
    """Whether ``response`` is a stream: its chunks are pieces with a meaning of their own."""
    return framing(response) not in {"whole", "array"}


def body_parts(response: HttpResponse) -> list[bytes]:
    """The body in the pieces that its framing makes of it; joined they are the body."""
    body, kind = response.body, framing(response)
    if kind in {"whole", "array"}:
        return [body]
    if kind == "frames":
        return _frames(body)
    return (_EVENT if kind == "events" else _LINE).findall(body)


def _frames(body: bytes) -> list[bytes]:
    made, start = [], 0
    while start < len(body):
        size = int.from_bytes(body[start : start + 4]) or len(body)
        made.append(body[start : start + size])
        start += size
    return made


def by_header(content_type: str) -> Framing:
    """The framing that a content type names."""
    return next((kind for word, kind in _BY_HEADER if word in content_type.lower()), "whole")


def pieces(response: HttpResponse) -> Iterator[tuple[str, Json]]:
    """Each event, line or array item of a text body, with its type, ``[DONE]`` as None; a whole body is one piece.

    Raises ``StreamCutError`` where the body ends inside a piece, ``UnreadableReplyError`` for a piece that is no JSON.
    """
    kind = framing(response)
    if kind == "events":
        yield from json_events(response.body)
    elif kind == "lines":
        yield from json_lines(response.body)
    elif kind == "array":
        yield from (("", one) for one in array_items(response.body))
    else:
        yield "", json_whole(response.body)


def json_whole(body: bytes) -> Json:
    """A body that is one JSON value. Raises ``UnreadableReplyError``."""
    try:
        return json.loads(body.removeprefix(BYTE_ORDER_MARK).decode())
    except (ValueError, RecursionError) as error:
        raise UnreadableReplyError(f"no JSON: {error}", body.decode(errors="replace")) from error


def json_lines(body: bytes) -> Iterator[tuple[str, Json]]:
    """A body of one JSON value a line, in the shape of ``json_events``. Raises the same errors."""
    lines = body.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    for start, line in enumerate(lines):
        last = start == len(lines) - 1
        if not line.strip():
            continue
        try:
            yield "", json.loads(line_text(line, last=last))
        except (ValueError, RecursionError) as error:
            shown = line[:200].decode(errors="replace")
            if last:
                raise StreamCutError(f"the stream ends inside a line: {shown}") from error
            raise UnreadableReplyError(f"a line that is no JSON: {shown}", shown) from error


def array_items(body: bytes) -> Iterator[Json]:
    """The items of a body that is one JSON array. Of one that breaks off, the whole items, then ``StreamCutError``."""
    text = _decoded(body)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _closed(text):
            raise UnreadableReplyError(f"no JSON: {error}", text) from error
    else:
        yield from value if isinstance(value, list) else [value]
        return
    rest = text[1:]
    with suppress(ValueError, RecursionError):
        while rest := rest.lstrip(", \r\n\t"):
            value, length = json.JSONDecoder().raw_decode(rest)
            yield value
            rest = rest[length:]
    raise StreamCutError("the array of answers is cut")


def _decoded(body: bytes) -> str:
    """``body`` as text, without the half character that it may be cut in."""
    try:
        return body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        if error.end < len(body) or error.reason != "unexpected end of data":
            raise UnreadableReplyError(f"not UTF-8 at byte {error.start}", repr(body[error.start :][:80])) from error
        return body[: error.start].decode("utf-8-sig").strip()


def _closed(text: str) -> bool:
    """Whether every bracket has its end: the text was not cut, but is wrong somewhere."""
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return '"' not in outside and sum(map(outside.count, "[{")) == sum(map(outside.count, "]}"))


def _is_frame(head: bytes) -> bool:
    if len(head) < _PRELUDE or head[0]:
        return False
    (crc,) = struct.unpack(">I", head[8:_PRELUDE])
    return bool(zlib.crc32(head[:8]) == crc)


def _more_lines(text: bytes) -> bool:
    """Whether the first line is a JSON value of its own, and another follows."""
    first, _, rest = text.partition(b"\n")
    if rest.lstrip()[:1] != b"{":
        return False
    return is_json(first)
