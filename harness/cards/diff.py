"""Two cards of the same model, cell by cell: what changed, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.change import Change

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


def diff(before: Sequence[Card], after: Sequence[Card]) -> dict[str, tuple[Change, ...]]:
    """The changes of each model that both have, by model; models that only one has are changes too."""
    old, new = {card.model: card for card in before}, {card.model: card for card in after}
    made = {model: tuple(_between(old[model], card)) for model, card in new.items() if model in old}
    for model in old.keys() - new.keys():
        made[model] = (Change("shape", "card", model, "a card", None, "the model has no card any more"),)
    for model in new.keys() - old.keys():
        made[model] = (Change("cosmetic", "card", model, None, "a card", "the model had no card before"),)
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


def _cells(was: Cell, now: Cell) -> Iterator[Change]:
    if was.verdict != now.verdict:
        grade = CONSEQUENCES.get((was.verdict, now.verdict), "shape")
        yield _change(grade, now, was, now, f"was {was.verdict}, is {now.verdict}")
    elif now.rate.n and was.rate.n and (now.rate.high < was.rate.low or now.rate.low > was.rate.high):
        fell = now.rate.high < was.rate.low
        told = f"{was.rate.held}/{was.rate.n} became {now.rate.held}/{now.rate.n}, beyond what chance explains"
        yield _change("contract" if fell else "shape", now, was, now, told)
    elif _kinds(was.findings) != _kinds(now.findings):
        yield _change("shape", now, was, now, "the verdict is the same for other reasons")
    elif (was.rate.held, was.rate.n) != (now.rate.held, now.rate.n) or _told(was.findings) != _told(now.findings):
        yield _change("cosmetic", now, was, now, "the same verdict, in other words or numbers")


def _kinds(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    """Verdict and place of each finding; what was said in it may be other words each time."""
    return {(one.verdict, one.path) for one in findings if one.verdict != "pass"}


def _told(findings: Sequence[Finding]) -> list[str]:
    return [one.message for one in findings]


def _change(grade: Grade, cell: Cell, was: Cell | None, now: Cell | None, message: str) -> Change:
    shown = now or was
    path = f"{cell.check} {cell.mode}".strip()
    evidence = shown.evidence if shown else ()
    return Change(grade, "verdict", path, _side(was), _side(now), message, evidence)


def _side(cell: Cell | None) -> Json:
    if cell is None:
        return None
    first = next((one for one in cell.findings if one.verdict == cell.verdict), None)
    made: dict[str, Json] = {"verdict": cell.verdict, "held": cell.rate.held, "n": cell.rate.n}
    if first is not None:
        made["finding"] = first.message
    return made


def _measures(before: Card, after: Card) -> Iterator[Change]:
    for name, now in after.measures.items():
        was = before.measures.get(name)
        if was is not None and was.n and now.n and now.high < was.low:
            told = f"{name} fell from {was.share:.2f} to {now.share:.2f}, beyond what chance explains"
            yield Change("contract", "measure", name, was.share, now.share, told)


def trigger_f1(card: Card, reference: Card) -> tuple[float, int] | None:
    """F1 of "it called a tool", answer by answer, against ``reference``, and how many answers both have.

    As Kimi K2's vendor verifier counts it: a reference that called is what should be, and an answer that does so as
    well is a hit. None where neither ever called, or nothing was asked of both.
    """
    hits = misses = extra = n = 0
    for name, wanted in reference.finishes.items():
        for mine, theirs in zip(card.finishes.get(name, ()), wanted, strict=False):
            n += 1
            called, should = mine == "tool_calls", theirs == "tool_calls"
            hits += called and should
            misses += should and not called
            extra += called and not should
    total = 2 * hits + misses + extra
    return (2 * hits / total, n) if total else None


def counted(changes: Mapping[str, Sequence[Change]]) -> dict[Grade, int]:
    """How many changes there are of each grade."""
    made: dict[Grade, int] = {"contract": 0, "shape": 0, "cosmetic": 0}
    for of_model in changes.values():
        for change in of_model:
            made[change.grade] += 1
    return made
