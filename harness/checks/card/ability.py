"""What a user wants to know first: whether the model calls when it should, leaves it when it should, calls the right
tool rightly, several at once, and gets to the end; and conversations: results used, in any order, from anywhere. Judged
on the card's own questions alone; the probes of each are named in it.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.checks.card.blame import call_as_text, unaccountable
from harness.checks.card.choice import calls_of, choice, no_call
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, unsupported
from harness.checks.json_equality import shown
from harness.checks.structure import mistakes, wants_call
from harness.core.chat import Reply
from harness.core.errors import BadRequestError, UnsupportedError, UsageError
from harness.core.expectation import several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.finding import Blame, Finding

THRESHOLD = 0.9
"""The share of questions from which on an ability passes."""
LOOPS = "card-ability"
"""The probes that are loops: their last question alone expects a text."""
PROBES = "card-turns"


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
    elif not seen.infra and (why := unaccountable(seen, ended=False)):
        yield why


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
    missing = ", ".join(shown(token) for token in several(wanted.contains) if token not in reply.text)
    wrong = f"after {number} answers it says {shown(reply.text)}, without {missing}" if missing else None
    return judged(wrong, f"its last answer, number {number}, says what the results say", blame="model", cause="loop")


_OWN = "an answer to the card's own questions: `harness card MODEL --record`"

_ability = partial(CardCheck, topic="ability", threshold=THRESHOLD, about="model", blame="model", needs=_OWN)

CHECKS = (
    _ability(
        "A1",
        "calls when it should",
        "of questions that need a tool, the share that calls one",
        judge=calls_when_it_should,
        asks=_should,
    ),
    _ability(
        "A2",
        "leaves it when it should",
        "of questions that need none, the share that calls none",
        judge=leaves_it,
        asks=_should_not,
    ),
    _ability("A3", "the right one, rightly", "right tool and right values, of those that call", judge=right_one),
    _ability("A4", "several at once", "all calls of a parallel question in one answer", judge=several_at_once),
    _ability("A5", "to the end", "a loop of turns reaches its answer", together=to_the_end),
)


def _probe(name: str) -> Callable[[CheckContext], bool]:
    """Whether a question is the probe ``name`` (or its streamed twin), and at the turn that it is about."""

    def asks(seen: CheckContext) -> bool:
        seen_as = seen.observation
        return seen_as.suite == PROBES and seen_as.case.removesuffix("-streamed") == name

    return asks


def result_used(seen: CheckContext) -> Iterator[Finding]:
    wanted = seen.expect.text
    reply = seen.observation.reply
    messages = seen.observation.asked.get("messages") or ()
    after = any(message.get("role") == "tool" for message in messages[-1:])
    if wanted is None or reply is None or not after or not _probe("t1-result-used")(seen):
        return
    if why := unaccountable(seen):
        yield why
        return
    missing = ", ".join(shown(token) for token in several(wanted.contains) if token not in reply.text)
    again = f", which calls {names(call.name for call in reply.calls)}" if reply.calls else ""
    wrong = f"{missing} stands only in the tool's result, and not in the answer {shown(reply.text)}{again}"
    yield judged(wrong if missing else None, "the answer holds what only the tool's result says", blame="model")


def _refuser(seen: CheckContext) -> Blame:
    """Whose a refusal is: the provider's where it came over the wire."""
    return "provider" if seen.exchange is not None and seen.exchange.response is not None else "litellm"


_ACCEPTED = {
    "t2-swapped-results": "results in another order",
    "t3-error-result": "an error as result",
    "t5-foreign-history": "another provider's history",
}


def _accepted_by(name: str) -> Callable[[CheckContext], Iterable[Finding]]:
    asks, what = _probe(name), _ACCEPTED[name]

    def judge(seen: CheckContext) -> Iterator[Finding]:
        if not asks(seen):
            return
        error = seen.observation.error
        if seen.observation.reply is not None:
            yield passing(f"{what}: accepted")
        elif isinstance(error, UnsupportedError):
            yield unsupported(describe(error))
        elif not seen.infra:
            yield failed(f"{what}: {describe(error)}", blame=_refuser(seen))

    return judge


def no_id(seen: CheckContext) -> Iterator[Finding]:
    if not _probe("t4-no-id")(seen) or seen.infra:
        return
    error = seen.observation.error
    status = getattr(error, "status", None)
    if isinstance(error, UsageError | BadRequestError) or (status and status < HTTPStatus.INTERNAL_SERVER_ERROR):
        yield passing(f"refused cleanly: {describe(error)}")
    elif error is not None:
        yield failed(f"a result without an id was not refused cleanly: {describe(error)}")
    else:
        yield failed("a result without an id was taken, and answers no call")


_turn = partial(CardCheck, topic="turns", needs=_OWN)


def _taken(name: str, title: str, law: str, probe: str) -> CardCheck:
    """A check that the provider takes what the probe sends."""
    judge = _accepted_by(probe)
    return _turn(name, title, law, judge=judge, asks=_probe(probe), about="wire", blame="provider")


TURNS = (
    _turn(
        "T1",
        "result used",
        "the answer uses what only the tool's result says",
        judge=result_used,
        asks=_probe("t1-result-used"),
        about="model",
        blame="model",
    ),
    _taken("T2", "order", "results in another order than the calls are accepted", "t2-swapped-results"),
    _taken("T3", "error result", "a result that is an error is accepted", "t3-error-result"),
    _turn("T4", "no id", "a result without an id is refused cleanly", judge=no_id, asks=_probe("t4-no-id")),
    _taken(
        "T5", "foreign history", "a history with another provider's ids and names is accepted", "t5-foreign-history"
    ),
)
