"""What an answer holds, read from the provider's own text where that was received: text, reasoning, refusal, model, id,
token counts, and the state that the provider wants back with the next turn.

litellm drops some of it: text beside Cohere's calls, citations' text, streamed refusals, reasoning in most streams.
State (signed thinking, reasoning items and details, signatures of calls and texts) is opaque, and goes back as it came.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.backend.repairs.responses import DIALECT as RESPONSES
from harness.backend.repairs.responses import output_of
from harness.core.chat import Json, Usage
from harness.dialects import DIALECTS
from harness.dialects.facts import at, dicts, grow
from harness.dialects.framing.sse import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    State = dict[str, Json]

STATE_ORIGIN, STATE_ITEMS = "state_of", "responses_items"
"""The keys of a state under which the model that it is of stands, and the items of OpenAI's Responses."""


def json_values(text: str) -> Iterator[Json]:
    """``text`` as one JSON value, or as one a line, with ``data:`` before it or without; other lines are left out."""
    try:
        yield json.loads(text)
    except (ValueError, RecursionError):
        for line in text.replace("\r", "\n").split("\n"):  # inside JSON a CR is escaped
            data = line.removeprefix("data:").strip()
            if data[:1] in _STARTS and data:
                try:
                    value = loads(data)
                except (ValueError, RecursionError):
                    continue
                yield value


_STARTS = '{["-0123456789tfnNI'
"""What JSON may begin with, as Python reads it: most lines of a stream are no JSON, and an error takes its time."""


_THINK_BLOCK = re.compile(r"\s*<(think|thinking)>(.*?)</\1>(.*)", re.DOTALL)


@dataclass(slots=True)
class RawAnswer:
    """The text of an answer, piece by piece; ``present`` says whether there was any of it to read."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    model: str = ""
    id: str = ""
    present: bool = False

    def add(self, pieces: list[str], *values: Json) -> None:
        """Add those of ``values`` that are text."""
        pieces.extend(value for value in values if isinstance(value, str))


def raw_answer(sent: str, dialect: str) -> RawAnswer:
    """What ``sent``, one JSON value or one a line, holds in ``dialect``; nothing in an unknown dialect."""
    made = RawAnswer()
    read = _READERS.get(dialect)
    for event in json_values(sent) if read is not None else ():
        if isinstance(event, dict):
            assert read is not None
            made.present = True
            read(event, made)
    return made


def split_thinking(text: str, reasoning: str, dialect: str) -> tuple[str, str]:
    """Text and reasoning, where the reasoning stands in the text as a ``<think>`` block in front of it."""
    thinks = dialect in DIALECTS and DIALECTS[dialect].facts.thinks_in_text
    found = None if reasoning or not thinks else _THINK_BLOCK.match(text)
    return (found[3], found[2]) if found else (text, reasoning)


def _named(model: Json, id_: Json, made: RawAnswer) -> None:
    made.model = model if isinstance(model, str) and model else made.model
    made.id = made.id or (id_ if isinstance(id_, str) else "")


def _openai(event: dict[str, Json], made: RawAnswer) -> None:
    _named(event.get("model"), event.get("id"), made)
    choices = [one for one in dicts(event.get("choices")) if not one.get("index")]
    for choice in choices[:1]:
        message = choice.get("delta") or choice.get("message")
        if isinstance(message, dict):
            _message(message, made)


def _message(message: dict[str, Json], made: RawAnswer) -> None:
    content = message.get("content")
    if isinstance(content, (dict, int, float)):
        content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if isinstance(content, str):
        made.text.append(content)
    for part in content if isinstance(content, list) else ():
        _part(part, made)
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if reasoning:
        made.add(made.reasoning, reasoning)
    else:
        for detail in dicts(message.get("reasoning_details")):
            made.add(made.reasoning, detail.get("text") or detail.get("summary"))
    if message.get("refusal"):
        made.add(made.refusal, message["refusal"])


def _part(part: Json, made: RawAnswer) -> None:
    if not isinstance(part, dict):
        made.add(made.text, part)
        return
    if part.get("type") in ("thinking", "reasoning"):
        inner = part.get("thinking") or part.get("text")
        made.add(made.reasoning, inner, *(one.get("text") for one in dicts(inner)))
    else:
        made.add(made.text, part.get("text"))
    made.add(made.refusal, part.get("refusal"))


def _anthropic(event: dict[str, Json], made: RawAnswer) -> None:
    inner = event.get("message")
    head = inner if isinstance(inner, dict) else event
    _named(head.get("model"), head.get("id"), made)
    for block in (*dicts(event.get("content")), event.get("content_block"), event.get("delta")):
        if isinstance(block, dict):
            if block.get("type") in ("text", "text_delta"):
                made.add(made.text, block.get("text"))
            if block.get("type") in ("thinking", "thinking_delta"):
                made.add(made.reasoning, block.get("thinking"))


def _gemini(event: dict[str, Json], made: RawAnswer) -> None:
    _named(event.get("modelVersion"), event.get("responseId"), made)
    for part in dicts(at(event, ("candidates", 0, "content", "parts"))):
        made.add(made.reasoning if part.get("thought") else made.text, part.get("text"))


def _bedrock(event: dict[str, Json], made: RawAnswer) -> None:
    delta = at(event, ("contentBlockDelta", "delta"))
    for block in (*dicts(at(event, ("output", "message", "content"))), delta):
        if isinstance(block, dict):
            made.add(made.text, block.get("text"))
            made.add(made.text, *(one.get("text") for one in dicts(at(block, ("citationsContent", "content")))))
            reasoning = block.get("reasoningContent")
            made.add(made.reasoning, at(reasoning, ("text",)), at(reasoning, ("reasoningText", "text")))


def _cohere(event: dict[str, Json], made: RawAnswer) -> None:
    _named(None, event.get("id"), made)
    message = event.get("message") or at(event, ("delta", "message"))
    if not isinstance(message, dict):
        return
    content = message.get("content")
    for part in [content] if isinstance(content, dict) else dicts(content):
        made.add(made.text, part.get("text"))
        made.add(made.reasoning, part.get("thinking"))
    made.add(made.reasoning, message.get("tool_plan"))


def _ollama(event: dict[str, Json], made: RawAnswer) -> None:
    _named(event.get("model"), None, made)
    made.add(made.text, at(event, ("message", "content")))
    made.add(made.reasoning, at(event, ("message", "thinking")))


def _generate(event: dict[str, Json], made: RawAnswer) -> None:
    _named(event.get("model"), None, made)
    made.add(made.text, event.get("response"))
    made.add(made.reasoning, event.get("thinking"))


_READERS = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "bedrock": _bedrock,
    "bedrock_invoke": _anthropic,
    "cohere": _cohere,
    "ollama": _ollama,
    "ollama_generate": _generate,
}


def generated_text(sent: str) -> str:
    """The text of an answer of Ollama's ``/api/generate``."""
    pieces = (at(event, ("response",)) for event in json_values(sent))
    return "".join(piece for piece in pieces if isinstance(piece, str))


