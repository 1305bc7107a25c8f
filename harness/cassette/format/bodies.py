r"""Bodies as a reviewer reads them, and back to the exact bytes.

JSON stands as JSON where the exact bytes can be rebuilt from it, else as text (a list of lines where there are
several), else as base64. A text that is itself JSON, such as a tool call's arguments, stands as ``{"$json": …}``; an
event's line as ``{"data": …}``, a line of JSON as ``{"json": …}``; of AWS event streams each message stands with its
headers and its JSON.

A response's body stands in the pieces in which it came: a stream chunk by chunk, anything else whole. A chunk of a
stream is a text, ``"0.812 data: {'city':'Zürich'}\n\n"``: the time in seconds, and what came, in which ``'`` and ``"``
stand in each other's place. So JSON needs no backslashes there, a reviewer can read it, and it is read back many times
as fast as from JSON values. Format 1 wrote objects, as what is no text still is. The decoded text and calls of a stream
are written beside it for the reviewer and never read back: the chunks are the recording.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.core.exchange import Chunk
from harness.dialects.framing import eventstream, streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

_Write: TypeAlias = "Callable[[Json], str]"
_ENDLESS = float("inf")
_TIMED = re.compile(r"\d{1,12}(?:\.\d{1,6})? ").match
_QUOTES = bytes.maketrans(b"'\"", b"\"'")
DEEPEST = 100
"""How many levels of JSON are read as JSON: what is nested deeper is taken as text."""


def _encoder(
    separators: tuple[str, str] | None = None, *, ascii_only: bool = False, indent: int | None = None
) -> _Write:
    return json.JSONEncoder(separators=separators, ensure_ascii=ascii_only, indent=indent, allow_nan=False).encode


# How a body's JSON was written. The first is the default and is not named.
_STYLES: dict[str, _Write] = {
    "compact": _encoder((",", ":")),
    "spaced": _encoder(),
    "compact-ascii": _encoder((",", ":"), ascii_only=True),
    "spaced-ascii": _encoder(ascii_only=True),
    "indent-2": _encoder(indent=2),
    "indent-4": _encoder(indent=4),
}
_COMPACT = "compact"
_MARK = "$json"
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_SPACED = re.compile(r'[{,]\s*"[^"\\]*":\s')


def written(body: bytes) -> dict[str, Json]:
    """``{"json": …, "style": …}``, ``{"text": …}``, ``{"frames": …}`` or ``{"base64": …}``: whichever gives back
    these bytes.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        messages = _frames_written(body)
        return {"frames": messages} if messages else {"base64": base64.b64encode(body).decode("ascii")}
    if text[:1] in {"{", "["}:
        bare = text.rstrip("\r\n")
        found = _as_json(bare)
        if found:
            return found if bare == text else {**found, "end": text[len(bare) :]}
    return _as_text(text)


