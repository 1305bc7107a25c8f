"""Two cards of the same model, cell by cell: what changed, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.core.change import Change
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.card import Card, Cell
    from harness.core.change import Grade
    from harness.core.chat import Json
    from harness.core.finding import Finding, Verdict

# What follows from a verdict that became another; a pair that is not here is a change of shape.
CONSEQUENCES: dict[tuple[Verdict, Verdict], Grade] = {
    ("pass", "fail"): "contract",
    ("quirk", "fail"): "contract",
    ("pass", "unsupported"): "contract",
    ("quirk", "unsupported"): "contract",
    ("unsupported", "fail"): "contract",
    ("unseen", "fail"): "contract",
    ("infra", "fail"): "contract",
    ("fail", "pass"): "shape",
    ("fail", "quirk"): "shape",
    ("pass", "quirk"): "shape",
    ("quirk", "pass"): "shape",
    ("pass", "infra"): "shape",
    ("quirk", "infra"): "shape",
    ("fail", "infra"): "shape",
    ("unsupported", "pass"): "shape",
    ("unsupported", "quirk"): "shape",
    ("unseen", "pass"): "cosmetic",
    ("unseen", "quirk"): "cosmetic",
    ("unseen", "unsupported"): "cosmetic",
    ("infra", "pass"): "cosmetic",
    ("infra", "quirk"): "cosmetic",
}
"""A fault that is new is a contract broken; one that is gone, or a new oddity that the backend copes with, is a change
of shape: worth a look, and no reason to stop. What was not seen before and holds is cosmetic.
"""


Pair: TypeAlias = "tuple[Card, Card]"


def paired(
    before: Sequence[Card], after: Sequence[Card], names: Mapping[str, str] | None = None, *, by_position: bool = False
) -> tuple[Pair, ...]:
    """Which card is compared with which: as ``names`` say (before to after), by the same name, by the same model
    through another provider, and the one that is left with the one that is left; or the first with the first.

    Raises ``UsageError`` where ``names`` names a card that is not there.
    """
    if by_position:
        return tuple(zip(before, after, strict=False))
    old, new = {card.model: card for card in before}, {card.model: card for card in after}
    for name, other in (names or {}).items():
        if name not in old or other not in new:
            side, missing, there = ("first", name, old) if name not in old else ("second", other, new)
            raise UsageError(f"the {side} file has no card of {missing!r}; it has {', '.join(sorted(there)) or 'none'}")
    found = [(old.pop(name), new.pop(other)) for name, other in (names or {}).items()]
    found += [(old.pop(name), new.pop(name)) for name in sorted(old.keys() & new.keys())]
    for name in list(old):
        alike = [other for other in new if _model(other) == _model(name)]
        if len(alike) == 1 and sum(1 for other in old if _model(other) == _model(name)) == 1:
            found.append((old.pop(name), new.pop(alike[0])))
    if len(old) == len(new) == 1:
        found.append((old.popitem()[1], new.popitem()[1]))
    return tuple(found)


def _model(name: str) -> str:
    return name.rpartition("/")[2]


def diff(before: Sequence[Card], after: Sequence[Card], pairs: Sequence[Pair] | None = None) -> dict[str, list[Change]]:
    """The changes of each pair of cards, by its name; a card that is in no pair is a change too."""
    pairs = paired(before, after) if pairs is None else pairs
    made: dict[str, list[Change]] = {}
    for was, now in pairs:
        name = now.model if was.model == now.model else f"{was.model} → {now.model}"
        made[name] = list(_between(was, now))
    compared = {id(card) for pair in pairs for card in pair}
    for card in before:
        if id(card) not in compared:
            change = Change("shape", "card", card.model, "a card", None, "the model has no card any more")
            made.setdefault(card.model, []).append(change)
    for card in after:
        if id(card) not in compared:
            change = Change("cosmetic", "card", card.model, None, "a card", "the model had no card before")
            made.setdefault(card.model, []).append(change)
    return {model: changes for model, changes in sorted(made.items()) if changes}


def _between(before: Card, after: Card) -> Iterator[Change]:
    old = {(cell.check, cell.mode): cell for cell in before.cells}
    new = {(cell.check, cell.mode): cell for cell in after.cells}
    for key, cell in new.items():
        was = old.get(key)
        if was is None:
            if cell.verdict == "fail":
                yield _change("contract", cell, None, cell, "a check that the other card does not have fails")
        elif was is not cell and was != cell:
            yield from _cells(was, cell)
    for key in old.keys() - new.keys():
        if old[key].verdict != "unseen":
            yield _change("shape", old[key], old[key], None, "the check is gone")
    yield from _measures(before, after)


_OURS = {"litellm", "backend"}


def _lost(cell: Cell) -> int:
    """How often litellm or this backend is to blame in a cell."""
    return sum(1 for one in cell.findings if one.verdict == "fail" and one.blame in _OURS)


def _cells(was: Cell, now: Cell) -> Iterator[Change]:
    if _lost(now) and not _lost(was):
        first = next(one for one in now.findings if one.verdict == "fail" and one.blame in _OURS)
        yield _change("contract", now, was, now, f"{first.blame} fails: {first.message}")
    elif was.verdict != now.verdict:
        grade = CONSEQUENCES.get((was.verdict, now.verdict), "shape")
        yield _change(grade, now, was, now, f"was {was.verdict}, is {now.verdict}")
    elif now.rate.n and was.rate.n and (now.rate.high < was.rate.low or now.rate.low > was.rate.high):
        fell = now.rate.high < was.rate.low
        message = f"{was.rate.held}/{was.rate.n} became {now.rate.held}/{now.rate.n}, beyond what chance explains"
        yield _change("contract" if fell else "shape", now, was, now, message)
    elif _kinds(was.findings) != _kinds(now.findings):
        yield _change("shape", now, was, now, "the verdict is the same for other reasons")
    elif (was.rate.held, was.rate.n) != (now.rate.held, now.rate.n) or _finding_texts(was.findings) != _finding_texts(
        now.findings
    ):
        yield _change("cosmetic", now, was, now, "the same verdict, in other words or numbers")


def _kinds(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    """Verdict and place of each finding; what was said in it may be other words each time."""
    return {(one.verdict, one.path) for one in findings if one.verdict != "pass"}


def _finding_texts(findings: Sequence[Finding]) -> list[str]:
    return [one.message for one in findings]


def _change(grade: Grade, cell: Cell, was: Cell | None, now: Cell | None, message: str) -> Change:
    shown = now or was
    path = f"{cell.check} {cell.mode}".strip()
    evidence = shown.evidence if shown else ()
    return Change(grade, "verdict", path, _side(was), _side(now), message, evidence)


def _side(cell: Cell | None) -> Json:
    if cell is None:
        return None
    gravest = next((one for one in cell.findings if one.verdict == "fail" and one.blame in _OURS), None)
    first = gravest or next((one for one in cell.findings if one.verdict == cell.verdict), None)
    made: dict[str, Json] = {"verdict": cell.verdict, "held": cell.rate.held, "n": cell.rate.n}
    if first is not None:
        made["finding"] = first.message
    return made


def _measures(before: Card, after: Card) -> Iterator[Change]:
    for name, now in after.measures.items():
        was = before.measures.get(name)
        if was is not None and was.n and now.n and now.high < was.low:
            message = f"{name} fell from {was.share:.2f} to {now.share:.2f}, beyond what chance explains"
            yield Change("contract", "measure", name, was.share, now.share, message)


def trigger_f1(card: Card, reference: Card) -> tuple[float, int] | None:
    """F1 of "it called a tool", answer by answer, against ``reference``, and how many answers both have.

    As Kimi K2's vendor verifier counts it: a reference that called is what should be, and an answer that does so as
    well is a hit. None where neither ever called, or nothing was asked of both.
    """
    hits = misses = extra = n = 0
    for name, expected in reference.finishes.items():
        for mine, theirs in zip(card.finishes.get(name, ()), expected, strict=False):
            n += 1
            called, should = mine == "tool_calls", theirs == "tool_calls"
            hits += called and should
            misses += should and not called
            extra += called and not should
    total = 2 * hits + misses + extra
    return (2 * hits / total, n) if total else None
