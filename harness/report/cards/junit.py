"""Cards as JUnit XML: a suite for each model, a case for each cell."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.report import safe_text
from harness.report.cards.terminal import counted, name_of, reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.card import Card, Cell
    from harness.report.cards.matrix import Catalogue

_TAGS = {"fail": "failure", "infra": "error", "unsupported": "skipped", "unseen": "skipped"}
_NOTHING = {"unseen": "nothing recorded shows it", "unsupported": "the provider does not offer it"}


def xml(cards: Sequence[Card], catalogue: Catalogue) -> str:
    """The report. A failed check is a failure, infra an error, unsupported and unseen are skipped, the rest passes."""
    root = ET.Element("testsuites", _totals("harness card", [cell for card in cards for cell in card.cells]))
    for card in cards:
        suite = ET.SubElement(root, "testsuite", _totals(card.model, card.cells))
        for cell in card.cells:
            _case(suite, card, cell, catalogue)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _totals(name: str, cells: Iterable[Cell]) -> dict[str, str]:
    found = Counter(_TAGS.get(cell.verdict, "passed") for cell in cells)
    numbers = {
        "tests": found.total(),
        "failures": found["failure"],
        "errors": found["error"],
        "skipped": found["skipped"],
    }
    return {"name": safe_text.line(name), **{key: str(value) for key, value in numbers.items()}}


def _case(suite: ET.Element, card: Card, cell: Cell, catalogue: Catalogue) -> None:
    title, topic, _ = catalogue.get(cell.check, ("", "more", ""))
    words = {"classname": f"{card.model}.{topic}", "name": name_of(cell, title)}
    case = ET.SubElement(suite, "testcase", {key: safe_text.line(value) for key, value in words.items()})
    told = reasons(cell)
    tag = _TAGS.get(cell.verdict)
    summary = f"{cell.verdict}{counted(cell)}"
    if tag:
        message = safe_text.line(told[0]) if told else _NOTHING.get(cell.verdict, summary)
        node = ET.SubElement(case, tag, {"type": cell.verdict, "message": message})
        node.text = "\n".join([summary, *told])
    elif told or cell.rate.n:
        ET.SubElement(case, "system-out").text = "\n".join([summary, *told])
