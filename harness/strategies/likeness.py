"""Replies as a profile says that a provider gives them: how often they call, how many calls, what stands beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.chat import Finish, Reply, ToolCall, Usage
from harness.dialects.wire_profile import Tally, new_id
from harness.strategies import material

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from harness.core.chat import Json
    from harness.dialects.wire_profile import WireProfile

_UNSEEN = Tally(1, 2)
"""Where no answer could show a habit."""


def _text(rng: Random) -> str:
    return rng.choice([one for one in (*material.ODD_TEXTS, *material.MORE_TEXTS) if one.strip()])


def _parameters(rng: Random) -> dict[str, Json]:
    return {rng.choice(material.KEYS): _text(rng) for _ in range(rng.randrange(1, 4))}


def reply_like(
    profile: WireProfile,
    rng: Random,
    names: Sequence[str],
    *,
    stream: bool,
    text: Callable[[Random], str] = _text,
    parameters: Callable[[Random], dict[str, Json]] = _parameters,
) -> Reply:
    """A reply that may call the tools ``names``, each habit of ``profile`` at its rate. ``text`` and ``parameters``
    draw what is said and given; parameters that come out empty are drawn again.
    """
    rates = profile.rates("replies", stream=stream)

    def holds(name: str) -> bool:
        return rng.random() < rates.get(name, _UNSEEN).share

    finish: Finish = "stop"
    calls: list[ToolCall] = []
    if names and holds("calls"):
        finish, form = "tool_calls", profile.id_form(rng, stream=stream)
        number = rng.randrange(2, 4) if holds("several_calls") else 1
        bare = rng.randrange(number) if holds("no_arguments") else None
        for place in range(number):
            given: dict[str, Json] = {}
            while place != bare and not given:
                given = parameters(rng)
            name = rng.choice(list(names))
            calls.append(ToolCall(name, given, new_id(form, rng, name, place)))
    elif holds("limited"):
        finish = "length"
    elif holds("filtered"):
        finish = "content_filter"
    counts = rng.randrange(1, 9999), rng.randrange(1, 9999)
    word = None if calls else profile.finish_word(rng, finish)
    return Reply(
        text=text(rng) if not calls or holds("text_beside_calls") else "",
        calls=tuple(calls),
        finish=finish,
        usage=Usage(*counts, sum(counts)),
        reasoning=text(rng) if holds("reasoning") else "",
        raw_finish=word,
    )
