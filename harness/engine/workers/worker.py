"""What a worker process does: opens the recipe, plays what comes through its pipe, and answers through it."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import HarnessError
from harness.engine.budget import wait_for
from harness.engine.workers.scheduler import BatchFinished

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection
    from types import FrameType

    from harness.engine.runner import RunnerFactory


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


Said: TypeAlias = WorkerReady | BatchAssigned | BudgetSettled | WorkerFailed | BatchFinished


class PipeBudget:
    """The allowance of the process that started the workers, asked through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def take(self, dollars: float = 0.0) -> None:
        self._pipe.send(BatchAssigned(dollars))
        wait_for(self._pipe.recv())

    def settle(self, estimated: float, paid: float) -> None:
        self._pipe.send(BudgetSettled(estimated, paid))


def work(pipe: Connection, recipe: bytes, environment: Mapping[str, str]) -> None:
    """The whole life of a worker. ``environment`` is that of its starter, whatever it was forked from.

    It ends when told to, when nobody listens any more, or by SIGINT, which a case under way meets as Ctrl-C.
    """
    signal.signal(signal.SIGINT, _interrupted)
    os.environ.clear()
    os.environ.update(environment)
    with contextlib.suppress(KeyboardInterrupt, EOFError, OSError):
        try:
            opened: RunnerFactory = pickle.loads(recipe)  # noqa: S301 - from the process that started this one
            _play(pipe, opened)
        except (KeyboardInterrupt, EOFError, OSError):
            raise
        except BaseException as error:  # noqa: BLE001 - told to the process that started this
            pipe.send(WorkerFailed(portable(error)))
    pipe.close()


def _play(pipe: Connection, recipe: RunnerFactory) -> None:
    with recipe(PipeBudget(pipe)) as playing:
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
    told = "".join(traceback.format_exception(error))
    if isinstance(error, HarnessError):
        return error
    with contextlib.suppress(Exception):  # what can't be sent, for whatever reason, is told in words
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        error.add_note(f"in a worker:\n{told}")
        return error
    return RuntimeError(f"in a worker ({sys.executable}):\n{told}")
