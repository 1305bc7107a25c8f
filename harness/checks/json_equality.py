"""Equality of JSON values in four named modes, and where two values first differ. 1 is neither 1.0 nor true in any."""

from __future__ import annotations

import json
import marshal
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from harness.core.chat import Json

Mode: TypeAlias = Literal["exact", "unordered", "equal", "partial"]
"""``exact``: keys in the same order, and 0.0 is not -0.0. ``unordered``: exact but for the order of keys. ``equal``:
neither the order of keys nor the sign of zero counts. ``partial``: equal, but objects may have more keys than expected.
"""
_LONGEST = 200


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
"""What stands at the place of a key that only the other value has."""


class Difference(NamedTuple):
    """Where two values first differ, and what is there in each. ``kind`` is what differs: a value, a key that is
    missing or extra, the length of a list (``expected`` and ``found`` are the lengths), or the order of keys alone.
    """

    path: str
    expected: Json
    found: Json
    kind: Literal["value", "missing", "extra", "length", "order"] = "value"


def same(expected: Json, found: Json, written: bytes | None = None) -> bool:
    """Whether two values are the same, exactly. ``written`` may be the snapshot of ``expected``."""
    return (written is not None and written == snapshot(found)) or difference(expected, found) is None


def difference(expected: Json, found: Json, mode: Mode = "exact", path: str = "$") -> Difference | None:
    """The first place where ``found`` is not ``expected``; None where there is none. What kind of mapping or sequence
    holds the values does not matter.
    """
    if isinstance(expected, str):
        return None if isinstance(found, str) and expected == found else Difference(path, expected, found)
    written = snapshot(expected)
    return None if written is not None and written == snapshot(found) else _difference(expected, found, mode, path)


def snapshot(value: Json) -> bytes | None:
    """``value`` as bytes, equal only for values that are exactly the same; None where it holds other than Python's
    plain types. Format 2 of marshal writes each type apart, floats bit by bit, and nothing by reference.
    """
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return None


def copied(value: Json, written: bytes | None = None) -> Json:
    """A deep copy of a JSON value, of which ``written`` may be the snapshot: ``copy.deepcopy`` takes twenty times as
    long.
    """
    written = snapshot(value) if written is None else written
    return _copied(value) if written is None else marshal.loads(written)  # noqa: S302 - written a moment ago


def _copied(value: Json) -> Json:
    if type(value) is dict:
        return {key: _copied(inner) for key, inner in value.items()}
    return type(value)(map(_copied, value)) if type(value) in (list, tuple) else value


def _difference(expected: Json, found: Json, mode: Mode, path: str) -> Difference | None:
    if isinstance(expected, Mapping):
        return _in_mappings(expected, found, mode, path)
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return _in_sequences(expected, found, mode, path)
    if expected is None or isinstance(expected, bool):
        alike = expected is found
    elif isinstance(expected, str):
        alike = isinstance(found, str) and expected == found
    else:
        kind = int if isinstance(expected, int) else float
        alike = isinstance(found, kind) and not isinstance(found, bool) and expected == found
        if alike and kind is float and mode in {"exact", "unordered"}:
            alike = math.copysign(1, expected) == math.copysign(1, found)
    return None if alike else Difference(path, expected, found)


def _in_mappings(expected: Mapping[str, Json], found: Json, mode: Mode, path: str) -> Difference | None:
    if not isinstance(found, Mapping):
        return Difference(path, expected, found)
    for key, value in expected.items():
        inner = f"{path}.{key}" if path else key
        if key not in found:
            return Difference(inner, value, MISSING, "missing")
        if one := _difference(value, found[key], mode, inner):
            return one
    extra = [] if mode == "partial" else [key for key in found if key not in expected]
    if extra:
        return Difference(f"{path}.{extra[0]}".lstrip("."), MISSING, found[extra[0]], "extra")
    if mode == "exact" and list(expected) != list(found):
        return Difference(f"{path} (order of keys)", list(expected), list(found), "order")
    return None


def _in_sequences(expected: Sequence[Json], found: Json, mode: Mode, path: str) -> Difference | None:
    if isinstance(found, (str, bytes)) or not isinstance(found, Sequence):
        return Difference(path, expected, found)
    if len(expected) != len(found):
        return Difference(f"{path} (length)", len(expected), len(found), "length")
    pairs = enumerate(zip(expected, found, strict=True))
    return next(filter(None, (_difference(one, other, mode, f"{path}[{n}]") for n, (one, other) in pairs)), None)


def value_mismatch(expected: Json, found: Json, path: str = "", *, partly: bool = False) -> str | None:
    """The first place where ``found`` does not equal ``expected``, as a sentence; None where it does. ``partly`` lets
    objects have more keys than is expected.
    """
    one = difference(expected, found, "partial" if partly else "equal", path)
    if one is None:
        return None
    where = one.path.removesuffix(" (length)")
    if one.kind == "missing":
        return f"{where} is missing"
    if one.kind == "extra":
        return f"{where} is not expected"
    if one.kind == "length":
        return f"{where or 'the list'} has {one.found} items, not {one.expected}"
    return f"{where or 'the value'} is {shown(one.found)}, not {shown(one.expected)}"


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
