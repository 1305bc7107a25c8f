"""Bedrock Converse and ConverseStream, as the API writes them. Shapes after botocore's bedrock-runtime model and public
recordings.

A whole answer holds arguments as JSON: a broken call whose text is JSON but no object is sent as that value, any
other is a ``UsageError``. A stream sends arguments as text and carries every broken call. A call without arguments
can't stand last in a reply that ran into its length limit (but by the quirk ``empty_object``): cut off and "no
arguments" are the same bytes.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.bedrock.detectors import DETECTORS
from harness.dialects.bedrock.facts import FACTS, FAILURES, QUIRKS
from harness.dialects.bedrock.read import EVENT_STREAM, read
from harness.dialects.bedrock.request import read_chat
from harness.dialects.chat_request import json_body
from harness.dialects.dialect import Dialect, Mentions
from harness.dialects.framing import eventstream
from harness.dialects.framing.sse import chunks, dumps
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

_FINISH_WORDS: dict[Finish | None, str] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filtered",
    "error": "malformed_model_output",
}
_CITED = {"title": "A page", "sourceContent": [{"text": "a page"}], "location": {"web": {"url": "https://a.test/"}}}
_PADDING = string.ascii_lowercase + string.ascii_uppercase + string.digits
_Event = tuple[str, dict[str, "Json"]]


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``; the module says which calls it can't carry. The model is named in the URL alone.

    A count that is None is sent as 0.
    """
    del model
    refused_quirks(quirks, {**QUIRKS, **FAILURES}, "bedrock")
    check(reply, _FINISH_WORDS, "Bedrock")
    lies = "finish_stop" in quirks and reply.finish == "tool_calls"
    stop = {"stopReason": "end_turn" if lies else finish_word(reply, FACTS, _FINISH_WORDS)}
    metadata: dict[str, Json] = {"metrics": {"latencyMs": 1}}
    if reply.usage is not None and "no_usage" not in quirks:
        prompt, completion = reply.usage.prompt or 0, reply.usage.completion or 0
        total = prompt + completion if reply.usage.total is None else reply.usage.total
        metadata = {"usage": {"inputTokens": prompt, "outputTokens": completion, "totalTokens": total}, **metadata}
    blocks = list(_blocks(reply, stream, quirks))
    if stream:
        return _streamed(blocks, stop, metadata, quirks)
    if quirks & FAILURES.keys():
        raise UsageError("a whole answer that fails has a status of its own: see error()")
    body = {"output": {"message": {"role": "assistant", "content": blocks}}, **stop, **metadata}
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _blocks(reply: Reply, stream: bool, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    """The content blocks; ``input`` is an object, or text where a stream carries a broken call."""
    for one in reply.state.get("thinking_blocks", ()):
        signed = {"text": one.get("thinking"), "signature": one.get("signature")}
        yield {"reasoningContent": {"redactedContent": one["data"]} if "data" in one else {"reasoningText": signed}}
    if reply.reasoning and not reply.state.get("thinking_blocks"):
        yield {"reasoningContent": {"reasoningText": {"text": reply.reasoning, "signature": "c2lnbmF0dXJl"}}}
    for used in reply.provider_calls:
        use = {"toolUseId": used.id, "name": used.name, "input": used.parameters, "type": "server_tool_use"}
        yield {"toolUse": use}
        if used.result is not None:
            yield {"toolResult": {"toolUseId": used.id, **used.result}}
    cited = len(reply.text) // 2 if "citations" in quirks else 0
    if cited:
        yield {"citationsContent": {"content": [{"text": reply.text[:cited]}], "citations": [_CITED]}}
    if reply.text:
        yield {"text": reply.text[cited:]}
    bare = not (stream and "empty_object" in quirks)
    for call in ordered(reply):
        sent = argument(call, "Bedrock", text=stream, cut=ends_cut(reply, call), bare=bare)
        made = {"toolUseId": call.id or "", "name": call.name or "", "input": sent}
        yield {"toolUse": {**made, "type": "tool_use"} if "tool_type" in quirks else made}


def _streamed(
    blocks: list[dict[str, Json]], stop: dict[str, Json], metadata: dict[str, Json], quirks: frozenset[str]
) -> HttpResponse:
    events: list[_Event] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(blocks):
        events += [(kind, {"contentBlockIndex": index, **one}) for kind, one in _events(block, quirks)]
        events.append(("contentBlockStop", {"contentBlockIndex": index}))
    events += [("messageStop", stop), ("metadata", metadata)]
    failing = sorted(quirks & FAILURES.keys())
    made = [
        _frame(kind, event, index, quirks) for index, (kind, event) in enumerate(events[:-2] if failing else events)
    ]
    return HttpResponse(200, (("content-type", EVENT_STREAM),), chunks([*made, *map(_failure, failing[:1])]))


def _frame(kind: str, event: dict[str, Json], index: int, quirks: frozenset[str]) -> bytes:
    padded = event if "no_padding" in quirks else {**event, "p": _PADDING[: 2 + index * 7 % 60]}
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return eventstream.write(names, dumps(padded).encode())


def _failure(kind: str) -> bytes:
    if kind == "error_frame":
        names = {":error-code": "InternalError", ":error-message": "An internal server error occurred"}
        return eventstream.write({**names, ":message-type": "error"}, b"")
    names = {":exception-type": "modelStreamErrorException", ":content-type": "application/json"}
    payload = {"message": "The model stopped in the middle of its answer", "originalStatusCode": 500}
    return eventstream.write({**names, ":message-type": "exception"}, dumps(payload).encode())


def _events(block: dict[str, Json], quirks: frozenset[str]) -> Iterator[_Event]:
    ((kind, inner),) = block.items()
    if kind == "text":
        # No start event: botocore's model has none for text, and refuses an empty one.
        for piece in pieces(inner):
            yield "contentBlockDelta", {"delta": {"text": piece}}
    elif kind == "citationsContent":
        yield "contentBlockDelta", {"delta": {"citation": inner["citations"][0]}}
        for piece in pieces(inner["content"][0]["text"]):
            yield "contentBlockDelta", {"delta": {"text": piece}}
    elif kind == "reasoningContent" and "redactedContent" in inner:
        yield "contentBlockDelta", {"delta": {"reasoningContent": inner}}
    elif kind == "reasoningContent":
        for piece in pieces(inner["reasoningText"]["text"]):
            yield "contentBlockDelta", {"delta": {"reasoningContent": {"text": piece}}}
        yield "contentBlockDelta", {"delta": {"reasoningContent": {"signature": inner["reasoningText"]["signature"]}}}
    else:
        start = {key: inner[key] for key in inner if key not in {"input", "content"}}
        yield "contentBlockStart", {"start": {kind: start}}
        for piece in _fragments(inner["input"], quirks) if kind == "toolUse" else ():
            yield "contentBlockDelta", {"delta": {"toolUse": {"input": piece}}}
        for part in inner["content"] if kind == "toolResult" else ():
            yield "contentBlockDelta", {"delta": {"toolResult": [part]}}


def _fragments(sent: Json, quirks: frozenset[str]) -> Iterator[str]:
    if sent == {}:
        yield from [""] * ("empty_fragment" in quirks) + ["{}"] * ("empty_object" in quirks)
    else:
        yield from pieces(sent if isinstance(sent, str) else dumps(sent))


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``."""
    try:
        body = json_body(request.body)
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Mentions()  # another API's request, or none


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """AWS's error shape: the type stands in a header (botocore's bedrock-runtime model has the statuses)."""
    names = {403: "AccessDeniedException", 404: "ResourceNotFoundException", 408: "ModelTimeoutException"}
    names |= {424: "ModelErrorException", 429: "ThrottlingException", 503: "ServiceUnavailableException"}
    kind = names.get(status, "InternalServerException" if status >= 500 else "ValidationException")  # noqa: PLR2004 - the 5xx
    return error_response(status, {"message": message}, ("x-amzn-errortype", kind), retry_after=retry_after)


BEDROCK = Dialect(
    name="bedrock",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/model/[^/]+/converse$", r"/model/[^/]+/converse-stream$"),
    facts=FACTS,
    quirks=QUIRKS,
    failures=FAILURES,
    request=read_chat,
    detectors=DETECTORS,
)
