"""Which quirks an answer of Cohere's shows. ``detection`` says how detectors answer.

Left out is ``ndjson``: the request decides on it.
"""

from __future__ import annotations

from harness.core.chat import Json  # noqa: TC001 - a type alias in a signature
from harness.dialects.detection import LINES, Detector, ParsedAnswer, no_done, on_whole, stopped_with_calls
from harness.dialects.facts import at, dicts


def _content(answer: ParsedAnswer) -> bool | None:
    message = answer.body.get("message") or {}
    return message.get("content") == [] if message.get("tool_calls") and not message.get("content") else None


def _arguments(answer: ParsedAnswer) -> list[str]:
    """The arguments of each call, put together."""
    if not answer.stream:
        calls = dicts(at(answer.body, ("message", "tool_calls")))
        return [one for call in calls if isinstance(one := at(call, ("function", "arguments")), str)]
    made: dict[Json, str] = {}
    for event in answer.objects:
        text = at(event, ("delta", "message", "tool_calls", "function", "arguments"))
        if isinstance(text, str):
            made[event.get("index")] = made.get(event.get("index"), "") + text
    return list(made.values())


def _nothing(answer: ParsedAnswer) -> bool | None:
    bare = [one for one in _arguments(answer) if one.strip() in {"", "{}"}]
    return "" in bare if bare else None


def _stopped(answer: ParsedAnswer) -> bool | None:
    ends = [one.get("delta") or {} for one in answer.objects] if answer.stream else [answer.body]
    word = next((one["finish_reason"] for one in ends if one.get("finish_reason")), None)
    called = answer.reply.calls or answer.reply.errors
    return stopped_with_calls(word, stop="COMPLETE", calls="TOOL_CALL") if called else None


def _counted(answer: ParsedAnswer) -> bool:
    return any(one.get("usage") or (one.get("delta") or {}).get("usage") for one in answer.objects)


DETECTORS: dict[str, Detector] = {
    "content_empty": on_whole(_content),
    "arguments_empty_string": _nothing,
    "finish_stop": _stopped,
    "no_done": no_done,
    "no_usage": lambda answer: not _counted(answer),
    **LINES,
}
