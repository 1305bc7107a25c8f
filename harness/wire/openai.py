"""OpenAI chat completions, as openai and its many kin speak it. Kin differ by quirks, which are data.

Shapes after the openai SDK's types/chat and public recordings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.chat import CallError
from harness.errors import UsageError
from harness.exchange import Chunk, HttpResponse
from harness.wire.dialect import Dialect, Mentions, ordered, pieces, refused_quirks
from harness.wire.openai_quirks import QUIRKS
from harness.wire.openai_read import read
from harness.wire.sse import chunks, dumps, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.chat import Json, Reply, ToolCall
    from harness.exchange import HttpRequest


def render(
    reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
) -> HttpResponse:
    """See ``dialect.Render``. Chat completions know no tools run by the provider: such a reply is a ``UsageError``."""
    refused_quirks(quirks, QUIRKS, "openai")
    if reply.provider_calls:
        raise UsageError("chat completions have no place for tools that the provider ran itself")
    if reply.finish == "refusal":
        raise UsageError("chat completions have no finish reason for a refusal; it is a field of the message")
    if "function_call" in quirks and len(ordered(reply)) != 1:
        raise UsageError("the legacy function_call holds exactly one call")
    if stream:
        return _streamed(reply, quirks, model)
    message: dict[str, Json] = {"role": "assistant", **_content(reply, quirks)}
    message |= _said(reply, quirks)
    calls = [_call(call, reply, quirks) for call in ordered(reply)]
    if "function_call" in quirks:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    message |= _emptiness(bool(calls), quirks)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply, quirks)}
    body = {**_head(reply, "chat.completion", model, quirks), "choices": [choice]}
    if reply.usage is not None and "no_usage" not in quirks:
        body["usage"] = _usage(reply)
    return HttpResponse(200, (("content-type", "application/json"),), chunks([dumps(body).encode()]))


def _head(reply: Reply, kind: str, model: str, quirks: frozenset[str]) -> dict[str, Json]:
    head = {"id": reply.id or "chatcmpl-1", "object": kind, "created": 1, "model": reply.model or model}
    return {**head, "service_tier": "on_demand"} if "service_tier" in quirks else head


def _content(reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    if reply.text:
        parts = "content_parts" in quirks
        return {"content": [{"type": "text", "text": reply.text}] if parts else reply.text}
    if not ordered(reply):
        return {"content": None if reply.refusal else ""}
    if "content_missing" in quirks:
        return {}
    return {"content": "" if "content_empty" in quirks else None}


def _said(reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    said: dict[str, Json] = {"refusal": reply.refusal} if reply.refusal else {}
    if reply.reasoning:
        said["reasoning" if "reasoning_key" in quirks else "reasoning_content"] = reply.reasoning
    return said


def _emptiness(has_calls: bool, quirks: frozenset[str]) -> dict[str, Json]:
    if has_calls:
        return {"function_call": {"name": "", "arguments": ""}} if "function_call_empty" in quirks else {}
    if "tool_calls_null" in quirks:
        return {"tool_calls": None}
    return {"tool_calls": []} if "tool_calls_empty" in quirks else {}


def _call(call: ToolCall | CallError, reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    given = ordered(reply)[0].id if "id_same" in quirks else call.id
    identity = {} if "id_missing" in quirks else {"id": "" if "id_empty" in quirks else given or ""}
    return {**identity, "type": "function", "function": {"name": call.name, **_arguments(call, quirks)}}


def _arguments(call: ToolCall | CallError, quirks: frozenset[str]) -> dict[str, Json]:
    if isinstance(call, CallError):
        return {"arguments": call.raw}
    if not call.parameters:
        if "arguments_missing" in quirks:
            return {}
        for quirk, value in (("empty_string", ""), ("null_string", "null"), ("null", None)):
            if f"arguments_{quirk}" in quirks:
                return {"arguments": value}
    return {"arguments": call.parameters if "arguments_object" in quirks else dumps(call.parameters)}


def _finish(reply: Reply, quirks: frozenset[str]) -> str | None:
    if "finish_null" in quirks:
        return None
    if "finish_empty" in quirks:
        return ""
    if "finish_stop" in quirks and reply.finish == "tool_calls":
        return "stop"
    if "function_call" in quirks and reply.finish == "tool_calls":
        return "function_call"
    return reply.finish


def _usage(reply: Reply) -> dict[str, Json]:
    assert reply.usage is not None
    told = {"prompt": "prompt_tokens", "completion": "completion_tokens", "total": "total_tokens"}
    return {there: count for ours, there in told.items() if (count := getattr(reply.usage, ours)) is not None}


def _streamed(reply: Reply, quirks: frozenset[str], model: str) -> HttpResponse:
    newline = "\r\n" if "crlf" in quirks else "\n"
    head = _head(reply, "chat.completion.chunk", model, quirks)
    finish = _finish(reply, quirks)
    deltas = list(_deltas(reply, quirks))
    finishes: list[str | None] = [None] * len(deltas)
    if "finish_in_call_chunk" in quirks:
        finishes[-1] = finish
    else:
        deltas.append({})
        finishes.append(finish)
    if "finish_repeated" in quirks:
        deltas.append({"content": ""})
        finishes.append(finish)
    made = []
    for delta, end in zip(deltas, finishes, strict=True):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
        made.append(write(dumps({**head, "choices": [choice]}), newline=newline))
    if reply.usage is not None and "no_usage" not in quirks:
        made.append(write(dumps({**head, "choices": [], "usage": _usage(reply)}), newline=newline))
    if "no_done" not in quirks:
        made.append(write("[DONE]", newline=newline))
    if "comments" in quirks:
        made = [piece for one in made for piece in (f": OPENROUTER PROCESSING{newline}{newline}".encode(), one)]
    return HttpResponse(200, (("content-type", "text/event-stream"),), chunks(made))


def _deltas(reply: Reply, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    calls = ordered(reply)
    first: dict[str, Json] = {"role": "assistant"}
    if not calls or "content_empty" in quirks:
        first["content"] = ""
    elif "content_missing" not in quirks:
        first["content"] = None
    yield first | _emptiness(bool(calls), quirks)
    if reply.reasoning:
        yield _said(reply, quirks)
    for piece in pieces(reply.text):
        yield {"content": ([{"type": "text", "text": piece}] if "content_parts" in quirks else piece)}
    if reply.refusal:
        yield {"refusal": reply.refusal}
    made = [_call(call, reply, quirks) for call in calls]
    if "function_call" in quirks:
        yield {"function_call": made[0]["function"]}
        return
    indexed = [{**_index(place, quirks), **call} for place, call in enumerate(made)]
    if "calls_in_one_chunk" in quirks and indexed:
        yield {"tool_calls": indexed}
    elif quirks & {"index_missing", "index_minus_one", "call_in_one_chunk", "arguments_object", "id_missing"}:
        yield from ({"tool_calls": [call]} for call in indexed)
    else:
        fragments = [list(_fragments(call, quirks)) for call in indexed]
        yield from ({"tool_calls": [one]} for one in _order(fragments, interleaved="interleaved" in quirks))


def _index(place: int, quirks: frozenset[str]) -> dict[str, Json]:
    if "index_missing" in quirks:
        return {}
    return {"index": -1 if "index_minus_one" in quirks else place}


def _fragments(call: dict[str, Json], quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    function = call["function"]
    arguments = function.get("arguments")
    start = {**call, "function": {**function, "arguments": ""}} if isinstance(arguments, str) else call
    yield start
    if not isinstance(arguments, str):
        return
    for piece in pieces(arguments):
        later: dict[str, Json] = {"index": call["index"], "function": {"arguments": piece}}
        if "id_and_name_repeated" in quirks:
            later = {**call, "function": {"name": function["name"], "arguments": piece}}
        elif "name_null_later" in quirks:
            later["function"] = {"name": None, "arguments": piece}
        yield later


def _order(fragments: list[list[dict[str, Json]]], *, interleaved: bool) -> Iterable[dict[str, Json]]:
    if not interleaved:
        return (one for call in fragments for one in call)
    longest = max(map(len, fragments), default=0)
    return (call[turn] for turn in range(longest) for call in fragments if turn < len(call))


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``; Ollama's and Cohere's requests have the same shape."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return Mentions()
    tools = [tool.get("function", tool).get("name", "") for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    messages = body.get("messages") or ()
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    results = [message for message in messages if message.get("role") == "tool"]
    return Mentions(
        tools=tuple(tools),
        choice=choice.get("function", choice).get("name") if isinstance(choice, dict) else None,
        calls=tuple(call.get("function", {}).get("name", "") for call in calls),
        results=tuple(name for message in results if (name := message.get("name") or message.get("tool_name"))),
        call_ids=tuple(call["id"] for call in calls if call.get("id")),
        result_ids=tuple(message["tool_call_id"] for message in results if message.get("tool_call_id")),
    )


def error(status: int, message: str, *, retry_after: float | None = None) -> HttpResponse:
    """OpenAI's error shape."""
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(
        status,
        "server_error" if status >= 500 else "invalid_request_error",  # noqa: PLR2004 - the 5xx statuses
    )
    body = dumps({"error": {"message": message, "type": kind, "param": None, "code": None}})
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    if retry_after is not None:
        headers += (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, headers, (Chunk(body.encode()),))


OPENAI = Dialect(
    name="openai",
    render=render,
    read=read,
    mentions=mentions,
    error=error,
    paths=(r"/chat/completions$",),
    quirks=QUIRKS,
)
