"""Anthropic messages. Shapes after the anthropic SDK's types and public recordings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish
from harness.errors import ProviderError, StreamCutError, UnreadableReplyError, UsageError
from harness.exchange import Chunk, HttpResponse, header
from harness.wire.blocks import Block, Message
from harness.wire.dialect import Dialect, Mentions, ordered, pieces, refused_quirks
from harness.wire.sse import chunks, dumps, json_events, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json, Reply
    from harness.exchange import HttpRequest

QUIRKS: dict[str, str] = {
    "ping": "a ping event stands between the others (every hosted stream)",
    "padding": "spaces before the closing brace of an event (every hosted stream)",
    "caller": "a tool use names its caller (since 2026)",
    "no_fragment": "a call without arguments streams no fragment at all",
    "whole_fragment": "a call's arguments come in one fragment",
    "finish_stop": "stop_reason is end_turn although a tool is used",
    "text_last": "the text block comes after the tool uses",
    "no_usage": "no usage is told (proxies)",
}
FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_SAID = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal", None: None}
_KINDS = {"tool_use": "call", "server_tool_use": "provider_call", "mcp_tool_use": "provider_call"}


def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. A broken call needs a stream, where arguments are text; whole, they are JSON."""
    refused_quirks(quirks, QUIRKS, "anthropic")
    if reply.finish not in _SAID:
        raise UsageError(f"Anthropic has no stop reason for {reply.finish!r}")
    finish = "end_turn" if "finish_stop" in quirks and reply.calls else _SAID[reply.finish]
    blocks = list(_blocks(reply, quirks))
    head = {"id": reply.id or "msg_1", "type": "message", "role": "assistant", "model": reply.model or model}
    if stream:
        return _streamed(reply, blocks, finish, head, quirks)
    body: dict[str, Json] = {**head, "content": [_whole(one) for one in blocks]}
    body |= {"stop_reason": finish, "stop_sequence": None}
    if reply.usage is not None and "no_usage" not in quirks:
        body["usage"] = {"input_tokens": reply.usage.prompt or 0, "output_tokens": reply.usage.completion or 0}
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _blocks(reply: Reply, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    if reply.reasoning:
        yield {"type": "thinking", "thinking": reply.reasoning, "signature": "c2lnbmF0dXJl"}
    for used in reply.provider_calls:
        yield {"type": "server_tool_use", "id": used.id, "name": used.name, "input": used.parameters}
        yield {"type": f"{used.name}_tool_result", "tool_use_id": used.id, "content": []}
    text = [{"type": "text", "text": reply.text}] if reply.text else []
    if "text_last" not in quirks:
        yield from text
    for call in ordered(reply):
        block: dict[str, Json] = {"type": "tool_use", "id": call.id or "", "name": call.name or ""}
        block["input"] = call if isinstance(call, CallError) else call.parameters
        yield {**block, "caller": {"type": "direct"}} if "caller" in quirks else block
    if "text_last" in quirks:
        yield from text


def _whole(block: dict[str, Json]) -> dict[str, Json]:
    broken = block.get("input")
    if not isinstance(broken, CallError):
        return block
    try:
        return {**block, "input": json.loads(broken.raw)}
    except ValueError as error:
        raise UsageError("a whole Anthropic message holds arguments as JSON; stream what is no JSON") from error


def _streamed(
    reply: Reply, blocks: list[dict[str, Json]], finish: str | None, head: dict[str, Json], quirks: frozenset[str]
) -> HttpResponse:
    counts = reply.usage if "no_usage" not in quirks else None
    start = {**head, "content": [], "stop_reason": None, "stop_sequence": None}
    if counts:
        start["usage"] = {"input_tokens": counts.prompt or 0, "output_tokens": 1}
    told: list[dict[str, Json]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(blocks):
        told += [{"type": one.pop("type"), "index": index, **one} for one in _events(block, quirks)]
        if "ping" in quirks:
            told.append({"type": "ping"})
    last: dict[str, Json] = {"type": "message_delta", "delta": {"stop_reason": finish, "stop_sequence": None}}
    if counts:
        last["usage"] = {"output_tokens": counts.completion or 0}
    told += [last, {"type": "message_stop"}]
    made = []
    for event in told:
        text = dumps(event)
        made.append(write(f"{text[:-1]}     }}" if "padding" in quirks else text, event=event["type"]))
    return HttpResponse(200, (("content-type", "text/event-stream; charset=utf-8"),), chunks(made))


def _events(block: dict[str, Json], quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    kind = block["type"]
    if kind == "text":
        yield {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
        for piece in pieces(block["text"]):
            yield {"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}}
    elif kind == "thinking":
        yield {"type": "content_block_start", "content_block": {"type": "thinking", "thinking": "", "signature": ""}}
        for piece in pieces(block["thinking"]):
            yield {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": piece}}
        signed = {"type": "signature_delta", "signature": block["signature"]}
        yield {"type": "content_block_delta", "delta": signed}
    elif "input" in block:
        yield {"type": "content_block_start", "content_block": {**block, "input": {}}}
        for piece in _fragments(block["input"], quirks):
            yield {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": piece}}
    else:
        yield {"type": "content_block_start", "content_block": block}
    yield {"type": "content_block_stop"}


def _fragments(given: Json, quirks: frozenset[str]) -> list[str]:
    text = given.raw if isinstance(given, CallError) else dumps(given) if given else ""
    if not text and "no_fragment" in quirks:
        return []
    return ["", text] if "whole_fragment" in quirks and text else ["", *pieces(text)]


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``."""
    made = Message()
    if "text/event-stream" in (header(response.headers, "content-type") or ""):
        try:
            for _, event in json_events(response.body):
                _take_event(event, made)
        except StreamCutError as error:
            raise StreamCutError(str(error), made.torn()) from error
        if not made.ended:
            raise StreamCutError("the stream ended without a stop reason", made.torn())
        return made.reply(FINISHES)
    try:
        body = json.loads(response.body)
    except ValueError as error:
        raise UnreadableReplyError(f"no JSON: {error}", response.body.decode(errors="replace")) from error
    if not isinstance(body, dict) or not isinstance(body.get("content"), list):
        raise UnreadableReplyError("a message without content", response.body.decode(errors="replace"))
    _take_head(body, made)
    for index, block in enumerate(body["content"]):
        _take_block(index, block, made)
    made.finish = body.get("stop_reason")
    return made.reply(FINISHES)


def _take_head(message: dict[str, Json], made: Message) -> None:
    made.id, made.model = message.get("id") or "", message.get("model") or ""
    _take_usage(message.get("usage"), made)


def _take_usage(usage: Json, made: Message) -> None:
    if not isinstance(usage, dict):
        return
    asked = [usage.get(key) for key in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    if asked[0] is not None:
        made.prompt = sum(count or 0 for count in asked)
    made.completion = usage.get("output_tokens", made.completion)


def _take_block(index: int, block: dict[str, Json], made: Message) -> None:
    kind = block.get("type", "")
    text = {"text": block.get("text"), "thinking": block.get("thinking")}.get(kind)
    ours = {"text": "text", "thinking": "reasoning"}.get(kind) or _KINDS.get(kind, "other")
    made.blocks[index] = Block(ours, text or "", block.get("name"), block.get("id"), block.get("input"))


def _take_event(event: Json, made: Message) -> None:
    kind = event.get("type") if isinstance(event, dict) else None
    if kind == "message_start":
        _take_head(event["message"], made)
    elif kind == "content_block_start":
        _take_block(event["index"], event["content_block"], made)
    elif kind == "content_block_delta":
        _take_delta(made.block(event["index"], "text"), event["delta"])
    elif kind == "message_delta":
        made.finish = event["delta"].get("stop_reason") or made.finish
        made.ended = made.finish is not None
        _take_usage(event.get("usage"), made)
    elif kind == "message_stop":
        made.ended = True
    elif kind == "error":
        raise ProviderError(str(event["error"].get("message")), provider="anthropic")


def _take_delta(block: Block, delta: dict[str, Json]) -> None:
    kind = delta.get("type")
    if kind == "text_delta":
        block.text += delta["text"]
    elif kind == "thinking_delta":
        block.text += delta["thinking"]
    elif kind == "input_json_delta":
        block.fragments = (block.fragments or "") + delta["partial_json"]


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return Mentions()
    contents = (message.get("content") for message in body.get("messages") or ())
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    uses = [block for block in blocks if block.get("type") == "tool_use"]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    return Mentions(
        tools=tuple(tool.get("name", "") for tool in body.get("tools") or ()),
        choice=(body.get("tool_choice") or {}).get("name"),
        calls=tuple(use["name"] for use in uses),
        call_ids=tuple(use["id"] for use in uses),
        result_ids=tuple(result["tool_use_id"] for result in results),
    )


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """Anthropic's error shape (docs, "Errors")."""
    names = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large"}
    names |= {429: "rate_limit_error", 529: "overloaded_error"}
    kind = names.get(status, "api_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004 - the 5xx
    body = dumps({"type": "error", "error": {"type": kind, "message": message}})
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    if retry_after is not None:
        headers += (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, headers, (Chunk(body.encode()),))


ANTHROPIC = Dialect(
    name="anthropic",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/v1/messages$",),
    quirks=QUIRKS,
)
