"""The words with which providers say how an answer ended, and where they stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

from harness.chat import Finish

if TYPE_CHECKING:
    from harness.chat import Json

FINISH: dict[str, Finish] = {
    **{word: word for word in get_args(Finish)},
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "TOOL_CALL": "tool_calls",
    "STOP": "stop",
    "COMPLETE": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "STOP_SEQUENCE": "stop",
    "eos": "stop",
    "MAX_TOKENS": "length",
    "max_tokens": "length",
    "model_length": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "ERROR": "error",
}

# Where each dialect's whole answer keeps that word.
WORD_STANDS: dict[str, tuple[str | int, ...]] = {
    "openai": ("choices", 0, "finish_reason"),
    "anthropic": ("stop_reason",),
    "gemini": ("candidates", 0, "finishReason"),
    "ollama": ("done_reason",),
    "ollama_generate": ("done_reason",),
    "bedrock": ("stopReason",),
    "cohere": ("finish_reason",),
}


def own_word(raw: str, dialect: str) -> str | None:
    """The word in the provider's own JSON, before litellm translated it: ``""`` where it says none.

    None if it can't be seen.
    """
    steps = WORD_STANDS.get(dialect)
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    if steps is None or not isinstance(found, dict) or steps[0] not in found:
        return None
    word = stands_at(found, steps)
    return word if isinstance(word, str) else ""


def stands_at(value: Json, steps: tuple[str | int, ...]) -> Json:
    """What stands in ``value`` at a path of keys and places; None where the path leads nowhere."""
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
