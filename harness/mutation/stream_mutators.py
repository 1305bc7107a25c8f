"""How a changed provider would answer, as far as the wire goes: what is cut, lost, doubled or out of order, indices,
the status. The recorded bytes are changed, and all else in them stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import HarnessError, StreamCutError
from harness.core.exchange import Chunk
from harness.dialects.framing import kinds
from harness.mutation import body_pieces
from harness.mutation import json_paths as places
from harness.mutation.mutant import Mutator
from harness.mutation.reply_mutators import FINE, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.chat import Json
    from harness.core.exchange import Exchange, HttpResponse
    from harness.mutation.mutant import About, Act

_STATUSES = {FINE: 503, 400: 404, 401: 403, 403: 401, 404: 400, 429: 503}
_SAID = frozenset({"arguments", "args", "input", "parameters"})
_Pieces: TypeAlias = "Iterator[tuple[str, list[bytes]]]"


def _of_bytes(change: Callable[[HttpResponse, list[bytes]], Iterator[tuple[str, list[bytes]]]]) -> Act:
    def act(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
        response = exchange.response
        if response is None or not response.body:
            return
        for place, made in change(response, kinds.split(response)):
            if b"".join(made) != response.body:
                yield place, replace(exchange, response=body_pieces.joined(response, made))

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
    after = next((place for place in range(middle + 1, len(parts)) if parts[place] != parts[middle]), None)
    if after is not None:
        made = [*parts]
        made[middle], made[after] = made[after], made[middle]
        yield f"pieces {middle} and {after} of {len(parts)}", made


def _end_lost(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    """The stream ends at the end of a piece, but just before the provider says that it is over."""
    response = exchange.response
    if response is None or not kinds.streamed(response) or isinstance(decode(exchange), HarnessError | None):
        return
    parts = kinds.split(response)
    for end in range(len(parts) - 1, 0, -1):
        made = replace(exchange, response=body_pieces.joined(response, parts[:end]))
        if isinstance(decode(made), StreamCutError):
            yield f"after {end} of {len(parts)} pieces", made
            return


def _indices(value: Json) -> list[places.Path]:
    """Where an index says which call or block a piece belongs to; a choice's own is none, nor is an argument."""
    return [
        (*path, name)
        for path, one in places.walk(value)
        if isinstance(one, dict) and _SAID.isdisjoint(path)
        for name in ("index", "contentBlockIndex")
        if isinstance(one.get(name), int) and not (name == "index" and _is_choice(one))
    ]


def _is_choice(one: dict[str, Json]) -> bool:
    return "type" not in one and not one.keys().isdisjoint(("delta", "message", "content"))


def _index_dropped(response: HttpResponse, parts: list[bytes]) -> _Pieces:
    written = kinds.framing(response)

    def bare(value: Json) -> Json:
        for path in _indices(value):
            value = places.without(value, path)
        return value

    yield "every index", [body_pieces.edited(part, written, bare) for part in parts]


def _index_changed(response: HttpResponse, parts: list[bytes]) -> _Pieces:
    """The last piece but one of those that have an index goes to another call or block."""
    written = kinds.framing(response)

    def moved(value: Json) -> Json:
        for path in _indices(value):
            value = places.put(value, path, lambda index: index + 1)
        return value

    made = [body_pieces.edited(part, written, moved) for part in parts]
    having = [place for place, (one, other) in enumerate(zip(parts, made, strict=True)) if one != other]
    if len(having) > 1:
        place = having[len(having) // 2]
        yield f"piece {place} of {len(parts)}", [*parts[:place], made[place], *parts[place + 1 :]]


def _status_changed(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    if exchange.response is not None:
        was = exchange.response.status
        now = _STATUSES.get(was, 400)
        yield f"{was} to {now}", replace(exchange, response=replace(exchange.response, status=now))


def _error_emptied(exchange: Exchange) -> Iterator[tuple[str, Exchange]]:
    response = exchange.response
    if response is not None and response.status != FINE and response.body not in {b"", b"{}"}:
        yield "what the refusal says", replace(exchange, response=replace(response, chunks=(Chunk(b"{}"),)))


def _mutator(name: str, act: Act, about: About = "all") -> Mutator:
    return Mutator(name, "response", about, act)


BYTES_MUTATORS: tuple[Mutator, ...] = (
    _mutator("cut in the middle", _of_bytes(_cut)),
    _mutator("end lost", _end_lost),
    _mutator("piece dropped", _of_bytes(_piece_dropped)),
    _mutator("piece doubled", _of_bytes(_piece_doubled)),
    _mutator("pieces swapped", _of_bytes(_pieces_swapped)),
    _mutator("index dropped", _of_bytes(_index_dropped)),
    _mutator("index changed", _of_bytes(_index_changed)),
    _mutator("status changed", _status_changed, "status"),
    _mutator("error emptied", _error_emptied, "status"),
)
"""Every way to change the bytes; a new one is a function and a line here."""
