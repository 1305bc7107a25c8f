"""The laws of decoding: what the model called is what the caller gets, exactly; what can't be read is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.laws.law import Law
from harness.laws.same import same
from harness.wire.profiles import profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.chat import Json, ToolCall
    from harness.laws.trial import Trial

IDLESS = {"gemini", "ollama", "ollama_generate"}
_ID_QUIRKS = {"id_missing", "id_empty", "id_same", "function_call"}


def calls_equal(trial: Trial) -> str:
    """The complaint if the calls are not those drawn, in number, order, name and parameters."""
    if trial.reply is None:
        return f"raised {trial.error!r}"
    if trial.reply.errors:
        return f"good calls were refused: {trial.reply.errors[0].detail}"
    expected, found = trial.question.reply.calls, trial.reply.calls
    if len(expected) != len(found):
        return f"{len(expected)} calls were made, {len(found)} came back"
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        if one.name != other.name:
            return f"call {number} was to {one.name!r}, came back as {other.name!r}"
        if not same(one.parameters, other.parameters):
            return f"call {number} had {one.parameters!r}, came back with {other.parameters!r}"
    return ""


def _when(wanted: Callable[[Trial], bool]) -> Callable[[Trial], str | None]:
    def judge(trial: Trial) -> str | None:
        if trial.question.kind != "plain" or not trial.requests:
            return None
        return calls_equal(trial) if wanted(trial) else None

    return judge


def _calls(trial: Trial) -> tuple[ToolCall, ...]:
    return trial.question.reply.calls


def _strings(value: Json) -> bool:
    if isinstance(value, dict):
        return any(_strings(key) or _strings(inner) for key, inner in value.items())
    return any(map(_strings, value)) if isinstance(value, list) else isinstance(value, str)


def _some_empty(trial: Trial) -> bool:
    return any(not call.parameters for call in _calls(trial))


def _some_values(trial: Trial) -> bool:
    return any(call.parameters for call in _calls(trial))


def _some_strings(trial: Trial) -> bool:
    return any(_strings(call.parameters) for call in _calls(trial))


def _objects(trial: Trial) -> bool:
    return bool(_calls(trial)) and "arguments_object" in trial.question.quirks


def ids(trial: Trial) -> str | None:
    """D2 and D13: ids are there, distinct, and those that the provider gave."""
    if trial.question.kind != "plain" or not _calls(trial) or trial.reply is None or not trial.requests:
        return None
    found = [call.id for call in trial.reply.calls]
    if not all(found) or len(set(found)) != len(found):
        return f"ids are missing or doubled: {found}"
    sent = profile(trial.question.provider).dialect not in IDLESS or "id" in trial.question.quirks
    if not sent or trial.question.quirks & _ID_QUIRKS:
        return ""
    given = [call.id for call in _calls(trial)]
    return "" if found == given else f"the provider gave the ids {given}, {found} came back"


def none(trial: Trial) -> str | None:
    if trial.question.kind not in {"plain", "prose"} or _calls(trial) or not trial.requests:
        return None
    if trial.reply is None:
        return f"raised {trial.error!r}"
    if trial.reply.calls or trial.reply.errors:
        return f"nothing was called, but {trial.reply.calls or trial.reply.errors} came back"
    return "" if trial.reply.text == trial.question.reply.text else _texts(trial)


def _texts(trial: Trial) -> str:
    assert trial.reply is not None
    return f"said {trial.question.reply.text!r}, came back as {trial.reply.text!r}"


def text_beside(trial: Trial) -> str | None:
    if trial.question.kind not in {"plain", "broken"} or not trial.requests:
        return None
    if not trial.question.reply.text or not (_calls(trial) or trial.question.reply.errors):
        return None
    if trial.reply is None:
        told = getattr(trial.error, "text", None)
        return "" if told == trial.question.reply.text else f"raised {trial.error!r} without the text"
    return "" if trial.reply.text == trial.question.reply.text else _texts(trial)


def no_text(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or trial.question.reply.text or not _calls(trial) or trial.reply is None:
        return None
    return "" if trial.reply.text == "" else f"nothing was said, {trial.reply.text!r} came back"


def written(trial: Trial) -> str | None:
    if trial.question.kind != "written" or not trial.requests:
        return None
    if trial.reply is None:
        return f"raised {trial.error!r}"
    found = [(call.name, call.parameters) for call in trial.reply.calls]
    name = trial.question.tools[0]
    return "" if found == [(name, {"x": "1"})] else f"the text was a call to {name!r}, {found} came back"


def broken(trial: Trial) -> str | None:
    if trial.question.kind != "broken" or not trial.requests:
        return None
    raw = trial.question.reply.errors[0].raw
    good = trial.question.reply.calls
    if trial.error is not None:
        errors, kept = getattr(trial.error, "errors", ()), getattr(trial.error, "calls", None)
        told = (
            raw in str(trial.error)
            or raw in str(getattr(trial.error, "raw", ""))
            or any(one.raw == raw for one in errors)
        )
        if not told:
            return f"raised {trial.error!r} without the raw text {raw!r}"
        found = kept if kept is not None else good
    else:
        assert trial.reply is not None
        if not any(one.raw == raw for one in trial.reply.errors):
            return f"no error holds the raw text {raw!r}; calls {trial.reply.calls}"
        found = trial.reply.calls
    alike = len(found) == len(good) and all(
        one.name == other.name and same(one.parameters, other.parameters)
        for one, other in zip(good, found, strict=True)
    )
    return "" if alike else f"the good calls {good} came back as {found}"


def markers(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or trial.reply is None:
        return None
    said, got = repr(trial.question.reply), repr((trial.reply.text, trial.reply.calls))
    extra = [mark for mark in ("<tool_call>", "</tool_call>", "<|im_end|>") if mark not in said and mark in got]
    return f"format markers {extra} appeared" if extra else ""


LAWS = (
    Law("D1", "single: one call comes back as it was made", _when(lambda trial: len(_calls(trial)) == 1)),
    Law("D2", "parallel: all calls, in order", _when(lambda trial: len(_calls(trial)) > 1)),
    Law("D3", "none: no call, and the text as it was", none),
    Law(
        "D4", "no arguments: however they are sent, {}", _when(lambda t: any(not call.parameters for call in _calls(t)))
    ),
    Law(
        "D5",
        "values: nested, null, booleans, integers past 2^53, exactly",
        _when(lambda t: any(call.parameters for call in _calls(t))),
    ),
    Law(
        "D6",
        "text in arguments: every character",
        _when(lambda t: any(_strings(call.parameters) for call in _calls(t))),
    ),
    Law("D7", "text and calls: both come back", text_beside),
    Law("D8", 'empty content: "", null and absent are the same', no_text),
    Law("D9", "call as text: decoded where the text is wholly a call", written),
    Law("D10", "broken: an error with the raw text, and the good calls kept", broken),
    Law("D11", "no markers of a chat template appear", markers),
    Law(
        "D12",
        "either form: arguments as text or as an object",
        _when(lambda t: bool(_calls(t)) and "arguments_object" in t.question.quirks),
    ),
    Law("D13", "ids: kept when present, made when absent, never doubled", ids),
)
