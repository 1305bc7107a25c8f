"""Proofs in several processes: each puts the questions of one provider in one mode, and sends back what broke a law."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.core.chat import Reply
from harness.core.errors import HarnessError, UsageError
from harness.laws import BY_ID
from harness.laws.tested_backend import backend_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.laws import Law, Trial
    from harness.laws.tested_backend import Backend

    Search: TypeAlias = Callable[[Backend, str, Any, Sequence[Law], Any], Any]


@dataclass(frozen=True, slots=True)
class Workers:
    """``number`` processes, each of which calls ``start`` and finds the backend at ``backend`` (module:attribute)."""

    number: int
    backend: str
    start: Callable[[], None]


def in_workers(
    workers: Workers, search: Search, tasks: Sequence[tuple[str, str]], laws: Sequence[Law], effort: Any
) -> Iterator[Any]:
    """The proofs that ``search`` makes of ``tasks`` (provider, mode), in their order. Raises ``UsageError`` where a
    process dies.
    """
    ids = tuple(law.id for law in laws)
    # Spawned: a fork would take the threads' locks along, and not every system has it.
    pool = ProcessPoolExecutor(workers.number, get_context("spawn"), _start, (workers,))
    try:
        jobs = [pool.submit(_search, search, provider, mode, ids, effort) for provider, mode in tasks]
        for job in jobs:
            proof = job.result()
            for law_id, broken in proof.broken.items():
                proof.broken[law_id] = replace(broken, law=BY_ID[law_id])
            yield proof
    except BrokenProcessPool as error:
        raise UsageError("a worker of the proof died (out of memory?); prove with --workers 1") from error
    finally:
        running = list((pool._processes or {}).values())  # noqa: SLF001 - 3.14 calls it terminate_workers
        pool.shutdown(wait=False, cancel_futures=True)
        for one in running:
            one.terminate()


_own: list[Backend | HarnessError] = []
"""The backend that this process proves, or why there is none."""


def _start(workers: Workers) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one says when it ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        workers.start()
        _own[:] = [backend_at(workers.backend)]
    except HarnessError as error:  # an initializer that raises breaks the pool without a word of why
        _own[:] = [error]


def _end_with_parent() -> None:
    """A proof that is killed says nothing to its workers."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _search(search: Search, provider: str, mode: str, ids: tuple[str, ...], effort: Any) -> Any:
    backend = _own[0]
    if isinstance(backend, HarnessError):
        raise UsageError(f"a worker of the proof can't start: {backend}; prove with --workers 1")
    proof = search(backend, provider, mode, [BY_ID[one] for one in ids], effort)
    for law_id, broken in proof.broken.items():  # laws are functions: the other side has them by their ids
        proof.broken[law_id] = replace(broken, law=None, trial=_portable(broken.trial))
    return proof


def _portable(trial: Trial) -> Trial:
    """``trial`` as it goes to another process: of what can't go, how it shows."""
    bare = replace(trial, memo={}, beside=tuple(map(_portable, trial.beside)))
    if not _pickles(bare.error):
        bare = replace(bare, error=RuntimeError(repr(bare.error)))
    if not _pickles((bare.reply, bare.again)):
        bare = replace(bare, reply=Reply(repr(bare.reply)), again=None)
    if not _pickles(bare.arguments):
        bare = replace(bare, arguments=None)
    return bare if _pickles(bare.errors) else replace(bare, errors=(HarnessError,))


def _pickles(value: object) -> bool:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes; what dumps may still not load
    except Exception:  # noqa: BLE001 - whatever a backend's own object raises
        return False
    return True
