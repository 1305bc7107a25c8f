"""Cards as a JSON document, and back.

The same cards give the same bytes. Each cell stands on a line of its own, so that a comparison of two files shows
which cells changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pydantic

from harness.core.card import Card, Cell
from harness.report.cards.reading import FORMAT, VERSION, read, schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Json

__all__ = ["FORMAT", "VERSION", "read", "schema", "write"]

_CARD, _CELL = pydantic.TypeAdapter(Card), pydantic.TypeAdapter(Cell)


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
