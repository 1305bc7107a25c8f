"""Which quirks of its dialect an answer shows, read off its bytes: what the detectors of all dialects share.

A detector looks at one answer and gives True where it shows the quirk, False where it could and does not, and None
where it has no occasion to: an answer without calls shows nothing of how calls are written. Of quirks that exclude one
another only those have an occasion that the ones before left, so that quirks drawn one by one, at these rates, are
found again at the same rates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from harness.dialects.framing import eventstream, framing, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpResponse


@dataclass(frozen=True, slots=True, eq=False)
class ParsedAnswer:
    """The parts of an answer: ``reply`` as the dialect's reader has it, ``text`` its body (``""`` of binary frames),
    ``events`` its pieces with their types, of a whole answer the one. ``request`` is the request's body, empty where
    it is not known.
    """

    reply: Reply
    text: str
    events: tuple[tuple[str, Json], ...]
    stream: bool
    request: Mapping[str, Json] = field(default_factory=dict)

    @property
    def objects(self) -> list[dict[str, Json]]:
        return [event for _, event in self.events if isinstance(event, dict)]

    @property
    def body(self) -> dict[str, Json]:
        """The one object of a whole answer."""
        return self.objects[0] if self.objects else {}

    @property
    def lines(self) -> bool:
        """Whether this is a stream of server-sent events, whose lines may be written in several ways."""
        return self.stream and re.search(r"(?:\A\ufeff?|[\r\n])data:", self.text) is not None


Detector: TypeAlias = Callable[[ParsedAnswer], bool | None]


def parse_answer(response: HttpResponse, reply: Reply, request: Mapping[str, Json] | None = None) -> ParsedAnswer:
    """The parts of ``response``. Raises ``UnreadableReplyError`` and ``StreamCutError``."""
    kind = framing(response)
    events = tuple(_framed(response.body)) if kind == "frames" else tuple(pieces(response))
    text = "" if kind == "frames" else response.body.decode(errors="replace")
    return ParsedAnswer(reply, text, events, kind != "whole", request or {})


def _framed(body: bytes) -> Iterator[tuple[str, Json]]:
    for frame in eventstream.frames(body):
        yield frame.headers.get(":event-type", ""), json.loads(frame.payload or b"{}")


LONG = 7
"""Arguments that are longer come in several pieces, by default."""


def on_streams(detector: Detector) -> Detector:
    """``detector``, for streams alone."""
    return lambda answer: detector(answer) if answer.stream else None


def on_whole(detector: Detector) -> Detector:
    """``detector``, for whole answers alone."""
    return lambda answer: None if answer.stream else detector(answer)


def _in_lines(pattern: str, *, without: str = "") -> Detector:
    """Whether ``pattern`` is found in the text of an event stream that does not show ``without``, a quirk."""
    found = re.compile(pattern, re.MULTILINE)

    def detector(answer: ParsedAnswer) -> bool | None:
        if not answer.lines or (without and LINES[without](answer)):
            return None
        return found.search(answer.text) is not None

    return detector


def _returns(answer: ParsedAnswer) -> bool | None:
    return "\n" not in answer.text if answer.lines else None


def _mixed(answer: ParsedAnswer) -> bool | None:
    if not answer.lines or _returns(answer):
        return None
    return len(set(re.findall(r"\r\n|\n|\r", answer.text))) > 1


def line_feeds(answer: ParsedAnswer) -> bool | None:
    """Whether lines end in LF alone."""
    return None if not answer.lines or _returns(answer) or _mixed(answer) else "\r" not in answer.text


def returns_and_feeds(answer: ParsedAnswer) -> bool | None:
    """Whether lines end in CR LF."""
    plain = line_feeds(answer)
    return None if plain is None else not plain


LINES: dict[str, Detector] = {
    "byte_order_mark": _in_lines(r"\A\ufeff"),
    "carriage_returns": _returns,
    "mixed_line_ends": _mixed,
    "several_data_lines": _in_lines(r"(?:\A|[\r\n])data: ?\{(?:\r\n|\r|\n)data:"),
    "no_space": _in_lines(r"(?:\A\ufeff?|[\r\n])(?:data|event):[^ \r\n]"),
    "event_ids": _in_lines(r"(?:\A\ufeff?|[\r\n])(?:id|retry):"),
    "keepalives": _in_lines(r"(?:\A\ufeff?|[\r\n])(?::|data:) ?(?=[\r\n])"),
}
"""For ``framing.variants.VARIANTS``. A missing content type is not among them: recorders leave it out."""

comments = _in_lines(r"(?:\A\ufeff?|[\r\n]): ?[^ \r\n]")
"""Whether lines of comment stand in the stream, more than a colon alone."""
no_done = on_streams(lambda answer: all(event is not None for _, event in answer.events))
"""Whether no ``[DONE]`` ends the stream."""


def stopped_with_calls(word: Json, *, stop: str, calls: str) -> bool | None:
    """Whether the finish word of an answer with calls is the one for text."""
    return word == stop if word in (stop, calls) else None


def no_arguments(raw: Json) -> bool:
    """Whether these arguments are no arguments."""
    return raw in ({}, None) or (isinstance(raw, str) and re.fullmatch(r"\s*(\{\s*\}|null|)\s*", raw) is not None)
