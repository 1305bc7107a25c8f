"""A reply as chat completions have it: whole, and a stream of a chunk for each delta, in server-sent events.

Shapes after the openai SDK's types/chat and public recordings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.framing.sse import chunks, dumps, write
from harness.dialects.openai_chat.facts import FACTS, FAILURES
from harness.dialects.rendering import argument, check, ends_cut, finish_word, ordered, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.chat import Finish, Json, Reply, ToolCall

_WIRE = "a chat completion"
_FINISHES: tuple[Finish | None, ...] = ("stop", "tool_calls", "length", "content_filter", "error", None)
_NOTHING_SENT = ("missing", "empty_string", "null_string", "null")
_LONG_ID = 41
_SAFE = {"filtered": False, "severity": "safe"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply on its way into bytes: ``calls`` are its calls, good and broken, as a message holds them."""

    reply: Reply
    quirks: frozenset[str]
    model: str
    calls: tuple[dict[str, Json], ...]

    def has(self, *quirks: str) -> bool:
        return not self.quirks.isdisjoint(quirks)

    @property
    def finish(self) -> str | None:
        if self.has("finish_null"):
            return None
        if self.has("finish_empty"):
            return ""
        if self.reply.finish == "tool_calls" and self.has("finish_stop", "function_call"):
            return "stop" if self.has("finish_stop") else "function_call"
        return finish_word(self.reply, FACTS, {self.reply.finish: self.reply.finish})

    @property
    def usage(self) -> dict[str, Json] | None:
        """Token counts, those that the reply has; None where none are to be sent."""
        if self.reply.usage is None or self.has("no_usage"):
            return None
        names = {"prompt": "prompt_tokens", "completion": "completion_tokens", "total": "total_tokens"}
        return {there: count for ours, there in names.items() if (count := getattr(self.reply.usage, ours)) is not None}

    def head(self, kind: str) -> dict[str, Json]:
        return {
            "id": self.reply.id or "chatcmpl-1",
            "object": kind,
            "created": 1,
            "model": self.reply.model or self.model,
        }

    def tail(self) -> dict[str, Json]:
        """What stands beside the choices and is no part of the reply."""
        fields: dict[str, Json] = {} if self.has("plain") else {"service_tier": "default", "system_fingerprint": None}
        return fields | ({"service_tier": "on_demand"} if self.has("service_tier") else {})

    def beside(self) -> dict[str, Json]:
        """What stands in a choice beside the message and the finish reason."""
        fields: dict[str, Json] = {} if self.has("plain") else {"logprobs": None}
        return fields | ({"content_filter_results": {"hate": _SAFE}} if self.has("content_filters") else {})

    def ending(self, finish: str | None) -> dict[str, Json]:
        native = {"native_finish_reason": finish} if self.has("native_finish_reason") else {}
        return {"finish_reason": finish, **native}

    def content(self, text: str) -> Json:
        """``text`` as content has it."""
        halves = (text[: len(text) // 2], text[len(text) // 2 :])
        return [{"type": "text", "text": half} for half in halves if half] if self.has("content_parts") else text

    def thought(self, text: str) -> dict[str, Json]:
        """``text`` as reasoning has it."""
        if self.has("content_parts"):
            return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}
        details = [{"type": "reasoning.text", "text": text, "index": 0, "format": None}]
        again = {"reasoning_details": details} if self.has("reasoning_details") else {}
        return {"reasoning" if self.has("reasoning_key") else "reasoning_content": text, **again}

    def emptiness(self) -> dict[str, Json]:
        """How a message says that there is no call of some kind in it."""
        empty: dict[str, Json] = {"function_call": {"name": "", "arguments": ""}}
        empty = empty if self.has("function_call_empty") else {}
        if not self.calls and self.has("tool_calls_null", "tool_calls_empty"):
            empty["tool_calls"] = None if self.has("tool_calls_null") else []
        return empty


def answer(reply: Reply, quirks: frozenset[str], model: str, *, stream: bool) -> Answer:
    """``reply`` made ready. Raises ``UsageError`` for what can't be written, or not under these quirks."""
    check(replace(reply, refusal="", text=reply.text + reply.refusal), _FINISHES, _WIRE)
    calls = ordered(reply)
    if reply.provider_calls and "executed_tools" not in quirks:
        raise UsageError(f"{_WIRE} has no place for tools that the provider ran itself, but for Groq's executed_tools")
    custom = reply.state.get("custom_calls", ())
    if "function_call" in quirks and (len(calls) != 1 or custom or "function_call_empty" in quirks):
        raise UsageError("the legacy function_call holds exactly one call, and is then not empty")
    writers = (_custom if call.id in custom else _call for call in calls)
    written = tuple(
        write(call, index, reply, quirks) for index, (write, call) in enumerate(zip(writers, calls, strict=True))
    )
    made = Answer(reply, quirks, model, written)
    _check_failure(made, stream=stream)
    if stream and not made.finish and "no_done" in quirks:
        raise UsageError("a stream without a finish reason and without [DONE] has no end")
    if stream and quirks & {"index_missing", "index_minus_one"} and not _distinguishable(made.calls):
        raise UsageError("calls of a stream without an index, an id and a name of their own can't be distinguished")
    return made


def _check_failure(made: Answer, *, stream: bool) -> None:
    for failure in sorted(made.quirks & FAILURES.keys()):
        if stream == (failure == "error_body"):
            raise UsageError(f"{failure} is how a {'whole answer' if stream else 'stream'} fails")


def _distinguishable(calls: tuple[dict[str, Json], ...]) -> bool:
    ids = [call["id"] for call in calls if call.get("id")]
    named = (call.get("function") or call["custom"] for call in calls)
    return len(set(ids)) == len(ids) and all(
        call.get("id") or one["name"] for call, one in zip(calls, named, strict=True)
    )


def _custom(call: ToolCall | CallError, index: int, reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    """A call of a custom tool, whose input is a text."""
    made = _call(call, index, reply, quirks)
    if isinstance(call, CallError) or call.parameters.keys() != {"input"} or made.pop("custom", None):
        raise UsageError("a custom tool takes one text: a call of it has the one parameter 'input'")
    del made["function"]
    kind = {"type": "custom"} if "type" in made else {}
    return {**made, **kind, "custom": {"name": call.name, "input": call.parameters["input"]}}


def _call(call: ToolCall | CallError, index: int, reply: Reply, quirks: frozenset[str]) -> dict[str, Json]:
    bare = not isinstance(call, CallError) and any(f"arguments_{word}" in quirks for word in _NOTHING_SENT)
    cut = ends_cut(reply, call) and quirks.isdisjoint(("finish_null", "finish_empty"))
    arguments = argument(call, _WIRE, text=True, cut=cut, bare=bare)
    made: dict[str, Json] = {} if "id_missing" in quirks else {"id": _id(call, index, reply, quirks)}
    made |= {} if "type_missing" in quirks else {"type": "function"}
    made |= {"index": index} if "index_in_whole" in quirks else {}
    made |= {"custom": {"name": "", "input": ""}} if "custom_empty" in quirks else {}
    made |= reply.state.get("call_state", {}).get(call.id, {})
    return {**made, "function": {"name": call.name, **_arguments(arguments, quirks)}}


def _id(call: ToolCall | CallError, index: int, reply: Reply, quirks: frozenset[str]) -> str:
    if "id_empty" in quirks:
        return ""
    call_id = (ordered(reply)[0] if "id_same" in quirks else call).id or ""
    if "id_dotted" in quirks:
        return f"functions.{call.name}:{0 if 'id_same' in quirks else index}"
    return call_id.ljust(_LONG_ID, "0") if "id_long" in quirks else call_id


def _arguments(arguments: Json, quirks: frozenset[str]) -> dict[str, Json]:
    if arguments == {}:
        if "arguments_missing" in quirks:
            return {}
        for word, value in (("empty_string", ""), ("null_string", "null"), ("null", None)):
            if f"arguments_{word}" in quirks:
                return {"arguments": value}
    if isinstance(arguments, str) or "arguments_object" in quirks:
        return {"arguments": arguments}
    return {"arguments": dumps(arguments)}


def _executed(reply: Reply) -> list[dict[str, Json]]:
    """What the provider ran, without what came of it."""
    return [
        {"index": index, "type": used.name, "arguments": dumps(used.parameters)}
        for index, used in enumerate(reply.provider_calls)
    ]


def whole(made: Answer) -> HttpResponse:
    """One body."""
    if made.has("error_body"):
        error = {"message": "The answer was filtered", "type": None, "param": "prompt", "code": "content_filter"}
        return _body({"error": {**error, "status": 400}})
    reply = made.reply
    message: dict[str, Json] = {"role": "assistant", **_content(made)}
    if made.has("function_call"):
        message["function_call"] = made.calls[0]["function"]
    elif made.calls:
        message["tool_calls"] = list(made.calls)
    message |= made.emptiness()
    if reply.state.get("reasoning_details"):
        message["reasoning_details"] = reply.state["reasoning_details"]
    if reply.provider_calls:
        ran = zip(_executed(reply), reply.provider_calls, strict=True)
        message["executed_tools"] = [{**one, **(call.result or {})} for one, call in ran]
    if reply.refusal or not made.has("plain"):
        message["refusal"] = reply.refusal or None
    if not made.has("plain"):
        message["annotations"] = []
    choice = {"index": 0, "message": message, **made.beside(), **made.ending(made.finish)}
    body = {**made.head("chat.completion"), "choices": [choice]}
    if made.usage is not None:
        body["usage"] = made.usage
    if made.has("content_filters"):
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": {"hate": _SAFE}}]
    return _body({**body, **made.tail()}, before="\n         " * 3 + "\n" if made.has("leading_blanks") else "")


def _body(body: dict[str, Json], *, before: str = "") -> HttpResponse:
    return HttpResponse(200, (("content-type", "application/json"),), chunks([f"{before}{dumps(body)}".encode()]))


def _content(made: Answer) -> dict[str, Json]:
    reply = made.reply
    thought = made.thought(reply.reasoning) if reply.reasoning else {}
    if reply.text:
        content = made.content(reply.text)
        return {**thought, "content": [*thought["content"], *content] if "content" in thought else content}
    return {**_no_text(made), **thought}


def _no_text(made: Answer) -> dict[str, Json]:
    if not made.calls:
        return {"content": None if made.reply.refusal else ""}
    if made.has("content_empty"):
        return {"content": ""}
    return {} if made.has("content_missing") else {"content": None}


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
    for used, call in zip(_executed(reply), reply.provider_calls, strict=True):
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
