"""Broken in tools, choice and options that are sent, and in how often they are."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.errors import BackendError, ServerError
from harness.dialects.arguments import strict_json
from harness.laws.broken_backends.corruption import (
    broken,
    everywhere,
    on_calls,
    on_message,
    on_options,
    on_schemas,
    on_tools,
    wrapper,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json, Reply, ToolCall
    from harness.laws.tested_backend import Complete


def _described(change: Callable[[str], str]) -> Callable[[list[Json]], list[Json]]:
    def tools(offered: list[Json]) -> list[Json]:
        for one in offered:
            one["function"]["description"] = change(one["function"]["description"])
        return offered

    return tools


def _first_schema(offered: list[Json]) -> list[Json]:
    """A closure over the loop's variable."""
    for one in offered:
        one["function"]["parameters"] = offered[-1]["function"]["parameters"]
    return offered


def _without(*keys: str) -> Callable[[Json], Json]:
    return everywhere(lambda one: {key: inner for key, inner in one.items() if key not in keys or _is_field(inner)})


def _is_field(value: Json) -> bool:
    """A property may be called as a keyword is."""
    return isinstance(value, dict)


def _closed(one: dict[str, Json]) -> dict[str, Json]:
    return {**one, "additionalProperties": False} if one.get("type") == "object" else one


def _all_required(one: dict[str, Json]) -> dict[str, Json]:
    return {**one, "required": list(one["properties"])} if isinstance(one.get("properties"), dict) else one


def _first_type(one: dict[str, Json]) -> dict[str, Json]:
    return {**one, "type": one["type"][0]} if isinstance(one.get("type"), list) else one


def _first_branch(one: dict[str, Json]) -> dict[str, Json]:
    branches = one.get("anyOf")
    return branches[0] if isinstance(branches, list) else one


def _integers_as_numbers(one: dict[str, Json]) -> dict[str, Json]:
    return {**one, "type": "number"} if one.get("type") == "integer" else one


def _flat(schema: dict[str, Json]) -> dict[str, Json]:
    """Objects within objects are any objects."""
    fields = {
        name: {"type": "object"} if isinstance(one, dict) and one.get("type") == "object" else one
        for name, one in schema["properties"].items()
    }
    return {**schema, "properties": fields}


def _sorted_fields(schema: dict[str, Json]) -> dict[str, Json]:
    return {**schema, "properties": dict(sorted(schema["properties"].items()))}


def _titled(one: dict[str, Json]) -> dict[str, Json]:
    return {"title": "Model", **one} if one.get("type") == "object" else one


def _references(change: Callable[[dict[str, Json]], Json]) -> Callable[[dict[str, Json]], dict[str, Json]]:
    return everywhere(lambda one: change(one) if isinstance(one.get("$ref"), str) else one)


def _recursion_cut(schema: dict[str, Json]) -> dict[str, Json]:
    """Where a definition refers to a definition any object will do."""
    if "$defs" not in schema:
        return schema
    cut = _references(lambda one: {"type": "object"} if one["$ref"].startswith("#/$defs/") else one)
    return {**schema, "$defs": cut(schema["$defs"])}


def _never_null(one: dict[str, Json]) -> dict[str, Json]:
    branches = one.get("anyOf")
    if isinstance(branches, list) and len(branches) == _PAIR and "$ref" in branches[0]:
        return {**{key: inner for key, inner in one.items() if key != "anyOf"}, **branches[0]}
    return one


_PAIR = 2


@wrapper
def _only_at_first(
    right: Complete, model: str, messages: Sequence[Json], *, tools: Any = None, **options: Any
) -> Reply:
    """Tools are offered with the first question of a conversation alone."""
    later = any(one["role"] == "assistant" for one in messages)
    return right(model, messages, tools=None if later and "tool_choice" not in options else tools, **options)


def _set(name: str, change: Callable[[Any], Any]) -> Callable[[Complete], Complete]:
    """``change`` is done to the option ``name`` where it is given; None leaves it out."""

    def options(requested: dict[str, Json]) -> dict[str, Json]:
        if name not in requested:
            return requested
        made = {**requested, name: change(requested[name])}
        return {key: one for key, one in made.items() if key != name or one is not None}

    return on_options(options)


def _first_allowed(choice: dict[str, Json]) -> dict[str, Json]:
    inner = choice["allowed_tools"]
    return {**choice, "allowed_tools": {**inner, "tools": inner["tools"][:1]}}


def _lenient(tool: dict[str, Json]) -> dict[str, Json]:
    return {**tool, "function": {key: one for key, one in tool["function"].items() if key != "strict"}}


def _true_as_one(tool: dict[str, Json]) -> dict[str, Json]:
    return {key: 1 if one is True else one for key, one in tool.items()}


def _strict_as_one(tool: dict[str, Json]) -> dict[str, Json]:
    return {**tool, "function": _true_as_one(tool["function"])}


