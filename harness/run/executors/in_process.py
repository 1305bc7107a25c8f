"""The executor for most: every case in this process, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.run.runner import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.run.allowance import Allowance
    from harness.run.events import Event, Job
    from harness.run.executors.words import Recipe


def in_process(jobs: Sequence[Job], recipe: Recipe, allowance: Allowance) -> Iterator[Event]:
    """Play ``jobs`` here and now."""
    with recipe(allowance) as playing:
        yield from told(jobs, playing)
