"""Which quirks an answer of Bedrock's Converse shows. ``detection`` says how detectors answer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.dialects.detection import Detector, SeenAnswer, on_streams, stopped_with_calls
from harness.dialects.facts import at, dicts

if TYPE_CHECKING:
    from harness.core.chat import Json


def _uses(seen: SeenAnswer) -> list[dict[str, Json]]:
    """The tool uses that are the client's, of a stream as they begin."""
    if seen.stream:
        found = [at(one, ("start", "toolUse")) for one in seen.objects]
    else:
        found = [one.get("toolUse") for one in dicts(at(seen.body, ("output", "message", "content")))]
    return [one for one in dicts(found) if one.get("type") != "server_tool_use"]


def _fragment(text: str) -> Detector:
    """Of a call without arguments in a stream: whether ``text`` is one of its pieces."""

    def detector(seen: SeenAnswer) -> bool | None:
        begun = [one.get("contentBlockIndex") for one in seen.objects if at(one, ("start", "toolUse"))]
        pieces: dict[Json, list[Json]] = defaultdict(list)
        for one in seen.objects:
            if isinstance(use := at(one, ("delta", "toolUse")), dict):
                pieces[one.get("contentBlockIndex")].append(use.get("input"))
        bare = [pieces[place] for place in begun if "".join(filter(None, pieces[place])) in {"", "{}"}]
        return any(text in one for one in bare) if bare else None

    return on_streams(detector)


def _stopped(seen: SeenAnswer) -> bool | None:
    word = next((one["stopReason"] for one in seen.objects if one.get("stopReason")), None)
    return stopped_with_calls(word, stop="end_turn", calls="tool_use") if _uses(seen) else None


def _cited(seen: SeenAnswer) -> bool | None:
    if not seen.reply.text:
        return None
    if seen.stream:
        return any(at(one, ("delta", "citation")) for one in seen.objects)
    return any("citationsContent" in one for one in dicts(at(seen.body, ("output", "message", "content"))))


DETECTORS: dict[str, Detector] = {
    "no_padding": on_streams(lambda seen: not any("p" in one for one in seen.objects)),
    "empty_fragment": _fragment(""),
    "empty_object": _fragment("{}"),
    "finish_stop": _stopped,
    "tool_type": lambda seen: any("type" in one for one in uses) if (uses := _uses(seen)) else None,
    "citations": _cited,
    "no_usage": lambda seen: not any(one.get("usage") for one in seen.objects),
}
