"""What a user wants to know first: whether the model calls when it should, leaves it when it should, calls the right
tool rightly, several at once, and gets to the end. Judged on the card's own questions alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.card.blame import unaccountable
from harness.checks.card.choice import calls_of, choice, no_call
from harness.checks.card.context import CardCheck, failed, judged, passing
from harness.checks.card.markup_in_text import call_as_text
from harness.checks.json_equality import shown
from harness.checks.suite.structure import mistakes, wants_call
from harness.core.chat import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.finding import Finding

THRESHOLD = 0.9
"""The share of questions from which on an ability passes."""
LOOPS = "card-ability"
"""The probes that are loops: their last question alone expects a text."""


def _free(seen: CheckContext) -> bool:
    """Whether calling was the model's own choice, in a question that was asked here."""
    return seen.own and choice(seen) == "auto"


def _should(seen: CheckContext) -> bool:
    return _free(seen) and wants_call(seen.expect) is True


def _should_not(seen: CheckContext) -> bool:
    return _free(seen) and wants_call(seen.expect) is False


def calls_when_it_should(seen: CheckContext) -> Iterator[Finding]:
    reading = seen.reading
    if not _should(seen):
        return
    if isinstance(reading, Reply) and (called := calls_of(seen, reading) or call_as_text(seen)):
        yield passing(f"called {', '.join(called)}")
    elif isinstance(reading, Reply):
        yield no_call(seen, f"the question needs a tool, and it said {shown(reading.text)}", blame="model")
    elif why := _unanswered(seen):
        yield why


def _unanswered(seen: CheckContext) -> Finding | None:
    return None if seen.infra else unaccountable(seen, ended=False)


def leaves_it(seen: CheckContext) -> Iterator[Finding]:
    reading = seen.reading
    if not _should_not(seen):
        return
    if isinstance(reading, Reply) and (called := calls_of(seen, reading) or call_as_text(seen)):
        yield failed(f"the question needs no tool, and it called {', '.join(called)}", blame="model", cause="a call")
    elif why := unaccountable(seen):
        if not seen.infra:
            yield why
    else:
        yield passing("it called nothing")


def _rightly(seen: CheckContext, *, several: bool) -> Iterator[Finding]:
    wanted, reply, reading = seen.expect.calls or (), seen.observation.reply, seen.reading
    if not _should(seen) or not wanted or (len(wanted) > 1) is not several or not isinstance(reading, Reply):
        return
    called = calls_of(seen, reading) or call_as_text(seen)
    if not called and not several:
        return  # A1 has it
    if why := unaccountable(seen, ended=not called):
        yield why
    elif reading.errors or reply is None:
        broken = ", ".join(f"{one.name}({shown(one.raw)})" for one in reading.errors)
        yield failed(f"a call that can't be read: {broken}", blame="model", cause="arguments [0]")
    else:
        wrong = mistakes(reply.calls, seen.expect, seen.tools)
        said = "; ".join(one.message for one in wrong)
        right = ", ".join(f"{call.name}({shown(call.parameters)})" for call in reply.calls)
        yield judged(said and f"called {right or 'nothing'}: {said}", right, blame="model", cause="values")


def right_one(seen: CheckContext) -> Iterator[Finding]:
    yield from _rightly(seen, several=False)


def several_at_once(seen: CheckContext) -> Iterator[Finding]:
    yield from _rightly(seen, several=True)


def to_the_end(all_: tuple[CheckContext, ...]) -> Iterator[tuple[CheckContext, Finding]]:
    """Each loop of turns, each time it was asked: whether its last answer is there and says what it should."""
    loops: dict[tuple[str, int], list[CheckContext]] = {}
    for seen in all_:
        name = seen.observation.case
        if seen.own and seen.observation.suite == LOOPS and name.startswith("loop-"):
            loops.setdefault((name, seen.observation.repeat), []).append(seen)
    for turns in loops.values():
        last = max(turns, key=lambda one: one.observation.turn)
        if not last.infra:
            yield last, _ended(last)


def _ended(last: CheckContext) -> Finding:
    wanted, reply = last.expect.text, last.observation.reply
    number = last.observation.turn + 1
    if why := unaccountable(last):
        return why
    if wanted is None or reply is None:
        return failed(f"the loop ended after {number} answers, before its last question", blame="model", cause="loop")
    tokens = (wanted.contains,) if isinstance(wanted.contains, str) else wanted.contains
    missing = ", ".join(shown(token) for token in tokens if token not in reply.text)
    wrong = f"after {number} answers it says {shown(reply.text)}, without {missing}" if missing else None
    return judged(wrong, f"its last answer, number {number}, says what the results say", blame="model", cause="loop")


_OWN = "an answer to the card's own questions: `harness card MODEL --record`"

CHECKS = (
    CardCheck(
        "A1",
        "calls when it should",
        "of questions that need a tool, the share that calls one",
        "ability",
        calls_when_it_should,
        threshold=THRESHOLD,
        asks=_should,
        about="model",
        blame="model",
        needs=_OWN,
    ),
    CardCheck(
        "A2",
        "leaves it when it should",
        "of questions that need none, the share that calls none",
        "ability",
        leaves_it,
        threshold=THRESHOLD,
        asks=_should_not,
        about="model",
        blame="model",
        needs=_OWN,
    ),
    CardCheck(
        "A3",
        "the right one, rightly",
        "right tool and right values, of those that call",
        "ability",
        right_one,
        threshold=THRESHOLD,
        about="model",
        blame="model",
        needs=_OWN,
    ),
    CardCheck(
        "A4",
        "several at once",
        "all calls of a parallel question in one answer",
        "ability",
        several_at_once,
        threshold=THRESHOLD,
        about="model",
        blame="model",
        needs=_OWN,
    ),
    CardCheck(
        "A5",
        "to the end",
        "a loop of turns reaches its answer",
        "ability",
        threshold=THRESHOLD,
        together=to_the_end,
        about="model",
        blame="model",
        needs=_OWN,
    ),
)
