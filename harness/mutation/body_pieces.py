"""A body in the pieces that it is made of: events, lines, frames of an event stream, or one whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.dialects.framing import eventstream
from harness.dialects.framing.sse import chunks, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse
    from harness.dialects.framing.kinds import Framing

_DATA = re.compile(rb"^data: ?(.*?)(\r?)$", re.MULTILINE)


def joined(response: HttpResponse, pieces: Sequence[bytes]) -> HttpResponse:
    """``response`` with ``pieces`` for its body, each a chunk."""
    return replace(response, chunks=chunks(pieces))


def edited(piece: bytes, written: Framing, change: Callable[[Json], Json]) -> bytes:
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
