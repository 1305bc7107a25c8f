"""The laws of decoding: what the model called is what the caller gets, exactly; what can't be read is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.json_equality import same
from harness.laws.complaints import differ, number_differs, shown
from harness.laws.law import Law
from harness.laws.replies import WHOLE, differences, reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json, ToolCall
    from harness.laws.trial import Trial


def aspect(*names: str, when: Callable[[Trial], bool]) -> Callable[[Trial], str | None]:
    """A judgement over whole replies: where ``when`` holds, none of these aspects may differ."""

    def judge(trial: Trial) -> str | None:
        if trial.question.kind not in WHOLE or not when(trial):
            return None
        found = differences(trial)
        if "raised" in found and "raised" not in names:
            return None
        return next((found[name] for name in names if name in found), "")

    return judge


def _calls(trial: Trial) -> tuple[ToolCall, ...]:
    return trial.question.reply.calls


def _plain_calls(trial: Trial) -> int:
    return len(_calls(trial)) if trial.question.kind == "plain" else -1


def _strings(value: Json) -> bool:
    if isinstance(value, dict):
        return any(_strings(key) or _strings(inner) for key, inner in value.items())
    return any(map(_strings, value)) if isinstance(value, list) else isinstance(value, str)


def none(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or _calls(trial):
        return None
    found = differences(trial)
    return found.get("raised") or found.get("calls") or found.get("name") or found.get("text") or ""


def text_beside(trial: Trial) -> str | None:
    question = trial.question
    if question.kind not in WHOLE or not question.reply.text or not (_calls(trial) or question.reply.errors):
        return None
    if trial.reply is None:
        if question.kind == "plain" or not trial.typed:
            return None  # D1, D2 or D10 has it
        text = getattr(trial.error, "text", None)
        return "" if text == question.reply.text else f"raised {trial.error!r} without the text"
    return differences(trial).get("text", "")


def _with_calls_alone(trial: Trial) -> bool:
    return not trial.question.reply.text and bool(_calls(trial) or trial.question.reply.errors)


def written(trial: Trial) -> str | None:
    if trial.question.kind not in {"written", "prose", "answer"}:
        return None
    if trial.reply is None:
        return f"raised {shown(repr(trial.error))}"
    if trial.question.kind == "written":
        complaint = number_differs(_calls(trial), trial.reply.calls)
        return f"the text was a call, wholly: {complaint}" if complaint else ""
    if trial.reply.calls or trial.reply.errors:
        return f"the text is no call, but {shown(trial.reply.calls or trial.reply.errors)} came back"
    return differ("the text", trial.question.reply.text, trial.reply.text)


def broken(trial: Trial) -> str | None:
    if trial.question.kind == "cut" and not trial.question.stream:
        return _cut_body(trial)
    if trial.question.kind != "broken" or trial.question.reply.errors[0].fault == "cut_off":
        return None
    return _refused(trial)


def stopped(trial: Trial) -> str | None:
    if trial.question.kind != "broken" or trial.question.reply.errors[0].fault != "cut_off":
        return None
    return _refused(trial)


def _refused(trial: Trial) -> str:
    (bad,) = trial.question.reply.errors
    if trial.error is None:
        assert trial.reply is not None
        errors, good = trial.reply.errors, trial.reply.calls
    elif not trial.typed:
        return f"crashed: {trial.error!r}"
    else:
        errors, good = getattr(trial.error, "errors", ()), getattr(trial.error, "calls", ())
        if not errors and bad.raw in f"{trial.error}{getattr(trial.error, 'raw', '')}":
            # Refused whole, with what was sent: the good calls beside it must be in reach all the same.
            complaint = number_differs(_calls(trial), good)
            return f"beside a broken call: {complaint}" if complaint else ""
    if [one.raw for one in errors] != [bad.raw]:
        return f"{bad.raw!r} was sent for arguments; the errors hold {[one.raw for one in errors]}, the calls {good}"
    if not same([bad.fault, bad.index], [errors[0].fault, errors[0].index]):
        return f"call {bad.index} is at fault ({bad.fault}), named is call {errors[0].index} with {errors[0].fault!r}"
    right = reference(trial)
    sent = right.errors[0].id if right is not None and right.errors else None
    shared = right is not None and sent in {call.id for call in right.calls}  # which the provider gave twice
    if sent and not shared and (errors[0].id or "").partition("__thought__")[0] != sent:
        return f"the broken call has the id {sent!r}, its error has {errors[0].id!r}"
    complaint = number_differs(_calls(trial), good)
    return f"beside a broken call: {complaint}" if complaint else ""


def _cut_body(trial: Trial) -> str | None:
    if trial.error is not None:
        return "" if trial.typed else f"crashed: {trial.error!r}"
    return f"half an answer came back as {shown(trial.reply)}, and nothing was raised"


_MARKERS = (
    "<tool_call>",
    "</tool_call>",
    "<|im_end|>",
    "<|im_start|>",
    "[TOOL_CALLS]",
    "<think>",
    "</think>",
    "<function=",
)


def markers(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or trial.reply is None:
        return None
    got = repr((trial.reply.text, trial.reply.calls))
    there = [mark for mark in _MARKERS if mark in got]
    sent = repr(trial.question.reply) if there else ""
    extra = [mark for mark in there if mark not in sent]
    return f"format markers {extra} appeared" if extra else ""


PARTS = frozenset({"content_parts", "text_parts", "text_messages", "citations"})
"""Quirks of a text that comes in several parts."""

LAWS = (
    Law(
        "D1",
        "single: one call comes back as it was made",
        aspect("raised", "calls", when=lambda trial: _plain_calls(trial) == 1),
    ),
    Law("D2", "parallel: all calls, in order", aspect("raised", "calls", when=lambda trial: _plain_calls(trial) > 1)),
    Law("D3", "none: no call, and the text as it was", none),
    Law(
        "D4",
        "no arguments: {}, however sent",
        aspect("no_arguments", when=lambda t: any(not call.parameters for call in _calls(t))),
    ),
    Law(
        "D5",
        "values: nested, null, booleans, integers past 2^53, exactly",
        aspect("value", when=lambda t: any(call.parameters for call in _calls(t))),
    ),
    Law(
        "D6",
        "text in arguments: every character",
        aspect("string", when=lambda t: any(_strings(call.parameters) for call in _calls(t))),
    ),
    Law("D7", "text and calls: both come back", text_beside),
    Law("D8", 'empty content: "", null and absent are the same', aspect("text", when=_with_calls_alone)),
    Law(
        "D9",
        "call as text: decoded where the text is wholly a call, and only there",
        written,
        grade="opinion",
    ),
    Law("D10", "broken: an error with the raw text, and the good calls kept", broken, grade="danger"),
    Law("D11", "no markers of a chat template appear", markers),
    Law(
        "D12",
        "either form: arguments as text or as an object",
        aspect(
            "raised", "calls", "no_arguments", "value", "string", when=lambda t: "arguments_object" in t.question.quirks
        ),
        derived=True,
    ),
    Law(
        "D13",
        "ids: kept when present, made when absent, never doubled, the same on each replay",
        aspect("ids", when=lambda trial: _plain_calls(trial) > 0),
        grade="contract",
    ),
    Law(
        "D14",
        "provider-run: a tool that the provider ran itself is kept apart, with what it was given and its result",
        aspect("provider", when=lambda trial: bool(trial.question.reply.provider_calls)),
        grade="danger",
    ),
    Law("D15", "stopped: a call that was cut off is an error, never an empty call", stopped, grade="danger"),
    Law(
        "D17",
        "all text: parts of every kind, in order",
        aspect("text", when=lambda trial: bool(trial.question.quirks & PARTS)),
        derived=True,
    ),
    Law("D18", "refusal: kept whole", aspect("refusal", when=lambda trial: trial.reply is not None)),
    Law("D19", "reasoning: kept, and apart from the text", aspect("reasoning", when=lambda t: t.reply is not None)),
    Law(
        "U3",
        "who answered: the answer's id and model come back",
        aspect("meta", when=lambda trial: trial.reply is not None),
        grade="contract",
    ),
)
