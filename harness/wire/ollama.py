"""Ollama's own API: /api/chat, and /api/generate as litellm's ``ollama/`` provider uses it. Shapes after the ollama SDK
and public recordings.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from harness.chat import CallError, Finish, Reply, ToolCall, Usage
from harness.errors import ProviderError, StreamCutError, UnreadableReplyError, UsageError
from harness.exchange import Chunk, HttpResponse, header
from harness.wire.arguments import judged
from harness.wire.dialect import Dialect, Mentions, ordered, pieces, refused_quirks
from harness.wire.openai import mentions
from harness.wire.sse import chunks, dumps, json_lines

if TYPE_CHECKING:
    from harness.chat import Json
    from harness.exchange import HttpRequest

CHAT_QUIRKS: dict[str, str] = {
    "id": "calls have an id (3 of the recordings have none; servers since 0.12 send one)",
    "call_index": "a call's function carries its index",
    "calls_apart": "each call of a stream comes in a line of its own",
    "calls_at_end": "the calls come in the last line, with done: true",
    "finish_missing": "the last line has no done_reason (servers before 0.1.45)",
    "no_usage": "no counts are told (a prompt served from the cache)",
}
GENERATE_QUIRKS: dict[str, str] = {
    "finish_missing": CHAT_QUIRKS["finish_missing"],
    "no_usage": CHAT_QUIRKS["no_usage"],
    "parameters": "the call is written with `parameters`, not `arguments`",
}
FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}
_SAID = {"stop": "stop", "tool_calls": "stop", "length": "length", None: None}


def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. Arguments are JSON on this wire: a broken call must at least be that."""
    refused_quirks(quirks, CHAT_QUIRKS, "ollama")
    calls = [_call(call, place, quirks) for place, call in enumerate(ordered(reply))]
    said: dict[str, Json] = {"role": "assistant", "content": ""}
    groups = [[call] for call in calls] if "calls_apart" in quirks else [calls] if calls else []
    lines: list[dict[str, Json]] = []
    if stream:
        lines += [{"message": {**said, "thinking": piece}} for piece in pieces(reply.reasoning)]
        lines += [{"message": {**said, "content": piece}} for piece in pieces(reply.text)]
        lines += [{"message": {**said, "tool_calls": group}} for group in groups]
        last = {"message": said}
        if "calls_at_end" in quirks and calls:
            lines = [line for line in lines if "tool_calls" not in line["message"]]
            last = {"message": {**said, "tool_calls": calls}}
    else:
        thought = {"thinking": reply.reasoning} if reply.reasoning else {}
        last = {"message": {**said, "content": reply.text, **thought, **({"tool_calls": calls} if calls else {})}}
    return _written(reply, [*lines, last], stream=stream, quirks=quirks, model=model)


