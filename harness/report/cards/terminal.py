"""Cards on the terminal: checks × models by topic, or a row for each of many models, then what is not pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cards.diff import trigger_f1
from harness.core.card import listed
from harness.core.finding import count
from harness.report import safe_text
from harness.report.cards.summary import (
    BACKEND,
    GLYPHS,
    ORDER,
    ages,
    counts,
    explaining,
    fraction,
    headline,
    interval,
    matrix,
    proof,
    unseen,
    wanting,
)
from harness.report.runs import STYLES
from harness.report.safe_text import say

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from harness.core.card import Card, Cell
    from harness.dialects.wire_profile import WireProfile
    from harness.report.cards.summary import Catalogue, Matrix, Row

MOST_MODELS = 8
"""Models that get a column of their own each; of more, each is a row of counts."""
MOST_LISTED = 100
"""Cells that are listed one by one."""
_LABEL, _MODEL = 26, 30
_MOST_FINDINGS = 3
_MODES = {"": "", "whole": "whole", "stream": "streamed"}


def show(console: Console, cards: Sequence[Card], catalogue: Catalogue, *, today: dt.date | None = None) -> None:
    """Write all of it. ``today`` is for the age of the recordings; without it only their dates are shown."""
    laid = matrix(cards, catalogue)
    if not cards:
        console.print("no card was made")
        return
    for card in cards:
        _first(console, card, catalogue, alone=len(cards) <= MOST_MODELS)
    for table in _tables(_without_laws(laid), console.width):
        console.print(table)
    console.print(_legend(laid))
    for card in cards:
        _measures(console, card)
        _laws(console, card, catalogue)
    listed = [(card, cell) for card in cards for cell in wanting(card)]
    listed.sort(key=lambda one: ORDER.index(one[1].verdict))
    for card, cell in listed[:MOST_LISTED]:
        _show_cell(console, card, cell, catalogue)
    if len(listed) > MOST_LISTED:
        console.print(
            f"… and {len(listed) - MOST_LISTED:,} cells more that are not pass; the JSON and the page have them all"
        )
    for card in cards if len(cards) <= MOST_MODELS else ():
        _unseen(console, card, catalogue)
    _sum_up(console, laid, today)


def _first(console: Console, card: Card, catalogue: Catalogue, *, alone: bool) -> None:
    """What a card says first; of one among many its verdict alone."""
    from rich.text import Text  # noqa: PLC0415 - only when a card is drawn

    first = headline(card, catalogue)
    console.print(Text(safe_text.line(first.verdict, 400), "bold"))
    if not alone:
        return
    console.print(Text(safe_text.line(first.abilities, 400)))
    for worst in first.worst:
        share = f"{fraction(worst.rate)} held" if worst.rate.n else "nothing held"
        words = f"  {worst.title}, {share}: {worst.finding.message} [{worst.finding.blame}]"
        console.print(Text(safe_text.line(words), STYLES["fail"]))
        if worst.cassette:
            say(console, f"    harness cassettes show {worst.cassette} {worst.place}")
    groups = (("refused", first.refused), ("not the model's doing", first.others))
    for name, lines in groups:
        for one in lines:
            console.print(Text(safe_text.line(f"  {name}: {one}")))
    if first.left_out:
        console.print(Text(safe_text.line(f"  not judged: {listed(first.left_out)}")))
    console.print()


def _without_laws(laid: Matrix) -> Matrix:
    """The matrix without the backend's laws, which say nothing of a model."""
    return replace(laid, topics=tuple(topic for topic in laid.topics if topic.name != BACKEND))


def _laws(console: Console, card: Card, catalogue: Catalogue) -> None:
    cells = [cell for cell in card.cells if catalogue.get(cell.check, ("", "", ""))[1] == BACKEND]
    if cells:
        summary = ", ".join(f"{number} {verdict}" for verdict, number in counts(iter(cells)).items())
        line = f"{card.model}: {BACKEND}: {summary}; the page and the JSON have each, `harness prove` tries them"
        say(console, line, "dim")


