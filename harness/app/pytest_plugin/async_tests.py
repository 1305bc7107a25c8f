"""Misses in async tests: one failure, whatever runs the event loop."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from harness.core.errors import CassetteMiss

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


@contextlib.contextmanager
def misses_held_back(item: pytest.Function) -> Iterator[None]:
    """Raise a miss of the test ``item`` when its loop has released it: a miss is no ``Exception``, and a loop that
    several tests share, as anyio's, would end with it.
    """
    missed: list[CassetteMiss] = []
    test = item.obj

    @functools.wraps(test)
    async def caught(*given: Any, **fixtures: Any) -> None:
        try:
            await test(*given, **fixtures)
        except CassetteMiss as miss:
            missed.append(miss)

    item.obj = caught
    try:
        yield
    finally:
        item.obj = test
    if missed:
        raise missed[0]
