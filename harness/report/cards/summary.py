"""Cards summed up, with no drawing in it: side by side, in topics a row for a check and in each row the cells of every
card; and what a card says first: whether the model can be used for tool calling through this provider, and what will
bite; how old its recordings are, and what decoded them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.core.card import SYNTHETIC, Rate, rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.card import Card, Cell, Mode
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
MOST_WORST = 3
_NO_MODEL = "synthetic, no model gave these answers; "
_ENOUGH, _SOME = 0.9, 0.6
"""From which share of questions on an ability is there, and from which it is there at times."""
_SHORT = {
    "A2": "no needless call",
    "A3": "right tool, right values",
    "A4": "several at once",
    "A5": "to the end",
}
_OTHERS = {
    "litellm": "litellm",
    "backend": "this harness",
    "recording": "the recording",
    "caller": "the caller",
}
_DATE = len("2026-01-01")


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
    cells = [cell for cell in card.cells if cell.verdict not in {"pass", "unseen"}]
    return sorted(cells, key=lambda cell: ORDER.index(cell.verdict))


def explaining(cell: Cell) -> list[Finding]:
    """The findings of a cell that say why its verdict is what it is; all of them where none has that verdict."""
    return [one for one in cell.findings if one.verdict == cell.verdict] or list(cell.findings)


def proof(cell: Cell) -> tuple[str, int] | None:
    """The cassette and the exchange to look at first; None where nothing is cited."""
    cited: list[Evidence] = [one.evidence for one in explaining(cell) if one.evidence is not None]
    cited += cell.evidence
    return next(((one.cassette, min(one.exchanges)) for one in cited if one.exchanges), None)


def fraction(one: Rate) -> str:
    """``4/5``; ``""`` where nothing was judged."""
    return f"{one.held}/{one.n}" if one.n else ""


def interval(one: Rate) -> str:
    """``38–96 %``; ``""`` where nothing was judged."""
    return f"{100 * one.low:.0f}–{100 * one.high:.0f} %" if one.n else ""


@dataclass(frozen=True, slots=True)
class Worst:
    """One of the gravest findings: ``title`` is its check's id and name, then how many held, what was found, and where
    it stands.
    """

    check: str
    title: str
    rate: Rate
    finding: Finding
    cassette: str
    place: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Headline:
    """``verdict`` is one sentence, ``abilities`` one more; ``worst`` the gravest findings of model and provider;
    ``refused`` what the provider does not offer; ``others`` what others cause; ``left_out`` why answers
    were not judged, and how often.
    """

    verdict: str
    abilities: str
    worst: tuple[Worst, ...]
    refused: tuple[str, ...]
    others: tuple[str, ...]
    left_out: dict[str, int]


def headline(card: Card, catalogue: Catalogue) -> Headline:
    """The first screen of ``card``."""
    return Headline(
        verdict=f"{_name(card)}: {_origin(card)}{_verdict(card)}",
        abilities=_abilities(card),
        worst=tuple(_worst(card, catalogue))[:MOST_WORST],
        refused=tuple(_refused(card, catalogue)),
        others=tuple(_others(card, catalogue)),
        left_out=_left_out(card),
    )


def _name(card: Card) -> str:
    name, provider = card.model.removesuffix(SYNTHETIC), card.provider.removesuffix(SYNTHETIC)
    return f"{provider} (all models)" if name == provider else f"{name.removeprefix(f'{provider}/')} through {provider}"


def _origin(card: Card) -> str:
    """Whether the answers are a model's; empty where they all are."""
    kinds = Counter(one.kind == "synthetic" for one in card.recordings.values())
    if not kinds[True]:
        return ""
    return f"{kinds[True]} of {kinds.total()} recordings are synthetic; " if kinds[False] else _NO_MODEL


def both(card: Card, check: str) -> Rate:
    """The rate of a check over its modes together."""
    cells = [cell.rate for cell in card.cells if cell.check == check]
    return rate(sum(one.held for one in cells), sum(one.n for one in cells))


def _share(one: Rate) -> str:
    return f"{one.held} of {one.n} ({100 * (one.share or 0):.0f} %, {interval(one)})"


def _verdict(card: Card) -> str:
    calls = both(card, "A1")
    if calls.share is None:
        return _of_recordings(card)
    right, leaves = both(card, "A3"), both(card, "A2")
    parts = [one.share for one in (right, leaves) if one.share is not None]
    summary = f"it called a tool in {calls.held} of {calls.n} questions that need one ({interval(calls)})"
    if calls.share < _SOME:
        word = "hardly calls tools" if calls.share < _SOME / 2 else "often calls no tool where it should"
        return f"not fit for tool calling: it {word}; {summary}"
    if right.share is not None and right.share < _SOME:
        return f"not fit for tool calling: it calls, but wrongly; {summary}, and {_share(right)} were right"
    if min([calls.share, *parts]) >= _ENOUGH:
        return f"fit for tool calling; {summary}"
    return f"fit for tool calling with care; {summary}"


