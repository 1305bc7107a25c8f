"""Server-sent events, as the HTML standard's "Server-sent events" chapter reads them, and how they are written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import StreamCutError, UnreadableReplyError
from harness.exchange import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.chat import Json

# Only these end a line: U+0085 and U+2028 are ordinary text, though str.splitlines thinks otherwise.
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type (``""`` where none was named) and its data lines joined by line feeds.

    ``whole`` is False for what stood at the end of the stream without the blank line that ends an event.
    """

    type: str
    data: str
    whole: bool = True


def events(body: bytes) -> Iterator[Event]:
    """The events of a body. Raises ``StreamCutError`` where it ends inside a UTF-8 character.

    Blocks without a data line are no events; comments and the fields ``id`` and ``retry`` are passed over. What a
    browser would drop, an event at the end without its blank line, is given too, and said not to be ``whole``.
    """
    lines = _LINE_END.split(body.removeprefix(b"\xef\xbb\xbf"))
    kind, data = "", list[str]()
    for raw in lines[:-1]:
        line = _text(raw)
        if line:
            kind, data = _field(line, kind, data)
            continue
        if data:
            yield Event(kind, "\n".join(data))
        kind, data = "", []
    if lines[-1]:
        kind, data = _field(_text(lines[-1], last=True), kind, data)
    if data:
        yield Event(kind, "\n".join(data), whole=False)


def json_events(body: bytes) -> Iterator[tuple[str, Json]]:
    """Each event's type and its data as JSON, up to ``[DONE]``, which is given as None.

    Raises ``StreamCutError`` where the last event is half an event, ``UnreadableReplyError`` for any other that is
    no JSON.
    """
    for event in events(body):
        if event.data.strip() == "[DONE]":
            yield event.type, None
            return
        try:
            yield event.type, json.loads(event.data)
        except (ValueError, RecursionError) as error:
            if not event.whole:
                raise StreamCutError(f"the stream ends inside an event: {event.data[:200]}") from error
            raise UnreadableReplyError(f"an event that is no JSON: {event.data[:200]}", event.data) from error


def write(data: str, *, event: str = "", newline: str = "\n") -> bytes:
    """One event as bytes; ``data`` holds no line end."""
    head = f"event: {event}{newline}" if event else ""
    return f"{head}data: {data}{newline}{newline}".encode()


def dumps(value: Json) -> str:
    """JSON as providers send it: compact, not escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def chunks(pieces: Iterable[bytes]) -> tuple[Chunk, ...]:
    return tuple(Chunk(piece) for piece in pieces)


def json_whole(body: bytes) -> Json:
    """A body that is one JSON value. Raises ``UnreadableReplyError``."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UnreadableReplyError(f"no JSON: {error}", body.decode(errors="replace")) from error


def _field(line: str, kind: str, data: list[str]) -> tuple[str, list[str]]:
    name, _, value = line.partition(":")
    value = value.removeprefix(" ")
    if name == "data":
        return kind, [*data, value]
    return (value, data) if name == "event" else (kind, data)


def _text(line: bytes, *, last: bool = False) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        if last:
            raise StreamCutError("the stream ends inside a character") from error
        raise UnreadableReplyError(f"a line that is not UTF-8: {line[:200]!r}", repr(line)) from error


def json_lines(body: bytes) -> Iterator[tuple[str, Json]]:
    """A body of one JSON value a line, in the shape of ``json_events``. Raises the same errors."""
    lines = body.split(b"\n")
    for place, line in enumerate(lines):
        last = place == len(lines) - 1
        if not line.strip():
            continue
        try:
            yield "", json.loads(_text(line, last=last))
        except (ValueError, RecursionError) as error:
            shown = line[:200].decode(errors="replace")
            if last:
                raise StreamCutError(f"the stream ends inside a line: {shown}") from error
            raise UnreadableReplyError(f"a line that is no JSON: {shown}", shown) from error
