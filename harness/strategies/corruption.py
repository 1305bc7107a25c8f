"""How bytes come apart on the way: cut again, cut short, doubled, out of order, mistyped."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from hypothesis import strategies as st

from harness.core.exchange import Chunk

if TYPE_CHECKING:
    from harness.core.exchange import HttpResponse

_MANY = (st.booleans(),) * 6
Damage: TypeAlias = Literal["cut", "doubled", "reordered", "mistyped"]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A response that was damaged, and how."""

    response: HttpResponse
    damage: Damage


def splits(body: bytes, most: int = 4) -> st.SearchStrategy[tuple[bytes, ...]]:
    """``body`` in pieces: whole, cut at up to ``most`` places wherever they fall, or byte by byte.

    Shrinks towards one piece.
    """
    if len(body) < 2:  # noqa: PLR2004 - nothing to cut
        return st.just((body,))
    places = st.lists(st.integers(1, len(body) - 1), max_size=most).map(lambda at: sorted(set(at)))
    bytewise = tuple(body[n : n + 1] for n in range(len(body)))
    # Hypothesis prefers what took fewer choices: this takes more than one cut does, so that it shrinks to one.
    return st.just((body,)) | places.map(lambda at: pieces(body, at)) | st.tuples(*_MANY).map(lambda _: bytewise)


def pieces(body: bytes, places: list[int]) -> tuple[bytes, ...]:
    """``body`` cut at each of ``places``."""
    edges = [0, *places, len(body)]
    return tuple(body[start:end] for start, end in itertools.pairwise(edges))


def rechunked(response: HttpResponse, most: int = 4) -> st.SearchStrategy[HttpResponse]:
    """``response`` with its body in other chunks."""
    return splits(response.body, most).map(lambda made: replace(response, chunks=tuple(Chunk(piece) for piece in made)))


@st.composite
def damaged(draw: st.DrawFn, response: HttpResponse) -> Damaged:
    """``response`` with its body cut short, one chunk sent twice, two chunks swapped, or one byte changed."""
    chunks = response.chunks
    kinds: list[Damage] = ["cut", "mistyped"]
    if len(chunks) > 1:
        kinds += ["doubled", "reordered"]
    kind = draw(st.sampled_from(kinds))
    if kind in {"cut", "mistyped"}:
        place = draw(st.integers(0, max(0, len(response.body) - 1)))
        body = response.body[:place]
        if kind == "mistyped" and response.body:
            byte = response.body[place] ^ draw(st.integers(1, 255))
            body = body + bytes([byte]) + response.body[place + 1 :]
        return Damaged(replace(response, chunks=(Chunk(body),)), kind)
    place = draw(st.integers(0, len(chunks) - 2))
    if kind == "doubled":
        made = (*chunks[: place + 1], *chunks[place:])
    else:
        made = (*chunks[:place], chunks[place + 1], chunks[place], *chunks[place + 2 :])
    return Damaged(replace(response, chunks=made), kind)
