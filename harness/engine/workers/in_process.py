"""The executor for most: every case in this process, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.runner import run_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.engine.budget import Budget
    from harness.engine.events import Event, Job
    from harness.engine.workers.protocol import RunnerFactory


def in_process(jobs: Sequence[Job], recipe: RunnerFactory, allowance: Budget) -> Iterator[Event]:
    """Play ``jobs`` here and now."""
    with recipe(allowance) as playing:
        yield from run_events(jobs, playing)
