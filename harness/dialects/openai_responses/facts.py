"""What is known of OpenAI's Responses API: where it is served, how an answer ends, what its items are, who runs them.

Shapes after the openai SDK's types/responses and public recordings; the counts are of 1,755 recorded answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.chat import ProviderCall
from harness.dialects.facts import ROWS, Facts, provider_error, status_of
from harness.dialects.rendering import VARIANTS

if TYPE_CHECKING:
    from harness.core.chat import Finish, Json
    from harness.core.errors import ProviderError

PATHS = (r"/responses$",)
"""``/v1/responses``, ``/responses``, ``/openai/responses``, ``/openai/v1/responses``, ``/api/v1/responses``,
``/backend-api/codex/responses``; an answer's own address (``/responses/resp_…``) requests nothing new.
"""

TERMINATORS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
"""The events that end a stream; ``[DONE]`` follows at some servers, and means nothing by itself."""

FINISHES: dict[str, Finish] = {
    "completed": "stop",
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "cancelled": "error",
    "failed": "error",
}
"""The status of an answer, or the reason why it is incomplete. ``completed`` with calls is ``tool_calls``; ``queued``
and ``in_progress`` say that a background answer has not ended: they are no finish.
"""

CLIENT_CALLS = ("function_call", "custom_tool_call")
"""Items that the client runs, by the name that they hold."""

BUILT_IN_CLIENT_CALLS = {
    "computer_call": "computer",
    "local_shell_call": "local_shell",
    "shell_call": "shell",
    "apply_patch_call": "apply_patch",
}
"""Items that the client runs, under the name of OpenAI's own tool."""

PROVIDER_CALLS = {
    "web_search_call": ("web_search", "action"),
    "file_search_call": ("file_search", ""),
    "code_interpreter_call": ("code_interpreter", ""),
    "image_generation_call": ("image_generation", ""),
    "tool_search_call": ("tool_search", "arguments"),
    "mcp_list_tools": ("mcp_list_tools", ""),
    "mcp_approval_request": ("mcp_approval_request", ""),
}
"""Items that OpenAI runs itself: the tool's name, and the field that holds its parameters (``""``: all that is left
of the item, the result aside). An item of a kind not listed anywhere here is read like them, under its kind.
"""

RESULTS = ("output", "outputs", "result", "results", "tools", "error")
"""The fields of such an item that hold what came of it; null where nothing did. What a tool search found stands in an
item of its own, ``tool_search_output``.
"""

NO_CALLS = ("message", "reasoning", "compaction", "tool_search_output")
"""Items that are no call."""

STATE = ("reasoning", "compaction", "tool_search_call", "tool_search_output")
"""Items that must go back as they came, in their place, with the next request."""

UNENDED = ("queued", "in_progress")
"""The statuses of a background answer that has not ended."""

ERRORS = {
    400: "invalid_prompt",
    401: "invalid_api_key",
    403: "permission_denied",
    404: "model_not_found",
    408: "timeout",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_overloaded",
}
"""Status → the code that OpenAI names in an answer that failed (openai SDK, types/responses/response_error.py)."""

_STATUSES = {code: status for status, code in ERRORS.items()}


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """An event of the type ``error``, and an answer whose status is failed or that holds an error."""
    if not isinstance(event, dict):
        return None
    if "error" in (event.get("type"), kind):
        error = event.get("error")
        return _error(error if isinstance(error, dict) else event)
    inner = event.get("response")
    answer = inner if isinstance(inner, dict) else event
    if not answer.get("error") and answer.get("status") != "failed":
        return None
    return _error(answer.get("error") or {"message": "the answer failed"})


def _error(found: Json) -> ProviderError:
    if not isinstance(found, dict):
        return provider_error(str(found))
    code = found.get("code")
    status = status_of(found.get("status")) or status_of(code) or _STATUSES.get(str(code))
    return provider_error(str(found.get("message") or code or found.get("type")), status=status)


FACTS = Facts(
    state="items",
    images=frozenset({"data", "url"}),
    image_details=True,
    image_results=True,  # openai SDK, types/responses/response_function_call_output_item.py
    tool_marks=("strict", "defer_loading", "custom", "namespace"),
    tool_search={"type": "tool_search"},
    runs=ProviderCall("ask_wiki", {"question": "x"}, "mcp_1", {"output": "A page"}),
    dropped_options=frozenset({"seed", "presence_penalty", "stop"}),
    finishes=FINISHES,
    finish_at=("status",),
    stream_finish_at=("response", "status"),
    event_keys=("type", "error"),
    models=ROWS,
    failure=failure,
)

QUIRKS: dict[str, str] = {
    "lean": "the answer repeats nothing of the request, and deltas have no padding (deepseek, llama.cpp, openrouter)",
    "no_event_lines": "events have no event: line (openrouter, mantle)",
    "event_line_last": "the event: line stands behind the data: line (mantle)",
    "no_sequence": "events have no sequence_number (older recordings)",
    "item_id_missing": "items have no id (mantle; clients of chatgpt.com)",
    "output_empty": "the final event's output is empty, the items came before (chatgpt.com)",
    "items_only_done": "an item comes only as output_item.done, without a start and pieces (chatgpt.com)",
    "arguments_only_done": "arguments come only in function_call_arguments.done and at the item's end (litellm 27144)",
    "arguments_at_once": "the item starts with all its arguments, and no pieces follow",
    "arguments_empty_string": 'no arguments are sent as ""',
    "empty_deltas": "an empty delta stands before the arguments, and one behind them (litellm 40069)",
    "interleaved": "the pieces of several calls take turns",
    "custom": "calls are of custom tools: their input is free text",
    "namespace": "calls name the namespace of a tool that a search found (18)",
    "id_long": "ids are longer than 40 characters (xai)",
    "status_missing": "items have no status",
    "reasoning_text": "reasoning is open text, not a summary (deepseek, llama.cpp)",
    "reasoning_encrypted": "reasoning has its encrypted content beside the summary (140)",
    "reasoning_between": "a reasoning item without a summary stands before each call but the first",
    "text_parts": "the text comes in two parts of one message",
    "text_messages": "the text comes in two messages, a commentary and the answer",
    "text_last": "the message comes behind the calls",
    "annotations": "the text cites its sources (16)",
    "comments": "comment lines stand between the events (openrouter)",
    "keepalive": "events of the type keepalive stand between the others (llama.cpp, chatgpt.com)",
    "done_marker": "[DONE] stands behind the end (openrouter)",
    "crlf": "lines end in CR LF",
    "no_usage": "no usage is reported",
    "total_missing": "usage has no total",
    **VARIANTS,
}
"""Of two that exclude one another the first in this table holds."""

FAILURES: dict[str, str] = {
    "failed": "the answer, or the last event, has the status failed and an error",
    "error_event": "a stream ends in an event of the type error",
}
