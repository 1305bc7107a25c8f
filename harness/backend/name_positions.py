"""The places in a request where a tool's name stands. Everything here copies; nothing is changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.facts import dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json

# Where OpenAI's shapes keep a name: {"type": "function", "function": {"name": …}}, and the same for "custom".
_SLOTS = ("function", "custom")


def tool_name(tool: Mapping[str, Json]) -> tuple[str | None, bool]:
    """The name of an offered tool, and whether it is the caller's to choose.

    A name at the top is in OpenAI's legacy shape (no type) and in typed "function" and "custom" tools;
    under any other type (``web_search_20250305``, ``bash_20250124``) it is the provider's own word.
    """
    for slot in _SLOTS:
        inner = tool.get(slot)
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            return inner["name"], True
    name = tool.get("name")
    return (name, tool.get("type") in (None, *_SLOTS)) if isinstance(name, str) else (None, False)


def within(tool: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The tools in a namespace of OpenAI's Responses; none for any other tool."""
    return dicts(tool.get("tools")) if tool.get("type") == "namespace" else []


def rename_tool(tool: Mapping[str, Json], wire: Mapping[str, str]) -> dict[str, Json]:
    if inner := within(tool):
        return {**tool, "tools": [rename_tool(one, wire) for one in inner]}
    name, ours = tool_name(tool)
    return _renamed(tool, wire) if name is not None and ours else dict(tool)


def choice_names(tool_choice: Json) -> list[str]:
    """The tools that ``tool_choice`` names: one, or those that ``allowed_tools`` narrows the choice to."""
    if not isinstance(tool_choice, dict):
        return []
    found = (tool_name(one) for one in (tool_choice, *_allowed(tool_choice)))
    return [name for name, _ in found if name is not None]


def rename_choice(tool_choice: Json, wire: Mapping[str, str]) -> Json:
    if not isinstance(tool_choice, dict):
        return tool_choice
    made = _renamed(tool_choice, wire)
    renamed = [_renamed(one, wire) for one in _allowed(made)]
    if renamed and "tools" in made:
        return {**made, "tools": renamed}
    return {**made, "allowed_tools": {**made["allowed_tools"], "tools": renamed}} if renamed else made


def _allowed(tool_choice: dict[str, Json]) -> list[dict[str, Json]]:
    """What ``allowed_tools`` lists, in the shape of chat completions or of Responses."""
    inner = tool_choice.get("allowed_tools", tool_choice)
    return dicts(inner.get("tools")) if isinstance(inner, dict) else []


def message_names(message: Mapping[str, Json]) -> Iterator[str]:
    """Every tool name in a message: earlier calls, the legacy call, and the name beside a result."""
    for call in message.get("tool_calls") or ():
        for slot in _SLOTS:
            inner = call.get(slot)
            if isinstance(inner, dict) and isinstance(inner.get("name"), str):
                yield inner["name"]
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and isinstance(legacy.get("name"), str):
        yield legacy["name"]
    # "name" of any other role is the speaker's, no tool's
    if message.get("role") in ("tool", "function") and isinstance(message.get("name"), str):
        yield message["name"]


def rename_message(message: Mapping[str, Json], wire: Mapping[str, str]) -> dict[str, Json]:
    copy = dict(message)
    if copy.get("tool_calls"):
        copy["tool_calls"] = [_renamed(call, wire) for call in copy["tool_calls"]]
    if isinstance(copy.get("function_call"), dict):
        copy["function_call"] = _renamed(copy["function_call"], wire)
    if copy.get("role") in ("tool", "function"):
        copy = _renamed(copy, wire)
    return copy


def _renamed(value: Mapping[str, Json], wire: Mapping[str, str]) -> dict[str, Json]:
    """A copy of ``value`` with its name, and those in its slots, as on the wire."""
    copy = dict(value)
    for slot in _SLOTS:
        inner = copy.get(slot)
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            copy[slot] = {**inner, "name": wire.get(inner["name"], inner["name"])}
    if isinstance(copy.get("name"), str):
        copy["name"] = wire.get(copy["name"], copy["name"])
    return copy
