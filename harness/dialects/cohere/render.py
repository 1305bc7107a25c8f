"""Cohere v2 chat. Shapes after the cohere SDK's v2 types and public recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.cohere.detectors import DETECTORS
from harness.dialects.cohere.facts import FACTS, FAILURES, QUIRKS
from harness.dialects.cohere.read import read
from harness.dialects.cohere.request import read_chat
from harness.dialects.dialect import Dialect
from harness.dialects.framing.sse import chunks, dumps, write
from harness.dialects.openai_chat import mentions
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

    from harness.core.chat import Finish, Json, Reply, ToolCall

_FINISH_WORDS: dict[Finish | None, str] = {
    "stop": "COMPLETE",
    "tool_calls": "TOOL_CALL",
    "length": "MAX_TOKENS",
    "error": "ERROR",
    "content_filter": "ERROR_TOXIC",
}
_Event = dict[str, "Json"]


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. Reasoning beside calls is Cohere's ``tool_plan``; the model is not named in answers.

    A count that is None is sent as 0. A call without arguments can't stand last in a reply that ran into its length
    limit under the quirk that sends ``""`` for them: that would mean cut off.
    """
    del model
    refused_quirks(quirks, QUIRKS | FAILURES, "cohere")
    check(reply, _FINISH_WORDS, "Cohere")
    if reply.provider_calls:
        raise UsageError("Cohere has no place for tools that the provider ran itself")
    calls = [_call(call, reply, quirks) for call in ordered(reply)]
    if stream:
        return _streamed(_events(reply, calls, _end(reply, quirks)), quirks)
    if "error_end" in quirks:
        raise UsageError("a whole answer that fails has a status of its own: see error()")
    message: dict[str, Json] = {"role": "assistant"}
    if calls:
        message |= {"tool_calls": calls} | ({"tool_plan": reply.reasoning} if reply.reasoning else {})
    content = [{"type": kind, kind: text} for kind, text in _contents(reply)]
    if content or "content_empty" in quirks:
        message["content"] = content
    body = {"id": reply.id or "reply-1", "message": message, **_end(reply, quirks)}
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _end(reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    """How the answer ended, and what it cost."""
    if "error_end" in quirks:
        return {"finish_reason": "ERROR", "error": "the model stopped in the middle of its answer"}
    lies = "finish_stop" in quirks and reply.finish == "tool_calls"
    end: dict[str, Json] = {"finish_reason": "COMPLETE" if lies else finish_word(reply, FACTS, _FINISH_WORDS)}
    if reply.usage is not None and "no_usage" not in quirks:
        counts = {"input_tokens": reply.usage.prompt or 0, "output_tokens": reply.usage.completion or 0}
        end["usage"] = {"billed_units": counts, "tokens": counts}
    return end


def _contents(reply: Reply) -> list[tuple[str, str]]:
    """The content blocks, each a kind and its text."""
    thought = "" if ordered(reply) else reply.reasoning
    return [(kind, text) for kind, text in (("thinking", thought), ("text", reply.text)) if text]


def _call(call: ToolCall | CallError, reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    bare = not isinstance(call, CallError) and "arguments_empty_string" in quirks
    sent = argument(call, "Cohere", text=True, cut=ends_cut(reply, call), bare=bare)
    text = sent if isinstance(sent, str) else "" if bare and not sent else dumps(sent)
    return {"id": call.id or "", "type": "function", "function": {"name": call.name or "", "arguments": text}}


def _streamed(events: Iterator[_Event], quirks: frozenset[str]) -> HttpResponse:
    if "ndjson" in quirks:
        lines = (f"{dumps(event)}\n".encode() for event in events)
        return HttpResponse(200, (("content-type", "application/stream+json"),), chunks(lines))
    made = [write(dumps(event), event=event["type"]) for event in events]
    if "no_done" not in quirks:
        made.append(write("[DONE]"))
    return HttpResponse(200, (("content-type", "text/event-stream"),), chunks(made))


def _events(reply: Reply, calls: list[dict[str, Json]], end: dict[str, Json]) -> Iterator[_Event]:
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"id": reply.id or "reply-1", "type": "message-start", "delta": {"message": empty}}
    for piece in pieces(reply.reasoning) if calls else ():
        yield _event("tool-plan-delta", None, {"tool_plan": piece})
    for index, (kind, text) in enumerate(_contents(reply)):
        yield _event("content-start", index, {"content": {"type": kind, kind: ""}})
        yield from (_event("content-delta", index, {"content": {kind: piece}}) for piece in pieces(text))
        yield {"type": "content-end", "index": index}
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        yield _event(
            "tool-call-start", index, {"tool_calls": {**call, "function": {**call["function"], "arguments": ""}}}
        )
        for piece in pieces(arguments):
            yield _event("tool-call-delta", index, {"tool_calls": {"function": {"arguments": piece}}})
        yield {"type": "tool-call-end", "index": index}
    yield {"type": "message-end", "delta": end}


def _event(kind: str, index: int | None, message: dict[str, Json]) -> _Event:
    position = {} if index is None else {"index": index}
    return {"type": kind, **position, "delta": {"message": message}}


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """Cohere's error shape."""
    return error_response(status, {"id": "error-1", "message": message}, retry_after=retry_after)


COHERE = Dialect(
    name="cohere",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/v2/chat$",),
    facts=FACTS,
    quirks=QUIRKS,
    failures=FAILURES,
    request=read_chat,
    detectors=DETECTORS,
)
