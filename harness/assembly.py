"""Where the parts meet: suites, backend, cassettes and engine, put together for a command or a test."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib.metadata
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.backend.completion import complete, load_offline
from harness.backend.config import provider_of
from harness.backend.keys import missing_key
from harness.cassette import RecordMode, cassette_path, open_tape
from harness.cassette.doors import answering
from harness.cassette.guard import no_way_out
from harness.cassette.redaction import Redactor, known_secrets
from harness.errors import AuthenticationError, CassetteMiss, UsageError
from harness.exchange import Provenance
from harness.run.choice import ALL, jobs
from harness.run.events import CaseFinished
from harness.run.mutants import PARTS
from harness.run.mutate import mutate as mutated
from harness.run.mutate import subjects
from harness.run.runner import run
from harness.run.scrubbing import scrubbed
from harness.suite import load_suites

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import NoReturn

    from harness.cassette import Matcher
    from harness.chat import Json, Reply
    from harness.exchange import Exchange, HttpRequest, ProvenanceKind
    from harness.run.choice import Choice
    from harness.run.events import CaseResult, Event, Job
    from harness.run.mutants import Part
    from harness.run.mutate import MutationEvent
    from harness.run.runner import Ask, OpenTape, Tape
    from harness.settings import Settings
    from harness.suite import Model, Suite

LOCAL_KEY = "HARNESS_LOCAL_KEY"
"""The environment variable that the shipped models take the local server's key from."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_PRETEND_KEY = "replayed-with-no-key"
_WRONG_KEY = "a-wrong-key-on-purpose"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who answers while recording. ``source`` goes into the cassettes; ``local_key`` is the key of a local server
    that was started for it.
    """

    source: str = ""
    local_key: str = ""


def load(settings: Settings) -> tuple[Suite, ...]:
    """The suites of ``settings``. Raises ``SuiteError``."""
    return load_suites(settings.suites)


def plan(suites: Sequence[Suite], settings: Settings, choice: Choice = ALL) -> tuple[Job, ...]:
    """Every chosen case for every chosen model. Raises ``UsageError`` where nothing is left."""
    return jobs(suites, choice, functools.partial(cassette_path, settings.cassettes))


def orphans(suites: Sequence[Suite], settings: Settings) -> tuple[str, ...]:
    """Cassettes in the folders of ``suites`` that none of their cases and models uses."""
    used = {job.cassette for job in plan(suites, settings)}
    folders = [settings.cassettes / suite.name for suite in suites]
    return tuple(str(file) for folder in folders for file in _cassettes(folder) if file not in used)


def _cassettes(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*.json")) if not file.name.endswith(".partial.json")]


def replay(chosen: Sequence[Job], settings: Settings) -> Iterator[Event]:
    """Replay ``chosen`` from their cassettes. Nothing goes out, and no key is needed."""
    tapes = functools.partial(_replayed, matcher=settings.matcher())
    with no_way_out():
        load_offline()
        yield from run(chosen, ask=_asking({}, replaying=True), open_tape=tapes, clock=time.perf_counter)


def mutate(
    chosen: Sequence[Job],
    settings: Settings,
    *,
    parts: Collection[Part] = PARTS,
    sample: int | None = None,
    seed: int = 0,
) -> Iterator[MutationEvent]:
    """Mutate what the cassettes of ``chosen`` hold, and tell what a replay notices. As offline as ``replay``."""
    matcher = settings.matcher()
    recordings = subjects(chosen, ask=_asking({}, replaying=True), matcher=matcher)
    with no_way_out():
        load_offline()
        yield from mutated(recordings, matcher=matcher, parts=parts, sample=sample, seed=seed)


def one(job: Job, settings: Settings) -> CaseResult:
    """Play one job in the record mode of ``settings``: asked for real where it says so, and replayed otherwise."""
    again = settings.record_mode == "record" or (settings.record_mode == "once" and not job.cassette.exists())
    events = record((job,), settings, Origin()) if again else replay((job,), settings)
    (result,) = (event.result for event in events if isinstance(event, CaseFinished))
    return result


def record(chosen: Sequence[Job], settings: Settings, origin: Origin) -> Iterator[Event]:
    """Ask for real and record. Raises ``UsageError`` before the first question where that can't work."""
    refuse_ci(settings)
    keys = dict(os.environ)
    if origin.local_key:
        keys.setdefault(LOCAL_KEY, origin.local_key)
    for model in dict.fromkeys(job.model for job in chosen):
        _refuse_unready(model, keys)
    load_offline()
    ask = _asking(keys, replaying=False)
    redactor = Redactor(known_secrets(_own_keys(chosen, keys)))
    tapes = _recording(origin, keys)
    for event in run(chosen, ask=ask, open_tape=tapes, clock=time.perf_counter, recording=True):
        if isinstance(event, CaseFinished):
            yield CaseFinished(event.number, scrubbed(event.result, redactor.text))
        else:
            yield event


