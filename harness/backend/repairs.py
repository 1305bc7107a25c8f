"""Lines of a stream that litellm 1.109.1 can't read as they come, put into words that it can.

Each is a function from a decoded event to the event that litellm is shown, and a line in the table. A repaired
fault that litellm mends itself is a line to delete: ``known_faults`` says how to see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def cohere(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm looks for these events under another key than Cohere's API, which says ``type``."""
    if event.get("type") in ("message-end", "tool-plan-delta"):
        return {**event, "event": event["type"], "data": event}
    return event


def groq(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm takes an error event's ``code``, a word such as ``tool_use_failed``, for the HTTP status."""
    error = event.get("error")
    if isinstance(error, dict) and not isinstance(error.get("code"), int):
        return {**event, "error": {**error, "code": error.get("status_code") or 400}}
    return event


def gemini(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm adds up token counts that may be null, and wants ``args`` where a call has none."""
    usage = event.get("usageMetadata")
    if isinstance(usage, dict) and None in usage.values():
        event = {**event, "usageMetadata": {key: 0 if value is None else value for key, value in usage.items()}}
    candidates = event.get("candidates")
    if isinstance(candidates, list):
        event = {**event, "candidates": [_with_arguments(candidate) for candidate in candidates]}
    return event


def _with_arguments(candidate: Any) -> Any:
    content = candidate.get("content") if isinstance(candidate, dict) else None
    if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
        return candidate
    whole = [
        {**part, "functionCall": {**part["functionCall"], "args": part["functionCall"].get("args") or {}}}
        if isinstance(part, dict) and isinstance(part.get("functionCall"), dict)
        else part
        for part in content["parts"]
    ]
    return {**candidate, "content": {**content, "parts": whole}}


REPAIRS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "cohere": cohere,
    "cohere_chat": cohere,
    "groq": groq,
    "gemini": gemini,
    "vertex_ai": gemini,
}
