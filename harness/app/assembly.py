"""Where the parts meet: suites, backend, cassettes and engine, put together for a command or a test."""

from __future__ import annotations

import functools
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.app import agents
from harness.app.runner_factory import Origin, Recording, Replaying, price_of, send_with_keys
from harness.app.starter import LOCAL_KEY
from harness.backend.library import load_offline
from harness.backend.models import missing_key, provider_of, refuse_unpriced
from harness.cassette import cassette_path, recordings
from harness.cassette.opening import provenance
from harness.core.errors import UsageError
from harness.core.folders import is_there
from harness.dialects.providers import is_local
from harness.engine import selection as choosing
from harness.engine.budget import Budget, Limits
from harness.engine.events import CaseFinished
from harness.engine.selection import ALL, jobs
from harness.engine.workers import in_process
from harness.interception.network_block import no_network
from harness.mutation.mutant import PARTS
from harness.mutation.mutate import mutate as mutated
from harness.mutation.mutate import subjects
from harness.suite import load_suites

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence

    from harness.app.settings import Settings
    from harness.engine.events import CaseResult, Event, Job
    from harness.engine.selection import Selection
    from harness.engine.workers import Executor
    from harness.mutation.mutant import Part
    from harness.mutation.mutate import MutationEvent
    from harness.suite import Model, Suite

__all__ = [
    "NO_LIMITS",
    "Origin",
    "load",
    "one",
    "orphans",
    "plan",
    "provenance",
    "record",
    "refuse_ci",
    "replay",
]

NO_LIMITS = Limits()


def load(settings: Settings) -> tuple[Suite, ...]:
    """The suites of ``settings``. Raises ``SuiteError``."""
    return load_suites(settings.suites)


def plan(suites: Sequence[Suite], settings: Settings, choice: Selection = ALL) -> tuple[Job, ...]:
    """Every chosen case for every chosen model. Raises ``UsageError`` where nothing is left."""
    return jobs(suites, choice, functools.partial(cassette_path, settings.cassettes))


def regressions(suites: Sequence[Suite], settings: Settings, choice: Selection = ALL) -> tuple[tuple[Suite, ...], int]:
    """The suites that are run unasked, and how many evaluations are left to ``harness eval``; see ``run.choice``."""
    return choosing.regressions(suites, choice, settings.suites)


def orphans(suites: Sequence[Suite], settings: Settings) -> tuple[str, ...]:
    """Cassettes in the folders of ``suites`` that none of their cases and models uses."""
    used = {job.cassette for job in plan(suites, settings)}
    folders = [settings.cassettes / suite.name for suite in suites]
    there = (folder for folder in folders if is_there(folder) and folder.is_dir())
    return tuple(str(file) for folder in there for file in recordings(folder) if file not in used)


def replay(chosen: Sequence[Job], settings: Settings, executor: Executor = in_process) -> Iterator[Event]:
    """Replay ``chosen`` from their cassettes, by ``executor``. Nothing goes out, and no key is needed."""
    return executor(chosen, Replaying(settings), _allowance(NO_LIMITS))


def mutate(
    chosen: Sequence[Job],
    settings: Settings,
    *,
    parts: Collection[Part] = PARTS,
    sample: int | None = None,
    seed: int = 0,
    sound: bool = False,
    judging: Callable[[Job, CaseResult], CaseResult] = lambda _job, result: result,
    replayed: Mapping[str, CaseResult] | None = None,
) -> Iterator[MutationEvent]:
    """Mutate what the cassettes of ``chosen`` hold, and tell what a replay notices. As offline as ``replay``.

    ``judging`` may give a result other findings than those of the suites' own checks; ``replayed`` is what came of
    some cassettes already, of which only requests are mutated. With ``sound`` a case that fails as it is isn't mutated.
    """
    matcher = settings.matcher()
    ask = agents.asking(settings, replaying=True) or send_with_keys({}, replaying=True)
    recordings = subjects(chosen, ask=ask, matcher=matcher, judging=judging, replayed=replayed)
    with no_network(programs=agents.is_command(settings.agent)):
        load_offline()
        yield from mutated(recordings, matcher=matcher, parts=parts, sample=sample, seed=seed, sound=sound)


def one(job: Job, settings: Settings) -> CaseResult:
    """Play one job in the record mode of ``settings``: asked for real where it says so, and replayed otherwise."""
    again = settings.record_mode == "record" or (settings.record_mode == "once" and not job.has_cassette)
    events = record((job,), settings, Origin()) if again else replay((job,), settings)
    (result,) = (event.result for event in events if isinstance(event, CaseFinished))
    return result


def record(
    chosen: Sequence[Job],
    settings: Settings,
    origin: Origin,
    *,
    executor: Executor = in_process,
    limits: Limits = NO_LIMITS,
    resume: bool = False,
) -> Generator[Event, None, None]:
    """Ask for real and record, by ``executor``, within ``limits`` for all its workers together; with ``resume`` only
    what no earlier recording holds.

    Raises ``UsageError`` before the first question where that can't work.
    """
    refuse_ci(settings)
    keys = origin.keys()
    for model in dict.fromkeys(job.model for job in chosen):
        if not (settings.agent or settings.backend):  # their keys are their own affair
            _refuse_unready(model, keys)
        if limits.dollars is not None:
            refuse_unpriced(model.called, price_of(model))
    names = sorted({job.model.api_key_env for job in chosen if job.model.api_key_env})
    recipe = Recording(settings, origin, tuple(names), priced=limits.dollars is not None, resume=resume)
    yield from executor(chosen, recipe, _allowance(limits))


def _allowance(limits: Limits) -> Budget:
    return Budget(limits, clock=time.monotonic, sleep=time.sleep)


def refuse_ci(settings: Settings) -> None:
    """Raise ``UsageError`` in CI, where nothing is recorded."""
    if settings.ci:
        raise UsageError("CI is set, and nothing is recorded in CI; unset CI if this is not a CI job")


def _refuse_unready(model: Model, keys: Mapping[str, str]) -> None:
    """Tell at once what would fail in every case: no key, or no server there."""
    if model.api_key_env and not keys.get(model.api_key_env):
        hint = " (harness record --local sets it)" if model.api_key_env == LOCAL_KEY else ""
        raise UsageError(f"{model.called} takes its key from {model.api_key_env}, which is not set{hint}")
    if model.hostname is None:
        names = () if model.api_key_env else missing_key(provider_of(model.id), keys)
        if names:
            raise UsageError(f"{model.called} needs a key; set {' or '.join(names)}")
        return
    url = urlsplit(model.hostname)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=5).close()
    except OSError as error:
        from harness.local.server import PORT as LOCAL_PORT  # noqa: PLC0415 - only a hint needs it

        local = "; start the local model with `harness local start`, or record with --local"
        ours = is_local(model.hostname) and (port == LOCAL_PORT or model.api_key_env == LOCAL_KEY)
        hint = local if ours else ""
        raise UsageError(f"nothing answers at {model.hostname} ({error.strerror or error}){hint}") from error