def refuse_ci(settings: Settings) -> None:
    """Raise ``UsageError`` in CI, where nothing is recorded."""
    if settings.ci:
        raise UsageError("CI is set, and nothing is recorded in CI; unset CI if this is not a CI job")


def _refuse_unready(model: Model, keys: Mapping[str, str]) -> None:
    """Tell at once what would fail in every case: no key, or nobody there."""
    if model.api_key_env and not keys.get(model.api_key_env):
        hint = " (harness record --local sets it)" if model.api_key_env == LOCAL_KEY else ""
        raise UsageError(f"{model.called} takes its key from {model.api_key_env}, which is not set{hint}")
    if model.hostname is None:
        names = () if model.api_key_env else missing_key(provider_of(model.id), keys)
        if names:
            raise UsageError(f"{model.called} needs a key; set {' or '.join(names)}")
        return
    import socket  # noqa: PLC0415 - only to see whether somebody is there

    url = urlsplit(model.hostname)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=5).close()
    except OSError as error:
        local = url.hostname in _LOOPBACK
        hint = "; start the local model with `harness serve-local`, or record with --local" if local else ""
        raise UsageError(f"nothing answers at {model.hostname} ({error.strerror or error}){hint}") from error


def _asking(keys: Mapping[str, str], *, replaying: bool) -> Ask:
    """How a model of a suite is asked through the backend."""

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        options: dict[str, Any] = {**_where(model, keys, replaying=replaying), **words}
        if wrong_key:
            options["api_key"] = _WRONG_KEY
        messages = options.pop("messages")
        try:
            return complete(model.id, messages, **options)
        except AuthenticationError as error:
            if replaying or wrong_key:
                raise
            name = model.api_key_env or "the provider's usual variable, such as OPENAI_API_KEY"
            raise UsageError(f"{model.called} was refused its key; set it in {name} ({error})") from error

    return ask


def _where(model: Model, keys: Mapping[str, str], *, replaying: bool) -> dict[str, str]:
    where = {"api_base": model.hostname} if model.hostname else {}
    if replaying:
        where["api_key"] = _PRETEND_KEY
        if model.backend == "bedrock":
            where |= {"aws_access_key_id": _PRETEND_KEY, "aws_secret_access_key": _PRETEND_KEY}
    elif model.api_key_env:
        where["api_key"] = keys[model.api_key_env]
    return where


class _NoTape:
    """Stands for a cassette that does not exist: a case that asks nothing over the wire needs none."""

    def __init__(self, job: Job) -> None:
        self.taken: tuple[tuple[int, Exchange], ...] = ()
        self.unused: tuple[int, ...] = ()
        self.misses: list[HttpRequest] = []
        self.provenance: Provenance | None = None
        self._job = job

    def answer(self, request: HttpRequest) -> NoReturn:
        self.misses.append(request)
        job = self._job
        how = f"harness record --suite {job.suite} --case {job.case.id} --model {job.model.called}"
        raise CassetteMiss(f"{job.cassette} does not exist; record it: {how}", cassette=str(job.cassette))


@contextlib.contextmanager
def _replayed(job: Job, matcher: Matcher | None) -> Iterator[Tape]:
    if job.cassette.exists():
        with open_tape(job.cassette, mode=RecordMode.NONE, matcher=matcher) as tape:
            yield tape
        return
    none = _NoTape(job)
    with answering(none.answer):
        yield none


def _own_keys(chosen: Sequence[Job], keys: Mapping[str, str]) -> list[str]:
    """The keys that these jobs name, which are secrets whatever their variables are called."""
    names = {job.model.api_key_env for job in chosen if job.model.api_key_env}
    return [keys[name] for name in sorted(names)]


def provenance(kind: ProvenanceKind, source: str) -> Provenance:
    """Where a recording made now is from."""
    return Provenance(
        kind=kind,
        recorded=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        source=source,
        litellm=importlib.metadata.version("litellm"),
        harness=importlib.metadata.version("toolcall-harness"),
    )


def _recording(origin: Origin, keys: Mapping[str, str]) -> OpenTape:
    def recording(job: Job) -> AbstractContextManager[Tape]:
        host = urlsplit(job.model.hostname or "").hostname
        source = origin.source or job.model.hostname or job.model.backend
        made = provenance("local" if host in _LOOPBACK else "live", source)
        own = _own_keys([job], keys)
        return open_tape(job.cassette, mode=RecordMode.RECORD, provenance=made, secrets=own)

    return recording
