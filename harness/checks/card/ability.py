"""What a user wants to know first: whether the model calls when it should and only then, calls the right tool with the
right values, makes several calls at once, and gets to the end; and conversations: results used, in any order, from
anywhere. Judged on the card's own questions alone; the probes of each are named in it.
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


def _free(context: CheckContext) -> bool:
    """Whether calling was the model's own choice, in a question that was asked here."""
    return context.own and choice(context) == "auto"


def _should(context: CheckContext) -> bool:
    return _free(context) and wants_call(context.expect) is True


def _should_not(context: CheckContext) -> bool:
    return _free(context) and wants_call(context.expect) is False


def calls_when_it_should(context: CheckContext) -> Iterator[Finding]:
    reading = context.reading
    if not _should(context):
        return
    if isinstance(reading, Reply) and (called := calls_of(context, reading) or call_as_text(context)):
        yield passing(f"called {', '.join(called)}")
    elif isinstance(reading, Reply):
        yield no_call(context, f"the question needs a tool, and it said {shown(reading.text)}", blame="model")
    elif not context.infra and (why := unaccountable(context, ended=False)):
        yield why


def leaves_it(context: CheckContext) -> Iterator[Finding]:
    reading = context.reading
    if not _should_not(context):
        return
    if isinstance(reading, Reply) and (called := calls_of(context, reading) or call_as_text(context)):
        yield failed(f"the question needs no tool, and it called {', '.join(called)}", blame="model", cause="a call")
    elif why := unaccountable(context):
        if not context.infra:
            yield why
    else:
        yield passing("it called nothing")


def _rightly(context: CheckContext, *, several: bool) -> Iterator[Finding]:
    expected, reply, reading = context.expect.calls or (), context.observation.reply, context.reading
    if not _should(context) or not expected or (len(expected) > 1) is not several or not isinstance(reading, Reply):
        return
    called = calls_of(context, reading) or call_as_text(context)
    if not called and not several:
        return  # A1 has it
    if why := unaccountable(context, ended=not called):
        yield why
    elif reading.errors or reply is None:
        broken = ", ".join(f"{one.name}({shown(one.raw)})" for one in reading.errors)
        yield failed(f"a call that can't be read: {broken}", blame="model", cause="arguments [0]")
    else:
        wrong = mistakes(reply.calls, context.expect, context.tools)
        problems = "; ".join(one.message for one in wrong)
        right = ", ".join(f"{call.name}({shown(call.parameters)})" for call in reply.calls)
        yield judged(problems and f"called {right or 'nothing'}: {problems}", right, blame="model", cause="values")


def right_one(context: CheckContext) -> Iterator[Finding]:
    yield from _rightly(context, several=False)


def several_at_once(context: CheckContext) -> Iterator[Finding]:
    yield from _rightly(context, several=True)


def to_the_end(all_: tuple[CheckContext, ...]) -> Iterator[tuple[CheckContext, Finding]]:
    """Each loop of turns, each time it was asked: whether its last answer is there and says what it should."""
    loops: dict[tuple[str, int], list[CheckContext]] = {}
    for context in all_:
        name = context.observation.case
        if context.own and context.observation.suite == LOOPS and name.startswith("loop-"):
            loops.setdefault((name, context.observation.repeat), []).append(context)
    for turns in loops.values():
        last = max(turns, key=lambda one: one.observation.turn)
        if not last.infra:
            yield last, _ended(last)


def _ended(last: CheckContext) -> Finding:
    expected, reply = last.expect.text, last.observation.reply
    number = last.observation.turn + 1
    if why := unaccountable(last):
        return why
    if expected is None or reply is None:
        return failed(f"the loop ended after {number} answers, before its last question", blame="model", cause="loop")
    missing = ", ".join(shown(token) for token in several(expected.contains) if token not in reply.text)
    wrong = f"after {number} answers it says {shown(reply.text)}, without {missing}" if missing else None
    return judged(wrong, f"its last answer, number {number}, says what the results say", blame="model", cause="loop")


_OWN = "an answer to the card's own questions: `harness card MODEL --record`"

_ability = partial(CardCheck, topic="ability", threshold=THRESHOLD, aspect="model", blame="model", needs=_OWN)

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
        "no needless call",
        "of questions that need none, the share that calls none",
        judge=leaves_it,
        asks=_should_not,
    ),
    _ability("A3", "right call", "right tool and right values, of those that call", judge=right_one),
    _ability("A4", "several at once", "all calls of a parallel question in one answer", judge=several_at_once),
    _ability("A5", "to the end", "a loop of turns reaches its answer", together=to_the_end),
)


def _probe(name: str) -> Callable[[CheckContext], bool]:
    """Whether a question is the probe ``name`` (or its streamed twin), and at the turn that it is about."""

    def asks(context: CheckContext) -> bool:
        observation = context.observation
        return observation.suite == PROBES and observation.case.removesuffix("-streamed") == name

    return asks


def result_used(context: CheckContext) -> Iterator[Finding]:
    expected = context.expect.text
    reply = context.observation.reply
    messages = context.observation.asked.get("messages") or ()
    after = any(message.get("role") == "tool" for message in messages[-1:])
    if expected is None or reply is None or not after or not _probe("t1-result-used")(context):
        return
    if why := unaccountable(context):
        yield why
        return
    missing = ", ".join(shown(token) for token in several(expected.contains) if token not in reply.text)
    again = f", which calls {names(call.name for call in reply.calls)}" if reply.calls else ""
    wrong = f"{missing} stands only in the tool's result, and not in the answer {shown(reply.text)}{again}"
    yield judged(wrong if missing else None, "the answer holds what only the tool's result says", blame="model")


def _refuser(context: CheckContext) -> Blame:
    """Whose a refusal is: the provider's where it came over the wire."""
    return "provider" if context.exchange is not None and context.exchange.response is not None else "litellm"


_ACCEPTED = {
    "t2-swapped-results": "results in another order",
    "t3-error-result": "an error as result",
    "t5-foreign-history": "another provider's history",
}


def _accepted_by(name: str) -> Callable[[CheckContext], Iterable[Finding]]:
    asks, what = _probe(name), _ACCEPTED[name]

    def judge(context: CheckContext) -> Iterator[Finding]:
        if not asks(context):
            return
        error = context.observation.error
        if context.observation.reply is not None:
            yield passing(f"{what}: accepted")
        elif isinstance(error, UnsupportedError):
            yield unsupported(describe(error))
        elif not context.infra:
            yield failed(f"{what}: {describe(error)}", blame=_refuser(context))

    return judge


def no_id(context: CheckContext) -> Iterator[Finding]:
    if not _probe("t4-no-id")(context) or context.infra:
        return
    error = context.observation.error
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
    return _turn(name, title, law, judge=judge, asks=_probe(probe), aspect="wire", blame="provider")


TURNS = (
    _turn(
        "T1",
        "result used",
        "the answer uses what only the tool's result says",
        judge=result_used,
        asks=_probe("t1-result-used"),
        aspect="model",
        blame="model",
    ),
    _taken("T2", "order", "results in another order than the calls are accepted", "t2-swapped-results"),
    _taken("T3", "error result", "a result that is an error is accepted", "t3-error-result"),
    _turn("T4", "no id", "a result without an id is refused cleanly", judge=no_id, asks=_probe("t4-no-id")),
    _taken(
        "T5", "foreign history", "a history with another provider's ids and names is accepted", "t5-foreign-history"
    ),
)
