"""Workers in a Ray cluster: actors, a processor each, on whatever machines there are.

Ray starts them, sends them their work and reports their death; the ``scheduler`` decides which case goes where.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.core.errors import HarnessError, MissingExtraError, UsageError
from harness.engine.budget import Budget, BudgetSpentError, wait_for
from harness.engine.workers.processes import portable
from harness.engine.workers.scheduler import BatchFinished, WorkerLost, run_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from harness.engine.budget import Limits
    from harness.engine.events import CaseResult, Event, Job
    from harness.engine.runner import Executor, RunnerFactory
    from harness.engine.workers.scheduler import Batch, WorkerEvent

BATCH = 100
_AHEAD = 8  # batches of each worker before the first case that is not reported yet
_MOST_START_FAILURES = 3  # of each worker
_PATIENCE = 10.0  # seconds
_COMPARED = ("toolcall-harness", "litellm")


def on_ray(address: str | None = None, count: int | None = None, *, batch: int = BATCH) -> Executor:
    """An executor with ``count`` workers (by default one for each processor) in the Ray cluster at ``address``.

    Without an address it is the cluster that runs on this machine, or one that is started for the run.
    Raises ``UsageError`` where there is no Ray, or nothing at the address.
    """

    def playing(jobs: Sequence[Job], factory: RunnerFactory, allowance: Budget) -> Iterator[Event]:
        with _connected(address) as ray:
            workers = count or int(ray.cluster_resources().get("CPU", 1))
            size = max(1, min(batch, len(jobs) // (2 * workers)))  # small runs are shared out too
            pool = Actors(ray, factory, allowance, workers=max(1, min(workers, len(jobs) // size)))
            yield from run_batches(jobs, pool, batch=size, ahead=_AHEAD * size * workers)

    return playing


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[ModuleType]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report each cluster to its makers
    # A warning about a default to come, at every start otherwise.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # noqa: PLC0415 - large, and only for those who play on a cluster
    except ImportError as error:
        raise MissingExtraError("ray", "Ray") from error
    if ray.is_initialized():
        yield ray
        return
    _refuse_silent(address)
    try:
        ray.init(address, log_to_driver=False, logging_level="warning", include_dashboard=None)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"there is no Ray cluster at {address or 'this machine'}: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _refuse_silent(address: str | None) -> None:
    """Raise ``UsageError`` where nothing listens at ``address``: Ray itself would retry for minutes."""
    where = urlsplit(address if "://" in (address or "") else f"//{address or ''}")
    try:
        if where.port is not None:
            socket.create_connection((str(where.hostname), where.port), timeout=_PATIENCE).close()
    except (OSError, ValueError) as error:
        raise UsageError(f"there is no Ray cluster at {address}: {error}; start one with `ray start --head`") from error


class Worker:
    """An actor: opens the factory, and plays batches. Our own errors are answers: Ray would wrap what is raised."""

    def __init__(self, factory: RunnerFactory, turns: Any, versions: dict[str, str]) -> None:
        self._factory, self._turns, self._versions = factory, turns, versions

    def open(self) -> BaseException | None:
        """Get ready; why it can't be, where it can't."""
        here = _versions()
        if here != self._versions:
            difference = (
                f"a worker on {os.uname().nodename} has {here}, and the process that started it {self._versions}"
            )
            return UsageError(f"{difference}: results would differ; install the same on every machine")
        try:
            self._opened = self._factory(RemoteBudget(self._turns))  # held, or it would be closed again
            self._playing = self._opened.__enter__()
        except BaseException as error:  # noqa: BLE001 - sent to the process that started this
            return portable(error)
        return None

    def play(self, batch: Batch) -> list[tuple[int, CaseResult]] | BaseException:
        try:
            return [(place, self._playing(job)) for place, job in batch]
        except BaseException as error:  # noqa: BLE001 - as above
            return portable(error)


class Counter:
    """An actor, one for all workers: the allowance of the run, on the machine that started it."""

    def __init__(self, limits: Limits, requests: int, dollars: float) -> None:
        self._allowance = Budget(limits, clock=time.monotonic, sleep=time.sleep)
        self._allowance.requests, self._allowance.dollars = requests, dollars

    def turn(self, dollars: float) -> float | BudgetSpentError:
        return self._allowance.turn_or_error(dollars)

    def settle(self, estimated: float, paid: float) -> None:
        self._allowance.settle(estimated, paid)

    def spent(self) -> tuple[int, float]:
        return self._allowance.requests, self._allowance.dollars


class RemoteBudget:
    """The allowance, asked for over the cluster. ``counter`` is the actor's handle."""

    def __init__(self, counter: Any) -> None:
        self._counter = counter

    def take(self, dollars: float = 0.0) -> None:
        import ray  # noqa: PLC0415 - as above

        wait_for(ray.get(self._counter.turn.remote(dollars)))

    def settle(self, estimated: float, paid: float) -> None:
        self._counter.settle.remote(estimated, paid)


