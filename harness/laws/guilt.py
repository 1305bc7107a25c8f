"""Who is guilty: one cause breaks one law.

A difference in a streamed reply is a stream's only where the same reply is right when it is whole; a quirk's only where
it is right without the quirk; of questions under way together only where it is right alone; of a call that can't be
read only where the same answer is right with that call whole. A law that breaks only where one breaks whose effect it
is, is named beside that one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.chat import CallError, ToolCall
from harness.laws.decoding import PARTS
from harness.laws.question import carried
from harness.laws.streaming import ENDS, ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping

    from harness.laws.question import Question
    from harness.laws.trial import Trial

CONTENT = frozenset({"D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "N4", "D18"})
"""Laws of what a reply holds, which a stream or a quirk may be the cause of."""
STREAMED = frozenset({"D9", "D10", "D13", "D15", "D19", "N9", "S5", "S7", "U3"})
"""Laws that speak of streams themselves: only a cut or a quirk may be the cause."""
EFFECTS: dict[str, frozenset[str]] = {
    "Q2": frozenset({"N1", "N3", "N4", "N5", "N9", "T5", "D1", "D2", "D3", "D9", "D10", "D15", "Q3"}),
    "N2": frozenset({"N3", "N4", "N5", "N9", "D1", "D2", "Q2", "Q3"}),
    "N1": frozenset({"N3", "N4", "N5"}),
    "Q4": frozenset({"D9"}),
    "Q5": frozenset({"N5", "T5", "Q1"}),
    "Q6": frozenset({"E2"}),
    "N6": frozenset({"D1", "D2", "N4"}),
    **dict.fromkeys(("D1", "D2"), frozenset({"D13", "D19", "S5", "S7", "U3"})),
    **dict.fromkeys(("D3", "D7", "D8"), frozenset({"D11", "D13", "D19", "S5", "S7", "U3"})),
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


def alone(question: Question) -> Question:
    """The question with what can't be read, or was not offered, as its one call."""
    reply = question.reply
    if question.kind == "broken":
        return replace(
            question, reply=replace(reply, calls=(), errors=tuple(replace(e, index=0) for e in reply.errors))
        )
    strange = tuple(call for call in reply.calls if call.name not in question.tools)
    return replace(question, reply=replace(reply, calls=strange)) if question.kind == "unknown" else question


def simpler(question: Question, law: str = "") -> tuple[Question, ...]:
    """Questions with less in their answers, where what breaks a law is the cause of what ``law`` finds here: each of
    several calls alone, a broken call whole, a strange tool offered, a text that is no JSON to read, bytes to the end,
    each of those asked together by itself.
    """
    reply = question.reply
    if law == "N6":
        return tuple(replace(one, beside=()) for one in (question, *question.beside))
    if question.kind in {"prose", "answer"}:
        return (replace(question, kind="plain"),)
    if question.kind == "cut":
        return (replace(question, kind="plain", cut_at=1.0),)
    if question.kind == "plain" and len(reply.calls) > 1:
        return tuple(replace(question, reply=replace(reply, calls=(call,))) for call in reply.calls[:3])
    if question.kind not in {"broken", "unknown"}:
        return ()
    calls = list(reply.calls)
    for one in reply.errors:
        calls.insert(one.index, ToolCall(one.name or "", {"x": 1}, one.id or ""))
    strange = dict.fromkeys(call.name for call in calls if call.name not in question.tools)
    tools, whole = (*question.tools, *strange), replace(reply, calls=tuple(calls), errors=())
    return (replace(question, kind="plain", tools=tools, reply=whole),)


ANSWERS = frozenset({"D2", "D9", "D10", "D15", "N6", "N9", "S6"})
"""Laws of answers that may break by what breaks another law in a simpler answer."""


def vanished(trial: Trial) -> Question | None:
    """Where a call that was cut off, or not offered, is gone without a word: the question with one whose arguments
    can't be read in its place. None where something is said of it, or it is handed on.
    """
    question, reply = trial.question, trial.reply
    if question.kind not in {"broken", "unknown"} or reply is None or reply.errors:
        return None
    good = tuple(call for call in question.reply.calls if question.kind == "broken" or call.name in question.tools)
    if len(reply.calls) != len(good):
        return None
    tools = question.tools or ("get_x",)
    bad = CallError("arguments", "", "[1]", tools[0], "call_broken", len(good))
    unreadable = replace(question.reply, calls=good, errors=(bad,), finish="tool_calls", raw_finish=None)
    return replace(question, kind="broken", tools=tools, details=(), marks=(), reply=unreadable)


def blame(
    found: Collection[str], causes: Mapping[str, frozenset[str]], owner_of: Callable[[str], str]
) -> dict[str, frozenset[str]]:
    """The verdict on the laws that were ``found`` broken: owner → those that its cause breaks beside it.

    ``causes`` has for a law those that broke wherever it did, and an empty set where it once broke without any: it is
    named beside the first that is in the verdict. ``owner_of`` says whom else to blame, ``""`` for nobody: then what
    was hidden behind it is judged by itself. Of ``found`` at least one is always named.
    """
    verdict: dict[str, frozenset[str]] = {}
    rest, dropped = sorted(found), []
    hidden = {law: beside & set(found) for law, beside in causes.items() if law in found}
    while rest:
        turn = [law for law in rest if not hidden.get(law, frozenset()) & set(rest)] or rest
        for law in turn:
            mine = _behind(law, hidden)
            owner = next((one for one in sorted(verdict) if mine & {one, *verdict[one]}), "") or owner_of(law)
            if owner:
                along = frozenset({law}) if law == owner else verdict.pop(law, frozenset[str]()) | {law}
                verdict[owner] = (verdict.get(owner, frozenset()) | along) - {owner}
            elif law not in verdict:  # another may have been handed to it
                dropped.append(law)
        rest = [law for law in rest if law not in turn]
    return verdict or {law: frozenset() for law in dropped}


def _behind(law: str, hidden: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The causes of ``law``, and theirs."""
    found, new = frozenset[str](), hidden.get(law, frozenset())
    while new:
        found, new = found | new, frozenset(far for near in new for far in hidden.get(near, ())) - found - new
    return found


def causes_of(law: str, broken: Container[str]) -> frozenset[str]:
    """Those of the laws that broke with ``law`` whose effect it may be."""
    return frozenset(other for other, named in EFFECTS.items() if other in broken and law in named)
