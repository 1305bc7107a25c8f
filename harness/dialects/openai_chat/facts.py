"""What is known of chat completions and its many kin: finish words, errors inside a 200 answer, and quirks.

Quirks are what such providers do differently: a table of named switches, each with where it was found. The counts are
of public recordings that show it (out of 11,069, or of the 1,152 chat completions in the test corpus). Which provider
shows which is in its profile (``harness/dialects/profiles``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.chat import ProviderCall
from harness.core.errors import ContextWindowError, ProviderError
from harness.dialects.facts import ROWS, Facts, at, provider_error, seconds, status_of
from harness.dialects.rendering import VARIANTS

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


def _error(error: Json) -> ProviderError:
    if not isinstance(error, dict):
        return ProviderError(str(error))
    message = error.get("message") or error.get("detail") or error.get("error") or json.dumps(error, ensure_ascii=False)
    raw = at(error, ("metadata", "raw"))
    if isinstance(raw, str) and raw not in str(message):
        message = f"{message}: {raw}"  # OpenRouter's own words, then those of the provider behind it
    words = [error.get("code"), error.get("type"), at(error, ("metadata", "error_type"))]
    if "context_length_exceeded" in words:
        return ContextWindowError(str(message), status=_status(error, words) or 400)
    return provider_error(str(message), status=_status(error, words), retry_after=_wait(error))


def _status(error: dict[str, Json], words: list[Json]) -> int | None:
    """OpenRouter has its status as code, Groq as status_code, Azure as status."""
    numbers = (status_of(error.get(key)) for key in ("status_code", "status", "code", "http_code"))
    named = (_STATUSES.get(word) for word in words if isinstance(word, str))
    return next((one for one in (*numbers, *named) if one is not None), None)


def _wait(error: dict[str, Json]) -> float | None:
    headers = at(error, ("metadata", "headers"))
    lowered = {str(name).lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
    places = (error.get("retry_after"), at(error, ("metadata", "retry_after")), lowered.get("retry-after"))
    return next((found for one in places if (found := seconds(one)) is not None), None)


FACTS = Facts(
    state="details",
    images=frozenset({"data", "url"}),  # openai SDK, types/chat: a tool's message has text parts alone
    image_details=True,
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
    counts_on_request=True,
    models=ROWS,
    failure=failure,
)

QUIRKS: dict[str, str] = {
    "plain": "no service tier, fingerprint, refusal, annotations, logprobs or padding (all but openai and azure)",
    "service_tier": "a service tier of its own stands beside the choices (groq; litellm needs it there)",
    "content_filters": "results of content filters stand beside the choices, in a stream first of all (azure, all)",
    "native_finish_reason": "the model's own word stands beside finish_reason (openrouter, all)",
    "executed_tools": "what the provider ran is in executed_tools, in a stream first without output (groq/compound)",
    "leading_blanks": "blank lines keep the connection alive before a whole answer (openrouter 37)",
    "content_empty": 'content is "" beside calls, not null (mistral 78, deepseek 39, llama.cpp 35, venice 17, xai 12)',
    "content_missing": "no content key beside calls (groq 43, cohere 25, copilot 18)",
    "content_parts": "content is a list of parts, reasoning one of them (mistral)",
    "reasoning_key": "reasoning comes as `reasoning`, not `reasoning_content` (openrouter, groq, ollama, cerebras)",
    "reasoning_details": "reasoning comes a second time, as reasoning_details (openrouter 57, vercel, snowflake)",
    "tool_calls_null": "tool_calls is null where there are none (mistral 146)",
    "tool_calls_empty": "tool_calls is [] where there are none (47: vllm, huggingface)",
    "function_call": "the legacy shape: one function_call instead of tool_calls (7)",
    "function_call_empty": "an empty function_call stands in every message, real calls or not (snowflake 8)",
    "custom_empty": "each call holds an empty custom call beside its function (snowflake 2)",
    "type_missing": "calls have no type (mistral 33)",
    "index_in_whole": "calls of a whole answer have an index (mistral, openrouter, deepseek, z.ai; 69)",
    "id_missing": "calls have no id (3 of Ollama's own; bridges to it hand them on)",
    "id_empty": 'calls have the id "" (gemini\'s OpenAI-style endpoint)',
    "id_same": "all calls have one id (openai 1)",
    "id_dotted": "ids are of the form functions.name:0 (Kimi, behind five providers; 17)",
    "id_long": "ids are longer than 40 characters (writer, xai, openrouter; 24)",
    "arguments_missing": "no arguments: no key either (openrouter 1)",
    "arguments_empty_string": 'no arguments are sent as "" (mistral, deepseek, databricks, openrouter 19)',
    "arguments_null_string": 'no arguments are sent as "null" (groq 2)',
    "arguments_null": "no arguments are sent as null (openrouter 1)",
    "arguments_object": "arguments are an object, not a string",
    "finish_null": "finish_reason is null at the end (4)",
    "finish_empty": 'finish_reason is "" (snowflake 7)',
    "finish_stop": "finish_reason is stop although calls are present (openai 41, all with a forced tool)",
    "no_usage": "no usage is reported",
    "role_alone": "the role comes in a chunk of its own, before a single call too (groq, llama.cpp, vercel)",
    "role_repeated": "every chunk repeats role and content (openrouter, z.ai, avian, writer; 69)",
    "message_beside_delta": "every chunk holds its delta a second time, as message (writer 5)",
    "finish_absent": "chunks before the last have no finish_reason key (xai 16, z.ai 10)",
    "finish_in_call_chunk": "finish_reason comes in the last chunk of a call or text (mistral 46)",
    "finish_repeated": "finish_reason comes twice (openrouter 148)",
    "usage_in_finish_chunk": "usage comes with the finish reason (mistral, deepseek, groq, vercel; 115)",
    "usage_in_x_groq": "usage comes in the finish chunk's x_groq (groq 12)",
    "index_missing": "deltas have no index, each call comes whole (mistral 2)",
    "index_minus_one": "deltas have index -1, each call comes whole (z.ai 1)",
    "calls_in_one_chunk": "several calls in one chunk (42)",
    "call_in_one_chunk": "a whole call in one chunk (85; mistral 44, xai, groq, z.ai)",
    "interleaved": "fragments of several calls take turns (1)",
    "arguments_at_once": "the first delta of a call holds arguments already (22: llama.cpp, xai, groq)",
    "arguments_null_first": "the first delta of a call has arguments null (writer 2)",
    "id_and_name_repeated": "later deltas of a call repeat its id and name (llama-cpp-python; 1)",
    "name_null_later": "later deltas of a call carry name null (6)",
    "no_done": "no [DONE] at the end (28)",
    "comments": "comment lines between the events (openrouter 144)",
    "crlf": "lines end in CR LF",
    **VARIANTS,
}
"""Of two that exclude one another the first in this table holds."""

FAILURES: dict[str, str] = {
    "error_event": "a stream breaks off with an event of type error: the model's own bad call (groq 2)",
    "error_chunk": "a stream's last chunk holds an error beside its choices, and [DONE] follows (openrouter 1)",
    "error_body": "a whole answer is an error object, under status 200 (azure 1)",
}
