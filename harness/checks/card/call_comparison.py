"""What the wire says that was called, beside what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.card.context import failed, names, quirk
from harness.checks.json_equality import difference, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.checks.card.context import CheckContext
    from harness.core.chat import Json, Reply, ToolCall
    from harness.core.finding import Finding


def called(seen: CheckContext) -> tuple[ToolCall, ...]:
    return seen.own_calls(seen.both[0]) if seen.both else ()


def lost(seen: CheckContext) -> str | None:
    """How the backend's calls differ from those on the wire; None where they don't.

    Calls to tools that are no functions in the request may be among them: a search that the client runs.
    """
    assert seen.both is not None
    reading, reply = seen.both
    own, every = (
        calls_differ([(seen.wire.get(call.name, call.name), call) for call in calls], reply.calls)
        for calls in (seen.own_calls(reading), reading.calls)
    )
    return own if every else None


def calls_differ(expected: Sequence[tuple[str, ToolCall]], found: Sequence[ToolCall]) -> str | None:
    if len(expected) != len(found):
        return f"{len(expected)} calls on the wire, {len(found)} came back ({names(call.name for call in found)})"
    for number, ((name, call), other) in enumerate(zip(expected, found, strict=True)):
        if name != other.name:
            return f"call {number} was to {name!r}, came back as {other.name!r}"
        if told := difference(call.parameters, other.parameters):
            return f"call {number} ({name}): {told}"
    return None


def otherwise(reading: Reply, reply: Reply) -> Finding:
    """What to say of a text that is not the one on the wire."""
    longer, shorter = sorted((reading, reply), key=lambda one: len(one.text), reverse=True)
    thought, said = longer.text.lstrip(), shorter.text.strip()
    if thought.startswith("<think") and thought.endswith(said) and shorter.reasoning.strip() in thought:
        message = "the model's thinking stands in its text; one reading takes it for reasoning"
        return quirk(message, "thinking", blame="provider")
    return failed(f"the wire says {shown(reading.text)}, {shown(reply.text)} came back", "text", blame="litellm")


def deep(inside: object) -> bool:
    return any(not isinstance(one, str) for one in inside) if hasattr(inside, "__iter__") else False


def delicate(value: Json) -> bool:
    if isinstance(value, str):
        return not value.isascii() or any(mark in value for mark in '"\\\n\t<>')
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(map(delicate, inside))
