"""Replies together with the bytes that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import reject
from hypothesis import strategies as st

from harness.core.errors import UsageError
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
