"""Equality of JSON values, exactly as sent: 1 is neither true nor 1.0, 0.0 is not -0.0, keys keep their order.

What kind of mapping or sequence holds the values does not matter. ``reply_complaint`` says whether a reply has them.
"""

from __future__ import annotations

import marshal
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import zip_longest

from harness.core.chat import CallError, Json, ProviderCall, Reply, ToolCall, Usage
from harness.core.finding import count

_SHOWN = 160
Place = tuple[str, Json, Json]
"""Where two values differ, as a JSON path, and what stands there in each."""


def same(one: Json, other: Json, written: bytes | None = None) -> bool:
    """Whether ``other`` is ``one``, whose snapshot may be at hand."""
    return (written is not None and written == snapshot(other)) or difference(one, other) is None


def difference(one: Json, other: Json, path: str = "$", *, ordered: bool = True) -> Place | None:
    """The first place at which ``other`` is not ``one``; None where they are the same, ``ordered`` or but for the order
    of keys.
    """
    if isinstance(one, str):
        return None if isinstance(other, str) and one == other else (path, one, other)
    written = snapshot(one)
    return None if written is not None and written == snapshot(other) else _difference(one, other, path, ordered)


def snapshot(value: Json) -> bytes | None:
    """``value`` as bytes, equal only for values that are the same; None where it holds other than Python's plain types.
    Format 2 of marshal writes each type apart, floats bit by bit, and nothing by reference.
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
        return {key: _copied(inner) if type(inner) in _CONTAINERS else inner for key, inner in value.items()}
    if type(value) in _CONTAINERS:
        return type(value)(_copied(inner) if type(inner) in _CONTAINERS else inner for inner in value)
    return value


_CONTAINERS = frozenset({dict, list, tuple})


def _difference(one: Json, other: Json, path: str, ordered: bool) -> Place | None:
    if isinstance(one, Mapping):
        return _between_mappings(one, other, path, ordered)
    if isinstance(one, str):
        return None if isinstance(other, str) and one == other else (path, one, other)
    if isinstance(one, Sequence):
        return _between_sequences(one, other, path, ordered)
    if isinstance(one, bool) or one is None:
        return None if one is other else (path, one, other)
    kind = int if isinstance(one, int) else float
    alike = isinstance(other, kind) and not isinstance(other, bool) and one == other
    signed = not isinstance(one, float) or (alike and math.copysign(1, one) == math.copysign(1, other))
    return None if alike and signed else (path, one, other)


def _between_mappings(one: Mapping[str, Json], other: Json, path: str, ordered: bool) -> Place | None:
    if not isinstance(other, Mapping):
        return path, one, other
    if list(one) != list(other) and (ordered or set(one) != set(other)):
        if set(one) == set(other):
            return f"{path} (order of keys)", list(one), list(other)
        lost = [key for key in one if key not in other]
        return (f"{path}.{lost[0]}", one[lost[0]], "missing") if lost else (f"{path} (keys)", list(one), list(other))
    return next(
        filter(None, (_difference(value, other[key], f"{path}.{key}", ordered) for key, value in one.items())), None
    )


def _between_sequences(one: Sequence[Json], other: Json, path: str, ordered: bool) -> Place | None:
    if isinstance(other, (str, bytes)) or not isinstance(other, Sequence):
        return path, one, other
    for place, (here, there) in enumerate(zip_longest(one, other, fillvalue=_NOTHING)):
        if here is _NOTHING or there is _NOTHING:
            return f"{path} (length)", len(one), len(other)
        found = _difference(here, there, f"{path}[{place}]", ordered)
        if found is not None:
            return found
    return None


_NOTHING = object()


def shown(value: Json, other: Json = None) -> str:
    """``value`` for a sentence: a long text only around the first character in which it differs from ``other``."""
    if isinstance(value, str) and isinstance(other, str) and len(value) > _SHOWN:
        at = next(
            (n for n, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), min(len(value), len(other))
        )
        start = max(0, at - 40)
        ends = ("…" if start else "", "…" if at + 80 < len(value) else "")
        return f"{ends[0]}{value[start : at + 80]!r}{ends[1]} ({len(value)} characters)"
    text = repr(value)
    return text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]} … {text[-_SHOWN:]}"


def differ(what: str, one: Json, other: Json, *, ordered: bool = True) -> str:
    """The complaint that ``what`` was ``one`` and is ``other``; ``""`` where they are the same."""
    found = difference(one, other, ordered=ordered)
    if found is None:
        return ""
    path, here, there = found
    where = "" if path == "$" else f" at {path}"
    return f"{what}{where} was {shown(here, there)}, came back as {shown(there, here)}"


def number_differs(expected: Sequence[ToolCall], found: Sequence[ToolCall]) -> str:
    """The complaint if calls are lost or invented, whatever is in them."""
    if len(expected) == len(found):
        return ""
    return f"{count(len(expected), 'call')} made, {len(found)} came back: {[call.name for call in found][:9]}"


_LISTS = {"calls": ToolCall, "errors": CallError, "provider_calls": ProviderCall}


def reply_complaint(reply: object) -> str:
    """What makes ``reply`` no Reply; ``""`` for nothing. What it holds may be of other classes with the same fields."""
    if not isinstance(reply, Reply):
        return f"a backend returns a Reply, not {shown(reply)}"
    for name, plain in (("text", str), ("reasoning", str), ("refusal", str), ("state", Mapping)):
        if not isinstance(value := getattr(reply, name), plain):
            return f"Reply.{name} is a {plain.__name__}, not {shown(value)}"
    for name, kind in _LISTS.items():
        value = getattr(reply, name)
        if isinstance(value, str) or not isinstance(value, Sequence):
            return f"Reply.{name} is a tuple of {kind.__name__}, not {shown(value)}"
        strange = [one for one in value if not _has_fields(one, kind)]
        if strange:
            return f"Reply.{name} holds {kind.__name__}, not {shown(strange[0])}"
    return (
        "" if reply.usage is None or _has_fields(reply.usage, Usage) else f"Reply.usage can't be {shown(reply.usage)}"
    )


def _has_fields(value: object, kind: type[ToolCall | CallError | ProviderCall | Usage]) -> bool:
    whole = isinstance(value, kind) or all(hasattr(value, one.name) for one in fields(kind))
    return whole and (kind is not CallError or isinstance(getattr(value, "index", None), int))
