"""The reference reading of Converse and ConverseStream: shares nothing with litellm, botocore or the backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.dialects.anthropic.read import Block, Message
from harness.dialects.bedrock.facts import FACTS, frame_failure
from harness.dialects.facts import answer, shaped, with_wait
from harness.dialects.framing import eventstream, framing

if TYPE_CHECKING:
    from harness.core.chat import Json, Reply
    from harness.core.exchange import Headers, HttpResponse

EVENT_STREAM = "application/vnd.amazon.eventstream"


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. An empty input before the length limit reads as cut off: no arguments look the same."""
    made = Message()
    if framing(response) == "frames":
        return _read_stream(response, made)
    body = answer(response, FACTS)
    with shaped(body):
        made.begin()
        for index, block in enumerate(body["output"]["message"]["content"]):
            made.start(index, _block(block)).open = False
        made.end(body["stopReason"])
        _take_usage(body, made)
        return made.reply(FACTS)


def _read_stream(response: HttpResponse, made: Message) -> Reply:
    try:
        for frame in eventstream.frames(response.body):
            _take_frame(frame, made, response.headers)
    except StreamCutError as error:
        raise StreamCutError(str(error), made.torn()) from error
    if not made.ended:
        raise StreamCutError("the stream ended without a stop reason", made.torn())
    return made.reply(FACTS)


def _take_usage(body: dict[str, Json], made: Message) -> None:
    usage = body.get("usage") or {}
    counts = [usage.get(key) for key in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")]
    if counts[0] is not None:
        made.prompt = sum(count or 0 for count in counts)
    if usage.get("outputTokens") is not None:
        made.completion = usage["outputTokens"] + 0


def _block(block: dict[str, Json]) -> Block:
    if "text" in block:
        return Block("text", block["text"] + "")
    if "toolUse" in block:
        return _use(block["toolUse"])
    if "toolResult" in block:
        return _result(block["toolResult"])
    if "citationsContent" in block:
        citations = block["citationsContent"].get("content") or ()
        return Block("text", "".join(one.get("text") or "" for one in citations))
    if "reasoningContent" in block:
        return Block("reasoning", block["reasoningContent"].get("reasoningText", {}).get("text", "") + "")
    return Block("other")


def _use(use: dict[str, Json]) -> Block:
    kind = "provider_call" if use.get("type") == "server_tool_use" else "call"
    return Block(kind, "", use.get("name"), use.get("toolUseId"), use.get("input"))


def _result(block: dict[str, Json]) -> Block:
    result = {key: value for key, value in block.items() if key != "toolUseId"}
    result["content"] = list(block.get("content") or ())
    return Block(
        "provider_result", "", str(block.get("type") or "").removesuffix("_result"), block.get("toolUseId"), result
    )


def _take_frame(frame: eventstream.Frame, made: Message, headers: Headers) -> None:
    try:
        event = json.loads(frame.payload.decode() or "{}")
    except (ValueError, RecursionError) as error:
        raise UnreadableReplyError(f"an event that is no JSON: {error}", repr(frame.payload)) from error
    failed = frame_failure(frame.headers, event)
    if failed is not None:
        raise with_wait(failed, headers)
    with shaped(event):
        _take_event(frame.headers[":event-type"], event, made)


def _take_event(kind: str, event: dict[str, Json], made: Message) -> None:
    if kind == "messageStart":
        made.begin()
    elif kind == "contentBlockStart":
        start = event["start"]
        fresh = _block(start) if "toolUse" in start or "toolResult" in start else Block("other" if start else "text")
        made.start(event["contentBlockIndex"], fresh)
    elif kind == "contentBlockDelta":
        _take_delta(event["contentBlockIndex"], event["delta"], made)
    elif kind == "contentBlockStop":
        made.stop(event["contentBlockIndex"])
    elif kind == "messageStop":
        if made.ended:
            raise ValueError("the message stops twice")
        made.end(event.get("stopReason"))
    elif kind == "metadata":
        _take_usage(event, made)


def _take_delta(index: int, delta: dict[str, Json], made: Message) -> None:
    opens = {"text": "text", "citation": "text", "reasoningContent": "reasoning"}
    kind = next((ours for key, ours in opens.items() if key in delta), "")
    if kind and index not in made.blocks:
        made.start(index, Block(kind))  # Bedrock starts these without a word
    block = made.going(index)
    if kind and block.kind != kind:
        raise ValueError(f"{kind} in a block of another kind")
    if kind == "text":
        block.text += delta.get("text") or ""
    elif kind:
        block.text += delta["reasoningContent"].get("text", "")
    elif "toolUse" in delta:
        if block.kind in {"text", "reasoning", "provider_result"}:
            raise ValueError("arguments in a block that is no tool use")
        block.fragments = (block.fragments or "") + delta["toolUse"]["input"]
    elif "toolResult" in delta:
        if block.kind != "provider_result":
            raise ValueError("a result in a block that is none")
        block.input["content"] += delta["toolResult"]
