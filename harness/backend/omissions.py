"""What litellm leaves out of an answer, read from the provider's own text where that was seen.

Only what no object of litellm's holds: everything else is taken from litellm.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.backend.finish_words import stands_at
from harness.core.chat import CallError, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json


def code_runs(sent: str) -> tuple[ToolCall, ...]:
    """The code that Gemini ran itself: its ``executableCode`` parts, as calls named ``code_execution``."""
    found = []
    for event in _events(sent):
        parts = stands_at(event, ("candidates", 0, "content", "parts"))
        for part in parts if isinstance(parts, list) else ():
            code = part.get("executableCode") if isinstance(part, dict) else None
            if isinstance(code, dict):
                found.append(ToolCall("code_execution", {key: code.get(key, "") for key in ("language", "code")}, ""))
    return tuple(found)


def unreadable_call(sent: str, index: int) -> CallError | None:
    """The call that Gemini says it could not read itself; None if it says nothing of the kind."""
    for event in _events(sent):
        if stands_at(event, ("candidates", 0, "finishReason")) == "MALFORMED_FUNCTION_CALL":
            told = stands_at(event, ("candidates", 0, "finishMessage"))
            detail = "the provider could not read the model's call"
            return CallError("arguments", detail, told if isinstance(told, str) else "", index=index)
    return None


def ollama_ids(sent: str) -> list[str | None]:
    """The ids of Ollama's calls, in order: litellm puts random ones over them in a stream."""
    found: list[str | None] = []
    for event in _events(sent):
        calls = stands_at(event, ("message", "tool_calls"))
        for call in calls if isinstance(calls, list) else ():
            id_ = call.get("id") if isinstance(call, dict) else None
            found.append(id_ if isinstance(id_, str) else None)
    return found


def generated_text(sent: str) -> str:
    """The text of an answer of Ollama's ``/api/generate``."""
    pieces = (stands_at(event, ("response",)) for event in _events(sent))
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _events(sent: str) -> Iterator[Json]:
    """``sent`` as one JSON value, or as one a line."""
    try:
        yield json.loads(sent)
    except ValueError:
        for line in sent.split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue
