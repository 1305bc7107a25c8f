"""Which quirks an answer of Ollama's /api/chat shows. ``detection`` says how detectors answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.detection import Detector, ParsedAnswer, on_streams
from harness.dialects.facts import at, dicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json


def _groups(answer: ParsedAnswer) -> list[list[dict[str, Json]]]:
    """The calls of each line that has some."""
    return [found for one in answer.objects if (found := dicts(at(one, ("message", "tool_calls"))))]


def _calls(judge: Callable[[dict[str, Json]], bool]) -> Detector:
    def detector(answer: ParsedAnswer) -> bool | None:
        calls = [one for group in _groups(answer) for one in group]
        return all(map(judge, calls)) if calls else None

    return detector


def _at_end(answer: ParsedAnswer) -> bool | None:
    ends = [one for one in answer.objects if one.get("done")]
    return any(at(one, ("message", "tool_calls")) for one in ends) if _groups(answer) and ends else None


def _together(answer: ParsedAnswer) -> bool | None:
    groups = _groups(answer)
    several = sum(map(len, groups)) > 1
    return len(groups) == 1 if several and not _at_end(answer) else None


DETECTORS: dict[str, Detector] = {
    "id_missing": _calls(lambda call: not call.get("id")),
    "index_missing": _calls(lambda call: "index" not in (call.get("function") or {})),
    "calls_together": on_streams(_together),
    "calls_at_end": on_streams(_at_end),
    "finish_missing": lambda answer: not any(one.get("done_reason") for one in answer.objects),
    "no_usage": lambda answer: not any("eval_count" in one for one in answer.objects),
}
