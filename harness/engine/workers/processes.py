"""Worker processes on this machine, forked from a server that has litellm loaded, each on a pipe of its own: what a
worker does, and the pool of them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.core.errors import HarnessError
from harness.engine.budget import wait_for
from harness.engine.workers.scheduler import BatchFinished, WorkerLost, run_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from types import FrameType

    from harness.engine.budget import Budget
    from harness.engine.events import Event, Job
    from harness.engine.runner import Executor, RunnerFactory
    from harness.engine.workers.scheduler import Batch, WorkerEvent

BATCH = 16
_AHEAD = 64  # batches of each worker before the first case that is not reported yet
_MOST_START_FAILURES = 3
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """Waits for a batch."""


@dataclass(frozen=True, slots=True)
class BatchAssigned:
    """May a request go out that may cost so much? The answer is the seconds to wait, or an error."""

    dollars: float


@dataclass(frozen=True, slots=True)
class BudgetSettled:
    """What a request did cost."""

    estimated: float
    paid: float


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """The worker can't go on."""

    error: BaseException


WorkerMessage: TypeAlias = WorkerReady | BatchAssigned | BudgetSettled | WorkerFailed | BatchFinished


class PipeBudget:
    """The allowance of the process that started the workers, asked through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def take(self, dollars: float = 0.0) -> None:
        self._pipe.send(BatchAssigned(dollars))
        wait_for(self._pipe.recv())

    def settle(self, estimated: float, paid: float) -> None:
        self._pipe.send(BudgetSettled(estimated, paid))


def work(pipe: Connection, factory: bytes, environment: Mapping[str, str]) -> None:
    """The whole life of a worker. ``environment`` is that of its starter, whatever it was forked from.

    It ends on request, when its pipe is closed, or by SIGINT, which a case under way meets as Ctrl-C.
    """
    signal.signal(signal.SIGINT, _interrupted)
    os.environ.clear()
    os.environ.update(environment)
    with contextlib.suppress(KeyboardInterrupt, EOFError, OSError):
        try:
            opened: RunnerFactory = pickle.loads(factory)  # noqa: S301 - from the process that started this one
            _play(pipe, opened)
        except (KeyboardInterrupt, EOFError, OSError):
            raise
        except BaseException as error:  # noqa: BLE001 - sent to the process that started this
            pipe.send(WorkerFailed(portable(error)))
    pipe.close()


def _play(pipe: Connection, factory: RunnerFactory) -> None:
    with factory(PipeBudget(pipe)) as playing:
        while True:
            pipe.send(WorkerReady())
            batch = pipe.recv()
            if batch is None:
                return
            for place, job in batch:
                pipe.send(BatchFinished(place, playing(job)))


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Once: a terminal sends it to all, and the process that started the workers sends it again."""
    del number, frame
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def portable(error: BaseException) -> BaseException:
    """``error``, if it can be sent."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, HarnessError):
        return error
    with contextlib.suppress(Exception):  # what can't be sent, for whatever reason, is sent as text
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        error.add_note(f"in a worker:\n{trace}")
        return error
    return RuntimeError(f"in a worker ({sys.executable}):\n{trace}")


def processes(count: int, *, batch: int = BATCH) -> Executor:
    """An executor with ``count`` worker processes, each given ``batch`` cases at a time."""

    def playing(jobs: Sequence[Job], factory: RunnerFactory, allowance: Budget) -> Iterator[Event]:
        pool = Processes(factory, allowance, min(count, len(jobs)))
        yield from run_batches(jobs, pool, batch=batch, ahead=_AHEAD * batch * count)

    return playing


@dataclass(slots=True, eq=False)
class _Worker:
    process: Any
    pipe: Connection
    ready: bool = False
    batch: list[int] = field(default_factory=list)


class Processes:
    """A pool of processes; one that dies is replaced."""

    def __init__(self, factory: RunnerFactory, allowance: Budget, count: int) -> None:
        # A forked server costs the import once; where there is none, each worker imports for itself.
        kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(kind)
        if kind == "forkserver":
            self._context.set_forkserver_preload([*factory.preload])
        self._factory = pickle.dumps(factory)
        self._allowance = allowance
        self._start_failures = 0
        self._workers = [self._started() for _ in range(count)]

    def free(self) -> int:
        return sum(one.ready for one in self._workers)

    def give(self, batch: Batch) -> None:
        one = next(one for one in self._workers if one.ready)
        one.ready, one.batch = False, [place for place, _ in batch]
        with contextlib.suppress(OSError):  # it is dead: what it was given comes back with that news
            one.pipe.send(batch)

    def events(self) -> Iterator[WorkerEvent]:
        pipes = {one.pipe: one for one in self._workers}
        for pipe in connection.wait(list(pipes)):
            one = pipes[pipe]  # type: ignore[index]  # only our own pipes were waited for
            try:
                found = self._received(one, one.pipe.recv())
            except (EOFError, OSError, pickle.UnpicklingError):
                yield self._lost(one)
            else:
                if found is not None:
                    yield found

    def stop(self, *, at_once: bool) -> list[WorkerEvent]:
        """Those in the middle of a case break it off as they would at Ctrl-C, and what they send before is received."""
        workers, self._workers = self._workers, []
        for one in workers:
            with contextlib.suppress(OSError, ValueError):
                if at_once and one.process.pid:
                    os.kill(one.process.pid, signal.SIGINT)
                else:
                    one.pipe.send(None)
        found: list[WorkerEvent] = []
        for one in workers:
            found += self._drained(one, _PATIENCE if at_once else None)
            one.process.join(_PATIENCE)
            if one.process.is_alive():
                one.process.kill()
                one.process.join()
            one.process.close()
            one.pipe.close()
        return found

    def _started(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=work, args=(there, self._factory, dict(os.environ)), name="harness-worker", daemon=True
        )
        process.start()
        there.close()
        return _Worker(process, here)

    def _received(self, one: _Worker, message: WorkerMessage) -> BatchFinished | None:
        match message:
            case WorkerReady():
                one.ready, self._start_failures = True, 0
            case BatchFinished():
                one.batch.remove(message.place)
                return message
            case BatchAssigned():
                one.pipe.send(self._allowance.turn_or_error(message.dollars))
            case BudgetSettled():
                self._allowance.settle(message.estimated, message.paid)
            case WorkerFailed():
                raise message.error
        return None

    def _drained(self, one: _Worker, seconds: float | None) -> Iterator[WorkerEvent]:
        with contextlib.suppress(Exception):  # whatever it fails with now, it is being released
            while one.pipe.poll(seconds):
                found = self._received(one, one.pipe.recv())
                if found is not None:
                    yield found

    def _lost(self, one: _Worker) -> WorkerLost:
        one.process.join(_PATIENCE)
        why = _why(one.process.exitcode)
        if not (one.ready or one.batch):
            self._start_failures += 1
            if self._start_failures > _MOST_START_FAILURES:
                raise HarnessError(f"workers end before they play anything ({why}); run it without --workers")
        one.pipe.close()
        one.process.close()
        self._workers[self._workers.index(one)] = self._started()
        return WorkerLost(tuple(one.batch), tuple(one.batch[:1]), why)  # cases are played in their order


def _why(code: int | None) -> str:
    if code is None:
        return "it went silent"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
