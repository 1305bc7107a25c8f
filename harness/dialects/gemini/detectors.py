"""Which quirks an answer of Gemini's shows. ``detection`` says how detectors answer.

Left out are ``json_array`` and ``partial_args``: the request decides on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.dialects.detection import LINES, Detector, ParsedAnswer, line_feeds, no_arguments, on_streams
from harness.dialects.facts import dicts
from harness.dialects.gemini.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json


@dataclass(frozen=True, slots=True, eq=False)
class _Generated:
    """The candidates in order, one an event, and the parts of each."""

    answer: ParsedAnswer
    candidates: tuple[dict[str, Json], ...]
    parts: tuple[tuple[dict[str, Json], ...], ...]

    @property
    def calls(self) -> list[dict[str, Json]]:
        """The parts that are calls."""
        return [part for group in self.parts for part in group if dicts([part.get("functionCall")])]

    @property
    def end(self) -> dict[str, Json]:
        return next((one for one in self.candidates if one.get("finishReason")), {})

    @property
    def word(self) -> str | None:
        return FACTS.word(self.end.get("finishReason"))


@lru_cache(4)
def _generated(answer: ParsedAnswer) -> _Generated:
    found = [one for event in answer.objects for one in dicts(event.get("candidates"))[:1]]
    return _Generated(
        answer, tuple(found), tuple(tuple(dicts((one.get("content") or {}).get("parts"))) for one in found)
    )


def _on(judge: Callable[[_Generated], bool | None]) -> Detector:
    return lambda answer: judge(_generated(answer))


def _calls(judge: Callable[[list[dict[str, Json]]], bool | None]) -> Detector:
    return _on(lambda made: judge(made.calls) if made.calls else None)


def _args(calls: list[dict[str, Json]]) -> bool | None:
    bare = [one["functionCall"] for one in calls if no_arguments(one["functionCall"].get("args"))]
    return any("args" not in one for one in bare) if bare else None


def _alone(made: _Generated) -> bool | None:
    """An empty text says nothing."""
    filled = [any(part != {"text": ""} for part in group) for group in made.parts]
    return not filled[-1] if any(filled) and made.candidates and made.candidates[-1].get("finishReason") else None


def _separate(made: _Generated) -> bool | None:
    counts = [sum("functionCall" in part for part in group) for group in made.parts]
    return max(counts) == 1 if sum(counts) > 1 else None


def _failed(word: str) -> Detector:
    """Of an answer that ended in an error: whether it is this one."""
    return _on(lambda made: made.word == word if FACTS.finish(made.word) == "error" else None)


def _blocked(answer: ParsedAnswer) -> bool | None:
    reply = answer.reply
    silent = not (reply.text or reply.calls or reply.reasoning or reply.provider_calls)
    return not _generated(answer).candidates if silent and reply.finish == "content_filter" else None


DETECTORS: dict[str, Detector] = {
    "id": _calls(lambda calls: any(one["functionCall"].get("id") for one in calls)),
    "args_missing": _calls(_args),
    "thought_signature": _calls(lambda calls: any(one.get("thoughtSignature") for one in calls)),
    "finish_enum": _on(lambda made: isinstance(made.end["finishReason"], int) if made.end else None),
    "finish_message": _on(
        lambda made: "finishMessage" in made.end if made.calls and FACTS.finish(made.word) == "stop" else None
    ),
    "finish_alone": on_streams(_on(_alone)),
    "calls_apart": on_streams(_on(_separate)),
    "lf": line_feeds,
    "no_usage": lambda answer: not any(one.get("usageMetadata") for one in answer.objects),
    "malformed_call": _failed("MALFORMED_FUNCTION_CALL"),
    "unexpected_call": _failed("UNEXPECTED_TOOL_CALL"),
    "prompt_blocked": _blocked,
    **LINES,
}
