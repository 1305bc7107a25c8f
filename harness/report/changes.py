"""Changes for people and machines: of cassettes, cards or versions alike, the gravest first, both decoded sides next to
each other.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.change import GRADES
from harness.report import safe_text
from harness.report.safe_text import markdown_block, markdown_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from harness.core.change import Change, Grade
    from harness.core.chat import Json

STYLES = {"contract": "bold red", "shape": "yellow", "cosmetic": "dim"}
_MOST_SIDE = 160
MOST_LISTED = 40
"""Changes of one grade that are listed one by one."""
_SIDE = 1500
_NOTHING = "nothing changed"
_SELF_EXPLAINED = {"field_new", "field_gone", "field_type", "event", "header", "finish", "exchanges", "request"}


def line(change: Change) -> str:
    """A change in one harmless line."""
    where = f"{change.path}: " if change.path else ""
    sided = change.what not in _SELF_EXPLAINED and _has_sides(change)
    sides = f" ({side(change.before)} → {side(change.after)})" if sided else ""
    return safe_text.line(f"{change.grade} {change.what}: {where}{change.message}{sides}", 400)


def _has_sides(change: Change) -> bool:
    """Whether there is anything to put side by side: of some changes the message says all."""
    return change.before is not None or change.after is not None


def side(value: Json) -> str:
    """One side of a change: a text as it is, anything else as JSON, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe_text.line(text if len(text) <= _MOST_SIDE else f"{text[:_MOST_SIDE]}…", 2 * _MOST_SIDE)


def describe(change: Change, word: str = "", often: str = "") -> Iterator[tuple[str, str]]:
    """A change, then both its sides, where its message does not hold them: lines, each with its style."""
    where = f"{change.path}: " if change.path else ""
    yield f"  {word or change.grade}  {safe_text.line(f'{where}{change.message}', 300)}{often}", STYLES[change.grade]
    if change.what not in _SELF_EXPLAINED and _has_sides(change):
        yield f"      was  {side(change.before)}", ""
        yield f"      is   {side(change.after)}", ""


def counts(changes: Iterable[Change]) -> dict[Grade, int]:
    """How many changes of each grade, the gravest first."""
    found = [change.grade for change in changes]
    return {grade: found.count(grade) for grade in reversed(GRADES)}


def summed(changes: Iterable[Change]) -> str:
    """``2 contract, 1 shape``, or ``no changes``."""
    found = counts(changes)
    return ", ".join(f"{number} {grade}" for grade, number in found.items() if number) or "no changes"


def as_json(changes: Iterable[Change]) -> list[Json]:
    """Every change for machines."""
    return [{**dataclasses.asdict(change), "key": change.key} for change in changes]


def by_grade(changes: Mapping[str, Sequence[Change]]) -> dict[Grade, list[tuple[str, Change]]]:
    """Every change with its name, gravest grade first; grades without a change are left out."""
    every = [(name, change) for name, of_it in changes.items() for change in of_it]
    found: dict[Grade, list[tuple[str, Change]]] = {}
    for grade in reversed(GRADES):
        if of_grade := [one for one in every if one[1].grade == grade]:
            found[grade] = of_grade
    return found


def pretty(value: Json, longest: int = _SIDE) -> str:
    """One side of a change as harmless text, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return safe_text.block(text, longest)


def sides(change: Change) -> list[tuple[str, str]]:
    """The sides of a change that are there, each under its name."""
    both = ("before", change.before), ("after", change.after)
    return [(name, pretty(value)) for name, value in both if value is not None]


def shown(change: Change) -> list[str]:
    """The commands that show a change's evidence."""
    return [f"harness cassettes show {one.cassette} {min(one.exchanges)}" for one in change.evidence if one.exchanges]


def totals(found: Mapping[Grade, Sequence[object]]) -> str:
    """``2 contract, 1 cosmetic``."""
    return ", ".join(f"{len(of_it):,} {grade}" for grade, of_it in found.items())


def show(console: Console, changes: Mapping[str, Sequence[Change]], *, cosmetic: bool = True) -> None:
    """Write every change, gravest first; without ``cosmetic`` only how many of those there are."""
    from rich.text import Text  # noqa: PLC0415 - only when something is shown

    found = by_grade(changes)
    if not found:
        console.print(_NOTHING)
        return
    counted = totals(found)
    hidden = [] if cosmetic else found.pop("cosmetic", [])
    for grade, of_it in found.items():
        for name, change in of_it[:MOST_LISTED]:
            where = safe_text.line(f"{name}  {change.what} {change.path}".rstrip())
            console.print(Text.assemble((grade, STYLES[grade]), "  ", where), soft_wrap=True)
            safe_text.say(console, change.message, indent=5)
            _sides(console, change)
        if len(of_it) > MOST_LISTED:
            console.print(f"… and {len(of_it) - MOST_LISTED:,} {grade} changes more")
    hint = " (--all shows the cosmetic ones)" if hidden else ""
    console.print(f"changed: {counted}{hint}")


def _sides(console: Console, change: Change) -> None:
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.padding import Padding  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    if _has_sides(change):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("before", "after"):
            table.add_column(name, overflow="fold", ratio=1, vertical="top")
        table.add_row(*(Text(pretty(one).expandtabs(4)) for one in (change.before, change.after)))
        console.print(Padding(table, (0, 0, 0, 4)))
    for one in shown(change):
        safe_text.say(console, f"     see: {one}")


def markdown(changes: Mapping[str, Sequence[Change]]) -> str:
    """For a CI summary; below 1 MiB, however many changes."""
    found = by_grade(changes)
    parts = ["## What changed", f"{totals(found)}." if found else f"{_NOTHING.capitalize()}."]
    for grade, of_it in found.items():
        parts.append(f"### {grade.capitalize()}")
        parts += [_described(name, change) for name, change in of_it[:MOST_LISTED]]
        if len(of_it) > MOST_LISTED:
            parts.append(f"… and {len(of_it) - MOST_LISTED:,} more.")
    return "\n\n".join(parts) + "\n"


def _described(name: str, change: Change) -> str:
    where = f" {markdown_code(change.path, 120)}" if change.path else ""
    parts = [f"**{markdown_code(change.what, 60)}** {markdown_code(name, 80)}{where}: {markdown_code(change.message)}"]
    commands = [f"see {markdown_code(one)}" for one in shown(change)]
    if not _has_sides(change):
        return "\n\n".join([*parts, *commands])
    sides = [markdown_block(pretty(one), 2 * _SIDE, "json") for one in (change.before, change.after)]
    heads, cells = "<th>before</th><th>after</th>", "\n\n</td><td>\n\n".join(sides)
    table = f"<table><tr>{heads}</tr><tr><td>\n\n{cells}\n\n</td></tr></table>"
    return "\n\n".join([*parts, table, *commands])


def document(changes: Mapping[str, Sequence[Change]], *, compared: int, alone: Sequence[str] = ()) -> str:
    """Everything as JSON: how many pairs were compared, what stands on one side alone, and each change."""
    every = [(name, change) for name, inside in changes.items() for change in inside]
    listed = [{"of": name, **one} for (name, _), one in zip(every, as_json(change for _, change in every), strict=True)]
    head = {"compared": compared, "alone": list(alone), "counts": counts(change for _, change in every)}
    return json.dumps({**head, "changes": listed}, indent=1) + "\n"
