"""Bodies as a reviewer reads them, and back to the exact bytes.

JSON stands as JSON where the exact bytes can be rebuilt from it, else as text (a list of lines where there are
several), else as base64. A text that is itself JSON, such as a tool call's arguments, stands as ``{"$json": …}``; an
event's line as ``{"data": …}``, a line of JSON as ``{"json": …}``; of AWS event streams each message stands with its
headers and its JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.dialects.framing import eventstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json

DEEPEST = 100
"""How many levels of JSON are read as JSON: what is nested deeper is taken as text."""


def _encoder(*, ascii_only: bool, item: str, key: str) -> Callable[[Json], str]:
    """Like ``JSONEncoder.encode``, which sets up its inner half again for each of a stream's many small values."""
    whole = json.JSONEncoder(separators=(item, key), ensure_ascii=ascii_only, allow_nan=False)
    make: Any = json.encoder.c_make_encoder  # type: ignore[attr-defined]  # there in CPython only
    if make is None:
        return whole.encode
    text = json.encoder.encode_basestring_ascii if ascii_only else json.encoder.encode_basestring
    no = False
    # Without a record of what it is inside of, a value must be a tree: what was read from JSON is one.
    inner = make(None, whole.default, text, None, key, item, no, no, no)
    return lambda value: "".join(inner(value, 0))


_WHOLE = _encoder(ascii_only=False, item=", ", key=": ")
# How a body's JSON was written. The first is the default and is not named.
_STYLES: dict[str, Callable[[Json], str]] = {
    "compact": _encoder(ascii_only=False, item=",", key=":"),
    "spaced": _WHOLE,
    "compact-ascii": _encoder(ascii_only=True, item=",", key=":"),
    "spaced-ascii": _encoder(ascii_only=True, item=", ", key=": "),
    "indent-2": json.JSONEncoder(indent=2, ensure_ascii=False, allow_nan=False).encode,
    "indent-4": json.JSONEncoder(indent=4, ensure_ascii=False, allow_nan=False).encode,
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


def plainly(body: bytes) -> dict[str, Json]:
    """``{"text": …}`` or ``{"base64": …}``, without a look at what it says."""
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
        _WHOLE(value).encode()
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


def _style(value: dict[str, Json]) -> Callable[[Json], str]:
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
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and _payload_text(value) == payload:
            del frame["payload"]
            frame["json"] = value
    return made if made and _frames_read(made) == body else None


def _frames_read(value: Json) -> bytes:
    """The bytes of written messages. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    try:
        return b"".join(
            eventstream.write(
                one["headers"], (_payload_text(one["json"]) if "json" in one else one["payload"]).encode()
            )
            for one in value
        )
    except UsageError as error:
        raise ValueError(str(error)) from error


def _payload_text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
