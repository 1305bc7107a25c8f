"""How old the recordings of cards are, and what decoded them, in words."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.card import Card

_DATE = len("2026-01-01")


def ages(cards: Sequence[Card], today: dt.date | None) -> list[str]:
    """What kinds of recordings, from when to when and how old, and the versions that decoded them."""
    spans = [card.recorded for card in cards if card.recorded]
    kinds = sorted({one.kind for card in cards for one in card.recordings.values()})
    told = [f"recordings are {', '.join(kinds)}"] if kinds else []
    if spans:
        oldest, newest = min(one for one, _ in spans)[:_DATE], max(one for _, one in spans)[:_DATE]
        made = f"recorded {oldest}" if oldest == newest else f"recorded {oldest} to {newest}"
        told.append(made + _old(oldest, today))
    for name, versions in (
        ("harness", {card.harness for card in cards}),
        ("litellm", {card.litellm for card in cards}),
    ):
        known = sorted(one for one in versions if one)
        told += [f"decoded by {name} {', '.join(known)}"] if known else []
    return told


def _old(date: str, today: dt.date | None) -> str:
    """How old the oldest is; ``""`` where the date is none, or ``today`` is not given."""
    try:
        days = (today - dt.date.fromisoformat(date)).days if today else 0
    except ValueError:
        return ""
    return f" ({days:,} day{'s' if days != 1 else ''} old)" if days > 0 else ""
