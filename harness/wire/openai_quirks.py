"""What OpenAI-style providers do differently: a table of named switches, each with where it was seen.

The counts are of public recordings that show it (out of 11,069).
"""

from __future__ import annotations

QUIRKS: dict[str, str] = {
    "content_empty": 'content is "" beside calls, not null (mistral 78, deepseek 39, llama.cpp 35, venice 17, xai 12)',
    "content_missing": "no content key beside calls (groq 43, cohere 25, copilot 18)",
    "content_parts": "content is a list of text parts (mistral)",
    "arguments_empty_string": 'no arguments are sent as "" (mistral, deepseek, databricks, openrouter 19)',
    "arguments_null_string": 'no arguments are sent as "null" (groq 2)',
    "arguments_null": "no arguments are sent as null",
    "arguments_missing": "no arguments: no key either (openrouter 1)",
    "arguments_object": "arguments are an object, not a string",
    "finish_stop": "finish_reason is stop although calls are present (openai 41, all with a forced tool)",
    "finish_null": "finish_reason is null at the end (4)",
    "finish_empty": 'finish_reason is "" (snowflake 2)',
    "id_missing": "calls have no id",
    "id_empty": 'calls have the id "" (gemini\'s OpenAI-style endpoint)',
    "id_same": "all calls have one id (openai 1)",
    "index_missing": "deltas have no index, each call comes whole (mistral 2)",
    "index_minus_one": "deltas have index -1, each call comes whole (z.ai 1)",
    "calls_in_one_chunk": "several calls in one chunk (42)",
    "call_in_one_chunk": "a whole call in one chunk (85; mistral 44)",
    "interleaved": "fragments of several calls take turns (1)",
    "id_and_name_repeated": "later deltas of a call repeat its id and name (llama-cpp-python; 1)",
    "name_null_later": "later deltas of a call carry name null (6)",
    "finish_in_call_chunk": "finish_reason comes in the chunk of the last call (mistral 46)",
    "finish_repeated": "finish_reason comes twice (openrouter 148)",
    "no_done": "no [DONE] at the end (28)",
    "comments": "comment lines between the events (openrouter 144)",
    "crlf": "lines end in CR LF",
    "no_usage": "no usage is told",
    "tool_calls_null": "tool_calls is null where there are none (mistral 146)",
    "tool_calls_empty": "tool_calls is [] where there are none (47)",
    "function_call_empty": "an empty function_call stands beside real calls (snowflake 8)",
    "function_call": "the legacy shape: one function_call instead of tool_calls (7)",
    "service_tier": "a service_tier stands beside the choices (groq)",
    "reasoning_key": "reasoning comes as `reasoning`, not `reasoning_content` (openrouter, groq)",
}
