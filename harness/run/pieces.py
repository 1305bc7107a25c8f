"""A body in the pieces that it is made of: events, lines, frames of an event stream, or one whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.exchange import header
from harness.wire import eventstream
from harness.wire.sse import chunks, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.chat import Json
    from harness.exchange import HttpResponse

Form: TypeAlias = Literal["whole", "events", "lines", "frames"]

_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)|.+\Z", re.DOTALL)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_DATA = re.compile(rb"^data: ?(.*?)(\r?)$", re.MULTILINE)


def form(response: HttpResponse) -> Form:
    """How the body is written, by its content type; a body that begins as an event stream is one."""
    kind = header(response.headers, "content-type") or ""
    if "amazon.eventstream" in kind:
        return "frames"
    if "event-stream" in kind or response.body.startswith(b"data:"):
        return "events"
    return "lines" if "ndjson" in kind or "stream+json" in kind else "whole"


def split(response: HttpResponse) -> list[bytes]:
    """The pieces of the body; joined they are the body."""
    body, written = response.body, form(response)
    if written == "whole":
        return [body]
    if written == "frames":
        return _frames(body)
    return (_EVENT if written == "events" else _LINE).findall(body)


def _frames(body: bytes) -> list[bytes]:
    made, place = [], 0
    while place < len(body):
        size = int.from_bytes(body[place : place + 4]) or len(body)
        made.append(body[place : place + size])
        place += size
    return made


def joined(response: HttpResponse, pieces: Sequence[bytes]) -> HttpResponse:
    """``response`` with ``pieces`` for its body, each a chunk."""
    return replace(response, chunks=chunks(pieces))


def edited(piece: bytes, written: Form, change: Callable[[Json], Json]) -> bytes:
    """``piece`` with its JSON changed; as it is, where it holds none or nothing changes."""
    if written == "events":
        return _DATA.sub(lambda found: b"data: " + _changed(found[1], change) + found[2], piece)
    if written == "frames":
        (frame,) = eventstream.frames(piece)
        made = _changed(frame.payload, change)
        return piece if made == frame.payload else eventstream.write(frame.headers, made)
    end = b"\n" if piece.endswith(b"\n") else b""
    return _changed(piece.removesuffix(b"\n"), change) + end


def _changed(text: bytes, change: Callable[[Json], Json]) -> bytes:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    made = change(value)
    return text if made == value else dumps(made).encode()
