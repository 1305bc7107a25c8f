"""One request made ready: everything that ``litellm.completion`` is given, and what is needed to read its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.backend.config import canonical
from harness.backend.history import fit_messages, turns
from harness.backend.jsonmode import json_options
from harness.backend.name_positions import as_chat_tools, as_nested_choice, check_tools, choice_names, tool_name
from harness.backend.names import NameTable, name_table
from harness.backend.repairs.peculiar import ALLOWED_TOOLS, DEFAULTS
from harness.backend.repairs.routing import route_of
from harness.backend.repairs.state import fit_state
from harness.core.errors import UnsupportedError, UsageError
from harness.dialects import DIALECTS
from harness.dialects.chat_request import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.chat import Json
    from harness.dialects.providers import Profile

RETURN_TYPES = ("text", "json")


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """``arguments`` for litellm, which may hold what the caller gave; the rest is for reading the answer."""

    arguments: dict[str, Json]
    names: NameTable
    provider: str
    turn: int
    json_answer: bool
    route: Profile


def prepare_request(
    model: str,
    messages: Sequence[Json],
    tools: Sequence[Mapping[str, Json]] | None,
    options: Mapping[str, Json],
    *,
    stream: bool,
    route: Profile | None = None,
) -> PreparedRequest:
    """Prepare a request, for ``route`` where that is known. Nothing that the caller gave is changed.

    Raises ``UsageError``, ``DuplicateToolError`` or ``UnsupportedError`` for what can't be sent.
    """
    model = canonical(model)
    provider = model.partition("/")[0]
    left = dict(options)
    return_type = left.pop("message_return_type", None) or "text"
    if return_type not in RETURN_TYPES:
        raise UsageError(f"message_return_type is {return_type!r}; it is one of {', '.join(RETURN_TYPES)}")
    response_format = left.pop("response_format", None)
    tool_choice = as_nested_choice(left.pop("tool_choice", None))
    plain = [_plain(message, place) for place, message in enumerate(messages)]
    check_tools(tools or ())
    asked, route = route, route or route_of(model, tools, left)
    if "namespace" not in _marks(route):
        given, tools = list(tools or ()), list(as_chat_tools(tools or ()))
        if asked is None and tools != given:
            route = route_of(model, tools, left)  # litellm decides on what it is given
    marks = _marks(route)
    if "defer_loading" not in marks:
        _check_loaded(tools or (), provider)
    sent = list(fit_state(plain, model, route.dialect))
    if "custom" not in marks:
        tools, sent = [_as_function(tool, provider) for tool in tools or ()], [*map(_with_functions, sent)]
        if isinstance(tool_choice, dict) and tool_choice.get("type") == "custom":
            tool_choice = {"type": "function", "function": tool_choice["custom"]}
    names = name_table(provider, tools or (), plain, tool_choice, rule=route.names)
    _check_choice(tool_choice, names, provider)
    wants_json = json_options(
        provider, wanted=return_type == "json", response_format=response_format, drop=bool(left.get("drop_params"))
    )
    arguments: dict[str, Json] = {
        # Retries are the caller's to decide: a blind one hides what a provider did, and pays twice.
        "num_retries": 0,
        **left,
        **wants_json,
        "model": model,
        "messages": names.messages(fit_messages(sent, provider, route, continued="previous_response_id" in left)),
        "stream": stream,
    }
    dialect = DIALECTS.get(route.dialect)
    if route.counts_unasked or (dialect is not None and not dialect.facts.counts_are_asked_for):
        # litellm refuses the option there, though what it asks for comes anyway.
        arguments.pop("stream_options", None)
    arguments = {**DEFAULTS.get(provider, {}), **arguments}
    if tools:
        arguments["tools"] = names.tools(tools)
    if tool_choice is not None:
        arguments["tool_choice"] = names.choice(tool_choice)
    return PreparedRequest(arguments, names, provider, turns(plain), json_answer=bool(wants_json), route=route)


def _marks(route: Profile) -> tuple[str, ...]:
    """What the wire takes beside plain functions; an unknown one is given everything as it is."""
    known = DIALECTS.get(route.dialect)
    return MARKS if known is None else (*route.tool_marks, *known.facts.tool_marks)


def _check_loaded(tools: Iterable[Mapping[str, Json]], provider: str) -> None:
    for tool in tools:
        if tool.get("type") == "tool_search":
            raise UnsupportedError(f"{provider} has no tool_search over this API; offer the tools without it")
        if tool.get("defer_loading"):
            raise UnsupportedError(
                f"the tool {tool_name(tool)[0]!r} has defer_loading, which {provider} does not take over this API; "
                "offer it without"
            )


def _as_function(tool: Mapping[str, Json], provider: str) -> Mapping[str, Json]:
    """A custom tool as a function of one text, for a provider that has no custom tools: its calls read the same."""
    custom = tool.get("custom")
    if tool.get("type") != "custom" or not isinstance(custom, dict):
        return tool
    if custom.get("format") not in (None, _TEXT):
        raise UnsupportedError(
            f"the custom tool {custom.get('name')!r} has a grammar, which {provider} can't be given; offer it without"
        )
    schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    rest = {key: value for key, value in custom.items() if key != "format"}
    return {"type": "function", "function": {**rest, "parameters": schema}}


_TEXT = {"type": "text"}


def _with_functions(message: dict[str, Json]) -> dict[str, Json]:
    calls: Any = message.get("tool_calls")
    if not any(one.get("custom") for one in calls or ()):
        return message
    return {**message, "tool_calls": [_function_call(one) for one in calls]}


def _function_call(call: dict[str, Json]) -> dict[str, Json]:
    custom = None if call.get("function") else call.get("custom")
    if not isinstance(custom, dict):
        return call
    given = json.dumps({"input": custom.get("input")}, ensure_ascii=False)
    rest = {key: value for key, value in call.items() if key != "custom"}
    return {**rest, "type": "function", "function": {"name": custom.get("name"), "arguments": given}}


def _plain(message: Json, place: int) -> Mapping[str, Json]:
    """A message as a dict; litellm's and OpenAI's own objects are taken too."""
    if hasattr(message, "model_dump"):
        message = message.model_dump(exclude_none=True)
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise UsageError(f"message {place} is no message; it is a dict with a role, such as {{'role': 'user', ...}}")
    return message


def _check_choice(tool_choice: Json, names: NameTable, provider: str) -> None:
    if tool_choice in (None, "auto", "none"):
        return
    if not names.wire and not names.offered:
        raise UsageError(f"tool_choice is {tool_choice!r}, but no tools are offered; offer some or leave it out")
    if isinstance(tool_choice, dict) and tool_choice.get("type") == "allowed_tools" and provider not in ALLOWED_TOOLS:
        able = " and ".join(sorted(ALLOWED_TOOLS))
        raise UnsupportedError(f"tool_choice 'allowed_tools' goes to {able} alone; offer {provider} those tools only")
    for chosen in choice_names(tool_choice):
        if chosen not in names.offered:
            raise UsageError(f"tool_choice names {chosen!r}, which is not offered")
    if isinstance(tool_choice, dict) and tool_choice.get("type") == "custom":
        raise UnsupportedError(
            f"litellm sends no tool_choice that names a custom tool; offer {provider} that tool only"
        )
