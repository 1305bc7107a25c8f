"""Tool names that a provider accepts, and the way back: a two-way table made for each request.

Replacing "/" by "__" and back is no bijection (``a__b`` would come back as ``a/b``), so the way back is
never worked out from the name: it is looked up.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.backend.name_positions import (
    choice_names,
    message_names,
    rename_choice,
    rename_message,
    rename_tool,
    tool_name,
    within,
)
from harness.core.errors import DuplicateToolError
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

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
    def take(name: str, wanted: str) -> None:
        wire[name] = wanted
        taken.add(wanted)

    for name in names:
        if name not in taken and rule.allows(name):
            take(name, name)
    rest = sorted(name for name in names if name not in wire)
    if not rest:
        return
    wanted = {name: name.replace("/", "__") for name in rest}
    wishes = Counter(wanted.values())
    for name in rest:
        plain = wanted[name]
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