def write(body: bytes, *, plain: bool = False) -> dict[str, Json]:
    """``written``; where it is ``plain``, for machines and quick, ``{"text": …}`` or ``{"base64": …}`` unparsed."""
    if not plain:
        return written(body)
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def read(value: Json) -> bytes:
    """The bytes of a written body. Raises ``ValueError``, ``TypeError`` or ``KeyError`` for one that is none."""
    if not isinstance(value, dict):
        raise TypeError("a body is an object with json, text, frames or base64")
    if "json" in value:
        whole: str = _style(value)(value["json"]) + value.get("end", "")
        return whole.encode()
    if "text" in value:
        text = value["text"]
        return text.encode() if isinstance(text, str) else "".join(_lines_read(text, value)).encode()
    if "frames" in value:
        return _frames_read(value["frames"])
    try:
        return base64.b64decode(value["base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"a body's base64 is broken: {error}") from error


def is_lazy(value: Json) -> bool:
    """Whether the bytes of a written body may be made later: all that is found wrong then is a number too large."""
    if not isinstance(value, dict) or "json" not in value:
        return False
    _style(value)
    if not isinstance(value.get("end", ""), str):
        raise TypeError("the end of a body is a text")
    return True


def unmarked(made: dict[str, Json]) -> Json:
    """The value that an object of the document stands for: for ``{"$json": …}`` the text that it is the JSON of."""
    if _MARK in made and made.keys() <= {_MARK, "$style"}:
        return _style({"style": made.get("$style", _COMPACT)})(made[_MARK])
    return {(name[1:] if name.startswith("$$") else name): inner for name, inner in made.items()}


def escaped(value: Json) -> Json:
    """``value`` as it can stand in the document: names that begin with ``$`` get another one."""
    if isinstance(value, str):
        value.encode()  # a lone surrogate can't stand there: UnicodeEncodeError, a ValueError
    if isinstance(value, list):
        return [escaped(inner) for inner in value]
    if isinstance(value, dict):
        return {(f"${name}" if name[:1] == "$" else name): escaped(inner) for name, inner in value.items()}
    return value


def deep(text: str | bytes) -> bool:
    """Whether JSON is nested beyond ``DEEPEST`` levels."""
    open_, list_ = ("{", "[") if isinstance(text, str) else (b"{", b"[")
    if text.count(open_) + text.count(list_) <= DEEPEST:  # type: ignore[arg-type]  # each with its own kind
        return False
    level = 0
    for mark in _TOKENS.findall(text if isinstance(text, str) else text.decode("latin-1")):
        if mark in "[{":
            level += 1
            if level > DEEPEST:
                return True
        elif mark in "]}":
            level -= 1
    return False


def _as_json(text: str) -> dict[str, Json] | None:
    value, name = _parsed(text)
    if name is None:
        return None
    found = {"json": _marked(value)}
    return found if name == _COMPACT else {**found, "style": name}


def _parsed(text: str, only: str | None = None) -> tuple[Json, str | None]:
    """The value of ``text``, and the style that rebuilds it; None where none does."""
    if deep(text):
        return None, None
    try:
        value = json.loads(text)
        name = next((name for name in ([only] if only else _likely(text)) if _STYLES[name](value) == text), None)
    except ValueError:
        return None, None
    return (value, name) if name and _encodable(text, value) else (None, None)


def _encodable(text: str, value: Json) -> bool:
    """Whether ``value`` can stand in a UTF-8 document: an escaped lone surrogate can't."""
    if "\\u" not in text:
        return True
    try:
        _STYLES["spaced"](value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _likely(text: str) -> list[str]:
    if "\n" in text:
        return ["indent-2", "indent-4"]
    spaced = _SPACED.search(text[:2000]) is not None
    first = "spaced" if spaced else _COMPACT
    names = [first, f"{first}-ascii"]
    # A body without any comma or colon shows no style, and an empty one fits all.
    return names if spaced else [*names, "spaced", "spaced-ascii"]


def _marked(value: Json) -> Json:
    """``value`` with each text that is the JSON of an object or list shown as that."""
    if isinstance(value, str):
        return _text_marked(value)
    if isinstance(value, list):
        return [_marked(inner) for inner in value]
    if isinstance(value, dict):
        return {(f"${name}" if name[:1] == "$" else name): _marked(inner) for name, inner in value.items()}
    return value


def _text_marked(text: str) -> Json:
    if text[:1] not in {"{", "["} or text[-1] not in {"}", "]"} or len(text) <= len("[]"):
        return text
    value, name = _parsed(text)
    if name is None:
        return text
    # What is inside stands as it is: one level of reading is enough, and all that is undone.
    made = {_MARK: escaped(value)}
    return made if name == _COMPACT else {**made, "$style": name}


def _as_text(text: str) -> dict[str, Json]:
    """One line as a string, several as a list, each with its end."""
    lines = text.split("\n")
    if len(lines) == 1:
        return {"text": text}
    end = "\r\n" if lines[0].endswith("\r") else "\n"
    made: list[Json] = []
    style: str | None = None
    for line in [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else []):
        shown, style = _line(line, end, style)
        made.append(shown)
    found: dict[str, Json] = {"text": made}
    if style not in {None, _COMPACT}:
        found["style"] = style
    if end != "\n" and style:
        found["end"] = end
    return found


def _line(line: str, end: str, style: str | None) -> tuple[Json, str | None]:
    """A line of an event stream or of JSON lines, and the style of those so far."""
    kind = "data" if line.startswith("data: {") else "json" if line[:1] == "{" else None
    if kind is None or not line.endswith(end):
        return line, style
    text = line[6 if kind == "data" else 0 : -len(end)]
    value, name = _parsed(text, style)
    if name is None:
        return line, style
    return {kind: _marked(value)}, name


def _lines_read(lines: list[Any], value: dict[str, Json]) -> list[str]:
    style, end = _style(value), value.get("end", "\n")
    made = []
    for line in lines:
        if isinstance(line, str):
            made.append(line)
        elif len(line) == 1 and "data" in line:
            made.append(f"data: {style(line['data'])}{end}")
        else:
            made.append(f"{style(line['json'])}{end}")
    return made


def _style(value: dict[str, Json]) -> _Write:
    name = value.get("style", _COMPACT)
    if not isinstance(name, str) or name not in _STYLES:
        raise ValueError(f"unknown style {name!r} of JSON")
    return _STYLES[name]


def _frames_written(body: bytes) -> list[Json] | None:
    """The messages in ``body``; None where it is not made of whole ones that can be rebuilt."""
    try:
        made: list[Json] = [
            {"headers": frame.headers, "payload": frame.payload.decode()} for frame in eventstream.frames(body)
        ]
    except (StreamCutError, UnreadableReplyError, UnicodeDecodeError):
        return None
    for frame in made:
        payload = frame["payload"]
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(payload)
            if isinstance(value, dict) and _STYLES[_COMPACT](value) == payload:
                frame["json"] = value
                del frame["payload"]
    return made if made and _frames_read(made) == body else None


def _frames_read(value: Json) -> bytes:
    """The bytes of written messages. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    try:
        return b"".join(
            eventstream.write(
                one["headers"], (_STYLES[_COMPACT](one["json"]) if "json" in one else one["payload"]).encode()
            )
            for one in value
        )
    except UsageError as error:
        raise ValueError(str(error)) from error


def a_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {type(value).__name__}")
    return value


def a_text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {str(value)[:60]!r}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text holds half a surrogate pair, which no file can hold") from error
    return value


def seconds(value: Json) -> float:
    if type(value) not in {int, float} or not 0 <= value < _ENDLESS:
        raise ValueError(f"{value!r} is no time in seconds")
    return float(value)


def from_chunks(response: HttpResponse, *, plain: bool = False) -> Json:
    """A stream as the list of its chunks; anything else whole, with the lengths and times of its chunks beside it."""
    chunks = response.chunks
    if streamed(response):
        return {"stream": [_from_chunk(chunk, plain=plain) for chunk in chunks]}
    if not chunks:
        return {}
    made: dict[str, Json] = {"body": write(response.body, plain=plain)}
    if len(chunks) > 1:
        made["chunks"] = [f"{len(chunk.data)} at {_time(chunk.at)}" for chunk in chunks]
    elif chunks[0].at:
        made["at"] = _time(chunks[0].at)
    return made


def to_chunks(fields: dict[str, Json]) -> tuple[Chunk, ...]:
    """The chunks of a written response. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    if "stream" in fields:
        return tuple(map(_to_chunk, a_list(fields["stream"])))
    if "body" not in fields:
        return ()
    body = read(fields["body"])
    if "chunks" not in fields:
        return (Chunk(body, seconds(fields.get("at", 0))),)
    made, start = [], 0
    for one in a_list(fields["chunks"]):
        length, _, at = a_text(one).partition(" at ")
        if not length.isdecimal():
            raise ValueError(f"{one[:60]!r} is no chunk: it needs a length, 'at' and seconds")
        end = start + int(length)
        made.append(Chunk(body[start:end], seconds(float(at))))
        start = end
    if start != len(body):
        raise ValueError(f"the chunks' lengths make {start} bytes, and the body has {len(body)}")
    return tuple(made)


def is_lazy_response(fields: dict[str, Json]) -> bool:
    """Whether ``to_chunks`` can wait until the chunks are first read: a stream of texts, or a body in one chunk of
    which ``is_lazy`` is true.
    """
    stream = fields.get("stream")
    if stream is not None:
        return isinstance(stream, list) and all(isinstance(one, str) and _TIMED(one) for one in stream)
    if "chunks" in fields or not is_lazy(fields.get("body")):
        return False
    seconds(fields.get("at", 0))
    return True


def _from_chunk(chunk: Chunk, *, plain: bool) -> Json:
    if not plain:
        try:
            return f"{_time(chunk.at)} {chunk.data.translate(_QUOTES).decode()}"
        except UnicodeDecodeError:
            pass
    return {"at": _time(chunk.at), **write(chunk.data, plain=plain)}


def _to_chunk(value: Json) -> Chunk:
    if isinstance(value, str):
        at, space, text = value.partition(" ")
        if not space:
            raise ValueError(f"{value[:60]!r} is no chunk: it needs seconds, a space and a text")
        return Chunk(text.encode().translate(_QUOTES), seconds(float(at)))
    if not isinstance(value, dict):
        raise TypeError(f"expected a text or an object, not {type(value).__name__}")
    return Chunk(read(value), seconds(value.get("at", 0)))


def _time(at: float) -> float | int:
    """To the millisecond; a whole number is written as one."""
    rounded = round(at, 3)
    return int(rounded) if rounded == int(rounded) else rounded
