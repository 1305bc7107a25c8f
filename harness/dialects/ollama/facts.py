"""What is known of Ollama's own API: finish words, errors and quirks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.dialects.facts import TAGS, Facts, provider_error, status_of
from harness.dialects.rendering import LABELS

if TYPE_CHECKING:
    from harness.core.chat import Finish, Json
    from harness.core.errors import ProviderError

# Ollama's llm/server.go, DoneReason, and routes.go for a model that is loaded or unloaded.
FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """A line that is an ``error`` (Ollama's documentation, "Errors that occur while streaming")."""
    del kind
    error = event.get("error") if isinstance(event, dict) else None
    if not error:
        return None
    words = error.get("message") if isinstance(error, dict) else error
    status = status_of(event.get("status_code")) or status_of(event.get("StatusCode"))
    return provider_error(str(words or error), status=status, provider="ollama")


FACTS = Facts(
    dropped_options=frozenset({"presence_penalty", "parallel_tool_calls"}),
    call_ids=False,
    event_keys=("message", "response", "done", "error"),
    thinks_in_text=True,
    object_arguments="always",
    finishes=FINISHES,
    finish_at=("done_reason",),
    stream_finish_at=("done_reason",),
    models=TAGS,
    pairs_results=False,
    images=frozenset({"data"}),
    separate_images=True,
    failure=failure,
)

GENERATE_FACTS = replace(FACTS, tools_in_prompt=True, images=frozenset())
"""``/api/generate``: there are no tools, and no calls."""

CHAT_QUIRKS: dict[str, str] = {
    "id_missing": "calls have no id (3; servers before 0.12)",
    "index_missing": "a call's function has no index (servers before 0.6, and for the first call until 0.12)",
    "calls_together": "all calls of a stream come in one line (qwen parsers)",
    "calls_at_end": "the calls come in the last line, with done: true",
    "finish_missing": "the last line has no done_reason (servers before 0.1.45)",
    "no_usage": "no counts are reported (a prompt served from the cache)",
    **LABELS,
}
GENERATE_QUIRKS: dict[str, str] = {
    "parameters": "the call is written with `parameters`, not `arguments`",
    "finish_missing": CHAT_QUIRKS["finish_missing"],
    "no_usage": CHAT_QUIRKS["no_usage"],
    **LABELS,
}
FAILURES: dict[str, str] = {"error_line": "the stream breaks off with a line that is an error (the server's routes.go)"}
