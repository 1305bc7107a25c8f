"""State that a provider wants back with the next turn: read from its own answer, and put into the next request.

Signed thinking, reasoning items, content and details, signatures of calls and texts. It is opaque, and goes back as it
came; to another model than the one that made it, it does not go at all, for that would refuse it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.backend.ids import SIGNED
from harness.backend.repairs.omissions import events
from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.repairs.responses import output_of
from harness.core.chat import Json
from harness.dialects.facts import at, dicts, grow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    State = dict[str, Json]

_ORIGIN = "state_of"
_FIELDS = "provider_specific_fields"
_ITEMS = "responses_items"
_CALLS = "call_state"
# The fields of a message that hold state, and the dialects that take them back.
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "thinking_blocks": ("anthropic", "bedrock", "bedrock_invoke"),
    "reasoning_content": ("openai",),
    "reasoning_details": ("openai",),
    "reasoning_items": (RESPONSES,),
}


def state_of(sent: str, dialect: str, model: str, known: Mapping[str, Json] = MappingProxyType({})) -> State:
    """The state in ``sent``, an answer of ``model`` in ``dialect``, beside what is ``known`` of it; ``{}`` where there
    is none.
    """
    find = _FINDS.get(dialect)
    found = {**known, **(find(sent) if find is not None else {})}
    return {**found, _ORIGIN: model} if found else {}


def fit_state(messages: Iterable[Mapping[str, Json]], model: str, dialect: str) -> Iterator[dict[str, Json]]:
    """The messages with what state ``model`` takes back, where litellm looks for it, and without any other.

    A message without an origin is the caller's own, or litellm's, and keeps what the dialect knows.
    """
    signed: dict[str, str] = {}
    for message in messages:
        copy = dict(message)
        fields = dict(copy.pop(_FIELDS, None) or {})
        origin = fields.pop(_ORIGIN, None)
        ours = origin in (None, model)
        items = fields.pop(_ITEMS, None)
        if not ours:
            fields = {}
        for name, dialects in _TAKEN.items():
            if name in copy and (not ours or (origin is not None and dialect not in dialects)):
                del copy[name]
        if copy.get("tool_calls"):
            if not ours or dialect != "gemini":
                signed |= {one: _core(one) for call in copy["tool_calls"] if isinstance(one := call.get("id"), str)}
            copy["tool_calls"] = [_call(call, signed, ours=ours) for call in copy["tool_calls"]]
        if copy.get("tool_call_id") in signed:
            copy["tool_call_id"] = signed[copy["tool_call_id"]]
        if fields:
            copy[_FIELDS] = fields
        if items and ours and dialect == RESPONSES and copy.get("role") == "assistant":
            yield from _by_items(copy, items)
        else:
            yield copy


def _core(one: str) -> str:
    return one.partition(SIGNED)[0]


def _call(call: Mapping[str, Json], ids: Mapping[str, str], *, ours: bool) -> dict[str, Json]:
    """A call under an id without the signature that litellm puts behind Gemini's, where that must not go."""
    made = {key: value for key, value in call.items() if ours or key != "extra_content"}
    return {**made, "id": ids[call["id"]]} if call.get("id") in ids else made


def _by_items(message: dict[str, Json], items: list[Json]) -> Iterator[dict[str, Json]]:
    """An assistant's turn as one message for each run of items, so that each reasoning item keeps its place."""
    calls = {str(call.get("id")): call for call in message.get("tool_calls") or ()}
    fields = {_FIELDS: message[_FIELDS]} if _FIELDS in message else {}
    reasoning: list[Json] = []
    for item in items:
        kind = item.get("type")
        if kind == "reasoning":
            reasoning.append(item)
            continue
        made: dict[str, Json] = {
            "role": "assistant",
            "content": None,
            **({"reasoning_items": reasoning} if reasoning else {}),
        }
        if kind == "message":
            made["content"] = item.get("text") or ""
        elif item.get("call_id") in calls:
            made["tool_calls"] = [calls.pop(item["call_id"])]
        else:
            continue
        reasoning = []
        yield {**made, **fields}
        fields = {}
    if calls or reasoning:
        yield {**_turn(reasoning), **({"tool_calls": list(calls.values())} if calls else {})}


def _turn(reasoning: list[Json]) -> dict[str, Json]:
    return {"role": "assistant", "content": None, **({"reasoning_items": reasoning} if reasoning else {})}


