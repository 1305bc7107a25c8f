r"""A response's body in the pieces in which it came: a stream chunk by chunk, anything else whole.

A chunk of a stream is a text, ``"0.812 data: {'city':'Zürich'}\n\n"``: the time in seconds, and what came, in which
``'`` and ``"`` stand in each other's place. So JSON needs no backslashes there, a reviewer can read it, and it is
read back many times as fast as from JSON values. Format 1 wrote objects, as what is no text still is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.cassette.format import bodies
from harness.cassette.format.fields import a_list, a_text, seconds
from harness.core.exchange import Chunk
from harness.dialects.framing.kinds import streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

_TIMED = re.compile(r"\d{1,12}(?:\.\d{1,6})? ").match
_QUOTES = bytes.maketrans(b"'\"", b"\"'")


def written(response: HttpResponse, write: Callable[[bytes], dict[str, Json]], *, plain: bool = False) -> Json:
    """A stream as the list of its chunks; anything else whole, with the lengths and times of its chunks beside it."""
    chunks = response.chunks
    if streamed(response):
        return {"stream": [_chunk(chunk, write, plain=plain) for chunk in chunks]}
    if not chunks:
        return {}
    made: dict[str, Json] = {"body": write(response.body)}
    if len(chunks) > 1:
        made["chunks"] = [f"{len(chunk.data)} at {_time(chunk.at)}" for chunk in chunks]
    elif chunks[0].at:
        made["at"] = _time(chunks[0].at)
    return made


def read(given: dict[str, Json]) -> tuple[Chunk, ...]:
    """The chunks of a written response. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    if "stream" in given:
        return tuple(map(_read, a_list(given["stream"])))
    if "body" not in given:
        return ()
    body = bodies.read(given["body"])
    if "chunks" not in given:
        return (Chunk(body, seconds(given.get("at", 0))),)
    made, start = [], 0
    for one in a_list(given["chunks"]):
        length, _, at = a_text(one).partition(" at ")
        if not length.isdecimal():
            raise ValueError(f"{one[:60]!r} is no chunk: it needs a length, 'at' and seconds")
        end = start + int(length)
        made.append(Chunk(body[start:end], seconds(float(at))))
        start = end
    if start != len(body):
        raise ValueError(f"the chunks' lengths make {start} bytes, and the body has {len(body)}")
    return tuple(made)


def is_lazy(given: dict[str, Json]) -> bool:
    """Whether ``read`` can wait until the chunks are asked for: a stream of texts, or a body in one chunk of
    which ``bodies.late`` says so.
    """
    stream = given.get("stream")
    if stream is not None:
        return isinstance(stream, list) and all(isinstance(one, str) and _TIMED(one) for one in stream)
    if "chunks" in given or not bodies.is_lazy(given.get("body")):
        return False
    seconds(given.get("at", 0))
    return True


def _chunk(chunk: Chunk, write: Callable[[bytes], dict[str, Json]], *, plain: bool) -> Json:
    if not plain:
        try:
            return f"{_time(chunk.at)} {chunk.data.translate(_QUOTES).decode()}"
        except UnicodeDecodeError:
            pass
    return {"at": _time(chunk.at), **write(chunk.data)}


def _read(value: Json) -> Chunk:
    if isinstance(value, str):
        at, space, text = value.partition(" ")
        if not space:
            raise ValueError(f"{value[:60]!r} is no chunk: it needs seconds, a space and a text")
        return Chunk(text.encode().translate(_QUOTES), seconds(float(at)))
    if not isinstance(value, dict):
        raise TypeError(f"expected a text or an object, not {type(value).__name__}")
    return Chunk(bodies.read(value), seconds(value.get("at", 0)))


def _time(at: float) -> float | int:
    """Milliseconds are kept; a whole number is written as one."""
    rounded = round(at, 3)
    return int(rounded) if rounded == int(rounded) else rounded
