"""Cards side by side: topics, in each a row for a check, in each row the cells of every card. No drawing in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.card import Card, Cell, Mode, Rate
    from harness.core.finding import Evidence, Finding, Verdict

Catalogue: TypeAlias = "Mapping[str, tuple[str, str, str]]"
"""Of each check: its title, its topic, and its law as one sentence. Its order is the order of the rows."""

ORDER: tuple[Verdict, ...] = ("fail", "infra", "quirk", "unsupported", "unseen", "pass")
"""From what wants a look first to what wants none."""
GLYPHS: Mapping[Verdict, str] = {
    "pass": "✓",
    "fail": "✗",
    "quirk": "~",
    "unsupported": "⊘",
    "infra": "!",
    "unseen": "·",
}
_MORE = "more"
BACKEND = "laws of the backend"
"""The topic of checks that say nothing of a model."""


@dataclass(frozen=True, slots=True)
class Row:
    """One check. ``modes`` are ``("",)``, or the modes that the whole matrix shows; ``cells`` has, for each card, one
    place for each of them.
    """

    check: str
    title: str
    law: str
    modes: tuple[Mode, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """Rows that belong together."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All of ``cards`` against all checks that any of them names. ``modes`` is empty where no cell has one."""

    cards: tuple[Card, ...]
    modes: tuple[Mode, ...]
    topics: tuple[Topic, ...]

    @property
    def rows(self) -> Iterator[Row]:
        return (row for topic in self.topics for row in topic.rows)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many cells have each verdict, over all cards; only verdicts that occur."""
        return counts(cell for card in self.cards for cell in card.cells)


def matrix(cards: Sequence[Card], catalogue: Catalogue) -> Matrix:
    """Lay ``cards`` side by side. A check that the catalogue does not know comes last, under its own id."""
    by_place = [{(cell.check, cell.mode): cell for cell in card.cells} for card in cards]
    named = {place: None for cells in by_place for place in cells}
    shown: tuple[Mode, ...] = ("whole", "stream")
    modes = tuple(mode for mode in shown if any(mode == used for _, used in named))
    rows: dict[str, list[Row]] = {}
    for check in _ordered([check for check, _ in named], catalogue):
        title, topic, law = catalogue.get(check, ("", _MORE, ""))
        ways: list[tuple[Mode, ...]] = [("",)] if (check, "") in named else []
        ways += [modes] if any((check, mode) in named for mode in modes) else []
        for way in ways:
            cells = tuple(tuple(of_card.get((check, mode)) for mode in way) for of_card in by_place)
            rows.setdefault(topic, []).append(Row(check, title, law, way, cells))
    return Matrix(tuple(cards), modes, tuple(Topic(name, tuple(of_it)) for name, of_it in rows.items()))


def _ordered(checks: Sequence[str], catalogue: Catalogue) -> list[str]:
    met = dict.fromkeys(checks)
    return [check for check in catalogue if check in met] + [check for check in met if check not in catalogue]


def counts(cells: Iterator[Cell]) -> dict[Verdict, int]:
    """How many of ``cells`` have each verdict, gravest first."""
    counted = Counter(cell.verdict for cell in cells)
    return {verdict: counted[verdict] for verdict in ORDER if counted[verdict]}


def wanting(card: Card) -> list[Cell]:
    """The cells that hold something to read: all but those that passed or show nothing, gravest first."""
    told = [cell for cell in card.cells if cell.verdict not in {"pass", "unseen"}]
    return sorted(told, key=lambda cell: ORDER.index(cell.verdict))


def explaining(cell: Cell) -> list[Finding]:
    """The findings of a cell that say why its verdict is what it is; all of them where none has that verdict."""
    return [one for one in cell.findings if one.verdict == cell.verdict] or list(cell.findings)


def proof(cell: Cell) -> tuple[str, int] | None:
    """The cassette and the exchange to look at first; None where nothing is cited."""
    cited: list[Evidence] = [one.evidence for one in explaining(cell) if one.evidence is not None]
    cited += cell.evidence
    return next(((one.cassette, min(one.exchanges)) for one in cited if one.exchanges), None)


def fraction(rate: Rate) -> str:
    """``4/5``; ``""`` where nothing was judged."""
    return f"{rate.held}/{rate.n}" if rate.n else ""


def interval(rate: Rate) -> str:
    """``38–96 %``; ``""`` where nothing was judged."""
    return f"{100 * rate.low:.0f}–{100 * rate.high:.0f} %" if rate.n else ""
