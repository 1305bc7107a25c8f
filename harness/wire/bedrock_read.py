"""The reference reading of Converse and ConverseStream: shares nothing with litellm, botocore or the backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.errors import ProviderError, StreamCutError, UnreadableReplyError
from harness.exchange import header
from harness.wire import eventstream
from harness.wire.blocks import Block, Message
from harness.wire.carried import shaped

if TYPE_CHECKING:
    from harness.chat import Finish, Json, Reply
    from harness.exchange import HttpResponse

FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_tool_use": "error",
    "malformed_model_output": "error",
}
EVENT_STREAM = "application/vnd.amazon.eventstream"
# Exceptions that a stream may end in → the status that the same has outside (botocore's bedrock-runtime model).
_EXCEPTIONS = {
    "validationException": 400,
    "modelStreamErrorException": 424,
    "throttlingException": 429,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. An empty input before the length limit reads as cut off: no arguments look the same."""
    made = Message()
    if EVENT_STREAM in (header(response.headers, "content-type") or ""):
        return _read_stream(response, made)
    try:
        body = json.loads(response.body.decode())
    except (ValueError, RecursionError) as error:
        raise UnreadableReplyError(f"no JSON: {error}", response.body.decode(errors="replace")) from error
    with shaped(body):
        made.begin()
        for index, block in enumerate(body["output"]["message"]["content"]):
            made.start(index, _block(block)).open = False
        made.end(body["stopReason"])
        _take_usage(body, made)
        return made.reply(FINISHES)


def _read_stream(response: HttpResponse, made: Message) -> Reply:
    try:
        for frame in eventstream.frames(response.body):
            _take_frame(frame, made)
    except StreamCutError as error:
        raise StreamCutError(str(error), made.torn()) from error
    if not made.ended:
        raise StreamCutError("the stream ended without a stop reason", made.torn())
    return made.reply(FINISHES)


def _take_usage(body: dict[str, Json], made: Message) -> None:
    usage = body.get("usage") or {}
    asked = [usage.get(key) for key in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")]
    if asked[0] is not None:
        made.prompt = sum(count or 0 for count in asked)
    if usage.get("outputTokens") is not None:
        made.completion = usage["outputTokens"] + 0


def _block(block: dict[str, Json]) -> Block:
    if "text" in block:
        return Block("text", block["text"] + "")
    if "toolUse" in block:
        return _use(block["toolUse"])
    if "reasoningContent" in block:
        return Block("reasoning", block["reasoningContent"].get("reasoningText", {}).get("text", "") + "")
    return Block("other")


def _use(use: dict[str, Json]) -> Block:
    kind = "provider_call" if use.get("type") == "server_tool_use" else "call"
    return Block(kind, "", use.get("name"), use.get("toolUseId"), use.get("input"))


def _take_frame(frame: eventstream.Frame, made: Message) -> None:
    if frame.headers.get(":message-type") == "error":
        told = frame.headers.get(":error-message") or frame.headers.get(":error-code") or "an error in the stream"
        raise ProviderError(told, provider="bedrock")
    try:
        event = json.loads(frame.payload.decode())
    except (ValueError, RecursionError) as error:
        raise UnreadableReplyError(f"an event that is no JSON: {error}", repr(frame.payload)) from error
    with shaped(event):
        if frame.headers[":message-type"] == "exception":
            kind = frame.headers[":exception-type"]
            raise ProviderError(event.get("message") or kind, status=_EXCEPTIONS.get(kind), provider="bedrock")
        _take_event(frame.headers[":event-type"], event, made)


def _take_event(kind: str, event: dict[str, Json], made: Message) -> None:
    if kind == "messageStart":
        made.begin()
    elif kind == "contentBlockStart":
        start = event["start"]
        fresh = _use(start["toolUse"]) if "toolUse" in start else Block("other" if start else "text")
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
    kind = "text" if "text" in delta else "reasoning" if "reasoningContent" in delta else ""
    if kind and index not in made.blocks:
        made.start(index, Block(kind))  # Bedrock starts these without a word
    block = made.going(index)
    if kind and block.kind != kind:
        raise ValueError(f"{kind} in a block of another kind")
    if kind == "text":
        block.text += delta["text"]
    elif kind:
        block.text += delta["reasoningContent"].get("text", "")
    elif "toolUse" in delta:
        if block.kind in {"text", "reasoning"}:
            raise ValueError("arguments in a block that is no tool use")
        block.fragments = (block.fragments or "") + delta["toolUse"]["input"]
