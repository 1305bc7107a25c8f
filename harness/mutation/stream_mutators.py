"""How a changed provider would answer, as far as the wire goes: what is cut, lost, doubled or out of order, indices,
output items, the status. The recorded bytes are changed, and all else in them stays. A body is taken in its pieces:
events, lines, frames of an event stream, or one whole.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import HarnessError, StreamCutError
from harness.core.exchange import Chunk
from harness.dialects.framing import body_parts, eventstream, framing, streamed
from harness.dialects.framing.sse import chunks, dumps
from harness.mutation import mutant as places
from harness.mutation.mutant import Mutator
from harness.mutation.reply_mutators import FINE, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import Exchange, HttpResponse
    from harness.dialects.framing import Framing
    from harness.mutation.mutant import Act, Aspect

_DATA = re.compile(rb"^data: ?(.*?)(\r?)$", re.MULTILINE)
_STATUSES = {FINE: 503, 400: 404, 401: 403, 403: 401, 404: 400, 429: 503}
_ARGUMENTS = frozenset({"arguments", "args", "input", "parameters"})
_LIMIT, _FILTER = {"reason": "max_output_tokens"}, {"reason": "content_filter"}
_FAILED = {"code": "server_error", "message": "The server had an error."}
_Pieces: TypeAlias = "Iterator[tuple[str, list[bytes]]]"


def joined(response: HttpResponse, pieces: Sequence[bytes]) -> HttpResponse:
    """``response`` with ``pieces`` for its body, each a chunk."""
    return replace(response, chunks=chunks(pieces))


def _edited(piece: bytes, written: Framing, change: Callable[[Json], Json]) -> bytes:
    """``piece`` with its JSON changed; as it is, where it holds none or nothing changes."""
    if written == "events":
        return _DATA.sub(lambda found: b"data: " + _changed(found[1], change) + found[2], piece)
    if written == "frames":
        (frame,) = eventstream.frames(piece)
        made = _changed(frame.payload, change)
        return piece if made == frame.payload else eventstream.write(frame.headers, made)
    end = b"\n" if piece.endswith(b"\n") else b""
    return _changed(piece.removesuffix(b"\n"), change) + end


def _changed(text: bytes, change: Callable[[Json], Json]) -> bytes:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    made = change(value)
    return text if made == value else dumps(made).encode()


def _of_bytes(change: Callable[[HttpResponse, list[bytes]], Iterator[tuple[str, list[bytes]]]]) -> Act:
    def act(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
        response = exchange.response
        if response is None or not response.body:
            return
        for location, made in change(response, body_parts(response)):
            if b"".join(made) != response.body:
                yield location, replace(exchange, response=joined(response, made))

    return act


def _cut(response: HttpResponse, _: list[bytes]) -> _Pieces:
    half = len(response.body) // 2
    yield f"after {half} of {len(response.body)} bytes", [response.body[:half]]


def _piece_dropped(_: HttpResponse, parts: list[bytes]) -> _Pieces:
    middle = len(parts) // 2
    if len(parts) > 1:
        yield f"piece {middle} of {len(parts)}", parts[:middle] + parts[middle + 1 :]


def _piece_doubled(_: HttpResponse, parts: list[bytes]) -> _Pieces:
    middle = len(parts) // 2
    if len(parts) > 1:
        yield f"piece {middle} of {len(parts)}", parts[: middle + 1] + parts[middle:]


def _pieces_swapped(_: HttpResponse, parts: list[bytes]) -> _Pieces:
    """Out of order: the middle piece and the next one that is not the same."""
    middle = len(parts) // 2
    after = next((index for index in range(middle + 1, len(parts)) if parts[index] != parts[middle]), None)
    if after is not None:
        made = [*parts]
        made[middle], made[after] = made[after], made[middle]
        yield f"pieces {middle} and {after} of {len(parts)}", made


def _end_lost(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    """The stream ends at the end of a piece, but just before the provider says that it is over."""
    response = exchange.response
    if response is None or not streamed(response) or isinstance(decode(exchange), HarnessError | None):
        return
    parts = body_parts(response)
    for end in range(len(parts) - 1, 0, -1):
        made = replace(exchange, response=joined(response, parts[:end]))
        if isinstance(decode(made), StreamCutError):
            yield f"after {end} of {len(parts)} pieces", made
            return


def _indices(value: Json) -> list[places.Path]:
    """Where an index says which call or block a piece belongs to; a choice's own is none, nor is an argument."""
    return [
        (*path, name)
        for path, one in places.walk(value)
        if isinstance(one, dict) and _ARGUMENTS.isdisjoint(path)
        for name in ("index", "contentBlockIndex", "output_index")
        if isinstance(one.get(name), int) and not (name == "index" and _is_choice(one))
    ]


