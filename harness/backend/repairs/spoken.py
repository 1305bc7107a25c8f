"""What an answer says, read from the provider's own text where that was seen: text, reasoning, refusal, model and id.

litellm drops some of it: text beside Cohere's calls, citations' text, streamed refusals, reasoning in most streams.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.backend.repairs.omissions import events
from harness.dialects import DIALECTS
from harness.dialects.facts import at, dicts

if TYPE_CHECKING:
    from harness.core.chat import Json

_THINKING = re.compile(r"\s*<(think|thinking)>(.*?)</\1>(.*)", re.DOTALL)


@dataclass(slots=True)
class Spoken:
    """What was said, piece by piece; ``seen`` says whether there was any of the provider's text to read."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    model: str = ""
    id: str = ""
    seen: bool = False

    def add(self, pieces: list[str], *values: Json) -> None:
        """Add those of ``values`` that are text."""
        pieces.extend(value for value in values if isinstance(value, str))


def spoken(sent: str, dialect: str) -> Spoken:
    """What ``sent``, one JSON value or one a line, says in ``dialect``; nothing in a dialect that is not known here."""
    made = Spoken()
    take = _TAKES.get(dialect)
    for event in events(sent) if take is not None else ():
        if isinstance(event, dict):
            assert take is not None
            made.seen = True
            take(event, made)
    return made


def parted(text: str, reasoning: str, dialect: str) -> tuple[str, str]:
    """Text and reasoning, where the reasoning stands in the text as a ``<think>`` block in front of it."""
    thinks = dialect in DIALECTS and DIALECTS[dialect].facts.thinks_in_text
    found = None if reasoning or not thinks else _THINKING.match(text)
    return (found[3], found[2]) if found else (text, reasoning)


def _named(model: Json, id_: Json, made: Spoken) -> None:
    made.model = model if isinstance(model, str) and model else made.model
    made.id = made.id or (id_ if isinstance(id_, str) else "")


def _openai(event: dict[str, Json], made: Spoken) -> None:
    _named(event.get("model"), event.get("id"), made)
    choices = [one for one in dicts(event.get("choices")) if not one.get("index")]
    for choice in choices[:1]:
        said = choice.get("delta") or choice.get("message")
        if isinstance(said, dict):
            _message(said, made)


def _message(said: dict[str, Json], made: Spoken) -> None:
    content = said.get("content")
    if isinstance(content, (dict, int, float)):
        content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if isinstance(content, str):
        made.text.append(content)
    for part in content if isinstance(content, list) else ():
        _part(part, made)
    reasoning = said.get("reasoning_content") or said.get("reasoning")
    if reasoning:
        made.add(made.reasoning, reasoning)
    else:
        for detail in dicts(said.get("reasoning_details")):
            made.add(made.reasoning, detail.get("text") or detail.get("summary"))
    if said.get("refusal"):
        made.add(made.refusal, said["refusal"])


def _part(part: Json, made: Spoken) -> None:
    if not isinstance(part, dict):
        made.add(made.text, part)
        return
    if part.get("type") in ("thinking", "reasoning"):
        inner = part.get("thinking") or part.get("text")
        made.add(made.reasoning, inner, *(one.get("text") for one in dicts(inner)))
    else:
        made.add(made.text, part.get("text"))
    made.add(made.refusal, part.get("refusal"))


def _anthropic(event: dict[str, Json], made: Spoken) -> None:
    inner = event.get("message")
    head = inner if isinstance(inner, dict) else event
    _named(head.get("model"), head.get("id"), made)
    for block in (*dicts(event.get("content")), event.get("content_block"), event.get("delta")):
        if isinstance(block, dict):
            if block.get("type") in ("text", "text_delta"):
                made.add(made.text, block.get("text"))
            if block.get("type") in ("thinking", "thinking_delta"):
                made.add(made.reasoning, block.get("thinking"))


def _gemini(event: dict[str, Json], made: Spoken) -> None:
    _named(event.get("modelVersion"), event.get("responseId"), made)
    for part in dicts(at(event, ("candidates", 0, "content", "parts"))):
        made.add(made.reasoning if part.get("thought") else made.text, part.get("text"))


def _bedrock(event: dict[str, Json], made: Spoken) -> None:
    delta = at(event, ("contentBlockDelta", "delta"))
    for block in (*dicts(at(event, ("output", "message", "content"))), delta):
        if isinstance(block, dict):
            made.add(made.text, block.get("text"))
            made.add(made.text, *(one.get("text") for one in dicts(at(block, ("citationsContent", "content")))))
            told = block.get("reasoningContent")
            made.add(made.reasoning, at(told, ("text",)), at(told, ("reasoningText", "text")))


def _cohere(event: dict[str, Json], made: Spoken) -> None:
    _named(None, event.get("id"), made)
    message = event.get("message") or at(event, ("delta", "message"))
    if not isinstance(message, dict):
        return
    content = message.get("content")
    for part in [content] if isinstance(content, dict) else dicts(content):
        made.add(made.text, part.get("text"))
        made.add(made.reasoning, part.get("thinking"))
    made.add(made.reasoning, message.get("tool_plan"))


def _ollama(event: dict[str, Json], made: Spoken) -> None:
    _named(event.get("model"), None, made)
    made.add(made.text, at(event, ("message", "content")))
    made.add(made.reasoning, at(event, ("message", "thinking")))


def _generate(event: dict[str, Json], made: Spoken) -> None:
    _named(event.get("model"), None, made)
    made.add(made.text, event.get("response"))
    made.add(made.reasoning, event.get("thinking"))


_TAKES = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "bedrock": _bedrock,
    "bedrock_invoke": _anthropic,
    "cohere": _cohere,
    "ollama": _ollama,
    "ollama_generate": _generate,
}