def own_usage(raw: str) -> Json:
    """The token counts in a whole chat completion: litellm adds to those of some providers."""
    return next((found for event in json_values(raw) if isinstance(found := at(event, ("usage",)), dict)), None)


_COUNTS = (("usage",), ("message", "usage"), ("delta", "usage"), ("metadata", "usage"), ("usageMetadata",))


def counted(sent: str) -> bool:
    """Whether the provider sent any token counts: where it did not, litellm counts for itself."""
    return any(at(event, path) or at(event, ("eval_count",)) for event in json_values(sent) for path in _COUNTS)


def gemini_usage(sent: str) -> Usage | None:
    """Gemini's counts where its own tools took part in the prompt, which litellm does not add; None where not."""
    found = [one for event in json_values(sent) if isinstance(one := at(event, ("usageMetadata",)), dict)]
    counts = found[-1] if found else {}
    if not isinstance(counts.get("toolUsePromptTokenCount"), int):
        return None

    def total(*names: str) -> int | None:
        known = [counts[name] for name in names if isinstance(counts.get(name), int)]
        return sum(known) if known else None

    return Usage(
        total("promptTokenCount", "toolUsePromptTokenCount"),
        total("candidatesTokenCount", "thoughtsTokenCount"),
        total("totalTokenCount"),
    )


def state_of(sent: str, dialect: str, model: str, known: Mapping[str, Json] = MappingProxyType({})) -> State:
    """The state in ``sent``, an answer of ``model`` in ``dialect``, beside what is ``known`` of it; ``{}`` where there
    is none.
    """
    read = _STATE_READERS.get(dialect)
    found = {**known, **(read(sent) if read is not None else {})}
    return {**found, STATE_ORIGIN: model} if found else {}


