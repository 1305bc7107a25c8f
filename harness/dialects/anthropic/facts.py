"""What is known of Anthropic's messages: finish words, error types and quirks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.dialects.facts import ROWS, Facts, provider_error, seconds, status_of
from harness.dialects.rendering import VARIANTS

if TYPE_CHECKING:
    from harness.core.chat import Finish, Json
    from harness.core.errors import ProviderError

FINISHES: dict[str, Finish] = {
    # Anthropic's documentation, "Handling stop reasons"; anthropic SDK, types/stop_reason.py.
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    # anthropic SDK, types/beta/beta_stop_reason.py.
    "compaction": "stop",
}

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Status → error type (Anthropic's documentation, "Errors"; anthropic SDK, types/shared)."""

_STATUSES = {name: status for status, name in ERRORS.items()}


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """An event or a body of type ``error``; the proxies in front of this API send its ``error`` object alone."""
    if not isinstance(event, dict):
        return provider_error(str(event), provider="anthropic") if kind == "error" else None
    error = event.get("error")
    if event.get("type") != "error" and kind != "error" and not (error and "type" not in event):
        return None
    if not isinstance(error, dict):
        error = {"message": error} if isinstance(error, str) else event
    message = str(error.get("message") or json.dumps(error, ensure_ascii=False))
    word = error.get("type")
    # llama.cpp's server gives its own status here, and types of its own.
    status = (_STATUSES.get(word) if isinstance(word, str) else None) or status_of(error.get("code"))
    return provider_error(message, status=status, retry_after=seconds(error.get("retry_after")), provider="anthropic")


FACTS = Facts(
    state="thinking",
    images=frozenset({"data", "url"}),
    image_results=True,
    tool_marks=("strict", "defer_loading", "allowed_callers", "eager_input_streaming"),
    dropped_options=frozenset({"seed", "presence_penalty"}),
    last_line=r"(?m)^event: message_stop",
    event_keys=("type", "error"),
    object_arguments="whole",
    finishes=FINISHES,
    finish_at=("stop_reason",),
    stream_finish_at=("delta", "stop_reason"),
    empty_is_nothing=True,
    key_header="x-api-key",
    models=ROWS,
    refuses_blank_text=True,  # its error text: text content blocks must contain non-whitespace text
    failure=failure,
)

QUIRKS: dict[str, str] = {
    "no_ping": "no ping event stands in the stream (3 of 65; every hosted stream else has one)",
    "no_padding": "no spaces before the closing brace of an event (proxies; hosted streams have them)",
    "caller": "a tool use names its caller (79; since 2026): the model, or code that it runs",
    "mcp_tool": "what the provider ran is a tool of an MCP server, by the MCP connector (its docs, and recordings)",
    "no_fragment": "a call without arguments streams no fragment at all",
    "whole_fragment": "a call's arguments come in one fragment",
    "finish_stop": "stop_reason is end_turn although a tool is used",
    "text_last": "the text block comes after the tool uses",
    "no_usage": "no usage is reported (proxies)",
    **VARIANTS,
}
FAILURES: dict[str, str] = {
    "error_event": "the stream ends in an error event, not in a stop reason (docs, 'Streaming: error events')",
}
