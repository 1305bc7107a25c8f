"""Which quirks an answer of the Responses API shows. ``detection`` says how detectors answer.

Left out are ``custom``, ``namespace`` and ``reasoning_encrypted``: the request decides on them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.dialects.detection import (
    LINES,
    Detector,
    ParsedAnswer,
    comments,
    no_arguments,
    returns_and_feeds,
)
from harness.dialects.facts import dicts
from harness.dialects.openai_responses.facts import TERMINATORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json

_LONG_ID = 40


@dataclass(frozen=True, slots=True, eq=False)
class _Response:
    """``final`` is the response object at its end, ``items`` are its items, of a stream those that were done."""

    answer: ParsedAnswer
    final: dict[str, Json]
    items: tuple[dict[str, Json], ...]

    def kind(self, kind: str) -> list[dict[str, Json]]:
        return [one for one in self.items if one.get("type") == kind]

    def events(self, *kinds: str) -> list[dict[str, Json]]:
        return [one for one in self.answer.objects if one.get("type") in kinds]

    @property
    def calls(self) -> list[dict[str, Json]]:
        return self.kind("function_call")

    @property
    def texts(self) -> list[list[str]]:
        """The texts of each message that has some."""
        filled = [[part.get("text") or "" for part in dicts(one.get("content"))] for one in self.kind("message")]
        return [parts for parts in filled if any(parts)]


@lru_cache(4)
def _response(answer: ParsedAnswer) -> _Response:
    if not answer.stream:
        return _Response(answer, answer.body, tuple(dicts(answer.body.get("output"))))
    ends = [one["response"] for one in answer.objects if one.get("type") in TERMINATORS and one.get("response")]
    done = [one["item"] for one in answer.objects if one.get("type") == "response.output_item.done" and "item" in one]
    final = ends[-1] if ends else {}
    return _Response(answer, final, tuple(dicts(done or final.get("output"))))


def _on(judge: Callable[[_Response], bool | None], *, stream: bool = False) -> Detector:
    return lambda answer: None if stream and not answer.stream else judge(_response(answer))


def _items(judge: Callable[[dict[str, Json]], bool], *kinds: str) -> Detector:
    """Whether ``judge`` holds of every item of these kinds, of all where none is named."""

    def detector(made: _Response) -> bool | None:
        some = [one for one in made.items if not kinds or one.get("type") in kinds]
        return all(map(judge, some)) if some else None

    return _on(detector)


def _only_done(made: _Response) -> bool | None:
    done = made.events("response.output_item.done")
    return not made.events("response.output_item.added") if done else None


def _at_once(made: _Response) -> bool | None:
    begun = [one["item"] for one in made.events("response.output_item.added") if dicts([one.get("item")])]
    calls = [one for one in begun if one.get("type") == "function_call"]
    present = any(one.get("arguments") for one in made.calls)
    return any(one.get("arguments") for one in calls) if calls and present else None


def _deltas(made: _Response) -> list[Json]:
    return [one.get("delta") for one in made.events("response.function_call_arguments.delta")]


def _arguments_done(made: _Response) -> bool | None:
    if _at_once(made) is not False:
        return None
    return not any(_deltas(made))


def _empty_deltas(made: _Response) -> bool | None:
    return "" in _deltas(made) if made.calls and _only_done(made) is False else None


def _interleaved(made: _Response) -> bool | None:
    """Whether a call begins before the one before it is done."""
    marks = made.events("response.output_item.added", "response.output_item.done")
    calls = [one for one in marks if (one.get("item") or {}).get("type") == "function_call"]
    order = [index for one in calls if isinstance(index := one.get("output_index"), int)]
    return order != sorted(order) if len(order) > 2 and not _only_done(made) else None  # noqa: PLR2004 - begun and done


def _nothing(made: _Response) -> bool | None:
    present = [one.get("arguments") for one in made.calls if no_arguments(one.get("arguments"))]
    return "" in present if present else None


def _ids(made: _Response) -> bool | None:
    ids = [one.get("call_id") for one in made.calls if one.get("call_id")]
    return any(len(str(one)) > _LONG_ID for one in ids) if ids else None


def _thought(made: _Response) -> bool | None:
    filled = [one for one in made.kind("reasoning") if one.get("summary") or one.get("content")]
    return any(one.get("content") for one in filled) if filled else None


def _between(made: _Response) -> bool | None:
    kinds = [one.get("type") for one in made.items]
    if kinds.count("function_call") < 2:  # noqa: PLR2004 - between two
        return None
    first, last = kinds.index("function_call"), len(kinds) - 1 - kinds[::-1].index("function_call")
    return "reasoning" in kinds[first:last]


def _messages(made: _Response) -> bool | None:
    return len(made.texts) > 1 if sum(map(len, map("".join, made.texts))) > 1 else None


def _parts(made: _Response) -> bool | None:
    return None if _messages(made) is not False else any(len(parts) > 1 for parts in made.texts)


def _text_last(made: _Response) -> bool | None:
    kinds = [one.get("type") for one in made.items]
    if not made.texts or not made.calls:
        return None
    return kinds.index("message") > kinds.index("function_call")


def _cited(made: _Response) -> bool | None:
    parts = [part for one in made.kind("message") for part in dicts(one.get("content"))]
    return any(part.get("annotations") for part in parts) if made.texts else None


def _last_line(answer: ParsedAnswer) -> bool | None:
    if not answer.lines or not any(kind for kind, _ in answer.events):
        return None
    return re.search(r"(?:\A|[\r\n])data:[^\r\n]*(?:\r\n|\r|\n)event:", answer.text) is not None


DETECTORS: dict[str, Detector] = {
    "lean": _on(
        lambda made: None if not made.final else not made.final.keys() & {"tool_choice", "parallel_tool_calls"}
    ),
    "no_event_lines": lambda answer: not any(kind for kind, _ in answer.events) if answer.lines else None,
    "event_line_last": _last_line,
    "no_sequence": _on(
        lambda made: not any("sequence_number" in one for one in made.answer.objects) if made.answer.objects else None,
        stream=True,
    ),
    "item_id_missing": _items(lambda item: not item.get("id")),
    "output_empty": _on(
        lambda made: not made.final.get("output") if made.final and made.events("response.output_item.done") else None,
        stream=True,
    ),
    "items_only_done": _on(_only_done, stream=True),
    "arguments_only_done": _on(_arguments_done, stream=True),
    "arguments_at_once": _on(_at_once, stream=True),
    "arguments_empty_string": _on(_nothing),
    "empty_deltas": _on(_empty_deltas, stream=True),
    "interleaved": _on(_interleaved, stream=True),
    "id_long": _on(_ids),
    "status_missing": _items(lambda item: "status" not in item, "message", "function_call"),
    "reasoning_text": _on(_thought),
    "reasoning_between": _on(_between),
    "text_parts": _on(_parts),
    "text_messages": _on(_messages),
    "text_last": _on(_text_last),
    "annotations": _on(_cited),
    "comments": comments,
    "keepalive": _on(lambda made: bool(made.events("keepalive")), stream=True),
    "done_marker": lambda answer: None in [event for _, event in answer.events] if answer.stream else None,
    "crlf": returns_and_feeds,
    "no_usage": _on(lambda made: not made.final.get("usage") if made.final else None),
    "total_missing": _on(lambda made: "total_tokens" not in made.final["usage"] if made.final.get("usage") else None),
    **LINES,
}
