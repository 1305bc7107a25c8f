"""A reply as the Responses API has it: the items of a whole answer, and a stream of an event for each item's start, its
pieces and its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects.framing.sse import chunks, dumps, write
from harness.dialects.openai_responses.facts import FACTS, FAILURES, PROVIDER_CALLS
from harness.dialects.rendering import argument, check, ends_cut, finish_word, ordered, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.chat import Finish, Json, ProviderCall, Reply, ToolCall

_WIRE = "a response"
_FINISHES: tuple[Finish | None, ...] = ("stop", "tool_calls", "length", "content_filter")
_REASONS: dict[Finish | None, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_STOPPED = _REASONS.keys() | {"unknown"}
_LONG_ID = 41
_CITED = {
    "type": "url_citation",
    "start_index": 0,
    "end_index": 1,
    "title": "A page",
    "url": "https://example.com/?utm_source=openai",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply on its way into bytes. ``items`` are whole, in order; ``text`` of a custom call stands in ``input``."""

    reply: Reply
    quirks: frozenset[str]
    model: str
    items: tuple[dict[str, Json], ...]

    def has(self, *quirks: str) -> bool:
        return not self.quirks.isdisjoint(quirks)

    @property
    def status(self) -> str:
        if self.has(*FAILURES):
            return "failed"
        return "incomplete" if self.reply.finish in _STOPPED else "completed"

    @property
    def usage(self) -> dict[str, Json] | None:
        usage = self.reply.usage
        if usage is None or self.has("no_usage"):
            return None
        counts: dict[str, Json] = {
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        return counts if self.has("total_missing") else {**counts, "total_tokens": usage.total}

    def body(self, status: str, items: Sequence[dict[str, Json]]) -> dict[str, Json]:
        """The response object, on its way or at its end."""
        ended = status != "in_progress"
        reason = finish_word(self.reply, FACTS, _REASONS) if status == "incomplete" else None
        failed = {"code": "server_error", "message": "The server had an error"} if status == "failed" else None
        body: dict[str, Json] = {
            "id": self.reply.id or "resp_1",
            "object": "response",
            "created_at": 1,
            "status": status,
            "error": failed,
            "incomplete_details": {"reason": reason} if reason else None,
            "model": self.reply.model or self.model,
            "output": list(items),
            "usage": self.usage if ended else None,
        }
        return body if self.has("lean") else {**body, **_REPEATED}


_REPEATED: dict[str, Json] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def answer(reply: Reply, quirks: frozenset[str], model: str, *, stream: bool) -> Answer:
    """``reply`` made ready. Raises ``UsageError`` for what can't be written, or not under these quirks."""
    check(replace(reply, refusal="", text=reply.text + reply.refusal), _FINISHES, _WIRE)
    calls = ordered(reply)
    if bool(calls) != (reply.finish == "tool_calls") and reply.finish in ("stop", "tool_calls"):
        raise UsageError(f"{_WIRE} that is completed ends in {'tool_calls' if calls else 'stop'}: it has no other word")
    if "error_event" in quirks and not stream:
        raise UsageError("error_event is how a stream fails")
    return Answer(reply, quirks, model, tuple(_Items(reply, quirks).all()))


@dataclass(frozen=True, slots=True)
class _Items:
    reply: Reply
    quirks: frozenset[str]

    def all(self) -> Iterator[dict[str, Json]]:
        calls = ordered(self.reply)
        if self.reply.state.get("responses_items"):
            yield from self._placed(self.reply.state["responses_items"])
            return
        if self.reply.reasoning:
            yield self._item("reasoning", "rs_1", self._reasoning(self.reply.reasoning))
        yield from (self._ran(call) for call in self.reply.provider_calls)
        if "text_last" not in self.quirks:
            yield from self._messages()
        for index, call in enumerate(calls):
            if index and "reasoning_between" in self.quirks:
                yield self._item("reasoning", f"rs_{index + 1}", self._reasoning(""))
            yield self._call(call)
        if "text_last" in self.quirks:
            yield from self._messages()

    def _placed(self, items: list[Json]) -> Iterator[dict[str, Json]]:
        """The items in the order of the state, its reasoning among them."""
        calls = {call.id: call for call in ordered(self.reply)}
        for item in items:
            if item["type"] == "reasoning":
                yield dict(item)
            elif item["type"] == "message":
                yield from self._messages()
            else:
                yield self._call(calls[item["call_id"]])

    def _item(self, kind: str, item_id: str, rest: dict[str, Json], status: str | None = None) -> dict[str, Json]:
        made: dict[str, Json] = {"type": kind}
        if "item_id_missing" not in self.quirks:
            made["id"] = item_id
        if status is not None and "status_missing" not in self.quirks:
            made["status"] = status
        return {**made, **rest}

    def _reasoning(self, text: str) -> dict[str, Json]:
        made: dict[str, Json] = {"summary": []}
        if "reasoning_text" in self.quirks:
            made["content"] = [{"type": "reasoning_text", "text": text}] if text else []
        elif text:
            made["summary"] = [{"type": "summary_text", "text": text}]
        if "reasoning_encrypted" in self.quirks:
            made["encrypted_content"] = "gAAAAABo+/Zm9v=="
        return made

    def _messages(self) -> Iterator[dict[str, Json]]:
        text = self.reply.text
        texts = [text] if text else []
        if len(text) > 1 and not self.quirks.isdisjoint(("text_parts", "text_messages")):
            half = len(text) // 2
            texts = [text[:half], text[half:]]
        parts: list[dict[str, Json]] = [self._part(one) for one in texts]
        if self.reply.refusal:
            parts.append({"type": "refusal", "refusal": self.reply.refusal})
        groups = [[part] for part in parts] if "text_messages" in self.quirks else [parts] if parts else []
        for index, content in enumerate(groups):
            phase = {"phase": "final_answer" if index == len(groups) - 1 else "commentary"}
            rest = {"role": "assistant", **(phase if "text_messages" in self.quirks else {}), "content": content}
            yield self._item("message", f"msg_{index + 1}", rest, self._status(last=not self.reply.calls))

    def _part(self, text: str) -> dict[str, Json]:
        cited = [dict(_CITED)] if "annotations" in self.quirks else []
        return {"type": "output_text", "annotations": cited, "logprobs": [], "text": text}

    def _status(self, *, last: bool) -> str:
        return "incomplete" if last and self.reply.finish in _STOPPED else "completed"

    def _call(self, call: ToolCall | CallError) -> dict[str, Json]:
        cut = ends_cut(self.reply, call) and not (self.reply.text and "text_last" in self.quirks)
        bare = "arguments_empty_string" in self.quirks and not isinstance(call, CallError)
        if "custom" in self.quirks or call.id in self.reply.state.get("custom_calls", ()):
            return self._custom(call)
        sent = argument(call, _WIRE, text=True, cut=cut, bare=bare)
        arguments = sent if isinstance(sent, str) else "" if bare and sent == {} else dumps(sent)
        status = "incomplete" if isinstance(call, CallError) and call.fault == "cut_off" else "completed"
        space = {"namespace": "found"} if "namespace" in self.quirks else {}
        rest = {"call_id": self._id(call.id or ""), "name": call.name, "arguments": arguments, **space}
        return self._item("function_call", f"fc_{call.id or 1}", rest, status)

    def _custom(self, call: ToolCall | CallError) -> dict[str, Json]:
        if isinstance(call, CallError) or call.parameters.keys() != {"input"}:
            raise UsageError("a custom tool takes one text: a call of it has the one parameter 'input'")
        sent = call.parameters["input"]
        if not isinstance(sent, str) or (ends_cut(self.reply, call)):
            raise UsageError("a custom tool takes one text, all of it")
        rest = {"call_id": self._id(call.id), "name": call.name, "input": sent}
        return self._item("custom_tool_call", f"ctc_{call.id}", rest, "completed")

    def _id(self, call_id: str) -> str:
        return call_id.ljust(_LONG_ID, "0") if "id_long" in self.quirks else call_id

    def _ran(self, call: ProviderCall) -> dict[str, Json]:
        known = {name: (kind, field) for kind, (name, field) in PROVIDER_CALLS.items()}
        kind, field = known.get(call.name, ("mcp_call", ""))
        if kind == "mcp_call":
            rest: dict[str, Json] = {"name": call.name, "arguments": dumps(call.parameters)}
            rest |= {"server_label": "tools", "output": None, "error": None, "approval_request_id": None}
        else:
            rest = {field: call.parameters} if field else dict(call.parameters)
        if kind == "tool_search_call":
            rest["execution"] = "server"
        if rest.keys() & {"id", "type", "status"}:
            raise UsageError(f"{_WIRE} has no place for a parameter of that name in what {call.name} ran")
        return self._item(kind, call.id, rest | (call.result or {}), "completed")


Event = dict[str, "Json"]
_PADDING = "aB3dE6gH9jK2mN"
_CALLS = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}


