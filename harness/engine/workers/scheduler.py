"""Scheduling cases for workers: in batches, none lost, none counted twice, and reported in order.

Nothing here knows what a worker is. A ``Crew`` gives batches to its own and brings their news.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from harness.core.errors import WorkerDiedError
from harness.engine.budget import BudgetSpentError
from harness.engine.events import CaseFinished, CaseResult, CaseStarted, Problem, RunStarted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from harness.engine.events import Event, Job

TRIES = 3
"""How often a case may take its worker down before it is reported as failed."""

Batch: TypeAlias = "tuple[tuple[int, Job], ...]"
"""Cases with their places among all."""


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """The case at ``place`` was played."""

    place: int
    result: CaseResult


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died. ``unfinished`` are the places it had left; ``suspects`` those that may have been its end."""

    unfinished: tuple[int, ...]
    suspects: tuple[int, ...]
    why: str


WorkerEvent: TypeAlias = BatchFinished | WorkerLost


class WorkerPool(Protocol):
    """Workers of one kind, as many as there are to be at a time."""

    def free(self) -> int:
        """How many wait for a batch."""

    def give(self, batch: Batch) -> None:
        """Hand a batch to one of those who wait."""

    def events(self) -> Iterable[WorkerEvent]:
        """What happened since; waits until something has. Raises what a worker could not go on after."""

    def stop(self, *, at_once: bool) -> Iterable[WorkerEvent]:
        """Let all go, ``at_once`` in the middle of their work too; the last news."""


class BatchScheduler:
    """Which cases are still to be played, and which can be reported. Pure: no worker and no clock."""

    def __init__(self, count: int, *, batch: int, ahead: int) -> None:
        self._count, self._batch, self._ahead = count, batch, ahead
        self._fresh = 0
        self._again: deque[tuple[int, ...]] = deque()
        self._deaths: Counter[int] = Counter()
        self._results: dict[int, CaseResult] = {}
        self._reported = 0

    @property
    def done(self) -> bool:
        return self._reported == self._count

    def next(self) -> tuple[int, ...]:
        """The places of the next batch; none where nothing can be scheduled now.

        No further than ``ahead`` cases before the first that is not reported yet: results wait in memory.
        """
        if self._again:
            return self._again.popleft()
        end = min(self._fresh + self._batch, self._count)
        if end > self._reported + self._ahead:
            return ()
        places = tuple(range(self._fresh, end))
        self._fresh = end
        return places

    def finished(self, place: int, result: CaseResult) -> None:
        """A second result of the same case is not counted."""
        if place >= self._reported:
            self._results.setdefault(place, result)

    def lost(self, unfinished: Collection[int], suspects: Collection[int]) -> list[int]:
        """Take back what a dead worker left; the places that are given up."""
        self._deaths.update(suspects)
        rest = tuple(place for place in unfinished if place not in suspects)
        if rest:
            self._again.append(rest)
        self._again.extend((place,) for place in suspects if self._deaths[place] < TRIES)
        return [place for place in suspects if self._deaths[place] >= TRIES]

    def ready(self) -> Iterator[tuple[int, CaseResult]]:
        """Results whose turn has come, in order, each once."""
        while self._reported in self._results:
            yield self._reported, self._results.pop(self._reported)
            self._reported += 1

    def left(self) -> list[tuple[int, CaseResult]]:
        """What was finished though cases before it were not: for a run that is broken off."""
        return sorted(self._results.items())


def run_batches(jobs: Sequence[Job], pool: WorkerPool, *, batch: int, ahead: int) -> Iterator[Event]:
    """Have ``pool`` play ``jobs``, and yield what happens in their order. ``pool`` is released at the end.

    What was finished when the user interrupts is reported before the interruption goes on. When the budget is spent,
    questions that it allowed are still answered: they are paid for.
    """
    scheduler = BatchScheduler(len(jobs), batch=batch, ahead=ahead)
    at_once = True
    try:
        yield RunStarted(len(jobs))
        while not scheduler.done:
            _give(scheduler, pool, jobs)
            _take(scheduler, pool.events(), jobs)
            yield from _events(jobs, scheduler.ready())
        at_once = False
    except (KeyboardInterrupt, BudgetSpentError) as end:
        _take(scheduler, pool.stop(at_once=isinstance(end, KeyboardInterrupt)), jobs)
        yield from _events(jobs, (*scheduler.ready(), *scheduler.left()))
        raise
    finally:
        pool.stop(at_once=at_once)


def _give(scheduler: BatchScheduler, pool: WorkerPool, jobs: Sequence[Job]) -> None:
    for _ in range(pool.free()):
        places = scheduler.next()
        if not places:
            return
        pool.give(tuple((place, jobs[place]) for place in places))


def _take(scheduler: BatchScheduler, events: Iterable[WorkerEvent], jobs: Sequence[Job]) -> None:
    for one in events:
        if isinstance(one, BatchFinished):
            scheduler.finished(one.place, one.result)
            continue
        for place in scheduler.lost(one.unfinished, one.suspects):
            scheduler.finished(place, _failed(jobs[place], one.why))


def _events(jobs: Sequence[Job], results: Iterable[tuple[int, CaseResult]]) -> Iterator[Event]:
    for place, result in results:
        yield CaseStarted(jobs[place])
        yield CaseFinished(place + 1, result)


def _failed(job: Job, why: str) -> CaseResult:
    message = f"{job.name}: the worker that played it died {TRIES} times ({why}); play it alone, without workers"
    problem = Problem(WorkerDiedError.__name__, message, WorkerDiedError.exit_code)
    return CaseResult(job.suite, job.case.id, job.model.called, str(job.cassette), problem=problem, kept=False)
