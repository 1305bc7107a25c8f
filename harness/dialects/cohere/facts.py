"""What is known of Cohere's v2 chat: finish words, errors and quirks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.facts import Facts, at, provider_error, status_of
from harness.dialects.rendering import VARIANTS

if TYPE_CHECKING:
    from harness.core.chat import Finish, Json
    from harness.core.errors import ProviderError

FINISHES: dict[str, Finish] = {
    # cohere SDK, v2/types/chat_finish_reason.py.
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "tool_calls",
    "MAX_TOKENS": "length",
    "ERROR": "error",
    "TIMEOUT": "error",
    # cohere SDK, types/finish_reason.py (v1).
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
    "USER_CANCEL": "error",
}


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """A ``message-end`` with an ``error`` in it (the SDK's ChatMessageEndEventDelta), or an error instead of one."""
    if not isinstance(event, dict):
        return provider_error(str(event), provider="cohere") if kind == "error" else None
    error = at(event, ("delta", "error")) or event.get("error")
    message = event.get("message")
    if not error and isinstance(message, str) and (kind == "error" or "finish_reason" not in event):
        error = message
    if not error:
        return None
    words = error.get("message") if isinstance(error, dict) else error
    return provider_error(str(words or error), status=status_of(event.get("status_code")), provider="cohere")


FACTS = Facts(
    images=frozenset({"data", "url"}),
    image_details=True,  # cohere SDK, types/image_url.py
    dropped_options=frozenset({"parallel_tool_calls"}),
    event_keys=("type", "event_type", "error"),
    finishes=FINISHES,
    finish_at=("finish_reason",),
    stream_finish_at=("delta", "finish_reason"),
    terminator="[DONE]",
    failure=failure,
)

QUIRKS: dict[str, str] = {
    "ndjson": "a stream of bare JSON lines: what litellm reads; every real recording is events",
    "content_empty": "content is [] beside calls, not missing (the first event of every stream has it so)",
    "arguments_empty_string": 'no arguments are sent as "" (2)',
    "finish_stop": "finish_reason is COMPLETE although calls are present",
    "no_done": "no [DONE] event at the end (all 10 recorded streams have one)",
    "no_usage": "no usage is reported",
    **VARIANTS,
}
FAILURES: dict[str, str] = {
    "error_end": "a stream ends in ERROR and says what happened (the SDK's ChatMessageEndEventDelta.error)",
}
