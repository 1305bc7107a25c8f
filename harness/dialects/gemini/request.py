"""A request to Gemini's API, read; the REST API and its SDKs write the keys in both spellings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.dialects.chat_request import WORDS, ChatRequest, at, call, dicts, image, model_in, named, picked, tool
from harness.dialects.schemas import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json

_SCHEMAS = ("parametersJsonSchema", "parameters_json_schema", "parameters")
_RESULT = frozenset({"content", "output", "result"})
"""Keys of a function's response under which a result stands that is no object."""


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``."""
    config = at(body, "generationConfig", "generation_config")
    return ChatRequest(
        dialect="gemini",
        model=model_in(path),
        tools=tuple(_tools(body)),
        choice=_choice(body),
        stream=path.endswith(":streamGenerateContent"),
        json=_json(config),
        messages=tuple(_messages(body)),
        options=picked(
            config,
            temperature="temperature",
            top_p="topP,top_p",
            max_tokens="maxOutputTokens,max_output_tokens",
            stop="stopSequences,stop_sequences",
            seed="seed",
            presence_penalty="presencePenalty,presence_penalty",
            frequency_penalty="frequencyPenalty,frequency_penalty",
        ),
    )


def _tools(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for group in dicts(body.get("tools")):
        for one in dicts(at(group, "functionDeclarations", "function_declarations")):
            if isinstance(one.get("name"), str):
                yield tool(one["name"], one.get("description"), at(one, *_SCHEMAS), one)


def _choice(body: dict[str, Json]) -> Json:
    calling = at(at(body, "toolConfig", "tool_config"), "functionCallingConfig", "function_calling_config")
    only = at(calling, "allowedFunctionNames", "allowed_function_names")
    word = WORDS.get((at(calling, "mode") or "").lower())
    return named(only[0]) if word == "required" and isinstance(only, list) and len(only) == 1 else word


def _json(config: Json) -> dict[str, Json] | None:
    if at(config, "responseMimeType", "response_mime_type") != "application/json":
        return None
    schema = at(config, "responseJsonSchema", "response_json_schema", "responseSchema", "response_schema")
    return plain(schema) if isinstance(schema, dict) else {}


def _messages(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    system = at(body, "systemInstruction", "system_instruction")
    yield from ({"role": "system", "content": one.get("text")} for one in dicts(at(system, "parts") or ()))
    for content in dicts(body.get("contents")):
        yield from _message("assistant" if content.get("role") == "model" else "user", content)


def _message(role: str, content: dict[str, Json]) -> Iterator[dict[str, Json]]:
    parts: list[dict[str, Json]] = []
    calls: list[dict[str, Json]] = []
    for part in dicts(content.get("parts") or ()):
        called, result = at(part, "functionCall", "function_call"), at(part, "functionResponse", "function_response")
        if called is not None:
            calls.append(call(at(called, "name"), at(called, "args") or {}, at(called, "id")))
        elif result is not None:
            if parts:
                yield {"role": role, "content": parts}
                parts = []
            text = _result(at(result, "response"))
            yield {"role": "tool", "content": text, "tool_call_id": at(result, "id") or "", "name": at(result, "name")}
        elif not part.get("thought"):
            parts.append(_part(part))
    if parts or calls:
        yield {"role": role, "content": parts} | ({"tool_calls": calls} if calls else {})


def _part(part: dict[str, Json]) -> dict[str, Json]:
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    inline = at(part, "inlineData", "inline_data")
    kind, data = at(inline, "mimeType", "mime_type"), at(inline, "data")
    if not str(kind).startswith("image/") or not isinstance(data, str):
        return {"type": "", **part}
    # Protobuf's JSON takes base64 of either alphabet (protobuf.dev, "ProtoJSON").
    return image(media_type=kind, data=data.replace("-", "+").replace("_", "/"))


def _result(response: Json) -> str:
    """A result is an object on this wire: one that only wraps a text is that text."""
    if isinstance(response, dict) and len(response) == 1 and response.keys() <= _RESULT:
        (inner,) = response.values()
        if isinstance(inner, str):
            return inner
    return json.dumps(response, ensure_ascii=False)
