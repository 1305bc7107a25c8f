"""Tool names: where they stand in a request, and a two-way table of names that the provider accepts.

Replacing "/" by "__" and back is no bijection (``a__b`` would come back as ``a/b``), so the way back is
never worked out from the name: it is looked up. The functions that rename give copies.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.core.errors import DuplicateToolError, UsageError
from harness.dialects.facts import dicts
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from harness.core.chat import Json
    from harness.dialects.name_rules import NameRule


@dataclass(frozen=True, slots=True)
class NameTable:
    """Own name ↔ wire name, one to one. ``offered`` are the own names that the model may call."""

    wire: Mapping[str, str]
    own: Mapping[str, str]
    offered: frozenset[str]

    @classmethod
    def of(
        cls, offered: Sequence[str], rule: NameRule, *, mentioned: Iterable[str] = (), pinned: Collection[str] = ()
    ) -> NameTable:
        """Give each name a wire name that ``rule`` allows.

        A legal name stays as it is, ``a/b`` becomes ``a__b`` where nobody else wants that, all others
        are made legal and stamped with a digest of themselves. Offered names come first, so what
        the model sees of them does not change as the history grows; then names ``mentioned`` in the
        history or the choice. Those ``pinned`` are the provider's own words, and stay whatever the rule says.

        Raises ``DuplicateToolError`` for a name offered twice.
        """
        if len(set(offered)) < len(offered):
            raise DuplicateToolError([name for name, count in Counter(offered).items() if count > 1])
        wire = {name: name for name in offered if name in pinned}
        taken = set(wire)
        _assign([name for name in offered if name not in wire], rule, wire, taken)
        _assign([name for name in dict.fromkeys(mentioned) if name not in wire], rule, wire, taken)
        own = {there: here for here, there in wire.items()}
        return cls(MappingProxyType(wire), MappingProxyType(own), frozenset(offered))

    def own_offered(self, name: str) -> str | None:
        """The own name of the offered tool that is called ``name`` on the wire; None if there is none."""
        own = self.own.get(name)
        return own if own in self.offered else None

    def with_loaded(self, names: Collection[str]) -> NameTable:
        """The table with the names of tools that the provider itself found beside its own."""
        new = [name for name in names if name not in self.own]
        if not new:
            return self
        more = dict.fromkeys(new)
        same = {name: name for name in more}
        return NameTable(
            MappingProxyType({**self.wire, **same}), MappingProxyType({**self.own, **same}), self.offered | more.keys()
        )

    def tools(self, tools: Iterable[Mapping[str, Json]]) -> list[dict[str, Json]]:
        """Copies of the caller's tools under their wire names."""
        return [rename_tool(tool, self.wire) for tool in tools]

    def messages(self, messages: Iterable[Mapping[str, Json]]) -> list[dict[str, Json]]:
        """Copies of the messages with the names of earlier calls and results as on the wire."""
        return [rename_message(message, self.wire) for message in messages]

    def choice(self, tool_choice: Json) -> Json:
        """``tool_choice`` under the wire name; words such as ``"auto"`` stay."""
        return rename_choice(tool_choice, self.wire)


def name_table(
    provider: str,
    tools: Iterable[Mapping[str, Json]] = (),
    messages: Iterable[Mapping[str, Json]] = (),
    tool_choice: Json = None,
    *,
    rule: NameRule | None = None,
) -> NameTable:
    """The table for one request, made from all the names it holds, under ``rule``, or ``provider``'s."""
    tools = list(tools)
    # A reply does not say which namespace was meant, so no two tools may share a name, wherever they stand.
    found = [one for tool in tools for one in _named(tool)]
    offered = [name for name, _ in found if name is not None]
    pinned = {name for name, ours in found if name is not None and not ours}
    mentioned = [name for message in messages for name in message_names(message)]
    mentioned += choice_names(tool_choice)
    return NameTable.of(offered, rule or profile(provider).names, mentioned=mentioned, pinned=pinned)


def _named(tool: Mapping[str, Json]) -> list[tuple[str | None, bool]]:
    return [*map(tool_name, within(tool))] if tool.get("type") == "namespace" else [tool_name(tool)]


def slash_to_double_underscore(tools: Iterable[Mapping[str, Json]], provider: str = "openai") -> list[dict[str, Json]]:
    """Copies of ``tools`` under names that ``provider`` accepts: ``a/b`` as ``a__b``.

    The table for the way back is ``name_table(provider, tools)``; hand it to
    ``decode_litellm_tool_calls``. Raises ``DuplicateToolError``.
    """
    tools = list(tools)
    return name_table(provider, tools).tools(tools)


