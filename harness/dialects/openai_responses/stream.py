"""A reply as the Responses API streams it: an event for each item's start, its pieces and its end."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.core.exchange import HttpResponse
from harness.dialects.framing.sse import chunks, dumps, write
from harness.dialects.openai_responses.facts import FAILURES
from harness.dialects.rendering import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.dialects.openai_responses.items import Answer

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
