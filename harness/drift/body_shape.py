"""The shape of a body: every field that stands in it, by its path, with the types that it has there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import HarnessError
from harness.dialects.framing import pieces, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

Shape: TypeAlias = Mapping[str, frozenset[str]]
"""Path → types. Places in a list are not told apart: ``choices[].index``."""

# What a model wrote, and no field of the provider's: its own names come and go as it likes.
_OPAQUE = frozenset({"arguments", "args", "input", "partial_json"})
# Sent to keep a connection alive, when it takes long: whether one comes is chance.
_ALIVE = frozenset({"ping"})
_TYPES = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "text", list: "list"}


def values(response: HttpResponse) -> list[tuple[str, Json]] | None:
    """The JSON values of a body, each with the name of its event: one of a whole body, several of a stream.

    None for a body that is no JSON.
    """
    try:
        if not streamed(response):
            return [("", json.loads(response.body))]
        return [(name or _kind(value), value) for name, value in pieces(response) if value is not None]
    except (ValueError, RecursionError, HarnessError):
        return None


def events(found: list[tuple[str, Json]]) -> frozenset[str]:
    """The names of the events of a stream."""
    return frozenset(name for name, _ in found) - _ALIVE - {""}


def shape(found: list[tuple[str, Json]]) -> Shape:
    """All fields of these values together."""
    made: dict[str, set[str]] = {}
    for name, value in found:
        if name in _ALIVE:
            continue
        for path, kind in _fields(value, ""):
            made.setdefault(path, set()).add(kind)
    return {path: frozenset(kinds) for path, kinds in made.items()}


def outermost(paths: set[str]) -> list[str]:
    """``paths`` without those that stand inside another of them."""
    return sorted(path for path in paths if not any(_inside(path, other) for other in paths))


def _inside(path: str, other: str) -> bool:
    return path != other and path.startswith((f"{other}.", f"{other}[]"))


def _fields(value: Json, path: str) -> Iterator[tuple[str, str]]:
    if path:
        yield path, _TYPES.get(type(value), "object")
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{path}.{name}" if path else name
            if name in _OPAQUE:
                yield place, _TYPES.get(type(inner), "object")
            else:
                yield from _fields(inner, place)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, f"{path}[]")


def _kind(value: Json) -> str:
    """The type that an event tells in its own JSON, where the stream names none."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
