"""A request for a chat completion, read; Cohere's and Ollama's chat requests are shaped after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.chat_request import (
    WORDS,
    ChatRequest,
    allowed,
    at,
    call,
    custom_call,
    dicts,
    model_in,
    named,
    narrowed,
    picked,
    text_format,
    tool,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``."""
    model = body.get("model") or model_in(path)
    parallel = body.get("parallel_tool_calls")
    return ChatRequest(
        dialect="openai",
        model=model if isinstance(model, str) else "",
        tools=tuple(tools(body)),
        choice=choice(body.get("tool_choice")),
        allowed=allowed(body.get("tool_choice")),
        parallel=parallel if isinstance(parallel, bool) else None,
        stream=body.get("stream") is True,
        json=json_schema(body.get("response_format")),
        json_marks=picked(
            at(body.get("response_format"), "json_schema"), name="name", strict="strict", description="description"
        ),
        messages=tuple(messages(body)),
        options=picked(
            body,
            temperature="temperature",
            top_p="top_p",
            max_tokens="max_completion_tokens,max_tokens",
            stop="stop",
            seed="seed,random_seed",
            presence_penalty="presence_penalty",
            frequency_penalty="frequency_penalty",
        ),
    )


def tools(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The functions and custom tools that are offered, of the old kind too; the provider's own tools are neither."""
    offered = [(at(one, "function", "custom"), one) for one in dicts(body.get("tools"))]
    for one, beside in (*offered, *((old, {}) for old in dicts(body.get("functions")))):
        name = at(one, "name")
        if isinstance(name, str):
            custom = {"custom": text_format(at(one, "format"))} if beside.get("custom") is one else {}
            yield tool(name, at(one, "description"), at(one, "parameters"), {**beside, **one, **custom})


def choice(chosen: Json) -> Json:
    """A choice of tools: a word, or an object that names one, or those that are allowed."""
    if isinstance(chosen, str):
        return WORDS.get(chosen.lower())
    if allowed(chosen):
        return narrowed(chosen)
    name = at(at(chosen, "function"), "name")
    return named(name) if isinstance(name, str) else None


def json_schema(form: Json) -> dict[str, Json] | None:
    """The schema of ``response_format``."""
    if at(form, "type") == "json_object":
        schema = at(form, "schema", "json_schema")
        return schema if isinstance(schema, dict) else {}
    schema = at(at(form, "json_schema"), "schema")
    return schema if isinstance(schema, dict) else ({} if at(form, "type") == "json_schema" else None)


def messages(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The conversation, each earlier call with its arguments as text."""
    for one in dicts(body.get("messages")):
        made = {key: one[key] for key in ("role", "content", "tool_call_id", "name") if one.get(key) is not None}
        if one.get("tool_name") is not None:
            made["name"] = one["tool_name"]
        calls = [*dicts(one.get("tool_calls") or ()), *_legacy(one)]
        if calls:
            made["tool_calls"] = [_call(each) for each in calls]
        yield made


def _call(made: dict[str, Json]) -> dict[str, Json]:
    custom = None if made.get("function") else made.get("custom")
    if isinstance(custom, dict):
        return custom_call(custom.get("name"), custom.get("input"), made.get("id"))
    function = made.get("function")
    return call(at(function, "name"), at(function, "arguments"), made.get("id"))


def _legacy(message: dict[str, Json]) -> list[dict[str, Json]]:
    old = message.get("function_call")
    return [{"function": old}] if isinstance(old, dict) else []
