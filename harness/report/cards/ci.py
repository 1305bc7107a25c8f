"""Cards for CI: as Markdown for a summary or a comment, GitHub's flavour, and as JUnit XML, a suite for each model and
a case for each cell.

Whatever comes from models, providers and files stands in code spans and fenced blocks, where nothing is markup and
nobody is mentioned.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.core.finding import count
from harness.report import safe_text
from harness.report.cards.summary import GLYPHS, ORDER, ages, counts, fraction, headline, interval, matrix, wanting
from harness.report.cards.terminal import counted, name_of, reasons
from harness.report.junit import Case, document
from harness.report.safe_text import markdown_code

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from harness.core.card import Card, Cell
    from harness.core.finding import Verdict
    from harness.report.cards.summary import Catalogue, Matrix, Topic
    from harness.report.junit import Outcome

MOST_LISTED = 60
"""Cells that are listed one by one: a summary on GitHub may have 1 MiB."""
_MOST_MODELS = 8
_MOST_ROWS = 100
_OUTCOMES: dict[Verdict, Outcome] = {
    "fail": "failure",
    "infra": "error",
    "unsupported": "skipped",
    "unseen": "skipped",
}
_NOTHING = {"unseen": "nothing recorded shows it", "unsupported": "the provider does not offer it"}


def markdown(cards: Sequence[Card], catalogue: Catalogue, *, today: dt.date | None = None) -> str:
    """All cards: counts by model, what is not pass, and the matrix folded away. Below 1 MiB, however many cards."""
    laid = matrix(cards, catalogue)
    parts = ["## Behaviour cards", _first(cards, catalogue), _models(laid), *_wanting(cards, catalogue)]
    if len(cards) <= _MOST_MODELS:
        parts += [_details(topic, laid) for topic in laid.topics]
    parts.append(_foot(laid, today))
    return "\n\n".join(part for part in parts if part) + "\n"


def _first(cards: Sequence[Card], catalogue: Catalogue) -> str:
    """What each card says first: whether the model can be used, and its abilities."""
    headlines = [headline(card, catalogue) for card in cards[:_MOST_ROWS]]
    return "\n".join(f"- {markdown_code(one.verdict)}\n  {markdown_code(one.abilities)}" for one in headlines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _models(laid: Matrix) -> str:
    verdicts = [verdict for verdict in reversed(ORDER) if verdict in laid.counts]
    measures = list(dict.fromkeys(name for card in laid.cards for name in sorted(card.measures)))[:6]
    heads = [*(f"{GLYPHS[one]} {one}" for one in verdicts), *(markdown_code(name, 40) for name in measures)]
    lines = [_row("model", *heads), _row("---", *["--:"] * len(heads))]
    for card in laid.cards[:_MOST_ROWS]:
        counted_here = counts(iter(card.cells))
        numbers = [str(counted_here.get(one, "")) for one in verdicts]
        rates = [card.measures.get(name) for name in measures]
        cells = [f"{fraction(one)} ({interval(one)})" if one and one.n else "" for one in rates]
        lines.append(_row(markdown_code(card.model, 80), *numbers, *cells))
    left = len(laid.cards) - _MOST_ROWS
    return "\n".join(lines) + (f"\n\n… and {count(left, 'model')} more." if left > 0 else "")


def _wanting(cards: Sequence[Card], catalogue: Catalogue) -> list[str]:
    cells = [(card, cell) for card in cards for cell in wanting(card)]
    cells.sort(key=lambda one: ORDER.index(one[1].verdict))
    if not cells:
        return ["Nothing failed, and nothing deviates."]
    lines = [_described(card, cell, catalogue) for card, cell in cells[:MOST_LISTED]]
    left = len(cells) - MOST_LISTED
    lines += [f"- … and {left:,} more; the JSON report and the page have them all"] if left > 0 else []
    return ["### Not as it should be", "\n".join(lines)]


def _described(card: Card, cell: Cell, catalogue: Catalogue) -> str:
    title = catalogue.get(cell.check, ("", "", ""))[0]
    name = markdown_code(name_of(cell, title), 120)
    heading = f"- {GLYPHS[cell.verdict]} **{cell.verdict}** {markdown_code(card.model, 80)} {name}{counted(cell)}"
    return "\n".join([heading, *(f"  - {markdown_code(one)}" for one in reasons(cell))])


def _details(topic: Topic, laid: Matrix) -> str:
    heads = [markdown_code(card.model, 60) for card in laid.cards]
    lines = [_row("check", *heads), _row("---", *[":-:"] * len(heads))]
    for row in topic.rows[:_MOST_ROWS]:
        cells = [" / ".join(_part(cell) for cell in group) for group in row.cells]
        lines.append(_row(f"{markdown_code(row.check, 40)} {_plain(row.title)}".strip(), *cells))
    return f"<details><summary>{_plain(topic.name)}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _part(cell: Cell | None) -> str:
    return f"{GLYPHS[cell.verdict]} {fraction(cell.rate)}".strip() if cell else "–"


def _plain(text: str) -> str:
    """Words of the catalogue: letters, digits and little else, so that a user's own check can't be markup."""
    return re.sub(r"[^\w ,=.()-]|_|\.(?=\w)", " ", safe_text.line(text, 80).replace("\\", " "))


def _foot(laid: Matrix, today: dt.date | None) -> str:
    notes = ages(laid.cards, today)
    modes = ["each cell: whole / streamed"] if len(laid.modes) > 1 and len(laid.cards) <= _MOST_MODELS else []
    return "; ".join([*(markdown_code(one) for one in notes), *modes])


def junit(cards: Sequence[Card], catalogue: Catalogue) -> str:
    """The report. A failed check is a failure, infra an error, unsupported and unseen are skipped, the rest passes."""
    suites = {card.model: [_case(card, cell, catalogue) for cell in card.cells] for card in cards}
    return document("harness card", suites)


def _case(card: Card, cell: Cell, catalogue: Catalogue) -> Case:
    title, topic, _ = catalogue.get(cell.check, ("", "more", ""))
    name, classname = name_of(cell, title), f"{card.model}.{topic}"
    why = reasons(cell)
    summary = f"{cell.verdict}{counted(cell)}"
    lines = "\n".join([summary, *why])
    if outcome := _OUTCOMES.get(cell.verdict):
        message = why[0] if why else _NOTHING.get(cell.verdict, summary)
        return Case(classname, name, outcome, cell.verdict, message, lines)
    return Case(classname, name, output=lines if why or cell.rate.n else "")