def _of_recordings(card: Card) -> str:
    """Of a card that was made of others' recordings, which hold no questions of our own."""
    answers, accuracy = both(card, "S5"), card.measures.get("schema_accuracy")
    calls = f"{accuracy.n} calls judged, {_share(accuracy)} fit their schema" if accuracy else "no call judged"
    return f"{answers.n} answers in these recordings, {calls}"


def _abilities(card: Card) -> str:
    if both(card, "A1").share is None:
        return "Whether it calls when it should takes the card's own questions: harness card MODEL --record"
    rates = {word: both(card, check) for check, word in _SHORT.items()}
    return " · ".join(f"{word} {fraction(one)} ({interval(one)})" for word, one in rates.items() if one.n)


def _worst(card: Card, catalogue: Catalogue) -> Iterator[Worst]:
    cells: dict[str, list[Cell]] = {}
    for cell in card.cells:
        if cell.verdict == "fail":
            cells.setdefault(cell.check, []).append(cell)
    graver = sorted(cells.items(), key=lambda one: _gravity(both(card, one[0])))
    for check, found in graver:
        finding = next(one for one in found[0].findings if one.verdict == "fail") if found[0].findings else None
        if finding is not None:
            cassette, place = proof(found[0]) or ("", 0)
            yield Worst(check, _titled(check, catalogue), both(card, check), finding, cassette, place, found[0].mode)


def _gravity(one: Rate) -> tuple[float, int]:
    return one.share if one.share is not None else 0.0, -one.n


def _titled(check: str, catalogue: Catalogue) -> str:
    return f"{check} {catalogue.get(check, ('', '', ''))[0]}".strip()


def _refused(card: Card, catalogue: Catalogue) -> Iterator[str]:
    messages: dict[str, str] = {}
    for cell in card.cells:
        for one in cell.findings:
            if one.verdict == "unsupported":
                messages.setdefault(cell.check, f"{_titled(cell.check, catalogue)}: {one.message}")
    yield from messages.values()


def _others(card: Card, catalogue: Catalogue) -> Iterator[str]:
    found: dict[tuple[str, str], list[Finding]] = {}
    for cell in card.cells:
        for one in cell.findings:
            if one.verdict == "fail" and one.blame in _OTHERS:
                found.setdefault((one.blame, cell.check), []).append(one)
    for (blame, check), every in found.items():
        yield f"{_OTHERS[blame]}, {_titled(check, catalogue)}, {len(every)}×: {every[0].message}"


def _left_out(card: Card) -> dict[str, int]:
    """How many answers were not judged by some check, by reason; what another check counts is not left out."""
    places: dict[str, set[tuple[str, tuple[int, ...]]]] = {}
    for cell in card.cells:
        for one in cell.findings:
            if one.verdict == "unseen" and one.evidence is not None and not one.cause.startswith("counted in"):
                places.setdefault(one.cause, set()).add((one.evidence.cassette, one.evidence.exchanges))
    return dict(Counter({reason: len(found) for reason, found in places.items()}).most_common())


def unseen(card: Card, catalogue: Catalogue) -> dict[str, Sequence[Cell]]:
    """The cells of the model and the wire that show nothing, by why they do not."""
    found: dict[str, list[Cell]] = {}
    for cell in card.cells:
        if cell.verdict == "unseen" and catalogue.get(cell.check, ("", "", ""))[1] != BACKEND:
            found.setdefault(cell.note or "nothing recorded shows it", []).append(cell)
    return dict(found)


def ages(cards: Sequence[Card], today: dt.date | None) -> list[str]:
    """What kinds of recordings, from when to when and how old, and the versions that decoded them."""
    spans = [card.recorded for card in cards if card.recorded]
    kinds = sorted({one.kind for card in cards for one in card.recordings.values()})
    notes = [f"recordings are {', '.join(kinds)}"] if kinds else []
    if not spans and kinds:
        notes.append("recorded at an unknown time")
    if spans:
        oldest, newest = min(one for one, _ in spans)[:_DATE], max(one for _, one in spans)[:_DATE]
        made = f"recorded {oldest}" if oldest == newest else f"recorded {oldest} to {newest}"
        notes.append(made + _old(oldest, today))
    for name, versions in (
        ("harness", {card.harness for card in cards}),
        ("litellm", {card.litellm for card in cards}),
    ):
        known = sorted(one for one in versions if one)
        notes += [f"decoded by {name} {', '.join(known)}"] if known else []
    return notes


def _old(date: str, today: dt.date | None) -> str:
    """How old the oldest is; ``""`` where the date is none, or ``today`` is not given."""
    try:
        days = (today - dt.date.fromisoformat(date)).days if today else 0
    except ValueError:
        return ""
    return f" ({days:,} day{'s' if days != 1 else ''} old)" if days > 0 else ""