def streamed(made: Answer) -> HttpResponse:
    """Every event a chunk of the body; comments are chunks of their own."""
    newline = "\r\n" if made.has("crlf") else "\n"
    written = [_written(made, event, newline) for event in _numbered(made)]
    if made.has("done_marker"):
        written.append(write("[DONE]", newline=newline))
    if made.has("comments"):
        comment = f": OPENROUTER PROCESSING{newline}{newline}".encode()
        written = [one for event in written for one in (comment, event)]
    return HttpResponse(200, (("content-type", "text/event-stream; charset=utf-8"),), chunks(written))


def _written(made: Answer, event: Event, newline: str) -> bytes:
    if made.has("no_event_lines"):
        return write(dumps(event), newline=newline)
    if made.has("event_line_last"):
        return f"data: {dumps(event)}{newline}event: {event['type']}{newline}{newline}".encode()
    return write(dumps(event), event=event["type"], newline=newline)


def _numbered(made: Answer) -> Iterator[Event]:
    for number, event in enumerate(_events(made)):
        padded = "delta" in event and not made.has("lean")
        more = {"obfuscation": _PADDING[: number * 5 % 14]} if padded else {}
        yield {**event, **more} if made.has("no_sequence") else {**event, "sequence_number": number, **more}


def _events(made: Answer) -> Iterator[Event]:
    for kind in ("created", "in_progress"):
        yield {"type": f"response.{kind}", "response": made.body("in_progress", [])}
    if made.has("keepalive"):
        yield {"type": "keepalive"}
    for event in _items(made):
        yield event
        if made.has("keepalive") and event["type"] == "response.output_item.done":
            yield {"type": "keepalive"}
    if made.has("error_event"):
        yield {"type": "error", "code": "server_error", "message": "The server had an error", "param": None}
        return
    items = [] if made.has("output_empty", *FAILURES) else made.items
    yield {"type": f"response.{made.status}", "response": made.body(made.status, items)}


