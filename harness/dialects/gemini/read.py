"""The reference reading of generateContent: a small assembler that shares nothing with litellm or the backend."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError
from harness.dialects.arguments import cut_off, judged
from harness.dialects.facts import add_result, answers, shaped
from harness.dialects.framing import framing
from harness.dialects.gemini.facts import FACTS
from harness.dialects.gemini.partial_calls import take_call

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse


@dataclass(slots=True)
class _Message:
    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    message: str = ""
    blocked: str | None = None
    ran_code: bool = False
    usage: Usage | None = None
    id: str = ""
    model: str = ""
    calls: list[dict[str, Json]] = field(default_factory=list)
    theirs: list[ProviderCall] = field(default_factory=list)


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. Of several candidates the first is read."""
    made = _Message()
    if not response.body.strip():
        raise StreamCutError("nothing came of the answer", _torn(made))
    streamed = framing(response) != "whole"
    try:
        for body in answers(response, FACTS):
            if body is not None:
                with shaped(body):
                    _take(body, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), _torn(made)) from error
    if made.finish is None and made.blocked is None and streamed:
        raise StreamCutError("the stream ended without a finish reason", _torn(made))
    return _reply(made)


def _take(body: Json, made: _Message) -> None:
    made.id, made.model = str(body.get("responseId") or made.id), str(body.get("modelVersion") or made.model)
    made.usage = _usage(body.get("usageMetadata")) or made.usage
    made.blocked = (body.get("promptFeedback") or {}).get("blockReason") or made.blocked
    for candidate in (body.get("candidates") or ())[:1]:
        for part in (candidate.get("content") or {}).get("parts") or ():
            # STOP may come in mid-stream, between code that Gemini runs and the text about it.
            if made.finish is not None and "functionCall" in part and not made.ran_code:
                raise ValueError("a call comes after the finish reason")
            _take_part(part, made)
        made.finish = _finish(candidate.get("finishReason")) or made.finish
        made.message = str(candidate.get("finishMessage") or made.message)


def _finish(word: Json) -> str | None:
    if word is None or isinstance(word, str):
        return word
    if type(word) is not int:
        raise ValueError(f"a finish reason that is neither word nor number: {word!r}")
    return FACTS.word(word)


def _take_part(part: dict[str, Json], made: _Message) -> None:
    if part.get("thought"):
        made.reasoning += part.get("text") or ""
    else:
        made.text += part.get("text") or ""
    if "functionCall" in part:
        take_call(part["functionCall"], made.calls)
    made.ran_code = made.ran_code or "executableCode" in part
    if "executableCode" in part:
        code = part["executableCode"]
        parameters = {"language": code.get("language"), "code": code.get("code")}
        made.theirs.append(ProviderCall("code_execution", parameters, code.get("id") or ""))
    if "toolCall" in part:
        used = part["toolCall"]
        made.theirs.append(ProviderCall(used["toolType"] + "", {**(used.get("args") or {})}, used.get("id") or ""))
    for kind in ("codeExecutionResult", "toolResponse"):
        if kind in part:
            found = part[kind]
            result = {key: value for key, value in found.items() if key not in ("id", "toolType")}
            add_result(made.theirs, str(found.get("toolType") or "code_execution"), found.get("id") or "", result)


def _usage(usage: Json) -> Usage | None:
    if not usage:
        return None
    answered = [usage.get(key) for key in ("candidatesTokenCount", "thoughtsTokenCount")]
    completion = sum(count or 0 for count in answered) if any(count is not None for count in answered) else None
    prompted = [usage.get(key) for key in ("promptTokenCount", "toolUsePromptTokenCount")]
    prompt = sum(one for one in prompted if isinstance(one, int)) if any(type(one) is int for one in prompted) else None
    counts = (prompt, completion, usage.get("totalTokenCount"))
    return Usage(*counts) if any(count is not None for count in counts) else None


def _reply(made: _Message) -> Reply:
    finish = FACTS.finish(made.finish) if made.finish or made.blocked is None else "content_filter"
    last = len(made.calls) - 1
    found = [_judged(call, index, cut=finish in STOPPED and index == last) for index, call in enumerate(made.calls)]
    errors = [call for call in found if isinstance(call, CallError)]
    if made.finish == "MALFORMED_FUNCTION_CALL":
        detail = "the provider itself could not read the model's call"
        errors.append(CallError("arguments", detail, made.message, index=len(found)))
    return Reply(
        text=made.text,
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(errors),
        provider_calls=tuple(made.theirs),
        finish=finish,
        usage=made.usage,
        reasoning=made.reasoning,
        model=made.model,
        id=made.id,
        raw_finish=made.finish or made.blocked,
    )


def _judged(call: dict[str, Json], index: int, *, cut: bool) -> ToolCall | CallError:
    if call.get("willContinue"):
        return CallError("cut_off", "the call's last piece never came", _raw(call), call["name"], call.get("id"), index)
    return judged(call.get("name"), call.get("args"), call.get("id"), index, cut=cut)


def _torn(made: _Message) -> Reply:
    errors = tuple(cut_off(call.get("name"), call.get("args"), "", index) for index, call in enumerate(made.calls))
    return Reply(text=made.text, errors=errors, reasoning=made.reasoning)


def _raw(call: dict[str, Json]) -> str:
    return json.dumps(call["args"], ensure_ascii=False) if "args" in call else ""