def _unseen(console: Console, card: Card, catalogue: Catalogue) -> None:
    """Why cells show nothing, each reason once."""
    for why, cells in unseen(card, catalogue).items():
        modes: dict[str, set[str]] = {}
        for cell in cells:
            modes.setdefault(cell.check, set()).add(_MODES[cell.mode])
        named = ", ".join(
            check if len(found) > 1 else f"{check} {min(found)}".strip() for check, found in modes.items()
        )
        say(console, f"unseen  {card.model}  {named}: {why}", "dim")


def _tables(laid: Matrix, width: int) -> list[Table]:
    """One table, or several beside each other's rows where ``width`` is too little, or counts alone for many models."""
    part = max((len(_part(cell)) for row in laid.rows for group in row.cells for cell in group), default=1)
    each = max(part * max(1, len(laid.modes)) + 2 * len(laid.modes), 12) + 2
    fitting = (width - _LABEL) // each
    if len(laid.cards) > MOST_MODELS or fitting < 1:
        return [_many(laid, width)]
    return [
        _table(laid, range(at, min(at + fitting, len(laid.cards))), part) for at in range(0, len(laid.cards), fitting)
    ]


def _part(cell: Cell | None) -> str:
    return "" if cell is None else f"{GLYPHS[cell.verdict]} {fraction(cell.rate)}".rstrip()


def _table(laid: Matrix, places: range, part: int) -> Table:
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    part = max(part, *map(len, laid.modes)) if laid.modes else part
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("check", min_width=_LABEL - 6, max_width=44, overflow="fold")
    for place in places:
        modes = "  ".join(mode.ljust(part) for mode in laid.modes).rstrip()
        name = safe_text.line(laid.cards[place].model, 80)
        table.add_column(Text(f"{name}\n{modes}".strip()), overflow="fold", min_width=len(modes), vertical="bottom")
    for number, topic in enumerate(laid.topics):
        if number:
            table.add_section()
        table.add_row(Text(safe_text.line(topic.name, 60), "bold"))
        for row in topic.rows:
            label = Text(f"  {safe_text.line(row.check, 40)} ").append(safe_text.line(row.title, 80), "dim")
            table.add_row(label, *(_parts(row, place, part) for place in places))
    return table


def _parts(row: Row, place: int, part: int) -> Text:
    from rich.text import Text  # noqa: PLC0415 - only when a table is drawn

    made = Text(no_wrap=True)
    for number, cell in enumerate(row.cells[place]):
        made.append("  " if number else "")
        text = _part(cell)
        made.append(text, STYLES[cell.verdict] if cell else "")
        made.append(" " * (part - len(text)) if number + 1 < len(row.cells[place]) else "")
    return made


def _many(laid: Matrix, width: int) -> Table:
    """Model × topic, each cell with its counts; model × verdict where even that is too wide."""
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    topics = [(topic.name, {row.check for row in topic.rows}) for topic in laid.topics]
    if _MODEL + sum(max(14, len(name) + 2) for name, _ in topics) > width:
        topics = [("all checks", {row.check for row in laid.rows})]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("model", overflow="fold", min_width=12)
    for name, _ in topics:
        table.add_column(Text(safe_text.line(name, 60)), overflow="fold")
    for card in laid.cards:
        cells = []
        for _, checks in topics:
            counted = counts(cell for cell in card.cells if cell.check in checks)
            parts = [(f"{GLYPHS[verdict]} {number}", STYLES[verdict]) for verdict, number in counted.items()]
            cells.append(Text("  ").join(Text(*part) for part in parts))
        table.add_row(Text(safe_text.line(card.model, 80)), *cells)
    return table


def _legend(laid: Matrix) -> Text:
    from rich.text import Text  # noqa: PLC0415 - only when a table is drawn

    parts = [
        Text(f"{GLYPHS[verdict]} {verdict}", STYLES[verdict]) for verdict in reversed(ORDER) if verdict in laid.counts
    ]
    return Text("   ").join(parts)


def _measures(console: Console, card: Card) -> None:
    if card.measures:
        rates = [
            f"{name} {fraction(one) or 'not judged'} {interval(one)}" for name, one in sorted(card.measures.items())
        ]
        say(console, f"{card.model}: {', '.join(one.strip() for one in rates)}")


