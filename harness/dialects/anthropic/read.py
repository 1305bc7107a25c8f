"""The reference reading of Anthropic messages: a small assembler that shares nothing with litellm or the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import StreamCutError
from harness.dialects.anthropic.facts import FACTS
from harness.dialects.blocks import Block, Message
from harness.dialects.carried import shaped
from harness.dialects.facts import answer, answers
from harness.dialects.framing.kinds import framing

if TYPE_CHECKING:
    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpResponse

_KINDS = {"tool_use": "call", "server_tool_use": "provider_call", "mcp_tool_use": "provider_call"}
_BESIDE_RESULT = ("type", "tool_use_id", "caller")
_DELTAS = {"text_delta": ("text", "text"), "thinking_delta": ("reasoning", "thinking")}


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. An empty input before the length limit reads as cut off: no arguments look the same."""
    made = Message()
    if framing(response) != "whole":
        return _read_stream(response, made)
    body = answer(response, FACTS)
    with shaped(body):
        _take_head(body, made)
        for index, block in enumerate(body["content"]):
            made.start(index, _block(block))
            made.stop(index)
        made.end(body["stop_reason"])
        return made.reply(FACTS)


def _read_stream(response: HttpResponse, made: Message) -> Reply:
    try:
        for event in answers(response, FACTS):
            if event is None:
                continue  # proxies (OpenRouter's) end this wire in [DONE] too
            with shaped(event):
                _take_event(event, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), made.torn()) from error
    if not made.ended:
        raise StreamCutError("the stream ended without a stop reason", made.torn())
    return made.reply(FACTS)


def _take_head(message: dict[str, Json], made: Message) -> None:
    made.begin()
    made.id, made.model = str(message.get("id") or ""), str(message.get("model") or "")
    _take_usage(message.get("usage"), made)


def _take_usage(usage: Json, made: Message) -> None:
    if usage is None:
        return
    asked = [usage.get(key) for key in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    if asked[0] is not None:
        made.prompt = sum(count or 0 for count in asked)
    if usage.get("output_tokens") is not None:
        made.completion = usage["output_tokens"] + 0


def _block(block: dict[str, Json]) -> Block:
    kind = block["type"]
    if kind == "text":
        return Block("text", block["text"] + "")
    if kind == "thinking":
        return Block("reasoning", block["thinking"] + "")
    if kind.endswith("_tool_result"):
        result = {key: value for key, value in block.items() if key not in _BESIDE_RESULT}
        return Block("provider_result", "", kind.removesuffix("_tool_result"), block.get("tool_use_id"), result)
    return Block(_KINDS.get(kind, "other"), "", block.get("name"), block.get("id"), block.get("input"))


def _take_event(event: Json, made: Message) -> None:
    kind = event["type"]
    if kind == "message_start":
        _take_head(event["message"], made)
    elif kind == "content_block_start":
        made.start(event["index"], _block(event["content_block"]))
    elif kind == "content_block_delta":
        _take_delta(made.going(event["index"]), event["delta"])
    elif kind == "content_block_stop":
        made.stop(event["index"])
    elif kind == "message_delta":
        made.end(event["delta"].get("stop_reason") or made.finish)
        made.ended = made.finish is not None
        _take_usage(event.get("usage"), made)
    elif kind == "message_stop":
        made.end(made.finish)


def _take_delta(block: Block, delta: dict[str, Json]) -> None:
    kind = delta["type"]
    if kind in _DELTAS:
        ours, key = _DELTAS[kind]
        if block.kind != ours:
            raise ValueError(f"a {kind} in a block of another kind")
        block.text += delta[key]
    elif kind == "input_json_delta":
        if block.kind in {"text", "reasoning", "provider_result"}:
            raise ValueError("arguments in a block that is no tool use")
        block.fragments = (block.fragments or "") + delta["partial_json"]