def _is_choice(one: dict[str, Json]) -> bool:
    return "type" not in one and not one.keys().isdisjoint(("delta", "message", "content"))


def _index_dropped(response: HttpResponse, parts: list[bytes]) -> _Pieces:
    written = framing(response)

    def bare(value: Json) -> Json:
        for path in _indices(value):
            value = places.without(value, path)
        return value

    yield "every index", [_edited(part, written, bare) for part in parts]


def _index_changed(response: HttpResponse, parts: list[bytes]) -> _Pieces:
    """The last piece but one of those that have an index goes to another call or block."""
    written = framing(response)

    def moved(value: Json) -> Json:
        for path in _indices(value):
            value = places.put(value, path, lambda index: index + 1)
        return value

    made = [_edited(part, written, moved) for part in parts]
    having = [at for at, (one, other) in enumerate(zip(parts, made, strict=True)) if one != other]
    if len(having) > 1:
        at = having[len(having) // 2]
        yield f"piece {at} of {len(parts)}", [*parts[:at], made[at], *parts[at + 1 :]]


_Item: TypeAlias = "Callable[[dict[str, Json]], Json]"


def _items(value: Json) -> Iterator[places.Path]:
    """Where output items stand: in a list ``output``, in the ``item`` of a stream's event."""
    for path, one in places.walk(value):
        listed = len(path) > 1 and path[-2] == "output" and isinstance(path[-1], int)
        if isinstance(one, dict) and isinstance(one.get("type"), str) and (listed or path[-1:] == ("item",)):
            yield path


def _calls(change: _Item) -> _Item:
    """``change`` for items that are calls of the client's tools, which have a ``call_id`` and no output."""
    return lambda item: change(item) if "call_id" in item and "output" not in item else item


def _of_items(where: str, change: _Item) -> Act:
    """Every item is changed alike wherever it is written: a stream has each three times."""

    def pieces(response: HttpResponse, parts: list[bytes]) -> _Pieces:
        def edited(value: Json) -> Json:
            for path in list(_items(value)):
                value = places.put(value, path, change)
            return value

        yield where, [_edited(part, framing(response), edited) for part in parts]

    return _of_bytes(pieces)


def _part_of(kind: str, made: Callable[[dict[str, Json]], Json]) -> _Item:
    """``made`` of each content part of ``kind``."""

    def change(item: dict[str, Json]) -> Json:
        content = item.get("content")
        if not isinstance(content, list):
            return item
        return {**item, "content": [made(one) if _typed(one, kind) else one for one in content]}

    return change


def _typed(value: Json, kind: str) -> bool:
    return isinstance(value, dict) and value.get("type") == kind


def _item_dropped(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    """The last item never comes: neither in its own events nor in the final list."""
    response = exchange.response
    if response is None or isinstance(decode(exchange), HarnessError | None):
        return
    parts = body_parts(response)
    last = max((one for part in parts for one in _item_numbers(part)), default=-1)
    if last < 0:
        return

    def edited(value: Json) -> Json:
        for path, one in list(places.walk(value)):
            if path[-1:] == ("output",) and isinstance(one, list):
                value = places.put(value, path, lambda items: items[:last])
        return value

    remaining = [part for part in parts if f'"output_index":{last},'.encode() not in part]
    made = [_edited(part, framing(response), edited) for part in remaining]
    yield f"item {last}", replace(exchange, response=joined(response, made))


def _item_numbers(part: bytes) -> Iterator[int]:
    """The numbers of the items that a piece writes whole."""
    found: list[int] = []

    def look(value: Json) -> Json:
        for path in _items(value):
            number = value.get("output_index") if isinstance(value, dict) and path == ("item",) else path[-1]
            found.extend([number] if isinstance(number, int) else [])
        return value

    _edited(part, "events" if b"data:" in part else "whole", look)
    yield from found


def _of_answer(where: str, **changed: Json) -> Act:
    """The answer's own fields, where it ends: the whole answer, or the one inside a stream's last event."""

    def pieces(response: HttpResponse, parts: list[bytes]) -> _Pieces:
        def edited(value: Json) -> Json:
            for path, one in list(places.walk(value)):
                if isinstance(one, dict) and one.get("object") == "response" and one.get("status") == "completed":
                    value = places.replaced(value, path, {**one, **changed})
                    if path:  # the event that ends a stream is called after it
                        value = places.replaced(value, ("type",), f"response.{changed['status']}")
            return value

        yield where, [_edited(part, framing(response), edited) for part in parts]

    return _of_bytes(pieces)


def _status_changed(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    if exchange.response is not None:
        was = exchange.response.status
        now = _STATUSES.get(was, 400)
        yield f"{was} to {now}", replace(exchange, response=replace(exchange.response, status=now))


def _error_emptied(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    response = exchange.response
    if response is not None and response.status != FINE and response.body not in {b"", b"{}"}:
        yield "what the refusal says", replace(exchange, response=replace(response, chunks=(Chunk(b"{}"),)))


def _arguments_cut(item: dict[str, Json]) -> Json:
    arguments = item.get("arguments")
    return (
        {**item, "arguments": arguments[: len(arguments) // 2]}
        if isinstance(arguments, str) and len(arguments) > 1
        else item
    )


def _arguments_listed(item: dict[str, Json]) -> Json:
    arguments = item.get("arguments")
    return {**item, "arguments": f"[{arguments}]"} if isinstance(arguments, str) and arguments else item


def _parts_dropped(item: dict[str, Json]) -> Json:
    return {**item, "content": []} if item.get("type") == "message" else item


def _mutator(name: str, act: Act, aspect: Aspect = "all") -> Mutator:
    return Mutator(name, "response", aspect, act)


BYTES_MUTATORS: tuple[Mutator, ...] = (
    _mutator("cut in the middle", _of_bytes(_cut)),
    _mutator("end lost", _end_lost),
    _mutator("piece dropped", _of_bytes(_piece_dropped)),
    _mutator("piece doubled", _of_bytes(_piece_doubled)),
    _mutator("pieces swapped", _of_bytes(_pieces_swapped)),
    _mutator("index dropped", _of_bytes(_index_dropped)),
    _mutator("index changed", _of_bytes(_index_changed)),
    _mutator("item dropped", _item_dropped),
    _mutator("item of an unknown type", _of_items("calls", _calls(lambda item: {**item, "type": "new_call"})), "calls"),
    _mutator(
        "item run by the provider", _of_items("calls", _calls(lambda item: {**item, "type": "mcp_call"})), "calls"
    ),
    _mutator("item without a name", _of_items("calls", _calls(lambda item: {**item, "name": ""})), "calls"),
    _mutator(
        "item with a namespace in its name",
        _of_items("calls", _calls(lambda item: {**item, "name": f"functions.{item.get('name')}"})),
        "calls",
    ),
    _mutator("arguments cut", _of_items("calls", _calls(_arguments_cut)), "parameters"),
    _mutator("arguments of another type", _of_items("calls", _calls(_arguments_listed)), "parameters"),
    _mutator(
        "text refused",
        _of_items(
            "text parts", _part_of("output_text", lambda part: {"type": "refusal", "refusal": part.get("text", "")})
        ),
        "text",
    ),
    _mutator(
        "part of an unknown type",
        _of_items("text parts", _part_of("output_text", lambda part: {**part, "type": "new_text"})),
        "text",
    ),
    _mutator("part dropped", _of_items("messages", _parts_dropped), "text"),
    _mutator("answer incomplete", _of_answer("the answer", status="incomplete", incomplete_details=_LIMIT), "finish"),
    _mutator("answer filtered", _of_answer("the answer", status="incomplete", incomplete_details=_FILTER), "finish"),
    _mutator("answer failed", _of_answer("the answer", status="failed", error=_FAILED)),
    _mutator("answer queued", _of_answer("the answer", status="queued", output=[])),
    _mutator("status changed", _status_changed, "status"),
    _mutator("error emptied", _error_emptied, "status"),
)
"""Every way to change the bytes; a new one is a function and a line here."""
