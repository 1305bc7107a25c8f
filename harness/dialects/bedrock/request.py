"""A request to Bedrock's Converse API, read."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from harness.dialects.chat_request import WORDS, ChatRequest, at, call, dicts, image, model_in, named, picked, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``."""
    config = body.get("toolConfig")
    specs = [one["toolSpec"] for one in dicts(at(config, "tools")) if isinstance(one.get("toolSpec"), dict)]
    chosen = at(config, "toolChoice")
    one_tool = at(at(chosen, "tool"), "name")
    word = next((WORDS[one] for one in ("auto", "any") if isinstance(chosen, dict) and one in chosen), None)
    model = body.get("modelId") or model_in(path)
    return ChatRequest(
        dialect="bedrock",
        model=model if isinstance(model, str) else "",
        tools=tuple(
            tool(one["name"], one.get("description"), at(one.get("inputSchema"), "json"), one)
            for one in specs
            if isinstance(one.get("name"), str)
        ),
        choice=named(one_tool) if one_tool else word,
        stream=path.endswith("-stream"),
        json=_json(body),
        messages=tuple(_messages(body)),
        options=picked(
            body.get("inferenceConfig"),
            temperature="temperature",
            top_p="topP",
            max_tokens="maxTokens",
            stop="stopSequences",
        ),
    )


def _json(body: dict[str, Json]) -> dict[str, Json] | None:
    form = at(body.get("outputConfig"), "textFormat")
    schema = at(at(at(form, "structure"), "jsonSchema"), "schema")
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        schema = json.loads(schema)
    return schema if isinstance(schema, dict) else ({} if at(form, "type") == "json_schema" else None)


def _messages(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    yield from ({"role": "system", "content": one["text"]} for one in dicts(body.get("system") or ()) if "text" in one)
    for message in dicts(body.get("messages")):
        yield from _message(message)


def _message(message: dict[str, Json]) -> Iterator[dict[str, Json]]:
    role = message.get("role")
    parts: list[dict[str, Json]] = []
    calls: list[dict[str, Json]] = []
    for block in dicts(message.get("content") or ()):
        used, result = block.get("toolUse"), block.get("toolResult")
        if isinstance(used, dict):
            calls.append(call(used.get("name"), used.get("input"), used.get("toolUseId")))
        elif isinstance(result, dict):
            if parts:
                yield {"role": role, "content": parts}
                parts = []
            found = [_part(one) for one in dicts(result.get("content") or ())]
            yield {"role": "tool", "content": found, "tool_call_id": result.get("toolUseId") or ""}
        elif "reasoningContent" not in block and "cachePoint" not in block:
            parts.append(_part(block))
    if parts or calls:
        yield {"role": role, "content": parts} | ({"tool_calls": calls} if calls else {})


def _part(block: dict[str, Json]) -> dict[str, Json]:
    if isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    if "json" in block:
        return {"type": "text", "text": json.dumps(block["json"], ensure_ascii=False)}
    data = at(at(block.get("image"), "source"), "bytes")
    if data is not None:
        return image(media_type=f"image/{block['image'].get('format')}", data=data)
    return {"type": next(iter(block), ""), **block}
