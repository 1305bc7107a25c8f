"""How an answer is played: a response, and how it ends. Faults are functions from one play to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.interception.context import stays_open

if TYPE_CHECKING:
    from harness.core.exchange import Exchange, FailureKind, HttpResponse


_LISTENING = 3600.0


@dataclass(frozen=True, slots=True)
class PlannedResponse:
    """``response`` is None where the connection fails before one; ``ending`` is None where it ends as it should.

    ``pace``: None for no waiting, 1 for the recorded times, 10 for ten times as fast. ``seconds`` is how long a
    stall (``timeout``) holds the connection before it is dropped.
    """

    response: HttpResponse | None
    ending: FailureKind | None = None
    pace: float | None = None
    seconds: float = 30.0


def of(exchange: Exchange, pace: float | None = None) -> PlannedResponse:
    """A recorded exchange as it went. Where its client stopped reading early the rest is unknown: it breaks off, but
    for a stream that was only listened to.
    """
    ending = exchange.failure.kind if exchange.failure else None
    if stays_open(exchange):
        return PlannedResponse(exchange.response, "timeout", pace, seconds=_LISTENING)
    return PlannedResponse(exchange.response, ending or (None if exchange.complete else "cut"), pace)
