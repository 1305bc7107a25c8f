"""Equality of JSON values, exactly as sent: 1 is neither true nor 1.0, 0.0 is not -0.0, keys keep their order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Json, ToolCall


def same(one: Json, other: Json) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return bool(one == other and math.copysign(1, one) == math.copysign(1, other))
    return bool(one == other)


def differing(expected: Sequence[ToolCall], found: Sequence[ToolCall]) -> str:
    """The complaint if two lists of calls differ in number, order, name or parameters; ``""`` if they don't."""
    if len(expected) != len(found):
        return f"{len(expected)} calls were made, {len(found)} came back: {[call.name for call in found]}"
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        if one.name != other.name:
            return f"call {number} was to {one.name!r}, came back as {other.name!r}"
        if not same(one.parameters, other.parameters):
            return f"call {number} had {one.parameters!r}, came back with {other.parameters!r}"
    return ""
