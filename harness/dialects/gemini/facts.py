"""What is known of Gemini's generateContent: finish words, google.rpc's errors and quirks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.chat import ProviderCall
from harness.dialects.facts import RESOURCES, Facts, provider_error, seconds, status_of
from harness.dialects.rendering import VARIANTS

if TYPE_CHECKING:
    from harness.core.chat import Finish, Json
    from harness.core.errors import ProviderError

# Google's API reference, "FinishReason", and google-genai SDK, types.py; both for Gemini and for Vertex AI.
_FILTERS = (
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
)
_FAULTS = (
    *("OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"),
    *("MISSING_THOUGHT_SIGNATURE", "IMAGE_OTHER", "NO_IMAGE"),
)
FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_FAULTS, "error"),
    **dict.fromkeys(_FILTERS, "content_filter"),
    # promptFeedback.blockReason beside those: Google's API reference, "BlockReason".
    "JAILBREAK": "content_filter",
}
NUMBERS = dict(
    enumerate(
        (
            *("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT"),
            *("SPII", "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "UNEXPECTED_TOOL_CALL"),
        ),
        start=1,
    )
)
"""google.ai.generativelanguage.v1beta Candidate.FinishReason, for those who send the number. Vertex AI's own enum
agrees up to 5 (OTHER).
"""

# google.rpc.Code → the status that it stands for over HTTP (google/rpc/code.proto).
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "DATA_LOSS": 500,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """An ``error`` of google.rpc's shape."""
    error = event.get("error") if isinstance(event, dict) else None
    if not error and kind == "error":
        error = event
    if not error:
        return None
    if not isinstance(error, dict):
        return provider_error(str(error), provider="gemini")
    word = error.get("status")
    status = status_of(error.get("code")) or (STATUSES.get(word) if isinstance(word, str) else None)
    details = error.get("details")
    waits = [one.get("retryDelay") for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    wait = next((found for one in waits if (found := seconds(one)) is not None), None)
    message = str(error.get("message") or json.dumps(error, ensure_ascii=False))
    return provider_error(message, status=status, retry_after=wait, provider="gemini")


FACTS = Facts(
    images=frozenset({"data"}),  # a URL is one of Google's own, or fetched by litellm
    dropped_options=frozenset({"parallel_tool_calls"}),
    call_ids=False,
    object_results=True,
    own_schemas=True,
    state="signatures",
    runs=ProviderCall(
        "code_execution", {"language": "PYTHON", "code": "1"}, "", {"outcome": "OUTCOME_OK", "output": "1\n"}
    ),
    event_keys=("candidates", "promptFeedback", "usageMetadata", "error"),
    object_arguments="always",
    finishes=FINISHES,
    finish_at=("candidates", 0, "finishReason"),
    stream_finish_at=("candidates", 0, "finishReason"),
    numbers=NUMBERS,
    key_header="x-goog-api-key",
    models=RESOURCES,
    refuses_blank_text=True,  # its error text: must include at least one parts field
    empty_is_nothing=True,  # in a call without args, which reads as an empty object
    failure=failure,
)

QUIRKS: dict[str, str] = {
    "id": "calls have an id (51 of 567)",
    "args_missing": "a call without arguments has no args key",
    "thought_signature": "the first of several calls carries a thoughtSignature (32)",
    "finish_enum": "finishReason is a whole number (25)",
    "finish_message": "a finishMessage says that calls were generated (180; 2026)",
    "finish_alone": "the stream's last event holds the finish reason and no parts",
    "calls_apart": "each call of a stream comes in an event of its own",
    "partial_args": "a call comes as a name, values at JSON paths and an end (streamFunctionCallArguments)",
    "json_array": "the stream is one JSON array, not events (20; without alt=sse)",
    "lf": "events end in LF, not CR LF",
    "no_usage": "no usage is reported",
    "malformed_call": "finish 'error': a last call that can't be read is described, as MALFORMED_FUNCTION_CALL",
    "unexpected_call": "finish 'error': it is UNEXPECTED_TOOL_CALL, for a call to no declared function (5)",
    "prompt_blocked": "finish 'content_filter' and no text: promptFeedback, and no candidates (1)",
    **VARIANTS,
}
FAILURES: dict[str, str] = {
    "error_event": "the stream ends in an error of google.rpc's shape, not in a finish reason",
}
