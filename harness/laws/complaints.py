"""The words of complaints: values in a sentence, where two of them differ, and what makes a reply no ``Reply``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from harness.checks.json_equality import difference
from harness.core.chat import CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.finding import count

if TYPE_CHECKING:
    from harness.checks.json_equality import Mode
    from harness.core.chat import Json

_SHOWN = 160


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


def differ(what: str, one: Json, other: Json, mode: Mode = "exact") -> str:
    """The complaint that ``what`` was ``one`` and is ``other``; ``""`` where they are the same."""
    found = difference(one, other, mode)
    if found is None:
        return ""
    path, here, there, _ = found
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
