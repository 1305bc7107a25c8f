"""What changed between two sets of cards: on the terminal and as Markdown, both decoded sides next to each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.change import GRADES
from harness.report import safe_text
from harness.report.cards.markdown import block, code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from harness.core.change import Change, Grade
    from harness.core.chat import Json

STYLES: dict[Grade, str] = {"contract": "bold red", "shape": "yellow", "cosmetic": "dim"}
MOST_TOLD = 40
"""Changes of one grade that are told one by one."""
_SIDE = 1500
_NOTHING = "nothing changed"


def by_grade(changes: Mapping[str, Sequence[Change]]) -> dict[Grade, list[tuple[str, Change]]]:
    """Every change with its model, gravest grade first; grades without a change are left out."""
    every = [(model, change) for model, of_it in changes.items() for change in of_it]
    found: dict[Grade, list[tuple[str, Change]]] = {}
    for grade in reversed(GRADES):
        if of_grade := [one for one in every if one[1].grade == grade]:
            found[grade] = of_grade
    return found


def side(value: Json, longest: int = _SIDE) -> str:
    """One side of a change as harmless text, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return safe_text.block(text, longest)


def shown(change: Change) -> list[str]:
    """The commands that show a change's evidence."""
    return [f"harness show {one.cassette} {min(one.exchanges)}" for one in change.evidence if one.exchanges]


def totals(found: Mapping[Grade, Sequence[object]]) -> str:
    """``2 contract, 1 cosmetic``."""
    return ", ".join(f"{len(of_it):,} {grade}" for grade, of_it in found.items())


def show(console: Console, changes: Mapping[str, Sequence[Change]]) -> None:
    """Write every change, gravest first."""
    from rich.text import Text  # noqa: PLC0415 - only when something is shown

    found = by_grade(changes)
    if not found:
        console.print(_NOTHING)
        return
    for grade, of_it in found.items():
        for model, change in of_it[:MOST_TOLD]:
            where = safe_text.line(f"{model}  {change.what} {change.path}".rstrip())
            console.print(Text.assemble((grade, STYLES[grade]), "  ", where), soft_wrap=True)
            console.print(Text(f"     {safe_text.line(change.message)}"), soft_wrap=True)
            _sides(console, change)
        if len(of_it) > MOST_TOLD:
            console.print(f"… and {len(of_it) - MOST_TOLD:,} {grade} changes more")
    console.print(f"changed: {totals(found)}")


def _sides(console: Console, change: Change) -> None:
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.padding import Padding  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("before", "after"):
        table.add_column(name, overflow="fold", ratio=1, vertical="top")
    table.add_row(*(Text(side(one).expandtabs(4)) for one in (change.before, change.after)))
    console.print(Padding(table, (0, 0, 0, 4)))
    for one in shown(change):
        console.print(Text(f"     see: {safe_text.line(one)}"), soft_wrap=True)


def markdown(changes: Mapping[str, Sequence[Change]]) -> str:
    """For a CI summary; below 1 MiB, however many changes."""
    found = by_grade(changes)
    parts = ["## What changed on the cards", f"{totals(found)}." if found else f"{_NOTHING.capitalize()}."]
    for grade, of_it in found.items():
        parts.append(f"### {grade.capitalize()}")
        parts += [_told(model, change) for model, change in of_it[:MOST_TOLD]]
        if len(of_it) > MOST_TOLD:
            parts.append(f"… and {len(of_it) - MOST_TOLD:,} more.")
    return "\n\n".join(parts) + "\n"


def _told(model: str, change: Change) -> str:
    where = f" {code(change.path, 120)}" if change.path else ""
    parts = [f"**{code(change.what, 60)}** {code(model, 80)}{where}: {code(change.message)}"]
    sides = [block(side(one), 2 * _SIDE, "json") for one in (change.before, change.after)]
    heads, cells = "<th>before</th><th>after</th>", "\n\n</td><td>\n\n".join(sides)
    table = f"<table><tr>{heads}</tr><tr><td>\n\n{cells}\n\n</td></tr></table>"
    return "\n\n".join([*parts, table, *(f"see {code(one)}" for one in shown(change))])
