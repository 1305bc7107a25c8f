"""Gemini generateContent, as gemini and vertex_ai speak it. Shapes after the google-genai SDK's types and public
recordings.

Arguments are JSON on this wire, whole and streamed: a broken call whose text is JSON but no object is sent as that
value, any other is a ``UsageError``. What Gemini itself does with a call that it can't read is the quirk
``malformed_call``. Ids are sent under the quirk ``id`` only, as most recordings have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.chat_request import json_body
from harness.dialects.dialect import Dialect, Mentions
from harness.dialects.framing.sse import chunks, dumps, write
from harness.dialects.gemini.detectors import DETECTORS
from harness.dialects.gemini.facts import FACTS, FAILURES, NUMBERS, QUIRKS
from harness.dialects.gemini.partial_calls import in_pieces
from harness.dialects.gemini.read import read
from harness.dialects.gemini.request import read_chat
from harness.dialects.rendering import (
    argument,
    check,
    ends_cut,
    error_response,
    finish_word,
    ordered,
    pieces,
    refused_quirks,
    varying,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Finish, Json, Reply
    from harness.core.exchange import HttpRequest

_FINISH_WORDS: dict[Finish | None, str | None] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
    None: None,
}


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``; the module says which calls it can't carry. The finish ``tool_calls`` is sent as STOP."""
    refused_quirks(quirks, {**QUIRKS, **FAILURES}, "gemini")
    check(reply, _FINISH_WORDS, "Gemini")
    tail, sent = _tail(reply, quirks)
    foot = _foot(reply, quirks, model)
    calls = _call_parts(reply, sent, quirks)
    if "partial_args" in quirks:
        calls = [piece for call in calls for piece in in_pieces(call)]
    if stream:
        if reply.finish is None:
            raise UsageError("a Gemini stream without a finish reason is a stream that was cut")
        return _streamed(reply, calls, tail, foot, quirks)
    if quirks & FAILURES.keys():
        raise UsageError("a whole answer that fails has a status of its own: see error()")
    body = {**_candidates([*_text_parts(reply), *calls], tail), **foot}
    return HttpResponse(200, (("content-type", "application/json; charset=UTF-8"),), chunks([dumps(body).encode()]))


def _tail(reply: Reply, quirks: frozenset[str]) -> tuple[dict[str, Json], int]:
    """How the answer ends, and how many of its calls are sent as such."""
    word, message, calls = finish_word(reply, FACTS, _FINISH_WORDS), "", ordered(reply)
    sent = len(calls)
    silent = not (calls or reply.text or reply.reasoning or reply.provider_calls)
    if "prompt_blocked" in quirks and reply.finish == "content_filter" and silent:
        return {"promptFeedback": {"blockReason": "SAFETY"}}, 0
    if calls and "finish_message" in quirks:
        message = "Model generated function call(s)."
    if reply.finish == "error" and calls:
        last = calls[-1]
        if "malformed_call" in quirks and isinstance(last, CallError):
            if last.name or last.fault != "arguments":
                raise UsageError("MALFORMED_FUNCTION_CALL has the text of a call, but neither its name nor its cut")
            word, message, sent = "MALFORMED_FUNCTION_CALL", last.raw, sent - 1
        elif "unexpected_call" in quirks:
            word = "UNEXPECTED_TOOL_CALL"
            message = f"Unexpected tool call: Model tried to call an undeclared function: {last.name}"
    numbers = {name: number for number, name in NUMBERS.items()}
    ends: dict[str, Json] = (
        {"finishReason": numbers.get(word, word) if "finish_enum" in quirks else word} if word else {}
    )
    return {**ends, "finishMessage": message} if message else ends, sent