def _assign(names: Sequence[str], rule: NameRule, wire: dict[str, str], taken: set[str]) -> None:
    def take(name: str, target: str) -> None:
        wire[name] = target
        taken.add(target)

    for name in names:
        if name not in taken and rule.allows(name):
            take(name, name)
    rest = sorted(name for name in names if name not in wire)
    if not rest:
        return
    target = {name: name.replace("/", "__") for name in rest}
    wishes = Counter(target.values())
    for name in rest:
        plain = target[name]
        # Two that want one name both go without it: who is offered first must not matter.
        if plain != name and wishes[plain] == 1 and rule.allows(plain) and plain not in taken:
            take(name, plain)
    for name in rest:
        if name not in wire:
            take(name, _stamped(name, rule, taken))


def _stamped(name: str, rule: NameRule, taken: set[str]) -> str:
    readable = re.sub(f"[^{rule.rest}]", "_", name.replace("/", "__"))
    if not re.match(f"[{rule.first}]", readable):
        readable = f"t_{readable}"
    attempt = 0
    while True:
        # "surrogatepass": a lone surrogate is a poor name, but no reason to crash here.
        digest = hashlib.sha256(f"{attempt or ''}{name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
        candidate = f"{readable[: rule.longest - 9]}_{digest}"
        if candidate not in taken:
            return candidate
        attempt += 1


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


def check_tools(tools: Iterable[Json]) -> None:
    """Raise ``UsageError`` for what is no tool, for a function or custom tool without a name, and for a namespace that
    holds none or anything else (openai SDK, types/responses/namespace_tool_param.py).
    """
    for index, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, Mapping) else 0
        if kind is not None and not isinstance(kind, str):
            raise UsageError(f"tool {index} is no tool; it is a dict with a type, such as {{'type': 'function', ...}}")
        if kind == "namespace":
            inner = tool.get("tools")
            others = [one for one in dicts(inner) if one.get("type") not in (None, *_SLOTS)]
            if not inner or others or not isinstance(inner, list) or len(dicts(inner)) < len(inner):
                raise UsageError(f"tool {index} is a namespace; its tools are a list of functions and custom tools")
            check_tools({"type": "function", **one} for one in inner)
        elif kind in _SLOTS and tool_name(tool)[0] is None:
            raise UsageError(
                f"tool {index} is of type {kind!r} and has no name; give it as {{'type': {kind!r}, {kind!r}: "
                "{'name': ..., 'description': ...}}"
            )


def as_chat_tools(tools: Iterable[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """``tools`` as chat completions have them: functions and custom tools in a slot of their own, and those in a
    namespace among the others, each behind the namespace's description. Raises ``UsageError``.
    """
    for tool in tools:
        if tool.get("type") != "namespace":
            yield _nested(tool)
            continue
        for one in within(tool):
            made = _nested({"type": "function", **one})
            inner = next(made[slot] for slot in _SLOTS if isinstance(made.get(slot), dict))
            texts = [text for text in (tool.get("description"), inner.get("description")) if text]
            described = {"description": "\n\n".join(map(str, texts))} if texts else {}
            yield {**made, made["type"]: {**inner, **described}}


def _nested(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    """A tool whose fields stand at the top, as Responses has them, with them in a slot."""
    kind = tool.get("type")
    if kind is None and isinstance(tool.get("name"), str) and "input_schema" not in tool:  # which is Anthropic's own
        kind, tool = "function", {"type": "function", **tool}
    if kind not in _SLOTS or any(isinstance(tool.get(slot), dict) for slot in _SLOTS):
        return tool
    if kind == "custom" and tool.keys() & {"parameters", "input_schema"}:
        raise UsageError(f"the custom tool {tool['name']!r} has a schema; offer it as a function")
    inner = {key: one for key, one in tool.items() if key in _INNER}
    form = inner.get("format")
    if isinstance(form, dict) and form.get("type") == "grammar" and "grammar" not in form:
        inner["format"] = {"type": "grammar", "grammar": {key: one for key, one in form.items() if key != "type"}}
    return {**{key: one for key, one in tool.items() if key not in _INNER}, kind: inner}


_INNER = ("name", "description", "parameters", "strict", "format")
"""Fields that stand in a tool's slot; others, such as ``defer_loading``, stand beside it."""


def as_nested_choice(tool_choice: Json) -> Json:
    """A ``tool_choice`` of either shape as chat completions have it. Raises ``UsageError`` where it names no tool."""
    kind = tool_choice.get("type") if isinstance(tool_choice, dict) else None
    if kind not in _SLOTS:
        return tool_choice
    inner = tool_choice.get(kind, {"name": tool_choice.get("name")})
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise UsageError(
            f"tool_choice is {tool_choice!r}, which names no tool; it is {{'type': {kind!r}, {kind!r}: "
            "{'name': ...}}"
        )
    if kind in tool_choice:
        return tool_choice
    return {**{key: one for key, one in tool_choice.items() if key != "name"}, kind: inner}


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
