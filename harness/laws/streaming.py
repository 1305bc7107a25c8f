"""The laws of streams: cut anywhere, in any order that providers send, a stream is the whole reply or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.json_equality import same
from harness.core.errors import HarnessError
from harness.dialects.rendering import LABELS, VARIANTS
from harness.laws.complaints import shown
from harness.laws.decoding import aspect
from harness.laws.law import Law
from harness.laws.replies import differences

if TYPE_CHECKING:
    from harness.core.chat import ToolCall
    from harness.laws.trial import Trial

ORDERS = frozenset(
    {
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
        "arguments_at_once",
        "arguments_null_first",
        "calls_together",
    }
)
"""Quirks of where a call's fragments stand."""
ENDS = frozenset(
    {
        *("no_done", "finish_repeated", "finish_in_call_chunk", "done", "comments", "crlf", "lf", "finish_alone"),
        *("no_ping", "usage_in_finish_chunk", "finish_absent"),
        *("event_line_last", "keepalive", "done_marker", "json_array", "ndjson"),
        *VARIANTS,
    }
)
"""Quirks of how the end is written, the events are framed, and the bytes are labelled."""


def _whole(trial: Trial) -> str:
    """The complaint if a plain reply did not come through."""
    return next(iter(differences(trial).values()), "")


def _plain_stream(trial: Trial) -> bool:
    return trial.question.kind == "plain" and trial.question.stream


def streamed(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) else None


def split(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) and (trial.question.cuts or trial.question.every) else None


def deltas(trial: Trial) -> str | None:
    return _whole(trial) if _plain_stream(trial) and trial.question.quirks & ORDERS else None


def one_end(trial: Trial) -> str | None:
    framed = trial.question.quirks & (ENDS if trial.question.stream else LABELS.keys())
    return _whole(trial) if trial.question.kind == "plain" and framed else None


def _equal(one: ToolCall, other: ToolCall) -> bool:
    return (one.name, one.id) == (other.name, other.id) and same(one.parameters, other.parameters)


def cut(trial: Trial) -> str | None:
    if trial.question.kind != "cut" or not trial.question.stream:
        return None
    if trial.error is not None:
        if not trial.typed and not isinstance(trial.error, HarnessError):
            return f"crashed: {trial.error!r}"
        half = getattr(getattr(trial.error, "reply", None), "calls", ()) or getattr(trial.error, "calls", ())
        drawn_calls = trial.question.reply.calls
        strange = [call for call in half if not any(_equal(one, call) for one in drawn_calls)]
        return f"a cut stream gave the calls {shown(strange)}" if strange else ""
    assert trial.reply is not None
    reply, drawn = trial.reply, trial.question.reply
    whole = same([call.parameters for call in drawn.calls], [call.parameters for call in reply.calls])
    ended = whole and reply.text == drawn.text and not reply.errors and reply.finish is not None
    return "" if ended else f"a stream that was cut came back as {shown(reply)}, and nothing was raised"


LAWS = (
    Law("S1", "whole = streamed: calls and text are equal", streamed, derived=True),
    Law("S2", "any split of the bytes gives the same reply", split, derived=True),
    Law("S3", "deltas: each fragment goes to its own call", deltas, derived=True),
    Law("S4", "one end: however a stream is framed and ended, and labelled", one_end, derived=True),
    Law(
        "S5",
        "finish reason: the provider's word as the reference reader maps it; an unlisted word is unknown",
        aspect("finish", when=lambda trial: trial.reply is not None),
        grade="contract",
    ),
    Law("S6", "cut short: an error, and no half call", cut, grade="danger"),
    Law(
        "S7",
        "usage: the counts that were sent",
        aspect("usage", when=lambda trial: trial.reply is not None),
        grade="contract",
    ),
)
