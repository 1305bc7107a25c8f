"""The laws of streams: cut anywhere, in any order that providers send, a stream is the whole reply or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.laws.decoding import calls_equal
from harness.laws.law import Law

if TYPE_CHECKING:
    from harness.laws.trial import Trial

_ORDERS = {
    "interleaved",
    "index_missing",
    "index_minus_one",
    "calls_in_one_chunk",
    "call_in_one_chunk",
    "id_and_name_repeated",
    "name_null_later",
    "calls_apart",
    "calls_at_end",
    "no_fragment",
    "whole_fragment",
    "empty_fragment",
    "text_start",
}
_ENDS = {"no_done", "finish_repeated", "finish_in_call_chunk", "done", "comments", "crlf", "lf", "finish_alone"}
_ENDS |= {"no_ping"}


def _whole(trial: Trial) -> str:
    """The complaint if a plain reply did not come through."""
    if trial.reply is None:
        return f"raised {trial.error!r}"
    if trial.reply.text != trial.question.reply.text:
        return f"said {trial.question.reply.text!r}, came back as {trial.reply.text!r}"
    return calls_equal(trial)


def _plain_stream(trial: Trial) -> bool:
    return trial.question.kind == "plain" and trial.question.stream


def streamed(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) else None


def split(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) and (trial.question.cuts or trial.question.every) else None


def deltas(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) and trial.question.quirks & _ORDERS else None


def one_end(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) and trial.question.quirks & _ENDS else None


def finish(trial: Trial) -> str | None:
    """The reference reading of the same bytes says what the provider said."""
    if trial.question.kind != "plain" or trial.reply is None or trial.served is None:
        return None
    complaint = calls_equal(trial)
    if complaint:
        return complaint
    expected, found = trial.question.dialect.read(trial.served).finish, trial.reply.finish
    return "" if found == expected else f"the provider ended with {expected!r}, told is {found!r}"


def cut(trial: Trial) -> str | None:
    if trial.question.kind != "cut" or not trial.question.stream:
        return None
    if trial.error is not None:
        if not isinstance(trial.error, HarnessError):
            return f"crashed: {trial.error!r}"
        half = getattr(getattr(trial.error, "reply", None), "calls", ()) or getattr(trial.error, "calls", ())
        return f"a cut stream gave the calls {half}" if half else ""
    assert trial.reply is not None
    return "" if _whole(trial) == "" else f"a stream that was cut came back as {trial.reply!r}, and nothing was raised"


def usage(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or trial.reply is None or trial.served is None:
        return None
    expected, found = trial.question.dialect.read(trial.served).usage, trial.reply.usage
    if expected is None:
        return f"no counts were told, {found} came back" if found else None
    if found is None:
        return f"counts {expected} were told, none came back"
    alike = (found.prompt, found.completion) == (expected.prompt, expected.completion)
    total = expected.total is None or found.total == expected.total
    return "" if alike and total else f"counts {expected} came back as {found}"


LAWS = (
    Law("S1", "whole = streamed: calls and text are equal", streamed),
    Law("S2", "any split of the bytes gives the same reply", split),
    Law("S3", "deltas: each fragment goes to its own call", deltas),
    Law("S4", "one end: however the end is told", one_end),
    Law("S5", "finish reason: kept, and where it lies nobody is misled", finish),
    Law("S6", "cut short: an error, and no half call", cut),
    Law("S7", "usage: the counts that were told", usage),
)
