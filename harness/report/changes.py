"""Changes for people and machines: a line each, the gravest first, with both decoded sides."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.change import GRADES
from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.change import Change, Grade
    from harness.core.chat import Json

STYLES = {"contract": "bold red", "shape": "yellow", "cosmetic": "dim"}
_MOST_SIDE = 160
_SAID = {"field_new", "field_gone", "field_type", "event", "header", "finish", "exchanges", "request"}


def line(change: Change) -> str:
    """A change in one harmless line."""
    where = f"{change.path}: " if change.path else ""
    sided = change.what not in _SAID and (change.before is not None or change.after is not None)
    sides = f" ({side(change.before)} → {side(change.after)})" if sided else ""
    return safe_text.line(f"{change.grade} {change.what}: {where}{change.message}{sides}", 400)


def side(value: Json) -> str:
    """One side of a change: a text as it is, anything else as JSON, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe_text.line(text if len(text) <= _MOST_SIDE else f"{text[:_MOST_SIDE]}…", 2 * _MOST_SIDE)


def describe(change: Change, word: str = "", often: str = "") -> Iterator[tuple[str, str]]:
    """A change, then both its sides, where its message does not hold them: lines, each with its style."""
    where = f"{change.path}: " if change.path else ""
    yield f"  {word or change.grade}  {safe_text.line(f'{where}{change.message}', 300)}{often}", STYLES[change.grade]
    if change.what not in _SAID and (change.before is not None or change.after is not None):
        yield f"      was  {side(change.before)}", ""
        yield f"      is   {side(change.after)}", ""


def counts(changes: Iterable[Change]) -> dict[Grade, int]:
    """How many changes of each grade, the gravest first."""
    found = [change.grade for change in changes]
    return {grade: found.count(grade) for grade in reversed(GRADES)}


def summed(changes: Iterable[Change]) -> str:
    """``2 contract, 1 shape``, or ``nothing``."""
    found = counts(changes)
    return ", ".join(f"{number} {grade}" for grade, number in found.items() if number) or "nothing"


def as_json(changes: Iterable[Change]) -> list[Json]:
    """Every change for machines."""
    return [{**dataclasses.asdict(change), "key": change.key} for change in changes]
