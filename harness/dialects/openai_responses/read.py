"""The reference reading of responses: items put together, sharing nothing with litellm or the backend.

What comes at the end counts: the final event's items over those that ended, an item's end over its pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.dialects.arguments import cut_off, judged
from harness.dialects.facts import add_result, answer, answers, shaped
from harness.dialects.framing import framing
from harness.dialects.framing.sse import dumps
from harness.dialects.openai_responses.facts import (
    BUILT_IN_CLIENT_CALLS,
    CLIENT_CALLS,
    FACTS,
    NO_CALLS,
    PROVIDER_CALLS,
    RESULTS,
    TERMINATORS,
    UNENDED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

_PIECES = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "summary",
    "response.reasoning_text.delta": "thought",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}
_ENDS = {
    "response.output_text.done": ("text", "text"),
    "response.refusal.done": ("refusal", "refusal"),
    "response.reasoning_summary_text.done": ("summary", "text"),
    "response.reasoning_text.done": ("thought", "text"),
    "response.function_call_arguments.done": ("arguments", "arguments"),
    "response.custom_tool_call_input.done": ("input", "input"),
}
_PARTS = {"text": "output_text", "refusal": "refusal", "summary": "summary_text", "thought": "reasoning_text"}
_BESIDE = ("id", "type", "status")


@dataclass(slots=True)
class _Item:
    """An item on its way: as it started or ended, and the pieces of its parts by kind and place."""

    item: dict[str, Json]
    ended: bool = False
    parts: dict[tuple[str, int], str] = field(default_factory=dict)

    def whole(self) -> dict[str, Json]:
        """The item with its pieces in it, where its end did not come or did not hold them."""
        made = dict(self.item)
        kinds: dict[str, list[Json]] = {}
        for (kind, _), text in sorted(self.parts.items()):
            if kind in _PARTS:
                key = "refusal" if kind == "refusal" else "text"
                kinds.setdefault(kind, []).append({"type": _PARTS[kind], key: text})
            else:
                made[kind] = made.get(kind) or text
        content = kinds.get("text", []) + kinds.get("refusal", []) + kinds.get("thought", [])
        if content and not made.get("content"):
            made["content"] = content
        if "summary" in kinds and not made.get("summary"):
            made["summary"] = kinds["summary"]
        return made


@dataclass(slots=True)
class _Stream:
    items: dict[int, _Item] = field(default_factory=dict)
    response: dict[str, Json] = field(default_factory=dict)
    ended: bool = False

    def take(self, event: dict[str, Json]) -> None:
        kind = event["type"]
        if isinstance(event.get("response"), dict):
            self.response = event["response"]
            self.ended |= kind in TERMINATORS
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._take_item(event, ended=kind.endswith(".done"))
        elif kind in _PIECES:
            where = (_PIECES[kind], _inner(event))
            parts = self._item(event, _PIECES[kind]).parts
            parts[where] = parts.get(where, "") + event["delta"]
        elif kind in _ENDS:
            part, key = _ENDS[kind]
            self._item(event, part).parts[part, _inner(event)] = event[key] + ""

    def _take_item(self, event: dict[str, Json], *, ended: bool) -> None:
        index = self._index(event)
        known = self.items.get(index)
        if known is None:
            self.items[index] = _Item(dict(event["item"]), ended)
        elif ended or not known.ended:
            known.item, known.ended = dict(event["item"]), ended

    def _item(self, event: dict[str, Json], part: str) -> _Item:
        """The item that a piece belongs to; one that never started begins with it."""
        index = self._index(event)
        kind = {"arguments": "function_call", "input": "custom_tool_call"}.get(part)
        kind = kind or ("reasoning" if part in ("summary", "thought") else "message")
        return self.items.setdefault(index, _Item({"type": kind, "id": event.get("item_id")}))

    def _index(self, event: dict[str, Json]) -> int:
        index = event.get("output_index")
        if isinstance(index, int):
            return index
        item_id = event.get("item_id") or (event.get("item") or {}).get("id")
        found = next((at for at, one in self.items.items() if item_id and one.item.get("id") == item_id), None)
        if found is not None:
            return found
        return len(self.items) if item_id or "item" in event else max(self.items, default=0)

    def output(self) -> list[dict[str, Json]]:
        """The items: those of the last event, and what came before and is not among them."""
        final = self.response.get("output") if self.ended else None
        if not final:
            return self.streamed()
        listed = {_identity(one) for one in final}
        rest = [one for one in self.streamed()[len(final) :] if _identity(one) not in listed]
        return [*final, *rest]

    def streamed(self) -> list[dict[str, Json]]:
        return [self.items[index].whole() for index in sorted(self.items)]


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``. A background answer that is queued or on its way reads as one without a finish."""
    if framing(response) != "whole":
        return _read_stream(response)
    body = answer(response, FACTS)
    with shaped(body):
        if body.get("object") != "response" and not isinstance(body.get("output"), list):
            raise UnreadableReplyError("an answer without output items", dumps(body))
        return _reply(body, body.get("output") or [])


def _read_stream(response: HttpResponse) -> Reply:
    made = _Stream()
    try:
        for event in answers(response, FACTS):
            if event is None:
                break
            with shaped(event):
                made.take(event)
    except StreamCutError as error:
        with shaped(made.response):
            raise StreamCutError(str(error), _torn(made)) from error
    with shaped(made.response):
        if not made.ended:
            raise StreamCutError("the stream ended without response.completed or its like", _torn(made))
        return _reply(made.response, made.output())


