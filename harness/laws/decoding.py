"""The laws of decoding: what the model called is what the caller gets, exactly; what can't be read is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.laws.json_identity import differing
from harness.laws.law import Law

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json, ToolCall
    from harness.laws.trial import Trial


def calls_equal(trial: Trial) -> str:
    """The complaint if the calls are not those drawn, in number, order, name and parameters."""
    if trial.reply is None:
        return f"raised {trial.error!r}"
    if trial.reply.errors:
        return f"good calls were refused: {trial.reply.errors[0].detail}"
    return differing(_calls(trial), trial.reply.calls)


def _when(wanted: Callable[[Trial], bool]) -> Callable[[Trial], str | None]:
    def judge(trial: Trial) -> str | None:
        if trial.question.kind != "plain":
            return None
        return calls_equal(trial) if wanted(trial) else None

    return judge


def _calls(trial: Trial) -> tuple[ToolCall, ...]:
    return trial.question.reply.calls


def _strings(value: Json) -> bool:
    if isinstance(value, dict):
        return any(_strings(key) or _strings(inner) for key, inner in value.items())
    return any(map(_strings, value)) if isinstance(value, list) else isinstance(value, str)


def ids(trial: Trial) -> str | None:
    """D13: ids are there, distinct, those that the provider gave, and the same on each replay."""
    if trial.question.kind != "plain" or not _calls(trial) or trial.reply is None:
        return None
    found = [call.id for call in trial.reply.calls]
    if not all(type(one) is str and one for one in found) or len(set(found)) != len(found):
        return f"ids are missing or doubled: {found}"
    if trial.again is not None:
        second = [call.id for call in trial.again.calls]
        if second != found:
            return f"the same answer was given the ids {found}, and then {second}"
    if trial.served is None:
        return "an answer came back that nobody was asked for"
    given = [call.id for call in trial.question.dialect.read(trial.served).calls]
    kept = [
        (one, there) for n, (one, there) in enumerate(zip(given, found, strict=False)) if one and one not in given[:n]
    ]
    # Gemini's thought signature must come back with the call: litellm hands it on behind the id.
    changed = [(one, there) for one, there in kept if one != there.partition("__thought__")[0]]
    return f"the provider gave the id {changed[0][0]!r}, {changed[0][1]!r} came back" if changed else ""


def none(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or _calls(trial):
        return None
    if trial.reply is None:
        return f"raised {trial.error!r}"
    if trial.reply.calls or trial.reply.errors:
        return f"nothing was called, but {trial.reply.calls or trial.reply.errors} came back"
    return _texts(trial)


def _texts(trial: Trial) -> str:
    assert trial.reply is not None
    said, found = trial.question.reply.text, trial.reply.text
    return "" if said == found else f"said {said!r}, came back as {found!r}"


def text_beside(trial: Trial) -> str | None:
    if trial.question.kind not in {"plain", "broken", "unknown"}:
        return None
    if not trial.question.reply.text or not (_calls(trial) or trial.question.reply.errors):
        return None
    if trial.reply is None:
        told = getattr(trial.error, "text", None)
        return "" if told == trial.question.reply.text else f"raised {trial.error!r} without the text"
    return _texts(trial)


def no_text(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or trial.question.reply.text or not _calls(trial) or trial.reply is None:
        return None
    return "" if trial.reply.text == "" else f"nothing was said, {trial.reply.text!r} came back"


def written(trial: Trial) -> str | None:
    if trial.question.kind not in {"written", "prose", "answer"}:
        return None
    if trial.reply is None:
        return f"raised {trial.error!r}"
    if trial.question.kind == "written":
        complaint = differing(_calls(trial), trial.reply.calls)
        return f"the text was a call, wholly: {complaint}" if complaint else ""
    if trial.reply.calls or trial.reply.errors:
        return f"the text is no call, but {trial.reply.calls or trial.reply.errors} came back"
    return _texts(trial)


def broken(trial: Trial) -> str | None:
    if trial.question.kind == "cut" and not trial.question.stream:
        return _cut_body(trial)
    if trial.question.kind != "broken":
        return None
    (bad,) = trial.question.reply.errors
    if trial.error is None:
        assert trial.reply is not None
        errors, good = trial.reply.errors, trial.reply.calls
    elif isinstance(trial.error, HarnessError):
        errors, good = getattr(trial.error, "errors", ()), getattr(trial.error, "calls", _calls(trial))
        if not errors and bad.raw in f"{trial.error}{getattr(trial.error, 'raw', '')}":
            return ""  # refused whole, with what was sent
    else:
        return f"crashed: {trial.error!r}"
    if [one.raw for one in errors] != [bad.raw]:
        return f"{bad.raw!r} was sent for arguments; the errors hold {[one.raw for one in errors]}, the calls {good}"
    if (errors[0].fault, errors[0].index) != (bad.fault, bad.index):
        return f"call {bad.index} is at fault ({bad.fault}), told is call {errors[0].index} with {errors[0].fault!r}"
    complaint = differing(_calls(trial), good)
    return f"beside a broken call: {complaint}" if complaint else ""


def _cut_body(trial: Trial) -> str | None:
    if trial.error is not None:
        return "" if isinstance(trial.error, HarnessError) else f"crashed: {trial.error!r}"
    return f"half an answer came back as {trial.reply!r}, and nothing was raised"


def markers(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or trial.reply is None:
        return None
    said, got = repr(trial.question.reply), repr((trial.reply.text, trial.reply.calls))
    extra = [mark for mark in ("<tool_call>", "</tool_call>", "<|im_end|>") if mark not in said and mark in got]
    return f"format markers {extra} appeared" if extra else ""


def provider_run(trial: Trial) -> str | None:
    if trial.question.kind != "plain" or not trial.question.reply.provider_calls or trial.reply is None:
        return None
    ran = [call.name for call in trial.question.reply.provider_calls]
    handed = [call.name for call in trial.reply.calls]
    mixed = [name for name in ran if name in handed and name not in trial.question.tools]
    if mixed:
        return f"{mixed} were run by the provider, and are handed to the caller to run"
    kept = [call.name for call in trial.reply.provider_calls]
    return "" if kept == ran else f"the provider ran {ran} itself, kept apart are {kept}"


LAWS = (
    Law("D1", "single: one call comes back as it was made", _when(lambda trial: len(_calls(trial)) == 1)),
    Law("D2", "parallel: all calls, in order", _when(lambda trial: len(_calls(trial)) > 1)),
    Law("D3", "none: no call, and the text as it was", none),
    Law("D4", "no arguments: {}, however sent", _when(lambda t: any(not call.parameters for call in _calls(t)))),
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
    Law("D9", "call as text: decoded where the text is wholly a call, and only there", written),
    Law("D10", "broken: an error with the raw text, and the good calls kept", broken),
    Law("D11", "no markers of a chat template appear", markers),
    Law(
        "D12",
        "either form: arguments as text or as an object",
        _when(lambda t: bool(_calls(t)) and "arguments_object" in t.question.quirks),
    ),
    Law("D13", "ids: kept when present, made when absent, never doubled, the same on each replay", ids),
    Law("D14", "provider-run: a tool that the provider ran itself is kept apart", provider_run),
)
