"""Cards as JUnit XML: a suite for each model, a case for each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.cards.terminal import counted, name_of, reasons
from harness.report.junit import Case, document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.card import Card, Cell
    from harness.core.finding import Verdict
    from harness.report.cards.matrix import Catalogue
    from harness.report.junit import Outcome

_OUTCOMES: dict[Verdict, Outcome] = {
    "fail": "failure",
    "infra": "error",
    "unsupported": "skipped",
    "unseen": "skipped",
}
_NOTHING = {"unseen": "nothing recorded shows it", "unsupported": "the provider does not offer it"}


def xml(cards: Sequence[Card], catalogue: Catalogue) -> str:
    """The report. A failed check is a failure, infra an error, unsupported and unseen are skipped, the rest passes."""
    suites = {card.model: [_case(card, cell, catalogue) for cell in card.cells] for card in cards}
    return document("harness card", suites)


def _case(card: Card, cell: Cell, catalogue: Catalogue) -> Case:
    title, topic, _ = catalogue.get(cell.check, ("", "more", ""))
    name, classname = name_of(cell, title), f"{card.model}.{topic}"
    told = reasons(cell)
    summary = f"{cell.verdict}{counted(cell)}"
    lines = "\n".join([summary, *told])
    if outcome := _OUTCOMES.get(cell.verdict):
        message = told[0] if told else _NOTHING.get(cell.verdict, summary)
        return Case(classname, name, outcome, cell.verdict, message, lines)
    return Case(classname, name, output=lines if told or cell.rate.n else "")