def _inner(event: dict[str, Json]) -> int:
    return int(event.get("summary_index", event.get("content_index")) or 0)


def _identity(item: dict[str, Json]) -> tuple[Json, Json]:
    return item["type"], item.get("id") or item.get("call_id") or dumps(item)


def _reply(body: dict[str, Json], items: list[dict[str, Json]]) -> Reply:
    status = body.get("status") or "completed"
    word = (body.get("incomplete_details") or {}).get("reason") or status
    finish = None if word in UNENDED else FACTS.finish(word)
    found = list(_calls(items, stopped=finish in STOPPED))
    if word == "completed" and found:
        finish = "tool_calls"
    return Reply(
        text="".join(_texts(items, "output_text", "text")),
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(call for call in found if isinstance(call, CallError)),
        provider_calls=tuple(_ran(items)),
        finish=finish,
        usage=_usage(body.get("usage")),
        reasoning="\n\n".join(filter(None, map(_reasoning, items))),
        refusal="".join(_texts(items, "refusal", "refusal")),
        model=str(body.get("model") or ""),
        id=str(body.get("id") or ""),
        raw_finish=word,
    )


def _texts(items: list[dict[str, Json]], kind: str, key: str) -> Iterator[str]:
    for item in items:
        parts = item.get("content") if item["type"] == "message" else None
        if isinstance(parts, str):
            parts = [{"type": "output_text", "text": parts}]
        yield from (part[key] or "" for part in parts or () if part.get("type") == kind)


def _reasoning(item: dict[str, Json]) -> str:
    if item["type"] != "reasoning":
        return ""
    parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
    return "\n\n".join(filter(None, (part.get("text") for part in parts)))


def _client_run(item: dict[str, Json]) -> bool:
    kind = item["type"]
    if kind == "tool_search_call":
        return item.get("execution") == "client"
    return kind in CLIENT_CALLS or kind in BUILT_IN_CLIENT_CALLS


def _theirs(item: dict[str, Json]) -> bool:
    return not _client_run(item) and item["type"] not in NO_CALLS


def _calls(items: list[dict[str, Json]], *, stopped: bool) -> Iterator[ToolCall | CallError]:
    ours = [item for item in items if _client_run(item)]
    for index, item in enumerate(ours):
        cut = item.get("status") == "incomplete" or (stopped and item is items[-1])
        yield _call(item, index, cut=cut)


def _call(item: dict[str, Json], index: int, *, cut: bool) -> ToolCall | CallError:
    kind, call_id = item["type"], item.get("call_id") or item.get("id")
    if kind == "function_call":
        return judged(item.get("name"), item.get("arguments"), call_id, index, cut=cut)
    if kind == "custom_tool_call":
        if cut:
            return CallError("cut_off", "the input was cut off", item["input"] or "", item.get("name"), call_id, index)
        return judged(item.get("name"), {"input": item["input"] + ""}, call_id, index, cut=False)
    if kind == "tool_search_call":
        return judged("tool_search", item.get("arguments"), call_id, index, cut=cut)
    rest = {key: value for key, value in item.items() if key not in (*_BESIDE, "call_id")}
    return judged(BUILT_IN_CLIENT_CALLS[kind], rest, call_id, index, cut=cut)


def _ran(items: list[dict[str, Json]]) -> list[ProviderCall]:
    """What the provider ran, and what came of it."""
    made: list[ProviderCall] = []
    for item in items:
        if _theirs(item):
            name, parameters = _name_and_parameters(item)
            result = {key: item[key] for key in RESULTS if item.get(key) is not None} or None
            made.append(ProviderCall(name, parameters, item.get("id") or "", result))
        elif item["type"] == "tool_search_output" and item.get("execution") != "client":
            add_result(made, "tool_search", "", {"tools": item.get("tools")})
    return made


def _name_and_parameters(item: dict[str, Json]) -> tuple[str, dict[str, Json]]:
    """Name and parameters of what the provider ran: as they stand, or the text of those that are no object."""
    if item["type"] == "mcp_call":
        read_back = judged(item.get("name"), item.get("arguments"), item.get("id") or "", 0, cut=False)
        if isinstance(read_back, ToolCall):
            return read_back.name, read_back.parameters
        return str(item.get("name")), {"arguments": item.get("arguments")}
    name, field = PROVIDER_CALLS.get(item["type"], (item["type"], ""))
    inner = item.get(field) if field else None
    rest = {key: value for key, value in item.items() if key not in (*_BESIDE, *RESULTS)}
    return name, inner if isinstance(inner, dict) else rest


def _usage(usage: Json) -> Usage | None:
    if not usage:
        return None
    counts = [usage.get(key) for key in ("input_tokens", "output_tokens", "total_tokens")]
    for count in counts:
        if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
            raise TypeError(f"{count!r} is no count")
    return Usage(*counts)


def _torn(made: _Stream) -> Reply:
    """What had come of a stream that was cut."""
    items = made.streamed()
    ours = enumerate(filter(_client_run, items))
    errors = tuple(
        cut_off(item.get("name"), item.get("arguments", item.get("input")), item.get("call_id"), index)
        for index, item in ours
    )
    return Reply(
        text="".join(_texts(items, "output_text", "text")),
        errors=errors,
        reasoning="\n\n".join(filter(None, map(_reasoning, items))),
        refusal="".join(_texts(items, "refusal", "refusal")),
    )
