"""How much may be asked: requests, dollars, and how many a minute. One allowance for all that a command asks, and
one meter: whatever costs is sent through ``metered``.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from harness.core.errors import ProviderError, StopAskingError

if TYPE_CHECKING:
    from collections.abc import Callable


_Answer = TypeVar("_Answer")


class BudgetSpentError(StopAskingError):
    """The allowance is used up; nothing more is asked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """None for no limit. ``per_minute`` spaces requests evenly."""

    requests: int | None = None
    dollars: float | None = None
    per_minute: float | None = None


class BudgetClient(Protocol):
    """What the code that asks a model sees of the allowance, in whatever process it asks."""

    def take(self, dollars: float = 0.0) -> None:
        """Before a request that may cost ``dollars``: waits for its turn. Raises ``BudgetSpentError``."""

    def settle(self, estimated: float, paid: float) -> None:
        """After it: what it did cost, in place of what was estimated."""


class Budget:
    """Counts what is asked against ``limits``, from any thread. ``clock`` and ``sleep`` are in seconds."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.limits = limits
        self.requests = 0
        self.dollars = 0.0
        self._clock, self._sleep = clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self, dollars: float = 0.0) -> None:
        """Before a request that may cost ``dollars``: waits for its turn. Raises ``BudgetSpentError``."""
        wait = self.turn(dollars)
        if wait > 0:
            self._sleep(wait)

    def turn(self, dollars: float = 0.0) -> float:
        """``take``, with the waiting left to the caller: how many seconds until its turn."""
        most = self.limits
        with self._lock:
            if most.requests is not None and self.requests >= most.requests:
                raise BudgetSpentError(f"the budget of {most.requests} requests is spent; raise it to ask for the rest")
            if most.dollars is not None and self.dollars + dollars > most.dollars:
                spent = f"${self.dollars:.4f} of ${most.dollars:.4f} is spent, and the next may cost ${dollars:.4f}"
                raise BudgetSpentError(f"{spent}; raise the budget to ask for the rest")
            self.requests += 1
            self.dollars += dollars
            if not most.per_minute:
                return 0.0
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + 60 / most.per_minute
            return turn - now

    def turn_or_error(self, dollars: float) -> float | BudgetSpentError:
        """``turn`` for another process, to which the error is sent as a value; ``wait_for`` heeds it there."""
        try:
            return self.turn(dollars)
        except BudgetSpentError as spent:
            return spent

    def settle(self, estimated: float, paid: float) -> None:
        """After it: what it did cost, in place of what was estimated."""
        with self._lock:
            self.dollars += paid - estimated


def wait_for(turn: float | BudgetSpentError) -> None:
    """Wait as long as ``Budget.turn_or_error`` says. Raises ``BudgetSpentError`` where it says so."""
    if isinstance(turn, BudgetSpentError):
        raise turn
    if turn > 0:
        time.sleep(turn)


def metered(
    turns: BudgetClient, estimate: float, send: Callable[[], _Answer], paid: Callable[[_Answer], float | None]
) -> _Answer:
    """``send()`` within an allowance: ``estimate`` dollars are taken before it, and what was ``paid`` is settled after
    it. None leaves the estimate standing; an error of the provider costs nothing. Raises ``BudgetSpentError``.
    """
    turns.take(estimate)
    try:
        answer = send()
    except ProviderError:
        turns.settle(estimate, 0.0)
        raise
    cost = paid(answer)
    if cost is not None:
        turns.settle(estimate, cost)
    return answer
