"""Ollama's own API: /api/chat, and /api/generate as litellm's ``ollama/`` provider uses it. Shapes after the server's
api/types.go, the ollama SDK and public recordings.

Arguments are JSON here, not text: a broken call is sent as the JSON value that its text holds, and one whose text is no
JSON is a ``UsageError``. On /api/generate a call is JSON text that litellm's prompt requests, so text that is
wholly such JSON reads back as a call, no matter who meant what.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.dialect import Dialect, Mentions
from harness.dialects.framing.sse import chunks, dumps
from harness.dialects.ollama.detectors import DETECTORS
from harness.dialects.ollama.facts import CHAT_QUIRKS, FACTS, FAILURES, GENERATE_FACTS, GENERATE_QUIRKS
from harness.dialects.ollama.read import read
from harness.dialects.ollama.request import read_chat, read_prompt
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
    from harness.core.chat import CallError, Finish, Json, Reply, ToolCall
    from harness.core.exchange import HttpRequest

_FINISH_WORDS: dict[Finish | None, str | None] = {"stop": "stop", "tool_calls": "stop", "length": "length", None: None}
_Lines = list[dict[str, "Json"]]


@varying
def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``; the module says which calls it can't carry. A count that is None is sent as 0."""
    refused_quirks(quirks, CHAT_QUIRKS | FAILURES, "ollama")
    check(reply, _FINISH_WORDS, "Ollama")
    calls = [_call(call, index, reply, quirks) for index, call in enumerate(ordered(reply))]
    message: dict[str, Json] = {"role": "assistant", "content": ""}
    lines: _Lines = []
    last: dict[str, Json] = {**message, "tool_calls": calls} if calls and "calls_at_end" in quirks else message
    if stream:
        lines += [{"message": {**message, "thinking": piece}} for piece in pieces(reply.reasoning)]
        lines += [{"message": {**message, "content": piece}} for piece in pieces(reply.text)]
        groups = [calls] if "calls_together" in quirks and calls else [[call] for call in calls]
        lines += [{"message": {**message, "tool_calls": group}} for group in groups if last is message]
    else:
        thought = {"thinking": reply.reasoning} if reply.reasoning else {}
        last = {**message, "content": reply.text, **thought, **({"tool_calls": calls} if calls else {})}
    return _written(reply, [*lines, {"message": last}], stream=stream, quirks=quirks, model=model)


@varying
def render_generate(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """/api/generate: litellm puts the tools into the prompt, so a call is JSON text, and there is only one."""
    refused_quirks(quirks, GENERATE_QUIRKS | FAILURES, "ollama_generate")
    check(reply, _FINISH_WORDS, "Ollama")
    text = reply.text
    if reply.calls or reply.errors:
        if len(reply.calls) != 1 or reply.errors or reply.text:
            raise UsageError("a call on /api/generate is the whole text: one call, and nothing beside it")
        key = "parameters" if "parameters" in quirks else "arguments"
        (call,) = reply.calls
        text = dumps({"name": call.name, key: argument(call, "Ollama", text=False, cut=False, bare=False)})
    lines: _Lines = []
    if stream:
        lines += [{"response": "", "thinking": piece} for piece in pieces(reply.reasoning)]
        lines += [{"response": piece} for piece in pieces(text)]
        lines += [{"response": ""}]
    else:
        lines += [{"response": text, **({"thinking": reply.reasoning} if reply.reasoning else {})}]
    return _written(reply, lines, stream=stream, quirks=quirks, model=model)


def _written(reply: Reply, lines: _Lines, *, stream: bool, quirks: frozenset[str], model: str) -> HttpResponse:
    if reply.provider_calls:
        raise UsageError("Ollama has no place for tools that the provider ran itself")
    if "error_line" in quirks and not stream:
        raise UsageError("a whole answer that fails has a status of its own: see error()")
    head = {"model": reply.model or model, "created_at": "2026-01-01T00:00:00.000000Z"}
    *going, last = ({**head, **line} for line in lines)
    made: _Lines = [{**line, "done": False} for line in going]
    made.append(
        {"error": "model runner has unexpectedly stopped"} if "error_line" in quirks else last | _end(reply, quirks)
    )
    kind = "application/x-ndjson" if stream else "application/json; charset=utf-8"
    bodies = (dumps(one).encode() + (b"\n" if stream else b"") for one in made)
    return HttpResponse(200, (("content-type", kind),), chunks(bodies))


def _end(reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    end: dict[str, Json] = {"done": True}
    if "finish_missing" not in quirks and reply.finish:
        end["done_reason"] = finish_word(reply, FACTS, _FINISH_WORDS)
    end |= {"total_duration": 2, "load_duration": 1}
    if reply.usage is not None and "no_usage" not in quirks:
        end |= {"prompt_eval_count": reply.usage.prompt or 0, "eval_count": reply.usage.completion or 0}
    return end


def _call(call: ToolCall | CallError, index: int, reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    function: dict[str, Json] = {} if "index_missing" in quirks else {"index": index}
    cut = ends_cut(reply, call) and "finish_missing" not in quirks
    sent = argument(call, "Ollama", text=False, cut=cut, bare=False)
    function |= {"name": call.name or "", "arguments": sent}
    identity = {"id": call.id} if call.id and "id_missing" not in quirks else {}
    return {**identity, "function": function}


def generate_mentions(request: HttpRequest) -> Mentions:
    """/api/generate names no tools: litellm writes them into the prompt."""
    del request
    return Mentions()


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """Ollama's error shape."""
    kind = "application/json; charset=utf-8"
    return error_response(status, {"error": message}, retry_after=retry_after, content_type=kind)


OLLAMA = Dialect(
    "ollama", render, read, mentions, error, (r"/api/chat$",), FACTS, CHAT_QUIRKS, FAILURES, read_chat, DETECTORS
)
OLLAMA_GENERATE = Dialect(
    "ollama_generate",
    render_generate,
    partial(read, generate=True),
    generate_mentions,
    error,
    (r"/api/generate$",),
    GENERATE_FACTS,
    GENERATE_QUIRKS,
    FAILURES,
    read_prompt,
)
