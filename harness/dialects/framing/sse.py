"""Server-sent events, as the HTML standard's "Server-sent events" chapter reads them, and how they are written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.core.exchange import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.chat import Json

# Only these end a line: U+0085 and U+2028 are ordinary text, though str.splitlines thinks otherwise.
_LINE_END = re.compile(rb"\r\n|\n|\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE = 4096
DONE = "[DONE]"
"""The data of the event that ends a stream of OpenAI's kind."""
_DONE = re.compile(rb"(?:\A|[\r\n])data: ?\[DONE\]\s*\Z")
_KEEPALIVES = frozenset({"", "ping", "keepalive", "keep-alive", "heartbeat"})


class SseEvent(NamedTuple):
    """One event: its type (``""`` where none was named) and its data lines joined by line feeds.

    ``whole`` is False for what stood at the end of the stream without the blank line that ends an event.
    """

    type: str
    data: str
    whole: bool = True


class EventFeed:
    """Bytes in, events out, however the bytes are cut: the one reading of this framing, for whole bodies and for
    streams on their way.

    Blocks without a data line are no events; comments and the fields ``id`` and ``retry`` are passed over. What a
    browser would drop, an event at the end without its blank line, is given too, marked as not ``whole``. A field
    ``error``, which the standard does not have, is the data of an event of that type (llama-box's).
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._kind, self._data = "", list[str]()
        self._after_return = False
        self._start: bytes | None = b""

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that ``data`` ends. Raises ``UnreadableReplyError`` for a line that is not UTF-8."""
        if self._start is not None:
            data = self._start + data
            self._start = data if BYTE_ORDER_MARK.startswith(data) and data != BYTE_ORDER_MARK else None
            if self._start is not None:
                return []
            data = data.removeprefix(BYTE_ORDER_MARK)
        if not data:
            return []
        if self._after_return:
            data = data.removeprefix(b"\n")  # of a CR LF that was cut in two
            self._after_return = False
        if not data:
            return []
        self._after_return = data.endswith(b"\r")
        first, *others = _LINE_END.split(data)
        if not others:
            self._line.append(first)
            return []
        lines = [b"".join((*self._line, first)), *others[:-1]]
        self._line = [others[-1]]
        return self._take(lines)

    def end(self) -> list[SseEvent]:
        """What was left at the end. Raises ``StreamCutError`` where that is half a character."""
        rest = b"".join((self._start or b"", *self._line))
        if rest:
            self._field(line_text(rest, last=True))
        data, self._data = self._data, []
        return [SseEvent(self._kind, "\n".join(data), whole=False)] if data else []

    def _take(self, lines: list[bytes]) -> list[SseEvent]:
        made: list[SseEvent] = []
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line_text(line)[6:])
            elif line:
                self._field(line_text(line))
            else:
                if self._data:
                    made.append(SseEvent(self._kind, "\n".join(self._data)))
                self._kind, self._data = "", []
        return made

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "error":
            self._data.append(value)
            self._kind = name
        elif name == "event":
            self._kind = value


def events(body: bytes) -> Iterator[SseEvent]:
    """The events of a body. Raises ``StreamCutError`` where it ends inside a UTF-8 character."""
    feed = EventFeed()
    # A line that can't be read must not hide the events before it.
    for start in range(0, len(body), _PIECE):
        yield from feed.feed(body[start : start + _PIECE])
    yield from feed.end()


def json_events(body: bytes) -> Iterator[tuple[str, Json]]:
    """Each event's type and its data as JSON, up to ``[DONE]``, which is given as None.

    Keepalives, whose data is empty or a word, are passed over. Raises ``StreamCutError`` where the last event is half
    an event, ``UnreadableReplyError`` for any other that is no JSON.
    """
    for event in events(body):
        for text in texts(event):
            if text == DONE:
                yield event.type, None
                return
            try:
                yield event.type, loads(text)
            except (ValueError, RecursionError) as error:
                if event.type == "error":
                    yield event.type, text  # an error in plain words
                    continue
                if not event.whole:
                    raise StreamCutError(f"the stream ends inside an event: {text[:200]}") from error
                raise UnreadableReplyError(f"an event that is no JSON: {text[:200]}", text) from error


def texts(event: SseEvent) -> list[str]:
    """The JSON texts that ``event`` holds: its data, none of a keepalive, and each line of data that is no JSON as a
    whole. Some servers leave out the blank line between events.
    """
    text = event.data.strip()
    if text[:1] == "{" and "\n" not in text:
        return [text]
    if is_keepalive(event):
        return []
    lines = text.split("\n")
    if len(lines) > 1 and not is_json(text) and all(one == DONE or is_json(one) for one in lines[:-1]):
        return lines
    return [text]


def loads(text: str) -> Json:
    """``json.loads`` in fewer steps, for the thousands of small texts of a stream."""
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


_DECODER = json.JSONDecoder()


def is_json(text: str | bytes) -> bool:
    """Whether ``text`` is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_keepalive(event: SseEvent) -> bool:
    """Whether ``event`` only keeps the connection open."""
    return event.data.strip().lower() in _KEEPALIVES


def ends_stream(tail: bytes) -> bool:
    """Whether a stream whose last bytes are ``tail`` has sent ``[DONE]``: clients of OpenAI's kind read no further."""
    return _DONE.search(tail) is not None


def write(data: str, *, event: str = "", newline: str = "\n") -> bytes:
    """One event as bytes; ``data`` holds no line end."""
    head = f"event: {event}{newline}" if event else ""
    return f"{head}data: {data}{newline}{newline}".encode()


def dumps(value: Json) -> str:
    """JSON as providers send it: compact, not escaped."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def chunks(pieces: Iterable[bytes]) -> tuple[Chunk, ...]:
    return tuple(Chunk(piece) for piece in pieces)


def line_text(line: bytes, *, last: bool = False) -> str:
    """A line of UTF-8. Raises ``UnreadableReplyError``, for the ``last`` one ``StreamCutError``."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        if last:
            raise StreamCutError("the stream ends inside a character") from error
        raise UnreadableReplyError(f"a line that is not UTF-8: {line[:200]!r}", repr(line)) from error
