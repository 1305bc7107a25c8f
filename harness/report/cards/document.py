"""Cards as a JSON document, and back: pydantic reads the values of ``harness.core`` from it.

The same cards give the same bytes. Each cell stands on a line of its own, so that a comparison of two files shows
which cells changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pydantic
from annotated_types import Interval

from harness.core.card import Card, Cell
from harness.core.errors import UsageError
from harness.core.finding import STRICT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Json

__all__ = ["FORMAT", "VERSION", "load", "read", "schema", "write"]

_CARD, _CELL = pydantic.TypeAdapter(Card), pydantic.TypeAdapter(Cell)
FORMAT = "harness-cards"
VERSION = 1


def write(cards: Sequence[Card], *, harness: str, litellm: str) -> str:
    """The document. ``harness`` and ``litellm`` are the versions that made it."""
    head = _encodable({"format": FORMAT, "version": VERSION, "harness": harness, "litellm": litellm})
    opening = json.dumps(head, indent=1)[:-2]
    return f'{opening},\n "cards": [{",".join(map(_card_text, cards))}\n ]\n}}\n'


def _card_text(card: Card) -> str:
    made = _CARD.dump_python(card)
    made["cells"] = [_CELL.dump_python(one, exclude_defaults=True) for one in card.cells]
    heads = ("model", "provider", "harness", "litellm")
    lines = "".join(f"   {json.dumps(name)}: {_flat(made[name])},\n" for name in heads)
    lines += "".join(
        f"   {json.dumps(name)}: {_by_line(made[name])},\n" for name in ("recordings", "measures", "finishes")
    )
    cells = ",".join(f"\n    {_flat(one)}" for one in made["cells"])
    return f'\n  {{\n{lines}   "cells": [{cells}\n   ]\n  }}'


def _by_line(values: dict[str, Json]) -> str:
    lines = ",".join(f"\n    {_flat(name)}: {_flat(value)}" for name, value in sorted(values.items()))
    return f"{{{lines}\n   }}"


def _flat(value: Json) -> str:
    written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    # A lone surrogate, which a model may write, has no bytes: no reader of JSON but Python's takes its escape.
    return json.dumps(_encodable(value), separators=(",", ":")) if "\\ud" in written else written


def _encodable(value: Json) -> Json:
    if isinstance(value, dict):
        return {_encodable(name): _encodable(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(inner) for inner in value]
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class _Document:
    """Behaviour cards of toolcall-harness. ``harness`` and ``litellm`` are the versions that wrote the document."""

    __pydantic_config__: ClassVar = STRICT

    format: Literal["harness-cards"]
    version: Annotated[int, Interval(ge=VERSION, le=VERSION)]
    harness: str
    litellm: str
    cards: tuple[Card, ...]


_DOCUMENT = pydantic.TypeAdapter(_Document)


def schema() -> Json:
    """JSON Schema, draft 2020-12."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_DOCUMENT.json_schema()}


def read(text: str, name: str = "the card") -> tuple[Card, ...]:
    """The cards of a document; ``name`` is what errors call it, a path as a rule.

    Raises ``UsageError``, one sentence, for what is no such document or one of another version.
    """
    try:
        cards = _DOCUMENT.validate_json(text).cards
    except pydantic.ValidationError as error:
        raise _described(error, text, name) from error
    for number, card in enumerate(cards):
        for place, cell in enumerate(card.cells):
            if not (cell.rate.held <= cell.rate.n and cell.rate.low <= cell.rate.high):
                why = "a rate has held up to n, and low up to high"
                raise _wrong(name, f"cards[{number}].cells[{place}].rate", why)
    return cards


def load(path: str) -> tuple[Card, ...]:
    """The cards of the document in a file. Raises ``UsageError``."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    return read(text, path)


def _described(error: pydantic.ValidationError, text: str, name: str) -> UsageError:
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] in {"json_invalid", "json_type"}:
        return UsageError(f"{name} is no JSON document ({first['msg']}); write it with harness card --json")
    value: Any = json.loads(text)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        return UsageError(f'{name} holds no cards: its "format" is not "{FORMAT}"')
    version = value.get("version")
    if type(version) is not int or version != VERSION:
        return UsageError(
            f"{name} has version {version!r} of the format, and this harness reads {VERSION}; "
            "make the card again with this harness, or read it with the one that wrote it"
        )
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
    value_text = "" if first["type"] == "missing" else f", not {json.dumps(first['input'])[:80]}"
    return _wrong(name, "".join(steps).lstrip("."), f"{first['msg'][:1].lower()}{first['msg'][1:]}{value_text}")


def _wrong(name: str, place: str, why: str) -> UsageError:
    return UsageError(f"{name}: {place} is not as the format has it: {why}")
