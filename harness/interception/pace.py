"""How fast a recorded stream is replayed: at once, as it came, or so many times as fast."""

from __future__ import annotations

import contextlib
import math
from contextvars import ContextVar
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.exchange import Chunk

_pace: ContextVar[float] = ContextVar("harness_pace", default=0.0)


def pace(word: str | float | None) -> float:
    """``word`` as how many times as fast as recorded: ``"realtime"`` is 1, ``"x10"`` is 10; None, 0 and ``"none"``
    are 0, at once.

    Raises ``UsageError`` for anything else.
    """
    if word in (None, 0, "", "none"):
        return 0.0
    try:
        times = 1.0 if word == "realtime" else float(str(word).removeprefix("x"))
    except ValueError:
        times = -1.0
    if not (math.isfinite(times) and times > 0):
        raise UsageError(f"{word!r} is no pace; give realtime, or x10 for ten times as fast (none is at once)")
    return times


@contextlib.contextmanager
def pacing(times: float) -> Iterator[None]:
    """Replay streams asked for in this context at this pace."""
    token = _pace.set(times)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # closed in another context: that one has a pace of its own
            _pace.reset(token)


def paced(chunks: Sequence[Chunk]) -> list[tuple[float, bytes]]:
    """The seconds to wait before each of ``chunks``, and its data, at the pace of this context."""
    times, before = _pace.get(), 0.0
    if not times:
        return [(0.0, chunk.data) for chunk in chunks]
    made = []
    for chunk in chunks:
        made.append((max(chunk.at - before, 0.0) / times, chunk.data))
        before = max(chunk.at, before)
    return made
