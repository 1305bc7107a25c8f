"""The reference reading of generateContent: a small assembler that shares nothing with litellm or the backend."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish, Reply, ToolCall, Usage
from harness.errors import ProviderError, StreamCutError, UnreadableReplyError
from harness.exchange import header
from harness.wire.arguments import judged
from harness.wire.carried import shaped
from harness.wire.sse import json_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json
    from harness.exchange import HttpResponse

_FILTERS = (
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
)
_FAULTS = (
    *("OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"),
    *("MISSING_THOUGHT_SIGNATURE", "IMAGE_OTHER", "NO_IMAGE"),
)
FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_FAULTS, "error"),
    **dict.fromkeys(_FILTERS, "content_filter"),
}
NUMBERS = dict(
    enumerate(
        (
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "RECITATION",
            "OTHER",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "MALFORMED_FUNCTION_CALL",
            "IMAGE_SAFETY",
            "UNEXPECTED_TOOL_CALL",
        ),
        start=1,
    )
)
"""google.ai.generativelanguage.v1beta Candidate.FinishReason, for those who send the number. Vertex AI's own enum
agrees up to 5 (OTHER).
"""


@dataclass(slots=True)
class _Message:
    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    told: str = ""
    blocked: str | None = None
    usage: Usage | None = None
    id: str = ""
    model: str = ""
    calls: list[dict[str, Json]] = field(default_factory=list)
    theirs: list[ToolCall] = field(default_factory=list)


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. Of several candidates the first is read."""
    made = _Message()
    streamed = "text/event-stream" in (header(response.headers, "content-type") or "")
    text = "" if streamed else _text(response.body)
    try:
        for body in _bodies(response) if streamed else _array(text):
            with shaped(body):
                _take(body, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), _torn(made)) from error
    if made.finish is None and made.blocked is None and (streamed or text.startswith("[")):
        raise StreamCutError("the stream ended without a finish reason", _torn(made))
    return _reply(made)


def _bodies(response: HttpResponse) -> Iterator[Json]:
    return (body for _, body in json_events(response.body) if body is not None)


def _text(body: bytes) -> str:
    """A body that is no event stream, without the half character that it may be cut in."""
    try:
        return body.decode().strip()
    except UnicodeDecodeError as error:
        if error.end < len(body) or error.reason != "unexpected end of data":
            raise UnreadableReplyError(f"not UTF-8 at byte {error.start}", repr(body[error.start :][:80])) from error
        return body[: error.start].decode().strip()


def _array(text: str) -> Iterator[Json]:
    """A whole answer, or the answers of a stream that was sent as one JSON array.

    Of an array that breaks off, the whole answers, then ``StreamCutError``.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text and (not text.startswith("[") or _closed(text)):
            raise UnreadableReplyError(f"no JSON: {error}", text) from error
    else:
        yield from value if isinstance(value, list) else [value]
        return
    rest = text[1:]
    with suppress(ValueError, RecursionError):
        while rest := rest.lstrip(", \r\n\t"):
            value, length = json.JSONDecoder().raw_decode(rest)
            yield value
            rest = rest[length:]
    raise StreamCutError("the array of answers is cut")


def _closed(text: str) -> bool:
    """Whether every bracket has its end: the text was not cut, but is wrong somewhere."""
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return '"' not in outside and sum(map(outside.count, "[{")) == sum(map(outside.count, "]}"))


def _take(body: Json, made: _Message) -> None:
    if "error" in body:
        raise ProviderError(str(body["error"].get("message")), status=body["error"].get("code"), provider="gemini")
    made.id, made.model = str(body.get("responseId") or made.id), str(body.get("modelVersion") or made.model)
    made.usage = _usage(body.get("usageMetadata")) or made.usage
    made.blocked = (body.get("promptFeedback") or {}).get("blockReason") or made.blocked
    for candidate in (body.get("candidates") or ())[:1]:
        for part in (candidate.get("content") or {}).get("parts") or ():
            if made.finish is not None and part.get("text") != "":
                raise ValueError("a part comes after the finish reason")
            _take_part(part, made)
        made.finish = _finish(candidate.get("finishReason")) or made.finish
        made.told = str(candidate.get("finishMessage") or made.told)


def _finish(said: Json) -> str | None:
    if said is None or isinstance(said, str):
        return said
    if type(said) is not int:
        raise ValueError(f"a finish reason that is neither word nor number: {said!r}")
    return NUMBERS.get(said, str(said))


def _take_part(part: dict[str, Json], made: _Message) -> None:
    if part.get("thought"):
        made.reasoning += part.get("text") or ""
    else:
        made.text += part.get("text") or ""
    if "functionCall" in part:
        made.calls.append({**part["functionCall"]})
    if "executableCode" in part:
        code = part["executableCode"]
        given = {"language": code.get("language"), "code": code.get("code")}
        made.theirs.append(ToolCall("code_execution", given, code.get("id") or ""))
    if "toolCall" in part:
        used = part["toolCall"]
        made.theirs.append(ToolCall(used["toolType"] + "", {**(used.get("args") or {})}, used.get("id") or ""))


def _usage(told: Json) -> Usage | None:
    if not told:
        return None
    answered = [told.get(key) for key in ("candidatesTokenCount", "thoughtsTokenCount")]
    completion = sum(count or 0 for count in answered) if any(count is not None for count in answered) else None
    prompted = [told.get(key) for key in ("promptTokenCount", "toolUsePromptTokenCount")]
    prompt = sum(one for one in prompted if isinstance(one, int)) if any(type(one) is int for one in prompted) else None
    counts = (prompt, completion, told.get("totalTokenCount"))
    return Usage(*counts) if any(count is not None for count in counts) else None


def _reply(made: _Message) -> Reply:
    finish = FINISHES.get(made.finish or "") if made.finish or made.blocked is None else "content_filter"
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
        provider_calls=tuple(made.theirs),
        finish=finish,
        usage=made.usage,
        reasoning=made.reasoning,
        model=made.model,
        id=made.id,
        raw_finish=made.finish or made.blocked,
    )


def _torn(made: _Message) -> Reply:
    errors = tuple(
        CallError("cut_off", "the stream ended here", _raw(call), str(call.get("name")), index=place)
        for place, call in enumerate(made.calls)
    )
    return Reply(text=made.text, errors=errors, reasoning=made.reasoning)


def _raw(call: dict[str, Json]) -> str:
    return json.dumps(call["args"], ensure_ascii=False) if "args" in call else ""
