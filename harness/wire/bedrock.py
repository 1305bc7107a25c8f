"""Bedrock Converse and ConverseStream. Shapes after botocore's bedrock-runtime model and public recordings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish
from harness.errors import ProviderError, StreamCutError, UnreadableReplyError, UsageError
from harness.exchange import Chunk, HttpResponse, header
from harness.wire import eventstream
from harness.wire.blocks import Block, Message
from harness.wire.dialect import Dialect, Mentions, ordered, pieces, refused_quirks
from harness.wire.sse import chunks, dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json, Reply
    from harness.exchange import HttpRequest

QUIRKS: dict[str, str] = {
    "padding": "a field p of changing length stands in every event (every hosted stream)",
    "text_start": "text blocks have a start event (64 have none)",
    "empty_fragment": 'a call without arguments streams the fragment "" (3)',
    "empty_object": 'a call without arguments streams the fragment "{}"',
    "finish_stop": "stopReason is end_turn although a tool is used",
    "tool_type": "a tool use names its type (2026)",
    "no_usage": "no usage is told",
}
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
_SAID = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "content_filtered"}
_STREAM = "application/vnd.amazon.eventstream"


def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. A broken call needs a stream, where arguments are text; the model is named in the URL."""
    del model
    refused_quirks(quirks, QUIRKS, "bedrock")
    if reply.finish not in _SAID:
        raise UsageError(f"Bedrock has no stop reason for {reply.finish!r}")
    stop = {"stopReason": "end_turn" if "finish_stop" in quirks and reply.calls else _SAID[reply.finish]}
    told: dict[str, Json] = {"metrics": {"latencyMs": 1}}
    if reply.usage is not None and "no_usage" not in quirks:
        names = {"prompt": "inputTokens", "completion": "outputTokens", "total": "totalTokens"}
        told["usage"] = {there: getattr(reply.usage, ours) or 0 for ours, there in names.items()}
    blocks = list(_blocks(reply, quirks))
    if stream:
        return _streamed(blocks, stop, told, quirks)
    content = [{kind: _whole(block) if kind == "toolUse" else block for kind, block in one.items()} for one in blocks]
    body = {"output": {"message": {"role": "assistant", "content": content}}, **stop, **told}
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _blocks(reply: Reply, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    if reply.reasoning:
        yield {"reasoningContent": {"reasoningText": {"text": reply.reasoning, "signature": "c2lnbmF0dXJl"}}}
    for used in reply.provider_calls:
        use = {"toolUseId": used.id, "name": used.name, "input": used.parameters, "type": "server_tool_use"}
        yield {"toolUse": use}
        yield {"toolResult": {"toolUseId": used.id, "content": [], "status": "success", "type": f"{used.name}_result"}}
    if reply.text:
        yield {"text": reply.text}
    for call in ordered(reply):
        made: dict[str, Json] = {"toolUseId": call.id or "", "name": call.name or ""}
        if "tool_type" in quirks:
            made["type"] = "tool_use"
        yield {"toolUse": {**made, "input": call if isinstance(call, CallError) else call.parameters}}


def _whole(use: dict[str, Json]) -> dict[str, Json]:
    if not isinstance(use["input"], CallError):
        return use
    try:
        return {**use, "input": json.loads(use["input"].raw)}
    except ValueError as error:
        raise UsageError("a whole Bedrock answer holds arguments as JSON; stream what is no JSON") from error


def _streamed(
    blocks: list[dict[str, Json]], stop: dict[str, Json], told: dict[str, Json], quirks: frozenset[str]
) -> HttpResponse:
    events: list[tuple[str, dict[str, Json]]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(blocks):
        events += [(kind, {"contentBlockIndex": index, **one}) for kind, one in _events(block, quirks)]
        events.append(("contentBlockStop", {"contentBlockIndex": index}))
    events += [("messageStop", stop), ("metadata", told)]
    made = []
    for place, (kind, event) in enumerate(events):
        padded = {**event, "p": "abcdefghijklmnopqrstuvwxyz"[: 3 + place % 20]} if "padding" in quirks else event
        names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
        made.append(eventstream.write(names, dumps(padded).encode()))
    return HttpResponse(200, (("content-type", _STREAM),), chunks(made))


def _events(block: dict[str, Json], quirks: frozenset[str]) -> Iterator[tuple[str, dict[str, Json]]]:
    ((kind, inner),) = block.items()
    if kind == "text":
        if "text_start" in quirks:
            yield "contentBlockStart", {"start": {}}
        for piece in pieces(inner):
            yield "contentBlockDelta", {"delta": {"text": piece}}
    elif kind == "reasoningContent":
        for piece in pieces(inner["reasoningText"]["text"]):
            yield "contentBlockDelta", {"delta": {"reasoningContent": {"text": piece}}}
        yield "contentBlockDelta", {"delta": {"reasoningContent": {"signature": inner["reasoningText"]["signature"]}}}
    else:
        yield (
            "contentBlockStart",
            {"start": {kind: {key: inner[key] for key in inner if key not in {"input", "content"}}}},
        )
        for piece in _fragments(inner, quirks) if kind == "toolUse" else ():
            yield "contentBlockDelta", {"delta": {"toolUse": {"input": piece}}}


def _fragments(use: dict[str, Json], quirks: frozenset[str]) -> Iterator[str]:
    given = use["input"]
    if given == {}:
        yield from [""] * ("empty_fragment" in quirks) + ["{}"] * ("empty_object" in quirks)
        return
    yield from pieces(given.raw if isinstance(given, CallError) else dumps(given))


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``."""
    made = Message()
    if _STREAM in (header(response.headers, "content-type") or ""):
        try:
            for frame in eventstream.frames(response.body):
                _take_frame(frame, made)
        except StreamCutError as error:
            raise StreamCutError(str(error), made.torn()) from error
        if not made.ended:
            raise StreamCutError("the stream ended without a stop reason", made.torn())
        return made.reply(FINISHES)
    try:
        body = json.loads(response.body)
        content = body["output"]["message"]["content"]
    except (ValueError, KeyError, TypeError) as error:
        raw = response.body.decode(errors="replace")
        raise UnreadableReplyError(f"no Converse answer: {error!r}", raw) from error
    for index, block in enumerate(content):
        _take_block(index, block, made)
    made.finish = body.get("stopReason")
    _take_usage(body, made)
    return made.reply(FINISHES)


def _take_usage(body: dict[str, Json], made: Message) -> None:
    usage = body.get("usage") or {}
    asked = [usage.get(key) for key in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")]
    if asked[0] is not None:
        made.prompt = sum(count or 0 for count in asked)
    made.completion = usage.get("outputTokens", made.completion)


def _take_block(index: int, block: dict[str, Json], made: Message) -> None:
    if "text" in block:
        made.blocks[index] = Block("text", block["text"])
    elif "toolUse" in block:
        made.blocks[index] = _use(block["toolUse"])
    elif "reasoningContent" in block:
        made.blocks[index] = Block(
            "reasoning", (block["reasoningContent"].get("reasoningText") or {}).get("text") or ""
        )
    else:
        made.blocks[index] = Block("other")


def _use(use: dict[str, Json]) -> Block:
    kind = "provider_call" if use.get("type") == "server_tool_use" else "call"
    return Block(kind, "", use.get("name"), use.get("toolUseId"), use.get("input"))


def _take_frame(frame: eventstream.Frame, made: Message) -> None:
    kind = frame.headers.get(":event-type")
    try:
        event = json.loads(frame.payload)
    except ValueError as error:
        raise UnreadableReplyError(f"an event that is no JSON: {error}", repr(frame.payload)) from error
    if frame.headers.get(":message-type") != "event":
        told = event.get("message") or frame.headers.get(":exception-type") or "an exception in the stream"
        raise ProviderError(told, provider="bedrock")
    if kind == "contentBlockStart":
        start = event.get("start") or {}
        fresh = _use(start["toolUse"]) if "toolUse" in start else Block("other" if start else "text")
        made.blocks[event["contentBlockIndex"]] = fresh
    elif kind == "contentBlockDelta":
        _take_delta(event["contentBlockIndex"], event["delta"], made)
    elif kind == "messageStop":
        made.finish, made.ended = event.get("stopReason"), True
    elif kind == "metadata":
        _take_usage(event, made)


def _take_delta(index: int, delta: dict[str, Json], made: Message) -> None:
    if "text" in delta:
        made.block(index, "text").text += delta["text"]
    elif "reasoningContent" in delta:
        made.block(index, "reasoning").text += delta["reasoningContent"].get("text") or ""
    elif "toolUse" in delta:
        block = made.block(index, "call")
        block.fragments = (block.fragments or "") + (delta["toolUse"].get("input") or "")


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return Mentions()
    config = body.get("toolConfig") or {}
    blocks = [block for message in body.get("messages") or () for block in message.get("content") or ()]
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    return Mentions(
        tools=tuple(tool["toolSpec"]["name"] for tool in config.get("tools") or () if "toolSpec" in tool),
        choice=((config.get("toolChoice") or {}).get("tool") or {}).get("name"),
        calls=tuple(use["name"] for use in uses),
        call_ids=tuple(use["toolUseId"] for use in uses),
        result_ids=tuple(block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block),
    )


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """AWS's error shape: the type stands in a header."""
    names = {400: "ValidationException", 403: "AccessDeniedException", 404: "ResourceNotFoundException"}
    names |= {408: "ModelTimeoutException", 429: "ThrottlingException", 503: "ServiceUnavailableException"}
    kind = names.get(status, "InternalServerException")
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"), ("x-amzn-errortype", kind))
    if retry_after is not None:
        headers += (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, headers, (Chunk(dumps({"message": message}).encode()),))


BEDROCK = Dialect(
    name="bedrock",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/model/[^/]+/converse$", r"/model/[^/]+/converse-stream$"),
    quirks=QUIRKS,
)
