"""Which quirks a message of Anthropic's shows. ``detection`` says how detectors answer."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.dialects.detection import LINES, LONG, Detector, ParsedAnswer, on_streams, stopped_with_calls
from harness.dialects.facts import dicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json


@dataclass(frozen=True, slots=True, eq=False)
class _Message:
    """``blocks`` are the content blocks, of a stream as they begin; ``fragments`` the pieces of a block's input."""

    answer: ParsedAnswer
    blocks: tuple[dict[str, Json], ...]
    fragments: tuple[tuple[str, ...], ...]
    stop: Json
    usage: bool

    @property
    def uses(self) -> list[tuple[dict[str, Json], tuple[str, ...]]]:
        pairs = zip(self.blocks, self.fragments, strict=True)
        return [(block, pieces) for block, pieces in pairs if block.get("type") == "tool_use"]


@lru_cache(4)
def _message(answer: ParsedAnswer) -> _Message:
    if not answer.stream:
        body = answer.body
        blocks = tuple(dicts(body.get("content")))
        return _Message(answer, blocks, tuple(() for _ in blocks), body.get("stop_reason"), bool(body.get("usage")))
    begun = {one.get("index"): one["content_block"] for one in answer.objects if dicts([one.get("content_block")])}
    pieces: dict[Json, list[str]] = defaultdict(list)
    for one in answer.objects:
        delta = one.get("delta") or {}
        if "partial_json" in delta:
            pieces[one.get("index")].append(delta["partial_json"] or "")
    stop = next((word for one in answer.objects if (word := (one.get("delta") or {}).get("stop_reason"))), None)
    usage = any(one.get("usage") or (one.get("message") or {}).get("usage") for one in answer.objects)
    return _Message(answer, tuple(begun.values()), tuple(tuple(pieces[one]) for one in begun), stop, usage)


def _on(judge: Callable[[_Message], bool | None]) -> Detector:
    return lambda answer: judge(_message(answer))


def _caller(made: _Message) -> bool | None:
    return any("caller" in block for block, _ in made.uses) if made.uses else None


def _no_fragment(made: _Message) -> bool | None:
    bare = [pieces for _, pieces in made.uses if not "".join(pieces)]
    return any(not pieces for pieces in bare) if bare else None


def _whole_fragment(made: _Message) -> bool | None:
    some = [pieces for _, pieces in made.uses if len("".join(pieces)) > LONG]
    return all(len(list(filter(None, pieces))) == 1 for pieces in some) if some else None


def _text_last(made: _Message) -> bool | None:
    kinds = [block.get("type") for block in made.blocks]
    if not made.answer.reply.text or "tool_use" not in kinds or "text" not in kinds:
        return None
    return len(kinds) - 1 - kinds[::-1].index("text") > kinds.index("tool_use")


DETECTORS: dict[str, Detector] = {
    "no_ping": on_streams(
        _on(lambda made: all(one.get("type") != "ping" for one in made.answer.objects) if made.blocks else None)
    ),
    "no_padding": lambda answer: re.search(r" +\}(?=[\r\n])", answer.text) is None if answer.lines else None,
    "caller": _on(_caller),
    "no_fragment": on_streams(_on(_no_fragment)),
    "whole_fragment": on_streams(_on(_whole_fragment)),
    "finish_stop": _on(
        lambda made: stopped_with_calls(made.stop, stop="end_turn", calls="tool_use") if made.uses else None
    ),
    "text_last": _on(_text_last),
    "no_usage": _on(lambda made: not made.usage),
    **LINES,
}
