"""The words with which providers say how an answer ended, and where they stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

from harness.core.chat import Finish

if TYPE_CHECKING:
    from harness.core.chat import Json

FINISH: dict[str, Finish] = {
    **{word: word for word in get_args(Finish)},
    **dict.fromkeys(
        ("STOP", "COMPLETE", "end_turn", "stop_sequence", "STOP_SEQUENCE", "pause_turn", "eos", "load", "unload"),
        "stop",
    ),
    **dict.fromkeys(("function_call", "tool_use", "TOOL_CALL"), "tool_calls"),
    **dict.fromkeys(("MAX_TOKENS", "max_tokens", "model_length", "model_context_window_exceeded"), "length"),
    **dict.fromkeys(
        (
            *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"),
            *("MODEL_ARMOR", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
            *("guardrail_intervened", "content_filtered", "ERROR_TOXIC"),
            "refusal",  # Anthropic's word for what its safety systems stopped
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            *("ERROR", "OTHER", "UNEXPECTED_TOOL_CALL", "MALFORMED_FUNCTION_CALL"),
            *("malformed_tool_use", "malformed_model_output"),
        ),
        "error",
    ),
}

# google.ai.generativelanguage.Candidate.FinishReason, which some answers give as its number.
GEMINI_NUMBERS = dict(enumerate(("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")))

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
    if steps is None or not isinstance(found, dict):
        return None
    if steps[0] not in found:
        return "" if found.get("done") is True else None  # older Ollamas say no more
    return as_word(stands_at(found, steps))


def as_word(value: Json) -> str:
    """The word that stands where one is expected; ``""`` where none does."""
    word = GEMINI_NUMBERS.get(value) if isinstance(value, int) else value
    return word if isinstance(word, str) else ""


def stands_at(value: Json, steps: tuple[str | int, ...]) -> Json:
    """What stands in ``value`` at a path of keys and places; None where the path leads nowhere."""
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
