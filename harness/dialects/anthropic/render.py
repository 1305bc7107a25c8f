"""Anthropic messages, as the API writes them. Shapes after the anthropic SDK's types and public recordings.

A whole message holds arguments as JSON: a broken call whose text is JSON but no object is sent as that value, any
other is a ``UsageError``. A stream sends arguments as text and carries every broken call. A call without arguments
can't stand last in a reply that ran into its length limit: cut off and "no arguments" are the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.anthropic.detectors import DETECTORS
from harness.dialects.anthropic.facts import ERRORS, FACTS, FAILURES, QUIRKS
from harness.dialects.anthropic.read import read
from harness.dialects.anthropic.request import read_chat
from harness.dialects.chat_request import json_body
from harness.dialects.dialect import Dialect, Mentions
from harness.dialects.framing.sse import chunks, dumps, write
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
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
    None: None,
}
_SERVER_ERROR = 500
_CALLERS = ({"type": "direct"}, {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"})


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``; the module says which calls it can't carry. A count that is None is sent as 0."""
    refused_quirks(quirks, {**QUIRKS, **FAILURES}, "anthropic")
    check(reply, _FINISH_WORDS, "Anthropic")
    finish = (
        "end_turn"
        if "finish_stop" in quirks and reply.finish == "tool_calls"
        else finish_word(reply, FACTS, _FINISH_WORDS)
    )
    blocks = list(_blocks(reply, stream, quirks))
    head = {"model": reply.model or model, "id": reply.id or "msg_1", "type": "message", "role": "assistant"}
    usage = _usage(reply, quirks)
    if stream:
        return _streamed(blocks, finish, head, usage, quirks)
    if quirks & FAILURES.keys():
        raise UsageError("a whole answer that fails has a status of its own: see error()")
    body = {**head, "content": blocks, "stop_reason": finish, "stop_sequence": None, **usage}
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _usage(reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    if reply.usage is None or "no_usage" in quirks:
        return {}
    cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    counts = {"input_tokens": reply.usage.prompt or 0, **cached, "output_tokens": reply.usage.completion or 0}
    return {"usage": {**counts, "service_tier": "standard"}}


def _blocks(reply: Reply, stream: bool, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    """The content blocks; ``input`` is an object, or text where a stream carries a broken call."""
    if reply.state.get("thinking_blocks"):
        yield from map(dict, reply.state["thinking_blocks"])
    elif reply.reasoning:
        yield {"type": "thinking", "thinking": reply.reasoning, "signature": "c2lnbmF0dXJl"}
    for used in reply.provider_calls:
        if "mcp_tool" in quirks:
            server = {"name": used.name, "server_name": "tools", "input": used.parameters}
            yield {"type": "mcp_tool_use", "id": used.id, **server}
        else:
            yield {"type": "server_tool_use", "id": used.id, "name": used.name, "input": used.parameters}
        if used.result is not None:
            tool = "mcp" if "mcp_tool" in quirks else used.name
            yield {"type": f"{tool}_tool_result", "tool_use_id": used.id, **used.result}
    text = [{"type": "text", "text": reply.text}] if reply.text else []
    if "text_last" not in quirks:
        yield from text
    for index, call in enumerate(ordered(reply)):
        cut = ends_cut(reply, call) and not (text and "text_last" in quirks)
        sent = argument(call, "Anthropic", text=stream, cut=cut)
        block = {"type": "tool_use", "id": call.id or "", "name": call.name or "", "input": sent}
        yield {**block, "caller": _CALLERS[index % 2]} if "caller" in quirks else block
    if "text_last" in quirks:
        yield from text


def _streamed(
    blocks: list[dict[str, Json]],
    finish: str | None,
    head: dict[str, Json],
    usage: dict[str, Json],
    quirks: frozenset[str],
) -> HttpResponse:
    start = {**head, "content": [], "stop_reason": None, "stop_sequence": None}
    if usage:
        start["usage"] = {**usage["usage"], "output_tokens": 1}
        usage = {"usage": {key: count for key, count in usage["usage"].items() if key != "service_tier"}}
    events: list[dict[str, Json]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(blocks):
        events += [{"type": kind, "index": index, **one} for kind, one in _events(block, quirks)]
    if blocks and "no_ping" not in quirks:
        events.insert(2, {"type": "ping"})
    if "error_event" in quirks:
        events.append({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    else:
        events.append({"type": "message_delta", "delta": {"stop_reason": finish, "stop_sequence": None}, **usage})
        events.append({"type": "message_stop"})
    padded = "no_padding" not in quirks
    made = [_event(event, index * 7 % 16 if padded else 0) for index, event in enumerate(events)]
    return HttpResponse(200, (("content-type", "text/event-stream; charset=utf-8"),), chunks(made))


def _event(event: dict[str, Json], padding: int) -> bytes:
    return write(f"{dumps(event)[:-1]}{' ' * padding}}}", event=event["type"])


def _events(block: dict[str, Json], quirks: frozenset[str]) -> Iterator[tuple[str, dict[str, Json]]]:
    kind = block["type"]
    deltas: list[dict[str, Json]] = []
    if kind == "text":
        block, text = {**block, "text": ""}, block["text"]
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(text)]
    elif kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        block = {**block, "thinking": "", "signature": ""}
    elif "input" in block:
        deltas = [{"type": "input_json_delta", "partial_json": one} for one in _fragments(block["input"], quirks)]
        block = {**block, "input": {}}
    yield "content_block_start", {"content_block": block}
    for delta in deltas:
        yield "content_block_delta", {"delta": delta}
    yield "content_block_stop", {}


def _fragments(sent: Json, quirks: frozenset[str]) -> list[str]:
    text = sent if isinstance(sent, str) else dumps(sent) if sent else ""
    if not text and "no_fragment" in quirks:
        return []
    return ["", text] if "whole_fragment" in quirks and text else ["", *pieces(text)]


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``."""
    try:
        body = json_body(request.body)
        contents = [message.get("content") for message in body.get("messages") or ()]
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Mentions()  # another API's request, or none


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """Anthropic's error shape (docs, "Errors")."""
    kind = ERRORS.get(status, "api_error" if status >= _SERVER_ERROR else "invalid_request_error")
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return error_response(status, body, ("request-id", "req_1"), retry_after=retry_after)


ANTHROPIC = Dialect(
    name="anthropic",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/v1/messages$", r"/publishers/anthropic/models/[^/]+:(?:stream)?[rR]awPredict$"),
    facts=FACTS,
    quirks=QUIRKS,
    failures=FAILURES,
    request=read_chat,
    detectors=DETECTORS,
)
