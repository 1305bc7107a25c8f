"""How a changed program would ask: one thing in a recorded request changed, whatever the dialect it is in.

The body is walked for what all dialects have under a few names: tools, their schemas, options, and the conversation
itself: roles, messages, their words, calls made before.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from harness.dialects.framing.sse import dumps
from harness.mutation import mutant as places
from harness.mutation.mutant import Mutator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.chat import Json
    from harness.core.exchange import Exchange, HttpRequest
    from harness.mutation.mutant import Act

Changed: TypeAlias = "Iterator[tuple[str, Json]]"

_TOOL_LISTS = frozenset({"tools", "functionDeclarations", "function_declarations", "functions"})
_CHOICES = frozenset({"tool_choice", "toolChoice", "mode"})
CONVERSATION = frozenset({"messages", "contents", "system", "systemInstruction", "system_instruction", "prompt"})
_DEEPEST = 2
"""Options stand at the top or in one object of theirs; what is deeper belongs to a schema."""
_MODEL_IN_PATH = re.compile(r"(/models?/[^/:]+)")
_ARGUMENTS = frozenset({"arguments", "args", "input"})


def body(request: HttpRequest) -> Json:
    """The JSON of a request; None where it is none."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return None


def unchanged(exchange: Exchange) -> Exchange | None:
    """The request written again as it is; None where it is no JSON."""
    value = body(exchange.request)
    return None if value is None else _with_body(exchange, value)


def _with_body(exchange: Exchange, value: Json) -> Exchange:
    return replace(exchange, request=replace(exchange.request, body=dumps(value).encode("utf-8", "surrogatepass")))


