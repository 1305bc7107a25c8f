"""Cohere v2 chat. Shapes after the cohere SDK's v2 types and public recordings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish, Reply, ToolCall, Usage
from harness.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.exchange import Chunk, HttpResponse, header
from harness.wire.arguments import judged
from harness.wire.dialect import Dialect, ordered, pieces, refused_quirks
from harness.wire.openai import mentions
from harness.wire.sse import chunks, dumps, json_events, json_lines, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json

QUIRKS: dict[str, str] = {
    "ndjson": "a stream of bare JSON lines: what litellm reads; every real recording is SSE",
    "arguments_empty_string": 'no arguments are sent as "" (2)',
    "finish_stop": "finish_reason is COMPLETE although calls are present",
    "done": "a [DONE] event at the end",
    "no_usage": "no usage is told",
}
FINISHES: dict[str, Finish] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "tool_calls",
    "MAX_TOKENS": "length",
    "ERROR": "error",
    "ERROR_TOXIC": "content_filter",
}
_SAID = {"stop": "COMPLETE", "tool_calls": "TOOL_CALL", "length": "MAX_TOKENS", "error": "ERROR"}


def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. Reasoning beside calls is Cohere's ``tool_plan``; the model is not named in answers."""
    del model
    refused_quirks(quirks, QUIRKS, "cohere")
    if reply.finish not in _SAID or reply.provider_calls:
        raise UsageError(f"Cohere has no word for finish {reply.finish!r} or for tools that the provider ran")
    finish = "COMPLETE" if "finish_stop" in quirks and reply.calls else _SAID[reply.finish]
    usage: dict[str, Json] = {}
    if reply.usage is not None and "no_usage" not in quirks:
        counts = {"input_tokens": reply.usage.prompt or 0, "output_tokens": reply.usage.completion or 0}
        usage = {"usage": {"billed_units": counts, "tokens": counts}}
    if stream:
        return _streamed(reply, finish, usage, quirks)
    message: dict[str, Json] = {"role": "assistant"}
    calls = [_call(call, quirks) for call in ordered(reply)]
    if calls:
        message |= {"tool_calls": calls} | ({"tool_plan": reply.reasoning} if reply.reasoning else {})
    content = [{"type": kind, kind: text} for kind, text in _contents(reply) if text]
    if content:
        message["content"] = content
    body = {"id": reply.id or "reply-1", "message": message, "finish_reason": finish, **usage}
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _contents(reply: Reply) -> list[tuple[str, str]]:
    planned = bool(ordered(reply))
    return [("thinking", "" if planned else reply.reasoning), ("text", reply.text)]


def _call(call: ToolCall | CallError, quirks: frozenset[str]) -> dict[str, Json]:
    given = call.raw if isinstance(call, CallError) else dumps(call.parameters)
    if given == "{}" and "arguments_empty_string" in quirks:
        given = ""
    return {"id": call.id or "", "type": "function", "function": {"name": call.name, "arguments": given}}


def _streamed(reply: Reply, finish: str, usage: dict[str, Json], quirks: frozenset[str]) -> HttpResponse:
    made = []
    for event in _events(reply, finish, usage, quirks):
        text = dumps(event)
        made.append(f"{text}\n".encode() if "ndjson" in quirks else write(text, event=event["type"]))
    if "ndjson" in quirks:
        return HttpResponse(200, (("content-type", "application/stream+json"),), chunks(made))
    if "done" in quirks:
        made.append(write("[DONE]"))
    return HttpResponse(200, (("content-type", "text/event-stream"),), chunks(made))


