"""What was asked of a server, for the page and for anyone who wants to know: the last requests, and counts."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from harness.core.chat import Json

KEPT = 200


class LogLine(NamedTuple):
    """One request and its outcome. ``at`` is in seconds since 1970; ``by`` names the recording that answered."""

    at: float
    method: str
    path: str
    outcome: str
    status: int = 0
    by: str = ""
    fault: str = ""


class RequestLog:
    """The last ``KEPT`` requests, the last ``KEPT`` misses with their reasons, and how many there were of each."""

    def __init__(self) -> None:
        self.lines: deque[LogLine] = deque(maxlen=KEPT)
        self.misses: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self.counts: dict[str, int] = {}

    def note(self, method: str, path: str, outcome: str, *, status: int = 0, by: str = "", fault: str = "") -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.lines.append(LogLine(time.time(), method, path[:300], outcome, status, by, fault))

    def miss(self, why: str) -> None:
        self.misses.append((time.time(), why[:4000]))

    def state(self) -> dict[str, Json]:
        return {
            "counts": dict(self.counts),
            "asked": [line._asdict() for line in reversed(self.lines)],
            "missed": [{"at": at, "why": why} for at, why in reversed(self.misses)],
        }