def render_generate(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """/api/generate: litellm puts the tools into the prompt, so a call is JSON text, and there is only one."""
    refused_quirks(quirks, GENERATE_QUIRKS, "ollama_generate")
    text = reply.text
    if reply.calls or reply.errors:
        if len(reply.calls) != 1 or reply.errors or reply.text:
            raise UsageError("a call on /api/generate is the whole text: one call, and nothing beside it")
        key = "parameters" if "parameters" in quirks else "arguments"
        text = dumps({"name": reply.calls[0].name, key: reply.calls[0].parameters})
    if reply.reasoning:
        raise UsageError("/api/generate as litellm reads it has no place for reasoning")
    lines: list[dict[str, Json]] = [{"response": piece} for piece in pieces(text)] if stream else []
    return _written(reply, [*lines, {"response": "" if stream else text}], stream=stream, quirks=quirks, model=model)


def _written(
    reply: Reply, lines: list[dict[str, Json]], *, stream: bool, quirks: frozenset[str], model: str
) -> HttpResponse:
    if reply.finish not in _SAID or reply.provider_calls:
        raise UsageError(f"Ollama has no word for finish {reply.finish!r} or for tools that the provider ran")
    head = {"model": reply.model or model, "created_at": "2026-01-01T00:00:00.000000Z"}
    end: dict[str, Json] = {"done": True}
    if "finish_missing" not in quirks and reply.finish:
        end["done_reason"] = _SAID[reply.finish]
    end["total_duration"] = 1
    if reply.usage is not None and "no_usage" not in quirks:
        end |= {"prompt_eval_count": reply.usage.prompt or 0, "eval_count": reply.usage.completion or 0}
    last = len(lines) - 1
    made = [{**head, **line, **(end if place == last else {"done": False})} for place, line in enumerate(lines)]
    kind = "application/x-ndjson" if stream else "application/json; charset=utf-8"
    bodies = (dumps(one).encode() + (b"\n" if stream else b"") for one in made)
    return HttpResponse(200, (("content-type", kind),), chunks(bodies))


def _call(call: ToolCall | CallError, place: int, quirks: frozenset[str]) -> dict[str, Json]:
    function: dict[str, Json] = {"index": place} if "call_index" in quirks else {}
    function |= {"name": call.name, "arguments": _arguments(call)}
    return {"id": call.id, "function": function} if "id" in quirks and call.id else {"function": function}


def _arguments(call: ToolCall | CallError) -> Json:
    if not isinstance(call, CallError):
        return call.parameters
    try:
        return json.loads(call.raw)
    except ValueError as error:
        raise UsageError("Ollama sends arguments as JSON; text that is none can't be on its wire") from error


def read(response: HttpResponse, *, generate: bool = False) -> Reply:
    """See ``dialect.Read``. On /api/generate a text that is wholly one call is read as that call."""
    lines = []
    try:
        lines += _lines(response)
    except StreamCutError as error:
        raise StreamCutError(str(error), _reply(lines, generate=generate, torn=True)) from error
    if not lines or not lines[-1].get("done"):
        raise StreamCutError("the stream ended without done", _reply(lines, generate=generate, torn=True))
    return _reply(lines, generate=generate)


def _lines(response: HttpResponse) -> list[dict[str, Json]]:
    found = []
    streamed = "ndjson" in (header(response.headers, "content-type") or "")
    for _, line in json_lines(response.body) if streamed else [("", _whole(response.body))]:
        if not isinstance(line, dict):
            raise UnreadableReplyError(f"no object but {type(line).__name__}", str(line))
        if "error" in line:
            raise ProviderError(str(line["error"]), provider="ollama")
        found.append(line)
    return found


def _whole(body: bytes) -> Json:
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnreadableReplyError(f"no JSON: {error}", body.decode(errors="replace")) from error


def _reply(lines: list[dict[str, Json]], *, generate: bool, torn: bool = False) -> Reply:
    messages = [line.get("message") or {} for line in lines]
    said = [line.get("response") for line in lines] if generate else [message.get("content") for message in messages]
    text = "".join(piece or "" for piece in said)
    sent = [call for message in messages for call in message.get("tool_calls") or ()]
    raw = [{**call.get("function", {}), "id": call.get("id")} for call in sent]
    if generate and (written := _written_call(text)):
        raw, text = [written], ""
    end = lines[-1] if lines else {}
    done = end.get("done_reason")
    finish = FINISHES.get(done or "stop") if end.get("done") else None
    found = [
        _judged(call, place, torn=torn, cut=finish == "length" and call is raw[-1]) for place, call in enumerate(raw)
    ]
    return Reply(
        text=text,
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(call for call in found if isinstance(call, CallError)),
        finish=finish,
        usage=_usage(end),
        reasoning="".join(message.get("thinking") or "" for message in messages),
        model=end.get("model") or "",
        raw_finish=done,
    )


def _judged(call: dict[str, Json], place: int, *, torn: bool, cut: bool) -> ToolCall | CallError:
    if torn:
        raw = dumps(call.get("arguments"))
        return CallError("cut_off", "the stream ended here", raw, call.get("name"), call["id"] or "", place)
    return judged(call.get("name"), call.get("arguments"), call["id"], place, cut=cut)


def _usage(end: dict[str, Json]) -> Usage | None:
    prompt, completion = end.get("prompt_eval_count"), end.get("eval_count")
    if prompt is None and completion is None:
        return None
    return Usage(prompt, completion, (prompt or 0) + (completion or 0))


def _written_call(text: str) -> dict[str, Json] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.keys() not in ({"name", "arguments"}, {"name", "parameters"}):
        return None
    return {"name": value["name"], "arguments": value.get("arguments", value.get("parameters")), "id": None}


def generate_mentions(request: HttpRequest) -> Mentions:
    """/api/generate names no tools: litellm writes them into the prompt."""
    del request
    return Mentions()


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """Ollama's error shape."""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json; charset=utf-8"),)
    if retry_after is not None:
        headers += (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, headers, (Chunk(dumps({"error": message}).encode()),))


OLLAMA = Dialect("ollama", render, read, mentions, error, (r"/api/chat$",), CHAT_QUIRKS)
OLLAMA_GENERATE = Dialect(
    "ollama_generate",
    render_generate,
    partial(read, generate=True),
    generate_mentions,
    error,
    (r"/api/generate$",),
    GENERATE_QUIRKS,
)
