"""From a whole response, in litellm's shape, to a ``Reply``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

from harness.backend.toolcalls import decode_message, item, message_of, text_of
from harness.chat import Finish, Reply, Usage

if TYPE_CHECKING:
    from harness.backend.toolnames import NameTable
    from harness.chat import Json

# The providers' own words, where litellm hands them on untouched.
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


def read_reply(
    response: Json,
    *,
    names: NameTable | None = None,
    turn: int = 0,
    provider: str = "",
    json_answer: bool = False,
    cut: str = "",
    said: str | None = None,
) -> Reply:
    """The ``Reply`` that ``response`` holds; ``cut`` as for ``decode_message``, ``said`` the provider's own word for
    how it ended, where that is known better than from ``response``.

    Raises ``UnreadableReplyError`` if it holds no answer.
    """
    message, word = message_of(response)
    raw_finish = word if said is None else said
    finish = FINISH.get(raw_finish or "")
    found = decode_message(
        message, finish=finish, names=names, turn=turn, provider=provider, json_answer=json_answer, cut=cut
    )
    return Reply(
        text="" if found.from_text and not found.errors else text_of(message),
        calls=found.calls,
        errors=found.errors,
        provider_calls=found.provider_calls,
        finish=finish,
        usage=read_usage(item(response, "usage")),
        reasoning=_string(message, "reasoning_content") or _string(message, "reasoning"),
        refusal=_string(message, "refusal"),
        model=_string(response, "model"),
        id=_string(response, "id"),
        raw_finish=raw_finish,
    )


def own_word(raw: str, dialect: str) -> str | None:
    """The word for how it ended in the provider's own JSON, before litellm translated it; None if it can't be seen."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    for step in WORD_STANDS.get(dialect, ()):
        inside = isinstance(found, dict) if isinstance(step, str) else isinstance(found, list) and len(found) > step
        if not inside:
            return None
        found = found.get(step) if isinstance(found, dict) else found[step]
    return found if isinstance(found, str) else ""


def read_usage(usage: Json) -> Usage | None:
    """Token counts; None where there are none, which litellm writes as three zeros."""
    counts = [item(usage, key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    known = [count if isinstance(count, int) else None for count in counts]
    return Usage(*known) if any(known) else None


def _string(value: Json, key: str) -> str:
    found = item(value, key)
    return found if isinstance(found, str) else ""
