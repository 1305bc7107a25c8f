"""Bodies as a reviewer reads them, and back to the exact bytes.

JSON stands as JSON where the exact bytes can be rebuilt from it, else as text (a list of lines where there are
several), else as base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.chat import Json

# How a body's JSON was written: separators, escapes, indent. The first is the default and is not named.
_STYLES: dict[str, dict[str, Json]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"separators": (", ", ": "), "ensure_ascii": False},
    "compact-ascii": {"separators": (",", ":"), "ensure_ascii": True},
    "spaced-ascii": {"separators": (", ", ": "), "ensure_ascii": True},
    "indent-2": {"indent": 2, "ensure_ascii": False},
    "indent-4": {"indent": 4, "ensure_ascii": False},
}


def written(body: bytes) -> dict[str, Json]:
    """``{"json": …, "style": …}``, ``{"text": …}`` or ``{"base64": …}``: whichever gives back these bytes."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}
    if text[:1] in {"{", "["}:
        found = _as_json(text)
        if found:
            return found
    return as_text(text)


def as_text(text: str) -> dict[str, Json]:
    """One line as a string, several as a list of lines, each with its end."""
    lines = text.split("\n")
    if len(lines) == 1:
        return {"text": text}
    return {"text": [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])}


def read(value: Json) -> bytes:
    """The bytes of a written body. Raises ``ValueError`` for one that is none."""
    if not isinstance(value, dict):
        raise ValueError("a body is an object with json, text or base64")  # noqa: TRY004 - one kind of error for callers
    if "json" in value:
        style = _STYLES.get(value.get("style", "compact"))
        if style is None:
            raise ValueError(f"unknown style {value['style']!r} of a JSON body")
        return json.dumps(value["json"], **style).encode()
    text = value.get("text")
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        return "".join(text).encode()
    if isinstance(value.get("base64"), str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"a body's base64 is broken: {error}") from error
    raise ValueError("a body needs json, text or base64")


def _as_json(text: str) -> dict[str, Json] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for name, style in _STYLES.items():
        try:
            again = json.dumps(value, **style, allow_nan=False)
        except ValueError:
            return None
        if again == text and _encodable(value):
            return {"json": value} if name == "compact" else {"json": value, "style": name}
    return None


def _encodable(value: Json) -> bool:
    """Whether ``value`` can stand in a UTF-8 document: an escaped lone surrogate can't."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
