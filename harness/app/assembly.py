"""Where the parts meet: suites, backend, cassettes and engine, put together for a command or a test."""

from __future__ import annotations

import functools
import socket
import time
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.app.runner_factory import Origin, Recording, Replaying, is_command, price_of, sender
from harness.app.starter import LOCAL_KEY
from harness.backend.library import load_offline
from harness.backend.models import missing_key, provider_of, refuse_unpriced
from harness.cassette import cassette_path, recordings
from harness.cassette.opening import provenance
from harness.core.errors import UsageError
from harness.core.folders import is_there
from harness.dialects.providers import is_local
from harness.engine.budget import Budget, Limits
from harness.engine.events import ALL, CaseFinished, Selection, jobs, regressions
from harness.engine.workers import in_process
from harness.evaluation import category
from harness.interception.network_block import no_network
from harness.mutation.mutant import PARTS
from harness.mutation.mutate import mutate as mutated
from harness.mutation.mutate import subjects
from harness.suite import load_suites, named_models, shared_models
from harness.suite.packs import THINKING, TOOLS, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence

    from harness.app.settings import Settings
    from harness.engine.events import CaseResult, Event, Job
    from harness.engine.workers import Executor
    from harness.mutation.mutant import Part
    from harness.mutation.mutate import MutationEvent
    from harness.suite import Model, Suite

__all__ = [
    "NO_LIMITS",
    "Origin",
    "choose_models",
    "load",
    "one",
    "orphans",
    "plan",
    "plan_evaluation",
    "plan_regressions",
    "provenance",
    "record",
    "refuse_ci",
    "replay",
    "unsent",
]

NO_LIMITS = Limits()


def load(settings: Settings) -> tuple[Suite, ...]:
    """The suites of ``settings``. Raises ``SuiteError``."""
    return load_suites(settings.suites)


def plan(suites: Sequence[Suite], settings: Settings, choice: Selection = ALL) -> tuple[Job, ...]:
    """Every chosen case for every chosen model. Raises ``UsageError`` where nothing is left."""
    return jobs(suites, choice, functools.partial(cassette_path, settings.cassettes))


def plan_regressions(settings: Settings, choice: Selection) -> tuple[tuple[Suite, ...], tuple[Job, ...], int]:
    """The suites that a command takes up, the chosen jobs of them, and how many evaluations it leaves to ``eval``.

    Raises ``SuiteError``, ``UsageError``.
    """
    suites, left = regressions(load(settings), choice, settings.suites)
    return suites, plan(suites, settings, choice), left


def orphans(suites: Sequence[Suite], settings: Settings) -> tuple[str, ...]:
    """Cassettes in the folders of ``suites`` that none of their cases and models uses."""
    used = {job.cassette for job in plan(suites, settings)}
    folders = [settings.cassettes / suite.name for suite in suites]
    there = (folder for folder in folders if is_there(folder) and folder.is_dir())
    return tuple(str(file) for folder in there for file in recordings(folder) if file not in used)


def replay(chosen: Sequence[Job], settings: Settings, executor: Executor = in_process) -> Iterator[Event]:
    """Replay ``chosen`` from their cassettes, by ``executor``. Nothing goes out, and no key is needed."""
    return executor(chosen, Replaying(settings), _allowance(NO_LIMITS))


def unsent(chosen: Sequence[Job], settings: Settings) -> set[str]:
    """The cassettes of those of ``chosen``, none of which has one, that need none: nothing of them is ever sent."""
    ours = replace(settings, agent="", backend="")
    events = replay(chosen, ours) if chosen else ()
    return {event.result.cassette for event in events if isinstance(event, CaseFinished) and not event.result.problem}


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
    """Mutate what the cassettes of ``chosen`` hold, and find what a replay notices. As offline as ``replay``.

    ``judging`` may give a result other findings than those of the suites' own checks; ``replayed`` is what came of
    some cassettes already, of which only requests are mutated. With ``sound`` a case that fails as it is isn't mutated.
    """
    matcher = settings.matcher()
    ask = sender(settings, {}, replaying=True)
    recordings = subjects(chosen, ask=ask, matcher=matcher, judging=judging, replayed=replayed)
    with no_network(programs=is_command(settings.agent)):
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
    factory = Recording(settings, origin, tuple(names), priced=limits.dollars is not None, resume=resume)
    yield from executor(chosen, factory, _allowance(limits))


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


def choose_models(
    names: Sequence[str], settings: Settings, *, patterns: bool = False, thinking: int = 0
) -> tuple[Model, ...]:
    """The models called ``names``: labels and ids of models.yaml, or provider/model; without names all of models.yaml.

    With ``patterns`` a name may be one; it is not meant for a model that is asked only where it is named. A model that
    is not in models.yaml may use ``thinking`` tokens beyond a case's limit. Raises ``UsageError``.
    """
    shared = shared_models(settings.suites)
    common = [one for one in shared if not one.named_only]
    if not names:
        if not shared:
            raise UsageError("name a model, as provider/model; there is no models.yaml beside the suites either")
        return tuple(common)
    found: list[Model] = []
    for name in names:
        some = [one for one in common if patterns and fnmatchcase(one.called, name)]
        some = some or [
            one if one in shared or not thinking else one.model_copy(update={"thinking_tokens": thinking})
            for one in named_models(name, shared)
        ]
        if not some:
            raise UsageError(f"no model is called {name!r}; write it as provider/model, such as openai/{name}")
        found += some
    return tuple(dict.fromkeys(found))


def plan_evaluation(
    settings: Settings,
    *,
    named: bool = False,
    models: Sequence[str] = (),
    packs: Sequence[str] = (),
    categories: Sequence[str] = (),
    cases: Sequence[str] = (),
    repeats: int = 0,
) -> tuple[Job, ...]:
    """Every chosen case for every chosen model: of the project's own evaluations, and of ``packs``; of the pack
    ``tools`` where there is neither. ``named`` says that the suites were named;
    ``repeats`` is how often a task in a world is tried, 0 for as often as was recorded. Raises ``UsageError``,
    ``SuiteError``.
    """
    own = _evaluations(settings) if named or any(path.exists() for path in settings.suites) else ()
    if named and not own and not packs:
        raise UsageError("there is no evaluation here; one is a suite that says `kind: evaluation`")
    suites = list(own)
    for name in packs or (() if own else (TOOLS,)):
        suites += pack(name, choose_models(models, settings, patterns=True, thinking=THINKING))
    chosen = _of_categories(suites, categories)
    jobs = plan(chosen, settings, Selection(cases=tuple(cases), models=tuple(models)))
    return tuple(_with_room(replace(job, repeats=repeats) if job.case.in_world else job) for job in jobs)


def _evaluations(settings: Settings) -> tuple[Suite, ...]:
    """The evaluations of the project."""
    return tuple(suite for suite in load(settings) if suite.kind == "evaluation")


def _of_categories(suites: Sequence[Suite], categories: Sequence[str]) -> tuple[Suite, ...]:
    """The suites of the ``categories`` requested, or all."""
    found = {category(suite.name): suite for suite in suites}
    unknown = [name for name in categories if name not in found]
    if unknown:
        raise UsageError(f"there is no category {unknown[0]!r}; there are {', '.join(found)}")
    return tuple(suite for name, suite in found.items() if not categories or name in categories)


def _with_room(job: Job) -> Job:
    """``job`` with the tokens that its model may think with beyond the case's limit."""
    limit, room = job.case.max_tokens, job.model.thinking_tokens
    if not room or limit is None:
        return job
    return replace(job, case=job.case.model_copy(update={"max_tokens": limit + room}))