def _items(made: Answer) -> Iterator[Event]:
    runs = [list(_item(made, index, item)) for index, item in enumerate(made.items)]
    if not made.has("interleaved"):
        yield from (event for run in runs for event in run)
        return
    calls = [run for run, item in zip(runs, made.items, strict=True) if item["type"] in _CALLS]
    others = [run for run, item in zip(runs, made.items, strict=True) if item["type"] not in _CALLS]
    yield from (event for run in others for event in run)
    yield from (event for row in zip_longest(*calls) for event in row if event is not None)


def _item(made: Answer, output_index: int, item: Event) -> Iterator[Event]:
    where: Event = {"output_index": output_index}
    done = {"type": "response.output_item.done", **where, "item": item}
    if made.has("items_only_done"):
        yield done
        return
    begun = _begun(made, item)
    yield {"type": "response.output_item.added", **where, "item": begun}
    inside = where if made.has("item_id_missing") else {"item_id": item["id"], **where}
    if item["type"] == "message":
        for index, part in enumerate(item["content"]):
            yield from _part(part, {**inside, "content_index": index})
    elif item["type"] == "reasoning":
        yield from _thoughts(item, inside)
    elif item["type"] in _CALLS:
        yield from _arguments(made, item, inside)
    yield done


def _begun(made: Answer, item: Event) -> Event:
    begun = {**item, "status": "in_progress"} if "status" in item else dict(item)
    if item["type"] == "reasoning":
        return {**begun, "summary": [], **({"content": []} if "content" in item else {})}
    if item["type"] == "message":
        return {**begun, "content": []}
    if item["type"] in _CALLS and not made.has("arguments_at_once"):
        return {**begun, _CALLS[item["type"]][0]: ""}
    return begun


def _part(part: Event, where: Event) -> Iterator[Event]:
    key, name = ("text", "output_text") if part["type"] == "output_text" else ("refusal", "refusal")
    yield {"type": "response.content_part.added", **where, "part": {**part, key: "", **_uncited(part)}}
    more: Event = {"logprobs": []} if key == "text" else {}
    for piece in pieces(part[key]):
        yield {"type": f"response.{name}.delta", **where, "delta": piece, **more}
    for index, annotation in enumerate(part.get("annotations") or ()):
        cited = {"annotation_index": index, "annotation": annotation}
        yield {"type": "response.output_text.annotation.added", **where, **cited}
    yield {"type": f"response.{name}.done", **where, key: part[key], **more}
    yield {"type": "response.content_part.done", **where, "part": part}


def _uncited(part: Event) -> Event:
    return {"annotations": []} if "annotations" in part else {}


def _thoughts(item: Event, inside: Event) -> Iterator[Event]:
    for index, part in enumerate(item["summary"]):
        where = {**inside, "summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **where, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **where, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **where, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **where, "part": part}
    for index, part in enumerate(item.get("content") or ()):
        where = {**inside, "content_index": index}
        for piece in pieces(part["text"]):
            yield {"type": "response.reasoning_text.delta", **where, "delta": piece}
        yield {"type": "response.reasoning_text.done", **where, "text": part["text"]}


def _arguments(made: Answer, item: Event, inside: Event) -> Iterator[Event]:
    field, name = _CALLS[item["type"]]
    text = item[field]
    deltas = [] if made.has("arguments_at_once", "arguments_only_done") else list(pieces(text))
    if made.has("empty_deltas"):
        deltas = ["", *deltas, ""]
    for piece in deltas:
        yield {"type": f"response.{name}.delta", **inside, "delta": piece}
    if item.get("status") != "incomplete":
        yield {"type": f"response.{name}.done", **inside, field: text}
