"""Cards out of a JSON document, and the document's schema: pydantic reads the values of ``harness.core`` from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pydantic
from annotated_types import Interval

from harness.core.card import Card  # noqa: TC001 - pydantic reads the fields' types
from harness.core.errors import UsageError
from harness.core.finding import STRICT

if TYPE_CHECKING:
    from harness.core.chat import Json

FORMAT = "harness-cards"
VERSION = 1


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
    given = "" if first["type"] == "missing" else f", not {json.dumps(first['input'])[:80]}"
    return _wrong(name, "".join(steps).lstrip("."), f"{first['msg'][:1].lower()}{first['msg'][1:]}{given}")


def _wrong(name: str, place: str, why: str) -> UsageError:
    return UsageError(f"{name}: {place} is not as the format has it: {why}")
