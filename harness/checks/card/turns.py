"""Conversations: results used, in any order, from anywhere. The probes of each are named in it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.checks.card.blame import unaccountable
from harness.checks.card.context import CardCheck, describe, failed, judged, names, passing, unsupported
from harness.checks.json_equality import shown
from harness.core.errors import BadRequestError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.finding import Blame, Finding

PROBES = "card-turns"


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
    tokens = (wanted.contains,) if isinstance(wanted.contains, str) else wanted.contains
    missing = ", ".join(shown(token) for token in tokens if token not in reply.text)
    again = f", which calls {names(call.name for call in reply.calls)}" if reply.calls else ""
    wrong = f"{missing} stands only in the tool's result, and not in the answer {shown(reply.text)}{again}"
    yield judged(wrong if missing else None, "the answer holds what only the tool's result says", blame="model")


def _refuser(seen: CheckContext) -> Blame:
    """Whose a refusal is: the provider's where it came over the wire."""
    return "provider" if seen.exchange is not None and seen.exchange.response is not None else "litellm"


def _accepted(name: str, what: str) -> Callable[[CheckContext], Iterable[Finding]]:
    asks = _probe(name)

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


_OWN = "an answer to the card's own questions: `harness card MODEL --record`"

CHECKS = (
    CardCheck(
        "T1",
        "result used",
        "the answer uses what only the tool's result says",
        "turns",
        result_used,
        asks=_probe("t1-result-used"),
        needs=_OWN,
        about="model",
        blame="model",
    ),
    CardCheck(
        "T2",
        "order",
        "results in another order than the calls are accepted",
        "turns",
        _accepted("t2-swapped-results", "results in another order"),
        needs=_OWN,
        about="wire",
        blame="provider",
        asks=_probe("t2-swapped-results"),
    ),
    CardCheck(
        "T3",
        "error result",
        "a result that is an error is accepted",
        "turns",
        _accepted("t3-error-result", "an error as result"),
        needs=_OWN,
        about="wire",
        blame="provider",
        asks=_probe("t3-error-result"),
    ),
    CardCheck(
        "T4", "no id", "a result without an id is refused cleanly", "turns", no_id, asks=_probe("t4-no-id"), needs=_OWN
    ),
    CardCheck(
        "T5",
        "foreign history",
        "a history with another provider's ids and names is accepted",
        "turns",
        _accepted("t5-foreign-history", "another provider's history"),
        needs=_OWN,
        about="wire",
        blame="provider",
        asks=_probe("t5-foreign-history"),
    ),
)