def _form(**changed: Json) -> Callable[[Any], Any]:
    """The named schema of a response format, with other words around it; None leaves a word out."""

    def form(one: dict[str, Json]) -> dict[str, Json]:
        if "json_schema" not in one:
            return one
        made = {**one["json_schema"], **changed}
        return {**one, "json_schema": {key: inner for key, inner in made.items() if inner is not None}}

    return _set("response_format", form)


def _bool_of_one(value: Json) -> Json:
    return bool(value) if value in (0, 1) else value


def _undescribed_namespaces(tools: list[Json]) -> list[Json]:
    return [{**one, "description": "Tools."} if one.get("type") == "namespace" else one for one in tools]


@wrapper
def _twice(right: Complete, *arguments: Any, **options: Any) -> Reply:
    right(*arguments, **options)
    return right(*arguments, **options)


def _retrying(*kinds: type[BaseException]) -> Callable[[Complete], Complete]:
    @wrapper
    def spoil(right: Complete, *arguments: Any, **options: Any) -> Reply:
        try:
            return right(*arguments, **options)
        except kinds:
            return right(*arguments, **options)

    return spoil


@wrapper
def _other_model(right: Complete, model: str, *arguments: Any, **options: Any) -> Reply:
    return right(f"{model}-latest", *arguments, **options)


@wrapper
def _stream_ignored(right: Complete, *arguments: Any, stream: bool = False, **options: Any) -> Reply:
    if stream:
        options.pop("stream_options", None)
    return right(*arguments, **options, stream=False)


def _function_of_text(custom: dict[str, Json]) -> dict[str, Json]:
    schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    return {"name": custom["name"], "description": custom["description"], "parameters": schema}


def _all_functions(tools: list[Json]) -> list[Json]:
    return [
        {"type": "function", "function": _function_of_text(one["custom"])} if "custom" in one else one for one in tools
    ]


def _without_grammars(tools: list[Json]) -> list[Json]:
    for one in tools:
        one.get("custom", {}).pop("format", None)
    return tools


def _called_functions(message: dict[str, Json]) -> dict[str, Json]:
    """Earlier calls of custom tools as calls of functions."""
    for call in message.get("tool_calls") or ():
        if custom := call.pop("custom", None):
            arguments = json.dumps({"input": custom["input"]})
            call |= {"type": "function", "function": {"name": custom["name"], "arguments": arguments}}
    return message


