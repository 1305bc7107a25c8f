"""Which quirks an answer of Cohere's shows. ``detection`` says how detectors answer.

Left out is ``ndjson``: the request decides on it.
"""

from __future__ import annotations

from harness.core.chat import Json  # noqa: TC001 - a type alias in a signature
from harness.dialects.detection import LINES, Detector, SeenAnswer, no_done, on_whole, stopped_with_calls
from harness.dialects.facts import at, dicts


def _content(seen: SeenAnswer) -> bool | None:
    message = seen.body.get("message") or {}
    return message.get("content") == [] if message.get("tool_calls") and not message.get("content") else None


def _arguments(seen: SeenAnswer) -> list[str]:
    """The arguments of each call, put together."""
    if not seen.stream:
        calls = dicts(at(seen.body, ("message", "tool_calls")))
        return [one for call in calls if isinstance(one := at(call, ("function", "arguments")), str)]
    made: dict[Json, str] = {}
    for event in seen.objects:
        text = at(event, ("delta", "message", "tool_calls", "function", "arguments"))
        if isinstance(text, str):
            made[event.get("index")] = made.get(event.get("index"), "") + text
    return list(made.values())


def _nothing(seen: SeenAnswer) -> bool | None:
    bare = [one for one in _arguments(seen) if one.strip() in {"", "{}"}]
    return "" in bare if bare else None


def _stopped(seen: SeenAnswer) -> bool | None:
    ends = [one.get("delta") or {} for one in seen.objects] if seen.stream else [seen.body]
    word = next((one["finish_reason"] for one in ends if one.get("finish_reason")), None)
    called = seen.reply.calls or seen.reply.errors
    return stopped_with_calls(word, stop="COMPLETE", calls="TOOL_CALL") if called else None


def _counted(seen: SeenAnswer) -> bool:
    return any(one.get("usage") or (one.get("delta") or {}).get("usage") for one in seen.objects)


DETECTORS: dict[str, Detector] = {
    "content_empty": on_whole(_content),
    "arguments_empty_string": _nothing,
    "finish_stop": _stopped,
    "no_done": no_done,
    "no_usage": lambda seen: not _counted(seen),
    **LINES,
}
