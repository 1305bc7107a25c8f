"""What executors, workers and those who hand them work agree upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from harness.engine.budget import Budget, BudgetClient
    from harness.engine.events import Event, Job
    from harness.engine.runner import Play


class RunnerFactory(Protocol):
    """How a case is played: a value that can be sent to another process and opened there.

    It is opened once a worker, and holds what costs: litellm's import, the guard against going out. ``preload`` names
    modules that every worker needs, for the server that workers are forked from to import once.
    """

    preload: ClassVar[tuple[str, ...]]

    def __call__(self, turns: BudgetClient) -> AbstractContextManager[Play]: ...


class Executor(Protocol):
    """Play ``jobs`` as ``recipe`` says, and tell what happens in the order of ``jobs``.

    Results are the same no matter who plays them, ``seconds`` aside. ``allowance`` holds for all workers together.
    """

    def __call__(self, jobs: Sequence[Job], recipe: RunnerFactory, allowance: Budget) -> Iterator[Event]: ...
