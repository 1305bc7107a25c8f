"""Replies together with the bytes that stand for them, and how bytes come apart on the way: cut again, cut short,
doubled, out of order, mistyped.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from hypothesis import reject
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.exchange import Chunk
from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES, profile
from harness.strategies.chat import replies
from harness.strategies.names import legal_names

if TYPE_CHECKING:
    from collections.abc import Collection

    from harness.core.chat import Reply
    from harness.core.exchange import HttpResponse


@dataclass(frozen=True, slots=True)
class WireReply:
    """``response`` is ``reply`` in the bytes of ``provider``, written with ``quirks``."""

    provider: str
    reply: Reply
    response: HttpResponse
    stream: bool
    quirks: frozenset[str]


def quirk_sets(provider: str, among: Collection[str] | None = None) -> st.SearchStrategy[frozenset[str]]:
    """Up to three quirks of the provider's dialect, from ``among`` if given; ``UsageError`` for an unknown one."""
    known = DIALECTS[_known(provider)].quirks
    unknown = sorted(set(among or ()) - known.keys())
    if unknown:
        raise UsageError(f"{provider} has no quirk {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    choice = sorted(known if among is None else among)
    if not choice:
        return st.just(frozenset())
    return st.lists(st.sampled_from(choice), max_size=3, unique=True).map(frozenset)


@st.composite
def wire_replies(
    draw: st.DrawFn, provider: str, quirks: Collection[str] | None = None, *, stream: bool | None = None
) -> WireReply:
    """A reply that ``provider`` can express and its bytes, under some of ``quirks`` (all of its dialect's if None)."""
    names = draw(st.lists(legal_names(provider), min_size=1, max_size=3, unique=True))
    reply = draw(replies(names))
    chosen = draw(quirk_sets(provider, quirks))
    streamed = draw(st.booleans()) if stream is None else stream
    try:
        response = DIALECTS[_known(provider)].render(reply, stream=streamed, quirks=chosen)
    except UsageError:
        reject()  # this dialect has no place for this reply
    return WireReply(provider, reply, response, streamed, chosen)


def _known(provider: str) -> str:
    if provider not in PROFILES:
        raise UsageError(f"no provider {provider!r} is known; there are {', '.join(sorted(PROFILES))}")
    return profile(provider).dialect


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
        index = draw(st.integers(0, max(0, len(response.body) - 1)))
        body = response.body[:index]
        if kind == "mistyped" and response.body:
            byte = response.body[index] ^ draw(st.integers(1, 255))
            body = body + bytes([byte]) + response.body[index + 1 :]
        return Damaged(replace(response, chunks=(Chunk(body),)), kind)
    index = draw(st.integers(0, len(chunks) - 2))
    if kind == "doubled":
        made = (*chunks[: index + 1], *chunks[index:])
    else:
        made = (*chunks[:index], chunks[index + 1], chunks[index], *chunks[index + 2 :])
    return Damaged(replace(response, chunks=made), kind)
