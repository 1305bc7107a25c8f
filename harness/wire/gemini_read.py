"""The reference reading of generateContent: a small assembler that shares nothing with litellm or the backend."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish, Reply, ToolCall, Usage
from harness.errors import ProviderError, StreamCutError, UnreadableReplyError
from harness.exchange import header
from harness.wire.arguments import judged
from harness.wire.sse import json_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json
    from harness.exchange import HttpResponse

FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "OTHER": "error",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"),
        "content_filter",
    ),
}
# google.ai.generativelanguage.Candidate.FinishReason, for those who send the number.
_NUMBERS = dict(enumerate(("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")))


@dataclass(slots=True)
class _Message:
    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    told: str = ""
    blocked: bool = False
    usage: Usage | None = None
    id: str = ""
    model: str = ""
    calls: list[dict[str, Json]] = field(default_factory=list)
    code: list[ToolCall] = field(default_factory=list)


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. Of several candidates the first is read."""
    made = _Message()
    streamed = "text/event-stream" in (header(response.headers, "content-type") or "")
    text = response.body.decode(errors="replace").strip()
    try:
        for body in _bodies(response) if streamed else _array(text):
            _take(body, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), _torn(made)) from error
    if made.finish is None and not made.blocked and (streamed or text.startswith("[")):
        raise StreamCutError("the stream ended without a finish reason", _torn(made))
    return _reply(made)


def _bodies(response: HttpResponse) -> Iterator[Json]:
    return (body for _, body in json_events(response.body) if body is not None)


def _array(text: str) -> list[Json]:
    """A whole answer, or a stream sent as one JSON array."""
    try:
        value = json.loads(text)
    except ValueError as error:
        if text.startswith("[") or not text:
            raise StreamCutError("the array of answers is cut") from error
        raise UnreadableReplyError(f"no JSON: {error}", text) from error
    return value if isinstance(value, list) else [value]


def _take(body: Json, made: _Message) -> None:
    if not isinstance(body, dict):
        raise UnreadableReplyError(f"no object but {type(body).__name__}", str(body))
    if "error" in body:
        raise ProviderError(str(body["error"].get("message")), status=body["error"].get("code"), provider="gemini")
    made.id, made.model = body.get("responseId") or made.id, body.get("modelVersion") or made.model
    made.usage = _usage(body.get("usageMetadata")) or made.usage
    made.blocked = made.blocked or bool((body.get("promptFeedback") or {}).get("blockReason"))
    for candidate in (body.get("candidates") or ())[:1]:
        finish = candidate.get("finishReason")
        made.finish = (_NUMBERS.get(finish) if isinstance(finish, int) else finish) or made.finish
        made.told = candidate.get("finishMessage") or made.told
        for part in (candidate.get("content") or {}).get("parts") or ():
            _take_part(part, made)


def _take_part(part: dict[str, Json], made: _Message) -> None:
    if part.get("thought"):
        made.reasoning += part.get("text") or ""
    else:
        made.text += part.get("text") or ""
    if "functionCall" in part:
        made.calls.append(part["functionCall"])
    if "executableCode" in part:
        code = part["executableCode"]
        made.code.append(ToolCall("code_execution", {"language": code.get("language"), "code": code.get("code")}, ""))


def _usage(told: Json) -> Usage | None:
    if not isinstance(told, dict) or "promptTokenCount" not in told:
        return None
    answered = [told.get(key) for key in ("candidatesTokenCount", "thoughtsTokenCount")]
    completion = sum(count or 0 for count in answered) if any(count is not None for count in answered) else None
    return Usage(told["promptTokenCount"], completion, told.get("totalTokenCount"))


def _reply(made: _Message) -> Reply:
    finish = "content_filter" if made.blocked and made.finish is None else FINISHES.get(made.finish or "")
    last = len(made.calls) - 1
    found = [
        judged(call.get("name"), call.get("args"), call.get("id"), place, cut=finish == "length" and place == last)
        for place, call in enumerate(made.calls)
    ]
    errors = [call for call in found if isinstance(call, CallError)]
    if made.finish == "MALFORMED_FUNCTION_CALL":
        detail = "the provider itself could not read the model's call"
        errors.append(CallError("arguments", detail, made.told, index=len(found)))
    return Reply(
        text=made.text,
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(errors),
        provider_calls=tuple(made.code),
        finish=finish,
        usage=made.usage,
        reasoning=made.reasoning,
        model=made.model,
        id=made.id,
        raw_finish=made.finish,
    )


def _torn(made: _Message) -> Reply:
    errors = tuple(
        CallError("cut_off", "the stream ended here", json.dumps(call.get("args")), call.get("name"), index=place)
        for place, call in enumerate(made.calls)
    )
    return Reply(text=made.text, errors=errors, reasoning=made.reasoning)