def _parsed(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    """The text of a custom tool read as JSON, where it is some."""
    made = list(calls)
    for place, call in enumerate(calls):
        with suppress(ValueError, TypeError):
            read = strict_json(call.parameters.get("input") or "")
            made[place] = replace(call, parameters=read) if isinstance(read, dict) else call
    return made


CUSTOM = broken(
    ("custom-tools-as-functions", "litellm on vLLM", on_tools(_all_functions)),
    ("custom-grammars-dropped", "name and description only", on_tools(_without_grammars)),
    ("custom-calls-as-functions", "one shape of calls", on_message(_called_functions)),
    ("custom-text-parsed", "all arguments are JSON", on_calls(_parsed)),
    ("namespaces-undescribed", "one text for all", on_tools(_undescribed_namespaces)),
    custom=True,
)
"""Broken in tools that are no functions."""

TOOLS = broken(
    ("descriptions-dropped", "name and parameters only", on_tools(_described(lambda _: ""))),
    ("descriptions-cut", "100 characters", on_tools(_described(lambda text: text[:100]))),
    ("descriptions-first-line", "the docstring's first line", on_tools(_described(lambda text: text.split("\n")[0]))),
    ("schemas-dropped", "any object", on_schemas(lambda _: {"type": "object", "properties": {}})),
    ("one-schema-for-all", "a closure over the loop's variable", on_tools(_first_schema)),
    ("required-dropped", "required is left out", on_schemas(_without("required"))),
    ("enums-dropped", "enum is left out", on_schemas(_without("enum"))),
    ("defaults-dropped", "default is left out", on_schemas(_without("default"))),
    ("formats-dropped", "format and pattern are left out", on_schemas(_without("format", "pattern"))),
    (
        "limits-dropped",
        "minimum and maximum are left out",
        on_schemas(_without("minimum", "maximum", "exclusiveMinimum", "multipleOf")),
    ),
    ("fields-undescribed", "descriptions of fields are left out", on_schemas(_without("description"))),
    (
        "definitions-dropped",
        "$defs are left out",
        on_schemas(lambda one: {key: inner for key, inner in one.items() if key != "$defs"}),
    ),
    ("recursion-cut", "references are written out, and cut in a circle", on_schemas(_recursion_cut)),
    (
        "root-references-cut",
        "only definitions are looked up",
        on_schemas(_references(lambda one: {"type": "object"} if one["$ref"] == "#" else one)),
    ),
    ("references-not-null", "Optional of a model is the model", on_schemas(everywhere(_never_null))),
    ("schemas-closed", "additionalProperties: false is added", on_schemas(everywhere(_closed))),
    ("schemas-open", "additionalProperties is left out", on_schemas(_without("additionalProperties"))),
    ("all-required", "strict mode for all", on_schemas(everywhere(_all_required))),
    ("first-type-only", "a list of types is its first", on_schemas(everywhere(_first_type))),
    ("first-branch-only", "anyOf is its first", on_schemas(everywhere(_first_branch))),
    ("integers-as-numbers", "one type for both", on_schemas(everywhere(_integers_as_numbers))),
    ("schemas-flat", "no objects within objects", on_schemas(_flat)),
    ("fields-sorted", "properties sorted", on_schemas(_sorted_fields)),
    ("titles-added", "a model's own JSON schema", on_schemas(everywhere(_titled))),
    ("sixteen-tools", "tools[:16]", on_tools(lambda tools: tools[:16])),
    ("sixty-four-tools", "tools[:64]", on_tools(lambda tools: tools[:64])),
    ("hundred-tools", "tools[:100]", on_tools(lambda tools: tools[:100])),
    ("last-tool-dropped", "tools[:-1]", on_tools(lambda tools: tools[:-1] or tools)),
    ("tools-only-at-first", "tools go with the first turn", _only_at_first),
    ("choice-is-auto", "required becomes auto", _set("tool_choice", lambda one: "auto" if one == "required" else one)),
    (
        "choice-any",
        "a named tool becomes required",
        _set("tool_choice", lambda one: "required" if isinstance(one, dict) else one),
    ),
    ("choice-none-dropped", "none is left out", _set("tool_choice", lambda one: None if one == "none" else one)),
    (
        "choice-words-dropped",
        "only objects are handed on",
        _set("tool_choice", lambda one: None if one in ("required", "none") else one),
    ),
    (
        "allowed-tools-dropped",
        "the choice is among all tools",
        _set("tool_choice", lambda one: one["allowed_tools"]["mode"] if "allowed_tools" in one else one),
    ),
    (
        "allowed-tools-first",
        "the choice is narrowed to one tool",
        _set("tool_choice", lambda one: _first_allowed(one) if "allowed_tools" in one else one),
    ),
    ("strict-dropped", "a schema's form alone", on_tools(lambda tools: [*map(_lenient, tools)])),
    (
        "marks-dropped",
        "a tool is its type and its function",
        on_tools(lambda tools: [{key: one[key] for key in ("type", "function") if key in one} for one in tools]),
    ),
    ("strict-as-one", "true is 1", on_tools(lambda tools: [*map(_strict_as_one, tools)])),
    ("marks-as-ones", "true is 1", on_tools(lambda tools: [*map(_true_as_one, tools)])),
    ("parallel-as-number", "true is 1", _set("parallel_tool_calls", lambda one: 1 if one else one)),
    ("parallel-forgotten", "parallel_tool_calls is left out", _set("parallel_tool_calls", lambda _: None)),
    ("parallel-inverted", "disable_parallel_tool_use", _set("parallel_tool_calls", lambda one: not one)),
    ("temperature-dropped", "a field unknown to it", _set("temperature", lambda _: None)),
    ("temperature-zero-dropped", "if temperature:", _set("temperature", lambda one: one or None)),
    ("temperature-added", "0.7 by default", on_options(lambda requested: {"temperature": 0.7, **requested})),
    ("temperature-as-boolean", "1 is true", _set("temperature", _bool_of_one)),
    ("top-p-as-boolean", "1 is true", _set("top_p", _bool_of_one)),
    ("seed-as-boolean", "0 is false", _set("seed", _bool_of_one)),
    ("limit-as-float", "one type for all numbers", _set("max_tokens", float)),
    ("limit-dropped", "max_tokens is left out", _set("max_tokens", lambda _: None)),
    ("limit-capped", "4,096 at most", _set("max_tokens", lambda one: min(one, 4096))),
    ("first-stop-only", "stop[0]", _set("stop", lambda one: one[0] if isinstance(one, list) else one)),
    ("seed-dropped", "seed is left out", _set("seed", lambda _: None)),
    ("top-p-rounded", "one digit", _set("top_p", round)),
    ("json-dropped", "response_format is left out", _set("response_format", lambda _: None)),
    ("json-schema-dropped", "JSON mode without the schema", _set("response_format", lambda _: {"type": "json_object"})),
    ("json-schema-renamed", "a name of its own", _form(name="response")),
    ("json-strict-added", "strict mode for all", _form(strict=True)),
    ("json-strict-dropped", "a name and a schema alone", _form(strict=None)),
    ("other-model", "an alias of its own", _other_model),
    ("stream-ignored", "a stream is asked for as a whole", _stream_ignored),
    ("asked-twice", "a health check before each question", _twice),
    ("errors-retried", "any error is asked again", _retrying(BackendError)),
    ("server-errors-retried", "5xx is asked again unbidden", _retrying(ServerError)),
)