def of_body(change: Callable[[Json], Changed]) -> Act:
    def act(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
        value = body(exchange.request)
        if not isinstance(value, dict):
            return
        for location, made in change(value):
            if made != value:
                yield location, _with_body(exchange, made)

    return act


def _tools(value: Json) -> list[places.Path]:
    """Each tool that is offered; Gemini's list of lists is no tool, but the declarations in it are."""
    return [
        path
        for path, one in places.walk(value)
        if len(path) > 1 and path[-2] in _TOOL_LISTS and isinstance(path[-1], int) and isinstance(one, dict)
        if _TOOL_LISTS.isdisjoint(one) and CONVERSATION.isdisjoint(path)
    ]


def _core(value: Json, tool: places.Path) -> places.Path:
    """Where a tool's name, description and schema stand."""
    inner = next((key for key in ("function", "toolSpec") if key in places.at(value, tool)), None)
    return (*tool, inner) if inner else tool


def _tool_dropped(value: Json) -> Changed:
    for path in _tools(value):
        yield places.json_path(path), places.without(value, path)


def _tool_renamed(value: Json) -> Changed:
    for tool in _tools(value):
        core = _core(value, tool)
        if isinstance(places.at(value, core).get("name"), str):
            yield places.json_path(tool), places.put(value, (*core, "name"), lambda name: f"{name}_2")


def _tool_described_otherwise(value: Json) -> Changed:
    for tool in _tools(value):
        core = _core(value, tool)
        if places.at(value, core).get("description"):
            yield places.json_path(tool), places.put(value, (*core, "description"), places.word_changed)


def _properties(value: Json) -> list[places.Path]:
    """Every object schema's ``properties``, in tools and in the schema of the answer, nested ones too."""
    return [
        path
        for path, one in places.walk(value)
        if path and path[-1] == "properties" and path[0] not in CONVERSATION and isinstance(one, dict)
    ]


def _parameter_renamed(value: Json) -> Changed:
    for path in _properties(value):
        holder = path[:-1]
        for name in places.at(value, path):
            renamed = _renamed(places.at(value, holder), name)
            yield places.json_path((*path, name)), places.replaced(value, holder, renamed)


def _renamed(schema: Json, name: str) -> Json:
    new = f"{name}_2"
    made = {(new if key == name else key): inner for key, inner in schema["properties"].items()}
    required = schema.get("required")
    if isinstance(required, list):
        schema = {**schema, "required": [new if one == name else one for one in required]}
    return {**schema, "properties": made}


def _parameter_optional(value: Json) -> Changed:
    for path in _properties(value):
        holder = path[:-1]
        for number, name in enumerate(places.at(value, holder).get("required") or ()):
            yield f"{places.json_path(holder)}: {name}", places.without(value, (*holder, "required", number))


def _choices(value: Json) -> list[places.Path]:
    return [
        path
        for path, one in places.walk(value)
        if path and path[-1] in _CHOICES and one and not {*CONVERSATION, *_TOOL_LISTS} & {*path}
    ]


def _choice_changed(value: Json) -> Changed:
    for path in _choices(value):
        yield places.json_path(path), places.put(value, path, _other_choice)


def _choice_dropped(value: Json) -> Changed:
    for path in _choices(value):
        yield places.json_path(path), places.without(value, path)


def _other_choice(choice: Json) -> Json:
    if isinstance(choice, str):
        loose, strict = ("AUTO", "ANY") if choice.isupper() else ("auto", "required")
        return strict if choice == loose else loose
    if isinstance(choice, dict) and "type" in choice:
        return {"type": "any" if choice["type"] == "auto" else "auto"}
    return {"any": {}} if "auto" in choice else {"auto": {}}


def _option_changed(value: Json) -> Changed:
    """Each number, flag or word that is neither said nor part of a tool: temperature, limits, stream."""
    for path in _options(value):
        yield places.json_path(path), places.put(value, path, places.other)


def _option_dropped(value: Json) -> Changed:
    for path in _options(value):
        if isinstance(path[-1], str):
            yield places.json_path(path), places.without(value, path)


def _options(value: Json) -> list[places.Path]:
    left_out = CONVERSATION | _TOOL_LISTS | {"model", "toolConfig"}
    return [
        path
        for path, _ in places.leaves(value)
        if path[0] not in left_out and _CHOICES.isdisjoint(path) and len(path) <= _DEEPEST
    ]


def _model_changed(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    """In the body, or in the path where it is named there."""
    value, request = body(exchange.request), exchange.request
    if isinstance(value, dict) and isinstance(value.get("model"), str):
        yield "model", _with_body(exchange, {**value, "model": f"{value['model']}-2"})
    elif found := _MODEL_IN_PATH.search(request.url):
        url = f"{request.url[: found.end()]}-2{request.url[found.end() :]}"
        yield "the model in the path", replace(exchange, request=replace(request, url=url))


def _mutator(name: str, change: Callable[[Json], Changed]) -> Mutator:
    return Mutator(name, "request", "request", of_body(change), rewritten=True)


QUESTION_MUTATORS: tuple[Mutator, ...] = (
    _mutator("tool dropped", _tool_dropped),
    _mutator("tool renamed", _tool_renamed),
    _mutator("tool described otherwise", _tool_described_otherwise),
    _mutator("parameter renamed", _parameter_renamed),
    _mutator("parameter made optional", _parameter_optional),
    _mutator("tool choice changed", _choice_changed),
    _mutator("tool choice dropped", _choice_dropped),
    _mutator("option changed", _option_changed),
    _mutator("option dropped", _option_dropped),
    Mutator("model changed", "request", "request", _model_changed, rewritten=True),
)
"""Every way to change a request; a new one is a function and a line here."""


def _turns(value: Json) -> tuple[str, list[Json]]:
    """The messages, and under which key they stand."""
    for key in ("messages", "contents"):
        if isinstance(value.get(key), list):
            return key, value[key]
    return "", []


def _roles_swapped(value: Json) -> Changed:
    """Of neighbours that speak in different roles; a message that stands alone is put into the assistant's mouth."""
    key, turns = _turns(value)
    other = "model" if key == "contents" else "assistant"
    if len(turns) == 1:
        yield f"{key}[0]", places.replaced(value, (key, 0, "role"), other)
    for number, (one, after) in enumerate(pairwise(turns)):
        if one.get("role") != after.get("role"):
            made = places.replaced(value, (key, number, "role"), after.get("role"))
            made = places.replaced(made, (key, number + 1, "role"), one.get("role"))
            yield f"{key}[{number}] and [{number + 1}]", made


def _message_dropped(value: Json) -> Changed:
    key, turns = _turns(value)
    for number in range(len(turns)) if len(turns) > 1 else ():
        yield f"{key}[{number}]", places.without(value, (key, number))


def _word_edited(value: Json) -> Changed:
    """In each text that somebody says, and in each result of a tool."""
    for path, one in places.leaves(value):
        text = isinstance(one, str) and (path[-1] in {"content", "text", "system", "prompt"} or "response" in path)
        if text and path[0] in CONVERSATION and _ARGUMENTS.isdisjoint(path):
            yield places.json_path(path), places.put(value, path, places.word_changed) if one.strip() else value


def _past_call_changed(value: Json) -> Changed:
    for path, one in places.leaves(value):
        if path[0] in CONVERSATION and not _ARGUMENTS.isdisjoint(path):
            yield (
                places.json_path(path),
                places.put(value, path, _other_arguments if path[-1] == "arguments" else places.other),
            )
        elif path[0] in CONVERSATION and path[-1] == "name" and isinstance(one, str):
            yield places.json_path(path), places.put(value, path, lambda name: f"{name}_2")


def _other_arguments(text: Json) -> Json:
    """Other arguments of a call, whose arguments are the text of a JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        return places.other(text)
    path = next((path for path, _ in places.leaves(value)), None)
    return dumps({"x": 1} if path is None else places.put(value, path, places.other))


MESSAGE_MUTATORS: tuple[Mutator, ...] = (
    _mutator("roles swapped", _roles_swapped),
    _mutator("message dropped", _message_dropped),
    _mutator("word edited", _word_edited),
    _mutator("past call changed", _past_call_changed),
)
"""Every way to change what is said; a new one is a function and a line here."""
