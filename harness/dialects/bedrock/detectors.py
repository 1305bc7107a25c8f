"""Which quirks an answer of Bedrock's Converse shows. ``detection`` says how detectors answer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.dialects.detection import Detector, ParsedAnswer, on_streams, stopped_with_calls
from harness.dialects.facts import at, dicts

if TYPE_CHECKING:
    from harness.core.chat import Json


def _uses(answer: ParsedAnswer) -> list[dict[str, Json]]:
    """The tool uses that are the client's, of a stream as they begin."""
    if answer.stream:
        found = [at(one, ("start", "toolUse")) for one in answer.objects]
    else:
        found = [one.get("toolUse") for one in dicts(at(answer.body, ("output", "message", "content")))]
    return [one for one in dicts(found) if one.get("type") != "server_tool_use"]


def _fragment(text: str) -> Detector:
    """Of a call without arguments in a stream: whether ``text`` is one of its pieces."""

    def detector(answer: ParsedAnswer) -> bool | None:
        begun = [one.get("contentBlockIndex") for one in answer.objects if at(one, ("start", "toolUse"))]
        pieces: dict[Json, list[Json]] = defaultdict(list)
        for one in answer.objects:
            if isinstance(use := at(one, ("delta", "toolUse")), dict):
                pieces[one.get("contentBlockIndex")].append(use.get("input"))
        bare = [pieces[index] for index in begun if "".join(filter(None, pieces[index])) in {"", "{}"}]
        return any(text in one for one in bare) if bare else None

    return on_streams(detector)


def _stopped(answer: ParsedAnswer) -> bool | None:
    word = next((one["stopReason"] for one in answer.objects if one.get("stopReason")), None)
    return stopped_with_calls(word, stop="end_turn", calls="tool_use") if _uses(answer) else None


def _cited(answer: ParsedAnswer) -> bool | None:
    if not answer.reply.text:
        return None
    if answer.stream:
        return any(at(one, ("delta", "citation")) for one in answer.objects)
    return any("citationsContent" in one for one in dicts(at(answer.body, ("output", "message", "content"))))


DETECTORS: dict[str, Detector] = {
    "no_padding": on_streams(lambda answer: not any("p" in one for one in answer.objects)),
    "empty_fragment": _fragment(""),
    "empty_object": _fragment("{}"),
    "finish_stop": _stopped,
    "tool_type": lambda answer: any("type" in one for one in uses) if (uses := _uses(answer)) else None,
    "citations": _cited,
    "no_usage": lambda answer: not any(one.get("usage") for one in answer.objects),
}
