"""A reply as chat completions stream it: a chunk for each delta, in server-sent events."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.core.exchange import HttpResponse
from harness.dialects.framing.sse import chunks, dumps, write
from harness.dialects.openai_chat.render import executed
from harness.dialects.rendering import pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.chat import Json
    from harness.dialects.openai_chat.render import Answer

_PADDING = "aB3dE6gH9jK2"
_WHOLE_CALLS = ("call_in_one_chunk", "calls_in_one_chunk", "index_missing", "index_minus_one")


def streamed(made: Answer) -> HttpResponse:
    """Every event a chunk of the body; comments are chunks of their own."""
    newline = "\r\n" if made.has("crlf") else "\n"
    events = [write(dumps(chunk), newline=newline) for chunk in _chunks(made)]
    if made.has("error_event"):
        error = {"message": "Tool call validation failed", "type": "invalid_request_error", "code": "tool_use_failed"}
        failed = {"error": {**error, "failed_generation": '{"name": "x"', "status_code": 400}}
        events.append(write(dumps(failed), event="error", newline=newline))
    elif not made.has("no_done"):
        events.append(write("[DONE]", newline=newline))
    if made.has("comments"):
        comment = f": OPENROUTER PROCESSING{newline}{newline}".encode()
        events = [one for event in events for one in (comment, event)]
    return HttpResponse(200, (("content-type", "text/event-stream"),), chunks(events))


def _chunks(made: Answer) -> Iterator[dict[str, Json]]:
    head = made.head("chat.completion.chunk") | made.tail()
    if not made.has("plain") and made.usage is not None:
        head["usage"] = None
    if made.has("content_filters"):
        yield {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}
    for index, (delta, last) in enumerate(_turns(made)):
        chunk = {**head, "choices": [_choice(made, delta, last=last)], **(_usage_beside(made) if last else {})}
        yield chunk if made.has("plain") else {**chunk, "obfuscation": _PADDING[: index * 5 % 12]}
    if made.has("error_chunk"):
        yield {**head, "choices": [_choice(made, {}, last=False)], "error": {"code": 502, "message": "Provider failed"}}
    elif made.usage is not None and not made.has("usage_in_finish_chunk", "usage_in_x_groq", "error_event"):
        yield {**head, "choices": [], "usage": made.usage}


def _choice(made: Answer, delta: dict[str, Json], *, last: bool) -> dict[str, Json]:
    if made.has("role_repeated"):
        delta = {"role": "assistant", "content": None if "tool_calls" in delta else "", **delta}
    choice: dict[str, Json] = {"index": 0, "delta": delta, **made.beside()}
    if made.has("message_beside_delta"):
        choice["message"] = delta
    if made.has("finish_absent") and not last:
        return choice
    return {**choice, **made.ending(made.finish if last else None)}


def _usage_beside(made: Answer) -> dict[str, Json]:
    if made.usage is None:
        return {}
    if made.has("usage_in_finish_chunk"):
        return {"usage": made.usage}
    return {"x_groq": {"id": "req_1", "usage": made.usage}} if made.has("usage_in_x_groq") else {}


def _turns(made: Answer) -> Iterator[tuple[dict[str, Json], bool]]:
    """Each delta, and whether its chunk names the finish reason."""
    deltas = list(_deltas(made))
    endings = 0 if made.has("error_event", "error_chunk") else 2 if made.has("finish_repeated") else 1
    if endings and not made.has("finish_in_call_chunk"):
        deltas.append({})
    deltas += [{"content": ""}] * (endings - 1)
    yield from ((delta, index >= len(deltas) - endings) for index, delta in enumerate(deltas))


def _deltas(made: Answer) -> Iterator[dict[str, Json]]:
    reply = made.reply
    first: dict[str, Json] = {"role": "assistant", **_first_content(made), **made.emptiness()}
    if not made.has("plain"):
        first["refusal"] = None
    deltas = [made.thought(piece) for piece in pieces(reply.reasoning)]
    deltas += [{"content": made.content(piece)} for piece in pieces(reply.text)]
    deltas += [{"refusal": piece} for piece in pieces(reply.refusal)]
    calls = list(_calls(made))
    if len(made.calls) == 1 and not deltas and not made.has("role_alone"):
        yield first | calls.pop(0)
    else:
        yield first
    if reply.state.get("reasoning_details"):
        yield {"reasoning_details": reply.state["reasoning_details"]}
    for used, call in zip(executed(reply), reply.provider_calls, strict=True):
        yield {"executed_tools": [used]}
        if call.result is not None:
            yield {"executed_tools": [{**used, **call.result}]}
    yield from deltas
    yield from calls


def _first_content(made: Answer) -> dict[str, Json]:
    if made.reply.text or not made.calls or made.has("content_empty"):
        return {"content": ""}
    return {} if made.has("content_missing") else {"content": None}


def _calls(made: Answer) -> Iterator[dict[str, Json]]:
    if made.has("function_call"):
        yield from ({"function_call": piece["function"]} for piece in _fragments(made, 0, made.calls[0]))
    elif made.calls and made.has("calls_in_one_chunk"):
        yield {"tool_calls": [one for index, call in enumerate(made.calls) for one in _fragments(made, index, call)]}
    else:
        fragments = [list(_fragments(made, index, call)) for index, call in enumerate(made.calls)]
        yield from ({"tool_calls": [one]} for one in _order(fragments, interleaved=made.has("interleaved")))


def _fragments(made: Answer, index: int, call: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """One call in the pieces that it comes in: its head, then its arguments."""
    call = {key: value for key, value in call.items() if key != "index"}
    if not made.has("index_missing"):
        call = {"index": -1 if made.has("index_minus_one") else index, **call}
    slot, key = ("function", "arguments") if "function" in call else ("custom", "input")
    function = call[slot]
    arguments = function.get(key)
    if not isinstance(arguments, str) or made.has(*_WHOLE_CALLS):
        yield call
        return
    later = list(pieces(arguments))
    start: str | None = None if made.has("arguments_null_first") else ""
    if made.has("arguments_at_once") and later:
        start = later.pop(0)
    yield {**call, slot: {**function, key: start}}
    for piece in later:
        if made.has("id_and_name_repeated"):
            yield {**call, slot: {**function, key: piece}}
        else:
            unnamed = {"name": None} if made.has("name_null_later") else {}
            yield {"index": index, slot: {**unnamed, key: piece}}


def _order(fragments: list[list[dict[str, Json]]], *, interleaved: bool) -> Iterable[dict[str, Json]]:
    rows: Iterable[Iterable[dict[str, Json] | None]] = zip_longest(*fragments) if interleaved else fragments
    return (one for row in rows for one in row if one is not None)
