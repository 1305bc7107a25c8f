"""What is known of chat completions and its many kin: finish words, and errors inside a 200 answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.chat import ProviderCall
from harness.core.errors import ContextWindowError, ProviderError
from harness.dialects.facts import ROWS, Facts, at, provider_error, seconds, status_of

if TYPE_CHECKING:
    from harness.core.chat import Finish, Json

FINISHES: dict[str, Finish] = {
    # OpenAI's API reference, "The chat completion object"; Azure, Groq, xAI, Cerebras, Fireworks and vLLM share them.
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # OpenRouter's API reference, "Finish reason"; Mistral's ChatCompletionChoice has "error" and "model_length" too.
    "error": "error",
    "model_length": "length",
    # DeepSeek's API reference, "finish_reason".
    "insufficient_system_resource": "error",
    # Together AI's API reference; Hugging Face's text-generation-inference has "eos_token" and "stop_sequence".
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    # vLLM's and SGLang's FinishReason beside OpenAI's.
    "abort": "error",
    "repetition": "error",
    # Z.ai's and Zhipu's API reference; Tencent's Hunyuan has "sensitive" too.
    "sensitive": "content_filter",
    "network_error": "error",
    "model_context_window_exceeded": "length",
    # Baidu Qianfan's API reference.
    "normal": "stop",
    # IBM watsonx's API reference.
    "max_tokens": "length",
    "token_limit": "length",
    "time_limit": "error",
    "cancelled": "error",
    # Words of a model's own provider that gateways hand through (Databricks, Snowflake, LiteLLM's proxy).
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "pause_turn": "stop",
    "refusal": "content_filter",
    "guardrail_intervened": "content_filter",
    "malformed_function_call": "error",
}

# Statuses that an error object names by a word: OpenAI's documentation, "Error codes", and recorded errors of its kin.
_STATUSES = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "requests": 429,
    "tokens": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "timeout": 408,
    "request_timeout": 408,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "tool_use_failed": 400,
    "json_validate_failed": 400,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "upstream_error": 502,
    "provider_error": 502,
    "service_unavailable": 503,
    "engine_overloaded": 503,
    "overloaded_error": 529,
}


def failure(event: Json, kind: str = "") -> ProviderError | None:
    """An ``error`` object, also inside the first choice (OpenRouter's), or an event or line that is called one
    (Groq's, llama-box's).
    """
    found = event.get("error") if isinstance(event, dict) else None
    if not found and isinstance(event, dict):
        choices = event.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        found = first.get("error") if isinstance(first, dict) else None
    if not found and kind == "error":
        found = event
    return _error(found) if found else None


def _error(told: Json) -> ProviderError:
    if not isinstance(told, dict):
        return ProviderError(str(told))
    message = told.get("message") or told.get("detail") or told.get("error") or json.dumps(told, ensure_ascii=False)
    raw = at(told, ("metadata", "raw"))
    if isinstance(raw, str) and raw not in str(message):
        message = f"{message}: {raw}"  # OpenRouter's own words, then those of the provider behind it
    words = [told.get("code"), told.get("type"), at(told, ("metadata", "error_type"))]
    if "context_length_exceeded" in words:
        return ContextWindowError(str(message), status=_status(told, words) or 400)
    return provider_error(str(message), status=_status(told, words), retry_after=_wait(told))


def _status(told: dict[str, Json], words: list[Json]) -> int | None:
    """OpenRouter has its status as code, Groq as status_code, Azure as status."""
    numbers = (status_of(told.get(key)) for key in ("status_code", "status", "code", "http_code"))
    named = (_STATUSES.get(word) for word in words if isinstance(word, str))
    return next((one for one in (*numbers, *named) if one is not None), None)


def _wait(told: dict[str, Json]) -> float | None:
    headers = at(told, ("metadata", "headers"))
    lowered = {str(name).lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
    places = (told.get("retry_after"), at(told, ("metadata", "retry_after")), lowered.get("retry-after"))
    return next((found for one in places if (found := seconds(one)) is not None), None)


FACTS = Facts(
    state="details",
    images=frozenset({"data", "url"}),  # openai SDK, types/chat: a tool's message has text parts alone
    tool_marks=("strict",),
    runs=ProviderCall("search", {"query": "x"}, "", {"output": "A page"}),
    runs_under="executed_tools",
    last_line=r"(?m)^data: ?\[DONE\]",
    event_keys=("choices", "error", "object"),
    thinks_in_text=True,
    finishes=FINISHES,
    finish_at=("choices", 0, "finish_reason"),
    stream_finish_at=("choices", 0, "finish_reason"),
    terminator="[DONE]",
    counts_are_asked_for=True,
    models=ROWS,
    failure=failure,
)
