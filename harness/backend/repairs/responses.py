"""Answers of OpenAI's Responses API, which litellm calls over a bridge: decoded from the provider's own text.

litellm's bridge takes an item's id for the call's, makes ``{}`` of arguments that come late, gives up on an empty
delta and on a background answer, and knows nothing of what the provider ran. So its own text is stored, and read here.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.core.chat import ProviderCall, Reply, ToolCall
from harness.dialects.facts import add_result, dicts, grow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.chat import Finish, Json

DIALECT = "openai_responses"
ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_REASONS: dict[str, Finish] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "cancelled": "error",
}
_GOING = ("queued", "in_progress")
_CALLS = ("function_call", "custom_tool_call")
# Items that the client runs beside functions and custom tools: OpenAI's own tools, without a name of the caller's.
_OWN_TOOLS = ("computer_call", "local_shell_call", "shell_call", "apply_patch_call")
# Items that are no call of anybody's.
_NO_CALLS = ("message", "reasoning", "compaction", "tool_search_output")
_FRAME = ("id", "type", "status")


@dataclass(slots=True)
class Output:
    """The items of an answer, put together from its events; ``body`` is the response object that came last."""

    body: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    _items: dict[Any, dict[str, Any]] = field(default_factory=dict)

    def add(self, event: Json) -> None:
        """Take the next event; what is not part of this API is passed over."""
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            return
        kind = event["type"].removeprefix("response.")
        if isinstance(event.get("response"), dict):
            self.body = event["response"]
            self.ended = self.ended or event["type"] in ENDS
        elif kind == "output_item.added":
            self._items.setdefault(self._key(event), {}).update(_dict(event.get("item")))
        elif kind == "output_item.done":
            self._items[self._key(event)] = _dict(event.get("item"))
        elif kind.startswith(("function_call_arguments.", "custom_tool_call_input.")):
            name = "arguments" if kind.startswith("function") else "input"
            self._grow(event, "function_call" if name == "arguments" else "custom_tool_call", name)
        elif kind.startswith(("output_text.", "refusal.", "reasoning_text.", "reasoning_summary_text.")):
            self._grow_part(event, kind.partition(".")[0])

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items: those of the end where it lists them, and others that came before it."""
        streamed = [self._items[key] for key in sorted(self._items, key=lambda key: (isinstance(key, str), key))]
        listed = dicts(self.body.get("output"))
        if not listed:
            return streamed
        known = [_same(one) for one in listed]
        return listed + [one for one in streamed[len(listed) :] if _same(one) not in known]

    def _key(self, event: dict[str, Any]) -> Any:
        index = event.get("output_index")
        if isinstance(index, int):
            return index
        return str(event.get("item_id") or _dict(event.get("item")).get("id") or "")

    def _grow(self, event: dict[str, Any], kind: str, name: str) -> None:
        item = self._items.setdefault(self._key(event), {"type": kind, "id": event.get("item_id")})
        if isinstance(event.get("delta"), str):
            grow(item, name, event["delta"])
        elif isinstance(event.get(name), str):
            item[name] = event[name]

    def _grow_part(self, event: dict[str, Any], name: str) -> None:
        field_name, shape, text = {
            "output_text": ("content", "output_text", "text"),
            "refusal": ("content", "refusal", "refusal"),
            "reasoning_text": ("content", "reasoning_text", "text"),
            "reasoning_summary_text": ("summary", "summary_text", "text"),
        }[name]
        kind = "message" if name in ("output_text", "refusal") else "reasoning"
        item = self._items.setdefault(self._key(event), {"type": kind, "id": event.get("item_id")})
        parts = item.get(field_name)
        if not isinstance(parts, list):
            parts = item[field_name] = []
        index = event.get("summary_index" if field_name == "summary" else "content_index")
        index = index if isinstance(index, int) and index >= 0 else 0
        while len(parts) <= min(index, len(parts)):
            parts.append({"type": shape, text: ""})
        part = parts[min(index, len(parts) - 1)]
        if isinstance(event.get("delta"), str):
            grow(part, text, event["delta"])
        elif isinstance(event.get(text), str):
            part[text] = event[text]


def output_of(events: Iterable[Json]) -> Output | None:
    """The answer that ``events`` hold, or a whole body; None where none is in them."""
    made = Output()
    for event in events:
        if isinstance(event, dict) and isinstance(event.get("output"), list):
            made.body, made.ended = event, True
        else:
            made.add(event)
    return made if made.body or made.items else None


def as_response(output: Output) -> dict[str, Json]:
    """``output`` in the shape of litellm's own responses."""
    choice = {"index": 0, "message": _message(output.items), "finish_reason": _finish(output)}
    return {
        "id": output.body.get("id"),
        "model": output.body.get("model"),
        "choices": [choice],
        "usage": _usage(_dict(output.body.get("usage"))),
    }


def completed(reply: Reply, output: Output) -> Reply:
    """``reply``, read from ``as_response``, with what that shape has no place for: the provider's own finish word,
    calls of OpenAI's own tools, and those that the provider ran.
    """
    items = output.items
    return replace(
        reply,
        raw_finish=_finish_word(output),
        finish=_finish(output),
        calls=(*reply.calls, *map(_own_tool, filter(_ours, items))),
        provider_calls=tuple(_ran(items)),
    )


