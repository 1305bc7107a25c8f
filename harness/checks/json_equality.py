"""Equality of JSON values as a reader of the wire means it, and where two values first differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.core.chat import Json

_LONGEST = 200


def difference(wanted: Json, got: Json, path: str = "", *, partly: bool = False) -> str | None:
    """The first place where ``got`` is not ``wanted``, as a sentence; None where they are the same.

    Types are told apart: 1 is neither 1.0 nor true. ``partly`` lets objects hold more than is wanted.
    """
    if type(wanted) is not type(got):
        return f"{path or 'the value'} is {shown(got)}, not {shown(wanted)}"
    if isinstance(wanted, dict):
        return _in_objects(wanted, got, path, partly=partly)
    if isinstance(wanted, list):
        if len(wanted) != len(got):
            return f"{path or 'the list'} has {len(got)} items, not {len(wanted)}"
        pairs = enumerate(zip(wanted, got, strict=True))
        found = (difference(one, other, f"{path}[{n}]", partly=partly) for n, (one, other) in pairs)
        return next((one for one in found if one), None)
    return None if wanted == got else f"{path or 'the value'} is {shown(got)}, not {shown(wanted)}"


def _in_objects(wanted: dict[str, Json], got: dict[str, Json], path: str, *, partly: bool) -> str | None:
    for key, value in wanted.items():
        inner = f"{path}.{key}" if path else key
        if key not in got:
            return f"{inner} is missing"
        if found := difference(value, got[key], inner, partly=partly):
            return found
    extra = [] if partly else [key for key in got if key not in wanted]
    return f"{path}.{extra[0]} is not expected".lstrip(".") if extra else None


def parsed(text: str) -> tuple[bool, Json]:
    """Whether a text is one JSON value, and which."""
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None


def shown(value: Json) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