@dataclass(slots=True, eq=False)
class _Actor:
    """An actor, and its pending call: to open the factory, or to play these places."""

    actor: Any
    pending: Any
    batch: tuple[int, ...] = ()
    ready: bool = False


class Actors:
    """A pool of actors; one that dies is replaced, wherever there is room."""

    def __init__(self, ray: ModuleType, factory: RunnerFactory, allowance: Budget, *, workers: int) -> None:
        self._ray: Any = ray
        self._allowance = allowance
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        counter = ray.remote(num_cpus=0, scheduling_strategy=here)(Counter)
        self._counter = counter.remote(allowance.limits, allowance.requests, allowance.dollars)
        self._factory = ray.put(factory)
        self._kind = ray.remote(num_cpus=1, max_restarts=0)(Worker)
        self._start_failures = 0
        self._most_start_failures = _MOST_START_FAILURES * workers
        self._actors = [self._started() for _ in range(workers)]

    def free(self) -> int:
        return sum(one.ready for one in self._actors)

    def give(self, batch: Batch) -> None:
        one = next(one for one in self._actors if one.ready)
        one.ready, one.batch = False, tuple(place for place, _ in batch)
        one.pending = one.actor.play.remote(batch)

    def events(self) -> Iterator[WorkerEvent]:
        waiting = {one.pending: one for one in self._actors if one.pending is not None}
        came, _ = self._ray.wait(list(waiting), num_returns=1)
        for pending in came:
            one = waiting[pending]
            try:
                answer = self._ray.get(pending)
            except self._ray.exceptions.RayTaskError:
                raise
            except self._ray.exceptions.RayError as error:
                yield self._lost(one, error)
            else:
                yield from self._received(one, answer)

    def stop(self, *, at_once: bool) -> list[WorkerEvent]:
        """Ray ends actors at once, whatever they do: of a recording under way its journal is left."""
        del at_once
        actors, self._actors = self._actors, []
        if not actors:
            return []
        with contextlib.suppress(self._ray.exceptions.RayError):
            spent = self._ray.get(self._counter.spent.remote(), timeout=_PATIENCE)
            self._allowance.requests, self._allowance.dollars = spent
        for actor in (*(one.actor for one in actors), self._counter):
            self._ray.kill(actor)
        return []

    def _started(self) -> _Actor:
        actor = self._kind.remote(self._factory, self._counter, _versions())
        return _Actor(actor, actor.open.remote())

    def _received(self, one: _Actor, answer: Any) -> Iterator[WorkerEvent]:
        if isinstance(answer, BaseException):
            raise answer
        batch, one.batch, one.ready, one.pending = one.batch, (), True, None
        if batch:
            for place, result in answer:
                yield BatchFinished(place, result)

    def _lost(self, one: _Actor, error: Exception) -> WorkerLost:
        why = type(error).__name__
        if not one.batch:
            self._start_failures += 1
            if self._start_failures > self._most_start_failures:
                raise HarnessError(f"Ray's workers end before they play anything: {error}")
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(one.actor)
        self._actors[self._actors.index(one)] = self._started()
        # Which of a batch was its end is not known: all of it is suspected, and scheduled one by one.
        return WorkerLost(one.batch, one.batch, why)


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _COMPARED}