def _anthropic_state(sent: str) -> State:
    blocks: dict[Any, dict[str, Json]] = {}
    for event in json_values(sent):
        if not isinstance(event, dict) or isinstance(event.get("index"), (dict, list)):
            continue
        blocks |= dict(enumerate(dicts(event.get("content"))))
        if event.get("type") == "content_block_start":
            blocks |= {event.get("index"): dict(one) for one in dicts([event.get("content_block")])}
        delta = event.get("delta")
        block = blocks.get(event.get("index"))
        if isinstance(delta, dict) and block is not None:
            for key in ("thinking", "signature"):
                grow(block, key, delta.get(key))
    thinking = [one for one in blocks.values() if one.get("type") in _THINKING]
    return {"thinking_blocks": thinking} if thinking else {}


_THINKING = ("thinking", "redacted_thinking")


def _bedrock_state(sent: str) -> State:
    blocks: dict[Any, dict[str, Json]] = {}
    for event in json_values(sent):
        content = at(event, ("output", "message", "content"))
        for index, block in enumerate(content if isinstance(content, list) else ()):
            _add_bedrock(blocks, index, at(block, ("reasoningContent",)))
        delta = at(event, ("contentBlockDelta",))
        _add_bedrock(blocks, at(delta, ("contentBlockIndex",)), at(delta, ("delta", "reasoningContent")))
    return {"thinking_blocks": list(blocks.values())} if blocks else {}


def _add_bedrock(blocks: dict[Any, dict[str, Json]], index: Json, content: Json) -> None:
    if not isinstance(content, dict):
        return
    redacted = content.get("redactedContent")
    if isinstance(redacted, str):
        block = blocks.setdefault(index, {"type": "redacted_thinking", "data": ""})
        grow(block, "data", redacted)
        return
    inner = content.get("reasoningText")
    inner = inner if isinstance(inner, dict) else content
    block = blocks.setdefault(index, {"type": "thinking", "thinking": "", "signature": ""})
    grow(block, "thinking", inner.get("text"))
    grow(block, "signature", inner.get("signature"))


def _openai_state(sent: str) -> State:
    content, details = "", list[dict[str, Json]]()
    signed: dict[str, Json] = {}
    for event in json_values(sent):
        choice = at(event, ("choices", 0))
        message = (choice.get("delta") or choice.get("message")) if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            continue
        if isinstance(message.get("reasoning_content"), str):
            content += message["reasoning_content"]
        for detail in dicts(message.get("reasoning_details")):
            _add_detail(details, detail)
        for call in dicts(message.get("tool_calls")):
            if isinstance(call.get("id"), str) and call.get("extra_content"):
                signed[call["id"]] = {"extra_content": call["extra_content"]}
    found = {"reasoning_content": content, "reasoning_details": details, "call_state": signed}
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


def _gemini_state(sent: str) -> State:
    parts = [part for event in json_values(sent) for part in dicts(at(event, ("candidates", 0, "content", "parts")))]
    signed = [part for part in parts if part.get("thoughtSignature")]
    # The signatures of calls ride in litellm's ids.
    texts = [part["thoughtSignature"] for part in signed if "functionCall" not in part]
    return {"thought_signatures": texts} if signed else {}


def _responses_state(sent: str) -> State:
    output = output_of(json_values(sent))
    items = output.items if output is not None else []
    stored = [_item_state(item) for item in items if item.get("type") in _ITEMS_WITH_STATE]
    return {STATE_ITEMS: stored} if any(item["type"] == "reasoning" for item in stored) else {}


_ITEMS_WITH_STATE = ("reasoning", "message", "function_call", "custom_tool_call")


def _item_state(item: dict[str, Any]) -> dict[str, Json]:
    if item["type"] == "reasoning":
        return {key: value for key, value in item.items() if key != "status"}
    if item["type"] == "message":
        content = item.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        text = "".join(one for one in texts if isinstance(one, str))
        return {"type": "message", "text": text}
    return {"type": item["type"], "call_id": item.get("call_id") or item.get("id")}


_STATE_READERS: Mapping[str, Callable[[str], State]] = {
    "anthropic": _anthropic_state,
    "bedrock_invoke": _anthropic_state,
    "bedrock": _bedrock_state,
    "openai": _openai_state,
    "gemini": _gemini_state,
    RESPONSES: _responses_state,
}