def showable(event: Json) -> bool:
    """Whether litellm can be shown ``event``: it takes an empty delta of arguments for a broken stream."""
    kind = event.get("type") if isinstance(event, dict) else None
    return not (isinstance(kind, str) and kind.endswith(("arguments.delta", "input.delta")) and not event.get("delta"))


def _finish_word(output: Output) -> str:
    status = str(output.body.get("status") or "completed")
    return str(_dict(output.body.get("incomplete_details")).get("reason") or status)


def _finish(output: Output) -> Finish | None:
    word = _finish_word(output)
    if word in _GOING:
        return None
    if word == "completed":
        calls = any(item.get("type") in _CALLS or _ours(item) for item in output.items)
        return "tool_calls" if calls else "stop"
    return _REASONS.get(word, "unknown")


def _message(items: Iterable[dict[str, Any]]) -> dict[str, Json]:
    text, refusal, thoughts, calls = "", "", [], []
    for item in items:
        kind = item.get("type")
        if kind == "message":
            text += "".join(_parts(item, "output_text", "text"))
            refusal += "".join(_parts(item, "refusal", "refusal"))
        elif kind == "reasoning":
            thoughts += [*_parts({"content": item.get("summary")}, "", "text"), *_parts(item, "", "text")]
        elif kind in _CALLS:
            calls.append(_call(item))
    return {
        "role": "assistant",
        "content": text,
        "refusal": refusal,
        "reasoning_content": "\n\n".join(filter(None, thoughts)),
        "tool_calls": calls,
    }


def _parts(item: dict[str, Any], kind: str, key: str) -> Iterator[str]:
    content = item.get("content")
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and (not kind or part.get("type") == kind) and isinstance(part.get(key), str):
            yield part[key]


def _call(item: dict[str, Any]) -> dict[str, Json]:
    made = {"id": item.get("call_id") or item.get("id"), "name": item.get("name")}
    if item["type"] == "custom_tool_call":
        return {"id": made["id"], "type": "custom", "custom": {"name": made["name"], "input": item.get("input")}}
    function = {"name": made["name"], "arguments": item.get("arguments")}
    return {"id": made["id"], "type": "function", "function": function}


def loaded_tools(items: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Names of tools that the provider's own search found: calls of them are not of unknown tools."""
    found = {item.get("name") for item in items if item.get("type") == "function_call" and item.get("namespace")}
    for item in items:
        if item.get("type") == "tool_search_output":
            tools = [tool for tool in item.get("tools") or () if isinstance(tool, dict)]
            found |= {tool.get("name") for tool in tools}
            found |= {_dict(inner).get("name") for tool in tools for inner in tool.get("tools") or ()}
    return frozenset(name for name in found if isinstance(name, str))


def _ours(item: dict[str, Any]) -> bool:
    """Whether the client must run ``item``, which is a call of a tool of OpenAI's own."""
    searched = item.get("type") == "tool_search_call" and item.get("execution") == "client"
    return searched or item.get("type") in _OWN_TOOLS


def _own_tool(item: dict[str, Any]) -> ToolCall:
    name = str(item["type"]).removesuffix("_call")
    call_id = str(item.get("call_id") or item.get("id") or "")
    if name == "tool_search":
        return ToolCall(name, _dict(item.get("arguments")), call_id)
    return ToolCall(name, {key: one for key, one in item.items() if key not in (*_FRAME, "call_id")}, call_id)


def _theirs(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    return not _ours(item) and isinstance(kind, str) and kind not in (*_NO_CALLS, *_CALLS)


def _ran(items: Iterable[dict[str, Any]]) -> list[ProviderCall]:
    """What the provider ran, with its parameters and results; all that an item of a kind not known here holds."""
    made: list[ProviderCall] = []
    for item in items:
        if _theirs(item):
            result = {key: item[key] for key in _RESULTS if item.get(key) is not None} or None
            made.append(ProviderCall(*_name_and_parameters(item), str(item.get("id") or ""), result))
        elif item.get("type") == "tool_search_output" and item.get("execution") != "client":
            add_result(made, "tool_search", "", {"tools": item.get("tools")})
    return made


_RESULTS = ("output", "outputs", "result", "results", "tools", "error")


def _name_and_parameters(item: dict[str, Any]) -> tuple[str, dict[str, Json]]:
    kind = str(item["type"])
    if kind == "mcp_call":
        with contextlib.suppress(ValueError, RecursionError, TypeError):
            arguments = json.loads(item.get("arguments") or "{}")
            if isinstance(arguments, dict):
                return str(item.get("name")), arguments
        return str(item.get("name")), {"arguments": item.get("arguments")}
    inner = item.get({"web_search_call": "action", "tool_search_call": "arguments"}.get(kind, ""))
    rest = {key: one for key, one in item.items() if key not in (*_FRAME, *_RESULTS)}
    named = kind.endswith("_call") and kind.removesuffix("_call") in _NAMED
    return kind.removesuffix("_call") if named else kind, inner if isinstance(inner, dict) else rest


_NAMED = ("web_search", "file_search", "code_interpreter", "image_generation", "tool_search")


def _usage(usage: dict[str, Any]) -> Json:
    names = (
        ("prompt_tokens", "input_tokens"),
        ("completion_tokens", "output_tokens"),
        ("total_tokens", "total_tokens"),
    )
    return {ours: usage.get(theirs) for ours, theirs in names}


def _dict(value: Json) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _same(item: dict[str, Any]) -> Json:
    return item.get("type"), item.get("id") or item.get("call_id") or json.dumps(item, sort_keys=True)
