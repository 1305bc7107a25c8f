"""Which quirks an answer of Ollama's /api/chat shows. ``detection`` says how detectors answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.detection import Detector, SeenAnswer, on_streams
from harness.dialects.facts import at, dicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json


def _groups(seen: SeenAnswer) -> list[list[dict[str, Json]]]:
    """The calls of each line that has some."""
    return [found for one in seen.objects if (found := dicts(at(one, ("message", "tool_calls"))))]


def _calls(judge: Callable[[dict[str, Json]], bool]) -> Detector:
    def detector(seen: SeenAnswer) -> bool | None:
        calls = [one for group in _groups(seen) for one in group]
        return all(map(judge, calls)) if calls else None

    return detector


def _at_end(seen: SeenAnswer) -> bool | None:
    ends = [one for one in seen.objects if one.get("done")]
    return any(at(one, ("message", "tool_calls")) for one in ends) if _groups(seen) and ends else None


def _together(seen: SeenAnswer) -> bool | None:
    groups = _groups(seen)
    several = sum(map(len, groups)) > 1
    return len(groups) == 1 if several and not _at_end(seen) else None


DETECTORS: dict[str, Detector] = {
    "id_missing": _calls(lambda call: not call.get("id")),
    "index_missing": _calls(lambda call: "index" not in (call.get("function") or {})),
    "calls_together": on_streams(_together),
    "calls_at_end": on_streams(_at_end),
    "finish_missing": lambda seen: not any(one.get("done_reason") for one in seen.objects),
    "no_usage": lambda seen: not any("eval_count" in one for one in seen.objects),
}
