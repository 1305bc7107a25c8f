"""What is known of Bedrock's Converse: finish words, exceptions that a stream may end in, quirks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.chat import ProviderCall
from harness.dialects.facts import Facts, provider_error, status_of
from harness.dialects.rendering import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.chat import Finish, Json
    from harness.core.errors import ProviderError

FINISHES: dict[str, Finish] = {
    # botocore's bedrock-runtime model, StopReason.
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_tool_use": "error",
    "malformed_model_output": "error",
    # Claude's own words, which its newest models send through.
    "pause_turn": "stop",
    "refusal": "content_filter",
}

# Exceptions by name → the status that each has as an answer of its own (botocore's bedrock-runtime model).
_STATUSES = {
    "validation": 400,
    "accessdenied": 403,
    "resourcenotfound": 404,
    "modeltimeout": 408,
    "conflict": 409,
    "modelerror": 424,
    "modelstreamerror": 424,
    "throttling": 429,
    "modelnotready": 429,
    "servicequotaexceeded": 400,
    "internalserver": 500,
    "internal": 500,
    "serviceunavailable": 503,
}


def frame_failure(headers: Mapping[str, str], event: Json) -> ProviderError | None:
    """The error that a frame of type ``exception`` or ``error`` holds; None for an event."""
    kind = headers.get(":message-type")
    if kind not in {"exception", "error"}:
        return None
    name = headers.get(":exception-type") or headers.get(":error-code") or ""
    words = headers.get(":error-message") or (event.get("message") if isinstance(event, dict) else None)
    short = name.lower().removesuffix("exception").removesuffix("error")
    status = _STATUSES.get(short, _STATUSES.get(f"{short}error"))
    return provider_error(str(words or name or "an error in the stream"), status=status, provider="bedrock")


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """A whole answer that is an error: AWS's shape is a ``__type`` or a lone ``message``."""
    if not isinstance(event, dict) or "output" in event:
        return None
    name, words = event.get("__type") or kind, event.get("message") or event.get("Message")
    if not isinstance(words, str) or not (event.get("__type") or event.keys() <= {"message", "Message"}):
        return None
    short = str(name).rpartition("#")[2].lower().removesuffix("exception")
    return provider_error(words, status=_STATUSES.get(short) or status_of(event.get("code")), provider="bedrock")


FACTS = Facts(
    state="signed",
    images=frozenset({"data"}),
    image_results=True,
    tool_marks=("strict",),
    dropped_options=frozenset({"seed", "presence_penalty", "parallel_tool_calls"}),
    own_schemas=True,
    event_keys=(
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ),
    object_arguments="whole",
    finishes=FINISHES,
    finish_at=("stopReason",),
    stream_finish_at=("messageStop", "stopReason"),
    empty_is_nothing=True,
    resigned="requests to Bedrock are signed, each for its own minute; record it again instead",
    refuses_blank_text=True,  # its error text: the text field in the ContentBlock object is blank
    empty_result_is_a_list=True,
    runs=ProviderCall(
        "nova_code_interpreter",
        {"snippet": "1"},
        "tooluse_1",
        {"type": "nova_code_interpreter_result", "status": "success", "content": [{"json": {"stdOut": "1"}}]},
    ),
    failure=failure,
)

QUIRKS: dict[str, str] = {
    "no_padding": "no field p of changing length stands in the events (every hosted stream has it)",
    "empty_fragment": 'a call without arguments streams the fragment "" (3)',
    "empty_object": 'a call without arguments streams the fragment "{}"',
    "finish_stop": "stopReason is end_turn although a tool is used",
    "tool_type": "a tool use names its type (50; 2026)",
    "citations": "the first half of the text is cited (a stream's block opens with the citation)",
    "no_usage": "no usage is reported",
    **LABELS,
}
FAILURES: dict[str, str] = {
    "exception": "the stream ends in an exception, not in a stop reason (botocore's model of ConverseStreamOutput)",
    "error_frame": "the stream ends in a frame of type error, its code and words in headers (smithy, event streams)",
}
