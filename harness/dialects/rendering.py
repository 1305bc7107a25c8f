"""What the renderers of all dialects share: what a wire can carry, text in pieces, legal ways to write the same events.

A reply that would read back as another is refused before a byte is written.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, ProviderCall, ToolCall
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.arguments import judged, strict_json
from harness.dialects.framing.sse import dumps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from harness.core.chat import Finish, Json, Reply
    from harness.core.exchange import Headers
    from harness.dialects.dialect import Render
    from harness.dialects.facts import Facts


def check(reply: Reply, finishes: Collection[Finish | None], wire: str) -> None:
    """Raise ``UsageError`` for a reply that ``wire`` has no words for, whatever the quirks."""
    if reply.finish not in finishes and not (reply.finish == "unknown" and reply.raw_finish):
        raise UsageError(f"{wire} has no stop reason for {reply.finish!r}")
    if reply.refusal:
        raise UsageError(f"{wire} has no field for a refusal; give it as text, with the finish 'content_filter'")
    calls: list[ToolCall | CallError | ProviderCall] = [*reply.calls, *reply.errors, *reply.provider_calls]
    names = [word for call in calls for word in (call.name, call.id) if word]
    try:
        "".join((reply.text, reply.reasoning, *names, *(error.raw for error in reply.errors))).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{wire} is UTF-8, which has no lone surrogates: {error.object[error.start]!r}") from error


def finish_word(reply: Reply, facts: Facts, words: Mapping[Finish | None, str | None]) -> str | None:
    """The word that ``reply`` ends in: its own one, where ``facts`` gives it the meaning of ``reply.finish``, else that
    of ``words``.
    """
    own = reply.raw_finish
    return own if own and facts.finish(own) == reply.finish else words.get(reply.finish)


def ends_cut(reply: Reply, call: ToolCall | CallError) -> bool:
    """Whether ``call`` is where the reply was stopped: its last."""
    return reply.finish in STOPPED and ordered(reply)[-1] is call


def argument(call: ToolCall | CallError, wire: str, *, text: bool, cut: bool, bare: bool = True) -> Json:
    """What is sent for a call's arguments: an object for a good call, for a broken one its raw text or, where
    arguments are no ``text``, the JSON value that the text holds.

    ``bare``: on this wire ``{}`` is what nothing at all looks like. Raises ``UsageError`` where the wire can't tell
    the call from another: text that is no JSON where JSON belongs, a fault that would not be found.
    """
    if isinstance(call, ToolCall):
        sent: Json = call.parameters
    elif text:
        sent = call.raw
    else:
        sent = _value(call, wire)
    read = judged(call.name, None if bare and sent == {} else sent, call.id, 0, cut=cut)
    if _fault(read) != _fault(call):
        found = f"an error: {read.detail}" if isinstance(read, CallError) else "a good call"
        raise UsageError(f"{wire} can't carry the call to {call.name!r} like this: it would read back as {found}")
    return sent


def _value(call: CallError, wire: str) -> Json:
    try:
        return strict_json(call.raw)
    except ValueError as error:
        raise UsageError(
            f"{wire} sends arguments as JSON, and {call.raw[:80]!r} is none ({error}); where it streams text, stream it"
        ) from error


def _fault(call: ToolCall | CallError) -> str | None:
    """What a reader can find wrong with ``call``: it does not know which tools were offered."""
    return call.fault if isinstance(call, CallError) and call.fault != "unknown_tool" else None


_MOST_PIECES = 24


def error_response(
    status: int,
    body: Json,
    *headers: tuple[str, str],
    retry_after: float | None,
    content_type: str = "application/json",
) -> HttpResponse:
    """An error answer with ``body``, and the wait as a header."""
    wait = () if retry_after is None else (("retry-after", f"{retry_after:g}"),)
    return HttpResponse(status, (("content-type", content_type), *headers, *wait), (Chunk(dumps(body).encode()),))


def refused_quirks(quirks: frozenset[str], known: Mapping[str, str], dialect: str) -> None:
    """Raise ``UsageError`` for quirks that the dialect's table doesn't name."""
    unknown = sorted(quirks - known.keys())
    if unknown:
        raise UsageError(f"{dialect} has no quirk {', '.join(unknown)}; it has {', '.join(sorted(known))}")


def ordered(reply: Reply) -> list[ToolCall | CallError]:
    """Good and broken calls as they stood: each ``CallError`` at its ``index``."""
    made: list[ToolCall | CallError] = list(reply.calls)
    for error in sorted(reply.errors, key=lambda one: one.index):
        made.insert(error.index, error)
    return made


def pieces(text: str, size: int = 7) -> Iterator[str]:
    """``text`` in the pieces that a stream sends it in; a long one in two dozen larger ones."""
    size = max(size, len(text) // _MOST_PIECES)
    for start in range(0, len(text), size):
        yield text[start : start + size]


LABELS: dict[str, str] = {
    "untyped": "the answer has no content type (28 of 6,315: recorders strip it)",
    "masked_type": "the content type is **REDACTED** (recorders that mask headers)",
    "mistyped": "the content type is another's: text/html for a body, application/json for a stream (proxies)",
}
"""What becomes of a content type, as quirks that every dialect has."""
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
"""Legal ways to write the same events, as quirks that every dialect of server-sent events has."""
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
    variants = quirks & VARIANTS.keys()
    events = any(value.startswith("text/event-stream") for _, value in response.headers)
    if events and variants - LABELS.keys():
        parts = [_written(chunk.data.decode(), index, variants) for index, chunk in enumerate(response.chunks)]
        if "byte_order_mark" in variants and parts:
            parts[0] = _MARK + parts[0]
        response = replace(response, chunks=tuple(map(Chunk, parts)))
    for label in sorted(variants & LABELS.keys()):
        response = replace(response, headers=tuple(_labelled(response.headers, label)))
    return response


def _labelled(headers: Headers, label: str) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if name.lower() != "content-type":
            yield name, value
        elif label != "untyped":
            wrong = "text/html" if value.startswith("application/json") else "application/json"
            yield name, "**REDACTED**" if label == "masked_type" else wrong


def _written(event: str, index: int, variants: frozenset[str]) -> bytes:
    ends = ("\r\n", "\r\n") if "\r\n" in event else ("\n", "\n")
    if "carriage_returns" in variants:
        ends = ("\r", "\r")
    elif "mixed_line_ends" in variants:
        ends = _ENDS[index % len(_ENDS)]
    lines = [line for line in event.replace("\r\n", "\n").split("\n") if line]
    if "several_data_lines" in variants:
        lines = [one for line in lines for one in _parted(line)]
    if "event_ids" in variants:
        lines = [f"id: {index}", "retry: 3000", *lines]
    if "no_space" in variants:
        lines = [_tight(line) for line in lines]
    text = "".join(f"{line}{ends[0]}" for line in lines) + ends[1]
    if "keepalives" in variants:
        alive = (":", "data:")[index % 2]
        text = f"{alive}{ends[0]}{ends[1]}{text}"
    return text.encode()


def _parted(line: str) -> list[str]:
    """A data line cut behind the bracket that opens its JSON."""
    return ["data: {", f"data: {line.removeprefix('data: {')}"] if line.startswith("data: {") else [line]


def _tight(line: str) -> str:
    name, colon, value = line.partition(": ")
    return f"{name}:{value}" if colon and name in {"data", "event", "id", "retry"} else line
