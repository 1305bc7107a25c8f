"""One request made ready: the arguments of ``litellm.completion``, its dialect, and what reads its answer."""

from __future__ import annotations

import contextlib
import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.backend.history import fit_messages, fit_state, turns
from harness.backend.library import bedrock_info, library, responses_config
from harness.backend.models import canonical
from harness.backend.names import (
    NameTable,
    as_chat_tools,
    as_nested_choice,
    check_tools,
    choice_names,
    name_table,
    tool_name,
)
from harness.backend.repairs import ALLOWED_TOOLS, DEFAULTS
from harness.core.errors import UnsupportedError, UsageError
from harness.dialects import DIALECTS
from harness.dialects.chat_request import MARKS
from harness.dialects.providers import profile
from harness.dialects.routes import route as route_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.chat import Json
    from harness.dialects.providers import Profile

RETURN_TYPES = ("text", "json")


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """``arguments`` for litellm, which may hold the caller's own objects; the rest is for reading the answer."""

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
    """Prepare a request, for ``route`` where that is known. The caller's own objects are not changed.

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
    plain = [_plain(message, index) for index, message in enumerate(messages)]
    check_tools(tools or ())
    fixed, route = route is not None, route or route_of(model, tools, left)
    if "namespace" not in _marks(route):
        before, tools = list(tools or ()), list(as_chat_tools(tools or ()))
        if not fixed and tools != before:
            route = route_of(model, tools, left)  # litellm decides on the tools that it gets
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
    json_mode = json_options(
        provider, requested=return_type == "json", response_format=response_format, drop=bool(left.get("drop_params"))
    )
    arguments: dict[str, Json] = {
        # Retries are the caller's to decide: a blind one hides what a provider did, and pays twice.
        "num_retries": 0,
        **left,
        **json_mode,
        "model": model,
        "messages": names.messages(fit_messages(sent, provider, route, continued="previous_response_id" in left)),
        "stream": stream,
    }
    dialect = DIALECTS.get(route.dialect)
    if route.counts_unasked or (dialect is not None and not dialect.facts.counts_on_request):
        # litellm refuses the option there, though the counts come anyway.
        arguments.pop("stream_options", None)
    arguments = {**DEFAULTS.get(provider, {}), **arguments}
    if tools:
        arguments["tools"] = names.tools(tools)
    if tool_choice is not None:
        arguments["tool_choice"] = names.choice(tool_choice)
    return PreparedRequest(arguments, names, provider, turns(plain), json_answer=bool(json_mode), route=route)


def _marks(route: Profile) -> tuple[str, ...]:
    """What the wire takes beside plain functions; an unknown one gets everything as it is."""
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
            f"the custom tool {custom.get('name')!r} has a grammar, which {provider} does not take; offer it without"
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
    arguments = json.dumps({"input": custom.get("input")}, ensure_ascii=False)
    rest = {key: value for key, value in call.items() if key != "custom"}
    return {**rest, "type": "function", "function": {"name": custom.get("name"), "arguments": arguments}}


def _plain(message: Json, index: int) -> Mapping[str, Json]:
    """A message as a dict; litellm's and OpenAI's own objects are taken too."""
    if hasattr(message, "model_dump"):
        message = message.model_dump(exclude_none=True)
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise UsageError(f"message {index} is no message; it is a dict with a role, such as {{'role': 'user', ...}}")
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


def json_options(
    provider: str, *, requested: bool, response_format: Json = None, drop: bool = False
) -> dict[str, Json]:
    """The options that request JSON of ``provider``, after what litellm 1.109.1 does with each word (``json`` of the
    provider's row): ``{}`` where none is requested.

    ``format="json"`` is sent only where litellm hands it to a provider that knows it; anywhere else litellm passes it
    through as a field that strict APIs refuse.

    ``requested`` is ``message_return_type="json"``. A ``response_format`` goes out as it is: what a provider not
    listed makes of it, litellm decides (and says so). ``drop`` is litellm's ``drop_params``: the option may be dropped.

    Raises ``UnsupportedError`` for an option that litellm would drop without a word.
    """
    way = profile(provider).json
    if response_format is None:
        if not requested:
            return {}
        if way == "format":
            return {"format": "json"}
        response_format = {"type": "json_object"}
    kind = response_format.get("type") if isinstance(response_format, dict) else "json_schema"
    if kind == "text" or drop:
        return {"response_format": response_format}
    if way == "none":
        raise UnsupportedError(
            f"litellm can't ask {provider} for JSON; ask in the prompt, or set drop_params=True to go on without",
            provider=provider,
        )
    if way == "schema_only" and kind == "json_object":
        raise UnsupportedError(
            f"{provider} has no JSON mode without a schema, and litellm would send nothing; give response_format a "
            "json_schema, or set drop_params=True to go on without",
            provider=provider,
        )
    return {"response_format": response_format}


def route_of(model: str, tools: Sequence[Mapping[str, Json]] | None, options: Mapping[str, Json]) -> Profile:
    """The dialect and the rules for a request to ``model`` (``provider/name``) with these tools and options: by
    litellm's own rules where it has some, and ours for the rest.
    """
    provider, _, name = model.partition("/")
    responses = _over_responses(model, tools, options)
    return route_by_name(
        provider, name, responses=responses, bedrock=lambda: _bedrock_route(name, {**options, "tools": tools})
    )


def _over_responses(model: str, tools: Sequence[Mapping[str, Json]] | None, options: Mapping[str, Json]) -> bool:
    """Whether litellm will send the request over OpenAI's Responses."""
    if profile(model.partition("/")[0]).looks_up_models:
        return False
    litellm = library()
    deciding = ("reasoning_effort", "web_search_options", "api_base")
    # litellm raises what it likes for a model that it does not know; the request itself will show.
    with contextlib.suppress(Exception):
        name, provider, _, _ = litellm.get_llm_provider(model, api_base=options.get("api_base"))
        info, _ = litellm.main.responses_api_bridge_check(
            model=name,
            custom_llm_provider=provider,
            tools=list(tools or ()) or None,
            **{key: options[key] for key in deciding if options.get(key) is not None},
        )
        # Where litellm has no Responses of a provider for this model, it uses chat completions after all.
        return info.get("mode") == "responses" and responses_config(provider, name, options.get("api_base")) is not None
    return False


def _bedrock_route(name: str, options: Mapping[str, Json]) -> str:
    with contextlib.suppress(Exception):
        find = bedrock_info().get_bedrock_route
        more = {"request_params": options} if "request_params" in inspect.signature(find).parameters else {}
        return str(find(name, **more))
    return ""
