"""Gemini generateContent, as gemini and vertex_ai speak it. Shapes after the google-genai SDK's types and public
recordings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.chat import CallError
from harness.errors import UsageError
from harness.exchange import Chunk, HttpResponse
from harness.wire.dialect import Dialect, Mentions, ordered, pieces, refused_quirks
from harness.wire.gemini_read import read
from harness.wire.sse import chunks, dumps, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json, Reply, ToolCall
    from harness.exchange import HttpRequest

QUIRKS: dict[str, str] = {
    "id": "calls have an id (51 of 567)",
    "args_missing": "a call without arguments has no args key",
    "thought_signature": "the first of several calls carries a thoughtSignature (32)",
    "finish_enum": "finishReason is a whole number (20)",
    "finish_message": "a finishMessage says that calls were generated (2026)",
    "finish_alone": "the stream's last event holds the finish reason and no parts",
    "calls_apart": "each call of a stream comes in an event of its own",
    "json_array": "the stream is one JSON array, not events (5; without alt=sse)",
    "lf": "events end in LF, not CR LF",
    "no_usage": "no usage is told",
}
_SAID = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY", None: None}
_NUMBERS = {"STOP": 1, "MAX_TOKENS": 2, "SAFETY": 3}


def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. Arguments are JSON on this wire: a broken call must at least be that."""
    refused_quirks(quirks, QUIRKS, "gemini")
    if reply.finish not in _SAID:
        raise UsageError(f"Gemini has no finish reason for {reply.finish!r}")
    said = _SAID[reply.finish]
    finish: Json = _NUMBERS[said] if said and "finish_enum" in quirks else said
    tail: dict[str, Json] = {"finishReason": finish} if finish else {}
    if "finish_message" in quirks and reply.calls:
        tail["finishMessage"] = "Model generated function call(s)."
    if stream:
        return _streamed(reply, tail, quirks, model)
    parts = [*_said_parts(reply), *_call_parts(reply, quirks)]
    body = _body(reply, parts, tail, quirks, model)
    return HttpResponse(200, (("content-type", "application/json; charset=UTF-8"),), chunks([dumps(body).encode()]))


def _streamed(reply: Reply, tail: dict[str, Json], quirks: frozenset[str], model: str) -> HttpResponse:
    texts = [{**part, "text": piece} for part in _said_parts(reply) if "text" in part for piece in pieces(part["text"])]
    others = [part for part in _said_parts(reply) if "text" not in part]
    calls = list(_call_parts(reply, quirks))
    groups = [[part] for part in (*others, *texts)] + (
        [[call] for call in calls] if "calls_apart" in quirks else [calls]
    )
    groups = [group for group in groups if group]
    if "finish_alone" in quirks or not groups:
        groups.append([])
    bodies = [
        _body(reply, group, tail if place == len(groups) - 1 else {}, quirks, model)
        for place, group in enumerate(groups)
    ]
    if "json_array" in quirks:
        made = [("[" if place == 0 else ",\r\n").encode() + dumps(one).encode() for place, one in enumerate(bodies)]
        return HttpResponse(200, (("content-type", "application/json; charset=UTF-8"),), chunks([*made, b"]"]))
    newline = "\n" if "lf" in quirks else "\r\n"
    return HttpResponse(
        200, (("content-type", "text/event-stream"),), chunks(write(dumps(one), newline=newline) for one in bodies)
    )


def _body(
    reply: Reply, parts: list[dict[str, Json]], tail: dict[str, Json], quirks: frozenset[str], model: str
) -> dict[str, Json]:
    content: dict[str, Json] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    body: dict[str, Json] = {"candidates": [{"content": content, **tail, "index": 0}]}
    if reply.usage is not None and "no_usage" not in quirks:
        told = {"prompt": "promptTokenCount", "completion": "candidatesTokenCount", "total": "totalTokenCount"}
        counts = {there: getattr(reply.usage, ours) for ours, there in told.items()}
        body["usageMetadata"] = {name: count for name, count in counts.items() if count is not None}
    return {**body, "modelVersion": reply.model or model, "responseId": reply.id or "response-1"}


def _said_parts(reply: Reply) -> Iterator[dict[str, Json]]:
    for used in reply.provider_calls:
        yield {"executableCode": {"language": "PYTHON", "code": "", **used.parameters}}
        yield {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": ""}}
    if reply.reasoning:
        yield {"text": reply.reasoning, "thought": True}
    if reply.text:
        yield {"text": reply.text}


def _call_parts(reply: Reply, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    for place, call in enumerate(ordered(reply)):
        made: dict[str, Json] = {"name": call.name}
        arguments = _arguments(call)
        if arguments != {} or "args_missing" not in quirks:
            made["args"] = arguments
        if "id" in quirks and call.id:
            made["id"] = call.id
        signed = place == 0 and "thought_signature" in quirks
        yield {"functionCall": made, "thoughtSignature": "c2lnbmF0dXJl"} if signed else {"functionCall": made}


def _arguments(call: ToolCall | CallError) -> Json:
    if not isinstance(call, CallError):
        return call.parameters
    try:
        return json.loads(call.raw)
    except ValueError as error:
        raise UsageError("Gemini sends arguments as JSON; text that is none can't be on its wire") from error


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return Mentions()
    tools = [one for tool in body.get("tools") or () for one in _either(tool, "function_declarations") or ()]
    config = _either(_either(body, "tool_config") or {}, "function_calling_config") or {}
    allowed = _either(config, "allowed_function_names") or [None]
    parts = [part for content in body.get("contents") or () for part in content.get("parts") or ()]
    calls = [call for part in parts if (call := _either(part, "function_call"))]
    results = [result for part in parts if (result := _either(part, "function_response"))]
    return Mentions(
        tools=tuple(tool.get("name", "") for tool in tools),
        choice=allowed[0] if len(allowed) == 1 else None,
        calls=tuple(call["name"] for call in calls),
        results=tuple(result["name"] for result in results),
        call_ids=tuple(call["id"] for call in calls if call.get("id")),
        result_ids=tuple(result["id"] for result in results if result.get("id")),
    )


def _either(value: dict[str, Json], name: str) -> Json:
    """A field under its snake_case or camelCase name: the API takes both."""
    head, *rest = name.split("_")
    return value.get(name, value.get(head + "".join(word.title() for word in rest)))


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """google.rpc's error shape; a RetryInfo holds the wait beside the header."""
    names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
    names |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
    told: dict[str, Json] = {"code": status, "message": message, "status": names.get(status, "UNKNOWN")}
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json; charset=UTF-8"),)
    if retry_after is not None:
        told["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after:g}s"}]
        headers += (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, headers, (Chunk(dumps({"error": told}).encode()),))


GEMINI = Dialect(
    name="gemini",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r":generateContent$", r":streamGenerateContent$"),
    quirks=QUIRKS,
)