def _show_cell(console: Console, card: Card, cell: Cell, catalogue: Catalogue) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    title = catalogue.get(cell.check, ("", "", ""))[0]
    word = cell.verdict.upper() if cell.verdict == "fail" else cell.verdict
    heading = safe_text.line(f"{card.model}  {name_of(cell, title)}{counted(cell)}")
    console.print(Text.assemble((word, STYLES[cell.verdict]), "  ", heading), soft_wrap=True)
    for reason in reasons(cell):
        console.print(Text(f"     {reason}"), soft_wrap=True)


def name_of(cell: Cell, title: str) -> str:
    """``D9 call as text, streamed``."""
    mode = _MODES[cell.mode]
    return f"{cell.check} {title}".strip() + (f", {mode}" if mode else "")


def counted(cell: Cell) -> str:
    """``: 3/5 (23–88 %), 1 infra``; ``""`` where there is nothing to count."""
    parts = [f"{fraction(cell.rate)} ({interval(cell.rate)})"] if cell.rate.n else []
    parts += [f"{cell.infra} infra"] if cell.infra else []
    parts += [f"{cell.unsupported} unsupported"] if cell.unsupported else []
    return f": {', '.join(parts)}" if parts else ""


def reasons(cell: Cell) -> list[str]:
    """Why a cell is what it is, and where to look: harmless lines."""
    every = explaining(cell)
    found = list({(one.path, one.message): one for one in every}.values())
    lines = []
    for one in found[:_MOST_FINDINGS]:
        times = sum(1 for other in every if (other.path, other.message) == (one.path, one.message))
        where = f" ({one.path})" if one.path else ""
        whose = f" [{one.blame}]" if one.blame else ""
        lines.append(f"{one.check}{where}: {one.message}{whose}{f' {times}×' if times > 1 else ''}")
    if len(found) > _MOST_FINDINGS:
        lines.append(f"… and {len(found) - _MOST_FINDINGS} findings more")
    lines += [cell.note] if cell.note else []
    lines += [f"not judged: {listed(cell.excluded)}"] if cell.excluded and cell.verdict != "unseen" else []
    place = proof(cell)
    lines += [f"see: harness cassettes show {place[0]} {place[1]}"] if place else []
    return [safe_text.line(one) for one in lines]


def _sum_up(console: Console, laid: Matrix, today: dt.date | None) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    number, checks = len(laid.cards), len({row.check for row in laid.rows})
    text = Text(f"{count(number, 'model')}, {count(checks, 'check')}: ")
    for place, (verdict, judged) in enumerate(laid.counts.items()):
        text.append(", " if place else "")
        text.append(f"{judged} {verdict}", STYLES[verdict])
    for one in ages(laid.cards, today):
        text.append(f"; {safe_text.line(one)}")
    console.print(text, soft_wrap=True)


def compare(console: Console, made: Sequence[Card], reference: Sequence[Card]) -> None:
    """Trigger F1 and schema accuracy beside a reference card."""
    other = reference[0]
    for card in made:
        found = trigger_f1(card, other)
        comparison = (
            "nothing was asked of both" if found is None else f"trigger F1 {found[0]:.3f} over {found[1]} answers"
        )
        mine, theirs = card.measures.get("schema_accuracy"), other.measures.get("schema_accuracy")
        if mine and theirs and mine.share is not None and theirs.share is not None:
            comparison += (
                f"; schema accuracy {mine.share:.3f} ({mine.n} calls), the reference's {theirs.share:.3f} ({theirs.n})"
            )
        say(console, f"{card.model} beside {other.model}: {comparison}")


def profiles(console: Console, made: Sequence[WireProfile]) -> None:
    """What each profile shows: its answers, and its quirks with the share of the answers that could show them."""
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table("profile", "whole", "stream", "quirks", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in made:
        best: dict[str, float] = {}
        for some in one.quirks.values():
            for name, tally in some.items():
                best[name] = max(best.get(name, 0), tally.share)
        shown = sorted((name for name in best if best[name]), key=lambda name: (-best[name], name))
        quirks = ", ".join(f"{name} {best[name]:.0%}" for name in shown) or "none"
        counts = (str(one.answers.get(mode, 0)) for mode in ("whole", "stream"))
        table.add_row(*(Text(safe_text.line(cell, 4000)) for cell in (one.name, *counts, quirks)))
    console.print(table)
