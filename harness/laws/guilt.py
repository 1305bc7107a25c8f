"""Who is guilty: one cause breaks one law.

A difference in a streamed reply is a stream's only where the same reply is right when it is whole; a quirk's only where
it is right without the quirk; of questions under way together only where it is right alone. A law that breaks only
where a law of requests breaks too, whose effect it is, is not blamed beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.laws.decoding import PARTS
from harness.laws.question import carried
from harness.laws.streaming import ENDS, ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.laws.question import Question

CONTENT = frozenset({"D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "N4", "D18"})
"""Laws of what a reply holds, which a stream or a quirk may be the cause of."""
STREAMED = frozenset({"D9", "D10", "D13", "D15", "D19", "N9", "S5", "S7", "U3"})
"""Laws that speak of streams themselves: only a cut or a quirk may be the cause."""
EFFECTS: dict[str, frozenset[str]] = {
    "Q2": frozenset({"N1", "N3", "N4", "N5", "N9", "T5", "D1", "D2", "D3", "D9", "D10", "D15", "Q3"}),
    "N2": frozenset({"N3", "N4", "N5", "N9", "D1", "D2", "Q2", "Q3"}),
    "N1": frozenset({"N3", "N4", "N5"}),
    "Q5": frozenset({"N5", "T5", "Q1"}),
    "Q6": frozenset({"E2"}),
    "N6": frozenset({"D1", "D2", "N4"}),
}
"""Which laws may break by what breaks another."""
_STATE = frozenset({"T6", "T7"})
_QUIRKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("D12", frozenset({"arguments_object"})),
    ("D17", PARTS),
    ("S3", ORDERS),
    ("S4", ENDS),
)


def guilty(law: str, question: Question, breaks: Callable[[Question], bool]) -> str:
    """The law to blame for what ``law`` found in ``question``; ``breaks`` puts a question and says if it breaks. ``""``
    for what state has no part in: Q1 and Q5 find that in other questions.
    """
    if law == "N6":
        return law
    if question.kind == "state" and law in _STATE:
        return "" if breaks(replace(question, reply=replace(question.reply, state={}))) else law
    if question.beside and not breaks(replace(question, beside=())):
        return "N6"
    if law not in CONTENT | STREAMED or not breaks(question):
        return law  # what does not show again, as a fault of every tenth call, tells nothing of its cause
    for name, quirks in _QUIRKS:
        fewer = replace(question, quirks=question.quirks - quirks)
        if question.quirks & quirks and carried(fewer) and not breaks(fewer):
            return name
    if not question.stream:
        return law
    joined = replace(question, cuts=(), every=0)
    if joined != question and not breaks(joined):
        return "S2"
    if law in STREAMED:
        return law
    whole = replace(joined, stream=False)
    plain = replace(whole, quirks=frozenset())
    streams_own = not any(breaks(one) for one in (whole, plain) if carried(one)) and carried(plain)
    return "S1" if streams_own else law


def effects(broken_with: dict[str, frozenset[str]]) -> set[str]:
    """The laws that never broke but beside one whose effect they are; ``broken_with`` has, for each law, those that
    broke in every trial that broke it.
    """
    return {
        law for law, beside in broken_with.items() if any(law in EFFECTS.get(other, ()) for other in beside - {law})
    }