def _anthropic(sent: str) -> State:
    blocks: dict[Any, dict[str, Json]] = {}
    for event in events(sent):
        if not isinstance(event, dict) or isinstance(event.get("index"), (dict, list)):
            continue
        blocks |= dict(enumerate(dicts(event.get("content"))))
        if event.get("type") == "content_block_start":
            blocks |= {event.get("index"): dict(one) for one in dicts([event.get("content_block")])}
        delta = event.get("delta")
        held = blocks.get(event.get("index"))
        if isinstance(delta, dict) and held is not None:
            for key in ("thinking", "signature"):
                grow(held, key, delta.get(key))
    kept = [one for one in blocks.values() if one.get("type") in _THINKING]
    return {"thinking_blocks": kept} if kept else {}


_THINKING = ("thinking", "redacted_thinking")


def _bedrock(sent: str) -> State:
    blocks: dict[Any, dict[str, Json]] = {}
    for event in events(sent):
        content = at(event, ("output", "message", "content"))
        for place, block in enumerate(content if isinstance(content, list) else ()):
            _add_bedrock(blocks, place, at(block, ("reasoningContent",)))
        delta = at(event, ("contentBlockDelta",))
        _add_bedrock(blocks, at(delta, ("contentBlockIndex",)), at(delta, ("delta", "reasoningContent")))
    return {"thinking_blocks": list(blocks.values())} if blocks else {}


def _add_bedrock(blocks: dict[Any, dict[str, Json]], place: Json, told: Json) -> None:
    if not isinstance(told, dict):
        return
    redacted = told.get("redactedContent")
    if isinstance(redacted, str):
        held = blocks.setdefault(place, {"type": "redacted_thinking", "data": ""})
        grow(held, "data", redacted)
        return
    inner = told.get("reasoningText")
    inner = inner if isinstance(inner, dict) else told
    held = blocks.setdefault(place, {"type": "thinking", "thinking": "", "signature": ""})
    grow(held, "thinking", inner.get("text"))
    grow(held, "signature", inner.get("signature"))


def _openai(sent: str) -> State:
    content, details = "", list[dict[str, Json]]()
    signed: dict[str, Json] = {}
    for event in events(sent):
        choice = at(event, ("choices", 0))
        said = (choice.get("delta") or choice.get("message")) if isinstance(choice, dict) else None
        if not isinstance(said, dict):
            continue
        if isinstance(said.get("reasoning_content"), str):
            content += said["reasoning_content"]
        for detail in dicts(said.get("reasoning_details")):
            _add_detail(details, detail)
        for call in dicts(said.get("tool_calls")):
            if isinstance(call.get("id"), str) and call.get("extra_content"):
                signed[call["id"]] = {"extra_content": call["extra_content"]}
    found = {"reasoning_content": content, "reasoning_details": details, _CALLS: signed}
    return {name: one for name, one in found.items() if one}


def _add_detail(details: list[dict[str, Json]], detail: dict[str, Json]) -> None:
    """A piece of a detail goes on with the one before it, where it has its index and kind."""
    last = details[-1] if details else None
    if last is None or not _goes_on(last, detail):
        details.append(dict(detail))
        return
    for key, value in detail.items():
        if key in _GROWING and isinstance(value, str):
            grow(last, key, value)
        elif value is not None:
            last[key] = value


_GROWING = ("text", "summary", "data", "signature")


def _goes_on(last: dict[str, Json], detail: dict[str, Json]) -> bool:
    return detail.get("index") is not None and all(last.get(key) == detail.get(key) for key in ("index", "type"))


def _gemini(sent: str) -> State:
    parts = [part for event in events(sent) for part in dicts(at(event, ("candidates", 0, "content", "parts")))]
    signed = [part for part in parts if part.get("thoughtSignature")]
    # The signatures of calls ride in litellm's ids.
    texts = [part["thoughtSignature"] for part in signed if "functionCall" not in part]
    return {"thought_signatures": texts} if signed else {}


def _responses(sent: str) -> State:
    output = output_of(sent)
    items = output.items if output is not None else []
    kept = [_kept(item) for item in items if item.get("type") in _PLACED]
    return {_ITEMS: kept} if any(item["type"] == "reasoning" for item in kept) else {}


_PLACED = ("reasoning", "message", "function_call", "custom_tool_call")


def _kept(item: dict[str, Any]) -> dict[str, Json]:
    if item["type"] == "reasoning":
        return {key: value for key, value in item.items() if key != "status"}
    if item["type"] == "message":
        content = item.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        text = "".join(one for one in texts if isinstance(one, str))
        return {"type": "message", "text": text}
    return {"type": item["type"], "call_id": item.get("call_id") or item.get("id")}


_FINDS: Mapping[str, Callable[[str], State]] = {
    "anthropic": _anthropic,
    "bedrock_invoke": _anthropic,
    "bedrock": _bedrock,
    "openai": _openai,
    "gemini": _gemini,
    RESPONSES: _responses,
}