def _events(reply: Reply, finish: str, usage: dict[str, Json], quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"id": reply.id or "reply-1", "type": "message-start", "delta": {"message": empty}}
    calls = [_call(call, quirks) for call in ordered(reply)]
    if calls:
        for piece in pieces(reply.reasoning):
            yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}
    for index, (kind, text) in enumerate(content for content in _contents(reply) if content[1]):
        start = {"message": {"content": {"type": kind, kind: ""}}}
        yield {"type": "content-start", "index": index, "delta": start}
        for piece in pieces(text):
            yield {"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}}
        yield {"type": "content-end", "index": index}
    for index, call in enumerate(calls):
        head = {**call, "function": {**call["function"], "arguments": ""}}
        yield {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": head}}}
        for piece in pieces(call["function"]["arguments"]):
            fragment = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield {"type": "tool-call-delta", "index": index, "delta": fragment}
        yield {"type": "tool-call-end", "index": index}
    yield {"type": "message-end", "delta": {"finish_reason": finish, **usage}}


@dataclass(slots=True)
class _Message:
    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    usage: Usage | None = None
    id: str = ""
    calls: dict[int, dict[str, Json]] = field(default_factory=dict)


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``; a stream may be events, as the API sends it, or bare JSON lines."""
    kind = header(response.headers, "content-type") or ""
    made = _Message()
    if "event-stream" in kind or "stream+json" in kind:
        read_events = json_events(response.body) if "event-stream" in kind else json_lines(response.body)
        try:
            for _, event in read_events:
                if event is not None:
                    _take_event(event, made)
        except StreamCutError as error:
            raise StreamCutError(str(error), _torn(made)) from error
        if made.finish is None:
            raise StreamCutError("the stream ended without a finish reason", _torn(made))
        return _reply(made)
    try:
        body = json.loads(response.body)
        message = body["message"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableReplyError(f"no chat answer: {error!r}", response.body.decode(errors="replace")) from error
    made.id, made.finish = body.get("id") or "", body.get("finish_reason")
    made.usage = _usage(body)
    for part in message.get("content") or ():
        made.text += part.get("text") or ""
        made.reasoning += part.get("thinking") or ""
    made.reasoning += message.get("tool_plan") or ""
    made.calls = {
        place: {"id": call.get("id"), **call["function"]} for place, call in enumerate(message.get("tool_calls") or ())
    }
    return _reply(made)


def _take_event(event: Json, made: _Message) -> None:
    kind = event.get("type") or event.get("event_type")
    delta = event.get("delta") or {}
    message = delta.get("message") or {}
    content = message.get("content")
    if kind == "message-start":
        made.id = event.get("id") or ""
    elif kind in {"content-start", "content-delta"} and isinstance(content, dict):
        made.text += content.get("text") or ""
        made.reasoning += content.get("thinking") or ""
    elif kind == "tool-plan-delta":
        made.reasoning += message.get("tool_plan") or ""
    elif kind == "tool-call-start":
        call = message["tool_calls"]
        made.calls[event["index"]] = {"id": call.get("id"), **call["function"]}
    elif kind == "tool-call-delta":
        made.calls[event["index"]]["arguments"] += message["tool_calls"]["function"].get("arguments") or ""
    elif kind == "message-end":
        made.finish = delta.get("finish_reason") or "COMPLETE"
        made.usage = _usage(delta)


def _usage(body: dict[str, Json]) -> Usage | None:
    told = (body.get("usage") or {}).get("tokens")
    if not told:
        return None
    prompt, completion = int(told.get("input_tokens") or 0), int(told.get("output_tokens") or 0)
    return Usage(prompt, completion, prompt + completion)


def _reply(made: _Message) -> Reply:
    finish = FINISHES.get(made.finish or "")
    last = len(made.calls) - 1
    found = [
        judged(call.get("name"), call.get("arguments"), call.get("id"), place, cut=finish == "length" and place == last)
        for place, call in enumerate(made.calls.values())
    ]
    return Reply(
        text=made.text,
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(call for call in found if isinstance(call, CallError)),
        finish=finish,
        usage=made.usage,
        reasoning=made.reasoning,
        id=made.id,
        raw_finish=made.finish,
    )


def _torn(made: _Message) -> Reply:
    errors = tuple(
        CallError(
            "cut_off", "the stream ended here", call.get("arguments") or "", call.get("name"), call.get("id"), place
        )
        for place, call in enumerate(made.calls.values())
    )
    return Reply(text=made.text, errors=errors, reasoning=made.reasoning)


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """Cohere's error shape."""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    if retry_after is not None:
        headers += (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, headers, (Chunk(dumps({"id": "error-1", "message": message}).encode()),))


COHERE = Dialect(
    name="cohere",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/v2/chat$",),
    quirks=QUIRKS,
)
