"""Legal ways to write the same events, as quirks that every dialect of server-sent events has; and what becomes of a
content type, which every dialect has.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.exchange import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Reply
    from harness.core.exchange import Headers, HttpResponse
    from harness.dialects.dialect import Render

LABELS: dict[str, str] = {
    "untyped": "the answer has no content type (28 of 6,315: recorders strip it)",
    "masked_type": "the content type is **REDACTED** (recorders that mask headers)",
    "mistyped": "the content type is another's: text/html for a body, application/json for a stream (proxies)",
}
VARIANTS: dict[str, str] = {
    "byte_order_mark": "a byte order mark stands before the first event (gateways on .NET)",
    "carriage_returns": "lines end in CR alone",
    "mixed_line_ends": "lines end in LF, CR LF and CR by turns (proxies)",
    "several_data_lines": "the data of an event stands on several data lines (cadis 2053, term-llm 454)",
    "no_space": "no space stands behind a field's colon",
    "event_ids": "events have an id and a retry field",
    "keepalives": "comments and events without data keep the connection alive",
    **LABELS,
}
_ENDS = (("\n", "\r"), ("\r\n", "\n"), ("\r", "\r"))
_MARK = b"\xef\xbb\xbf"


def varying(render: Render) -> Render:
    """``render`` that knows ``VARIANTS`` too."""

    @functools.wraps(render)
    def made(
        reply: Reply, *, stream: bool = False, quirks: frozenset[str] = frozenset(), model: str = "model"
    ) -> HttpResponse:
        return varied(render(reply, stream=stream, quirks=quirks, model=model), quirks)

    return made


def varied(response: HttpResponse, quirks: frozenset[str]) -> HttpResponse:
    """``response`` written in the ways of ``VARIANTS`` that ``quirks`` names. Only event streams change their bytes."""
    asked = quirks & VARIANTS.keys()
    events = any(value.startswith("text/event-stream") for _, value in response.headers)
    if events and asked - LABELS.keys():
        pieces = [_written(chunk.data.decode(), place, asked) for place, chunk in enumerate(response.chunks)]
        if "byte_order_mark" in asked and pieces:
            pieces[0] = _MARK + pieces[0]
        response = replace(response, chunks=tuple(map(Chunk, pieces)))
    for label in sorted(asked & LABELS.keys()):
        response = replace(response, headers=tuple(_labelled(response.headers, label)))
    return response


def _labelled(headers: Headers, label: str) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if name.lower() != "content-type":
            yield name, value
        elif label != "untyped":
            wrong = "text/html" if value.startswith("application/json") else "application/json"
            yield name, "**REDACTED**" if label == "masked_type" else wrong


def _written(event: str, place: int, asked: frozenset[str]) -> bytes:
    ends = ("\r\n", "\r\n") if "\r\n" in event else ("\n", "\n")
    if "carriage_returns" in asked:
        ends = ("\r", "\r")
    elif "mixed_line_ends" in asked:
        ends = _ENDS[place % len(_ENDS)]
    lines = [line for line in event.replace("\r\n", "\n").split("\n") if line]
    if "several_data_lines" in asked:
        lines = [one for line in lines for one in _parted(line)]
    if "event_ids" in asked:
        lines = [f"id: {place}", "retry: 3000", *lines]
    if "no_space" in asked:
        lines = [_tight(line) for line in lines]
    text = "".join(f"{line}{ends[0]}" for line in lines) + ends[1]
    if "keepalives" in asked:
        alive = (":", "data:")[place % 2]
        text = f"{alive}{ends[0]}{ends[1]}{text}"
    return text.encode()


def _parted(line: str) -> list[str]:
    """A data line cut behind the bracket that opens its JSON."""
    return ["data: {", f"data: {line.removeprefix('data: {')}"] if line.startswith("data: {") else [line]


def _tight(line: str) -> str:
    name, colon, value = line.partition(": ")
    return f"{name}:{value}" if colon and name in {"data", "event", "id", "retry"} else line
