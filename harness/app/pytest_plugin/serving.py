"""Cassettes served to a test's own programs, whatever they are written in."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.server.in_process import Served


@pytest.fixture
def serve_cassettes(request: pytest.FixtureRequest) -> Iterator[Callable[..., Served]]:
    """A function that serves cassettes while the test runs: ``serve_cassettes("hello.json").openai`` is a base URL.

    Paths count from the test's own file; options are those of ``harness.server.in_process``. Each call has a free port
    of its own, so that tests may run side by side. A request that no recording answers fails the test.
    """
    opened: list[Served] = []
    with contextlib.ExitStack() as stack:

        def serve(*cassettes: Path | str, **options: Any) -> Served:
            from harness.server.in_process import replaying  # noqa: PLC0415 - only tests that serve pay for it

            paths = [request.node.path.parent / cassette for cassette in cassettes]
            opened.append(stack.enter_context(replaying(*paths, **options)))
            return opened[-1]

        yield serve
    misses = [why for one in opened for why in one.misses]
    if misses:
        pytest.fail("\n".join(misses), pytrace=False)
