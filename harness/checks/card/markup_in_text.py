"""Calls and format markers that a server left in the text: what the model wrote, taken for no more than it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.chat import Json, Reply

# Of the templates of Qwen and Hermes, ChatML, Mistral, Llama 3, DeepSeek, Functionary and Kimi.
_MARKERS = re.compile(
    r"</?tool_calls?>|<\|im_(?:start|end)\|>|\[/?TOOL_CALLS\]|<\|python_tag\|>|<\|eot_id\|>|<｜tool▁calls?▁(?:begin|end)｜>"
    r"|<function=\w|<\|tool_calls?_(?:section_)?(?:begin|end)\|>"
)
# A text about markers writes them as code.
_QUOTED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?\s*```", re.DOTALL)
_NAMES, _ARGUMENTS = ("name", "function_name", "tool_name"), ("arguments", "parameters")


def marker(reply: Reply) -> str | None:
    """The first marker in what is said and called."""
    for text in (_QUOTED.sub("", reply.text), *_texts(reply)):
        if found := _MARKERS.search(text):
            return found[0]
    return None


def marked(text: str) -> bool:
    """Whether any marker stands in ``text``."""
    return _MARKERS.search(text) is not None


def _texts(reply: Reply) -> Iterator[str]:
    for call in reply.calls:
        yield call.name
        yield json.dumps(call.parameters, ensure_ascii=False)
    yield from (error.raw for error in reply.errors)


def call_as_text(seen: CheckContext) -> list[str]:
    """The own names of the offered tools that the text, wholly, calls; empty where it is anything else."""
    if seen.both is None or not seen.tools or seen.both[0].calls or (seen.asked and seen.asked.json is not None):
        return []
    text = seen.both[0].text.strip()
    fenced = _FENCE.fullmatch(text)
    text = fenced[1].strip() if fenced else text
    if text[:1] not in {"{", "["}:
        return []
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = [_name(one, seen) for one in (value if isinstance(value, list) else [value])]
    return [] if None in found else [name for name in found if name]


def _name(value: Json, seen: CheckContext) -> str | None:
    if not isinstance(value, dict) or value.keys() - {*_NAMES, *_ARGUMENTS, "id", "type"}:
        return None
    called = [value[key] for key in _NAMES if key in value]
    given = [value[key] for key in _ARGUMENTS if key in value]
    if len(called) != 1 or len(given) != 1 or not isinstance(called[0], str) or not isinstance(given[0], dict):
        return None
    name = seen.wire.get(called[0], called[0])
    return name if name in seen.tools else None