def _streamed(
    reply: Reply, calls: list[dict[str, Json]], tail: dict[str, Json], foot: dict[str, Json], quirks: frozenset[str]
) -> HttpResponse:
    groups: list[list[dict[str, Json]]] = []
    for part in _text_parts(reply):
        groups += [[one] for one in _text_pieces(part)] if "text" in part else [[part]]
    separate = quirks & {"calls_apart", "partial_args"}
    groups += [[call] for call in calls] if separate else [calls] if calls else []
    if "finish_alone" in quirks or not groups:
        groups.append([])
    bodies = [{**_candidates(group, tail if group is groups[-1] else {}), **foot} for group in groups]
    if "error_event" in quirks:
        message = "The model is overloaded. Please try again later."
        bodies[-1] = {"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}
    if "json_array" in quirks:
        made = [("[" if index == 0 else ",\r\n").encode() + dumps(one).encode() for index, one in enumerate(bodies)]
        return HttpResponse(200, (("content-type", "application/json; charset=UTF-8"),), chunks([*made, b"]"]))
    newline = "\n" if "lf" in quirks else "\r\n"
    return HttpResponse(
        200, (("content-type", "text/event-stream"),), chunks(write(dumps(one), newline=newline) for one in bodies)
    )


def _text_pieces(part: dict[str, Json]) -> list[dict[str, Json]]:
    """A text in several events: its signature comes with the last."""
    texts = list(pieces(part["text"]))
    plain = {key: value for key, value in part.items() if key != "thoughtSignature"}
    return [{**(part if n == len(texts) - 1 else plain), "text": text} for n, text in enumerate(texts)]


def _candidates(parts: list[dict[str, Json]], tail: dict[str, Json]) -> dict[str, Json]:
    if "promptFeedback" in tail:
        return tail
    content: dict[str, Json] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    return {"candidates": [{"content": content, **tail, "index": 0}]}


def _foot(reply: Reply, quirks: frozenset[str], model: str) -> dict[str, Json]:
    usage = {}
    if reply.usage is not None and "no_usage" not in quirks:
        names = {"prompt": "promptTokenCount", "completion": "candidatesTokenCount", "total": "totalTokenCount"}
        counts = {there: getattr(reply.usage, ours) for ours, there in names.items()}
        usage = {"usageMetadata": {name: count for name, count in counts.items() if count is not None}}
    return {**usage, "modelVersion": reply.model or model, "responseId": reply.id or "response-1"}


def _text_parts(reply: Reply) -> Iterator[dict[str, Json]]:
    for used in reply.provider_calls:
        identity = {"id": used.id} if used.id else {}
        if used.name == "code_execution" and used.parameters.keys() == {"language", "code"}:
            yield {"executableCode": {**identity, **used.parameters}}
            if used.result is not None:
                yield {"codeExecutionResult": {**identity, **used.result}}
        else:
            yield {"toolCall": {**identity, "toolType": used.name, "args": used.parameters}}
            if used.result is not None:
                yield {"toolResponse": {**identity, "toolType": used.name, **used.result}}
    if reply.reasoning:
        yield {"text": reply.reasoning, "thought": True}
    if reply.text:
        signed = reply.state.get("thought_signatures")
        yield {"text": reply.text, **({"thoughtSignature": signed[0]} if signed else {})}


def _call_parts(reply: Reply, sent: int, quirks: frozenset[str]) -> list[dict[str, Json]]:
    made: list[dict[str, Json]] = []
    for call in ordered(reply)[:sent]:
        cut = ends_cut(reply, call)
        written: dict[str, Json] = {"name": call.name or ""}
        arguments = argument(call, "Gemini", text=False, cut=cut, bare=False)
        if arguments != {} or cut or "args_missing" not in quirks:
            written["args"] = arguments
        if "id" in quirks and call.id:
            written["id"] = call.id
        made.append({"functionCall": written})
    if made and "thought_signature" in quirks:
        made[0]["thoughtSignature"] = "c2lnbmF0dXJl"
    for part, signature in zip(made, reply.state.get("call_signatures", ()), strict=False):
        part.update({"thoughtSignature": signature} if signature else {})
    return made


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``."""
    try:
        return _mentions(json_body(request.body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Mentions()  # another API's request, or none


def _mentions(body: Json) -> Mentions:
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
    names = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
    names |= {408: "DEADLINE_EXCEEDED", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED"}
    names |= {501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
    kind = names.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")  # noqa: PLR2004 - the 5xx statuses
    error: dict[str, Json] = {"code": status, "message": message, "status": kind}
    if retry_after is not None:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after:g}s"}]
    kind = "application/json; charset=UTF-8"
    return error_response(status, {"error": error}, retry_after=retry_after, content_type=kind)


GEMINI = Dialect(
    name="gemini",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r":generateContent$", r":streamGenerateContent$"),
    facts=FACTS,
    quirks=QUIRKS,
    failures=FAILURES,
    request=read_chat,
    detectors=DETECTORS,
)
