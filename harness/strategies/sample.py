"""Draw values outside a test: the same ones for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def sample(strategy: SearchStrategy[T], number: int, start: int) -> list[T]:
    """``number`` values of ``strategy``, the same for the same ``start``; fewer where it has no more."""
    found: list[T] = []

    @seed(start)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found[:number]
