"""How a case is played: replayed from its cassette, or asked for real and recorded.

A recipe is a value: it can be sent to a worker, in another process or on another machine, and opened there.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from harness.app import agents
from harness.app.starter import LOCAL_KEY
from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.backend.models import FREE, price
from harness.cassette import RecordMode, open_tape
from harness.cassette.opening import provenance
from harness.cassette.secrets.redaction import Redactor, known_secrets
from harness.cassette.storage.remote import mirrored, published
from harness.core.errors import AuthenticationError, CassetteError, CassetteMiss, StopAskingError, UsageError
from harness.dialects.providers import is_local, profile
from harness.engine.budget import BudgetClient, metered
from harness.engine.events import Problem
from harness.engine.runner import play, scrubbed, timed
from harness.interception.clients import answering
from harness.interception.network_block import no_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import NoReturn

    from harness.app.settings import Settings
    from harness.backend.models import Price
    from harness.cassette import Matcher
    from harness.core.chat import Json, Reply
    from harness.core.exchange import Exchange, HttpRequest, Provenance
    from harness.engine.events import CaseResult, Job
    from harness.engine.runner import OpenTape, Play, SendQuestion, Tape
    from harness.suite import Model

_PRETEND_KEY = "replayed-with-no-key"
_WRONG_KEY = "a-wrong-key-on-purpose"
_LONGEST = 8 * 2**20  # bytes of an answer that is recorded
PRELOAD = ("harness.engine.workers.warm", "harness.app.runner_factory")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who answers while recording. ``source`` goes into the cassettes; ``local_key`` is the key of a local server
    that was started for it.
    """

    source: str = ""
    local_key: str = field(default="", repr=False)

    def keys(self) -> dict[str, str]:
        """The environment of this process, with the local server's key in it."""
        keys = dict(os.environ)
        if self.local_key:
            keys.setdefault(LOCAL_KEY, self.local_key)
        return keys


@dataclass(frozen=True, slots=True)
class Replaying:
    """Cases are replayed from the cassettes of ``settings``. Nothing goes out meanwhile, and no key is needed."""

    preload: ClassVar[tuple[str, ...]] = PRELOAD
    settings: Settings

    @contextlib.contextmanager
    def __call__(self, turns: BudgetClient) -> Iterator[Play]:
        del turns  # what is replayed costs nothing
        if self.settings.store and not self.settings.cassettes.exists():
            mirrored(self.settings.store)  # a worker on another machine
        runs_programs = agents.is_command(self.settings.agent)
        tapes = functools.partial(_replayed, matcher=self.settings.matcher(), programs=runs_programs)
        ask = agents.asking(self.settings, replaying=True) or send_with_keys({}, replaying=True)
        playing = functools.partial(play, ask=ask, open_tape=tapes)
        with no_network(programs=runs_programs):
            load_offline()
            yield timed(playing, time.perf_counter)


@dataclass(frozen=True, slots=True)
class Recording:
    """Models are asked for real, and recorded. ``names`` are the variables that hold their keys: what they hold is
    taken from the environment of the caller, and is never in what is sent to a worker. With ``priced`` each request
    is reckoned in dollars; with ``resume`` what an earlier recording holds is not asked again.
    """

    preload: ClassVar[tuple[str, ...]] = PRELOAD
    settings: Settings
    origin: Origin
    names: tuple[str, ...] = ()
    priced: bool = False
    resume: bool = False

    @contextlib.contextmanager
    def __call__(self, turns: BudgetClient) -> Iterator[Play]:
        keys = self.origin.keys()
        missing = [name for name in self.names if name not in keys]
        if missing:
            raise UsageError(f"{', '.join(missing)} is not set where a worker runs; set it on every machine")
        load_offline()
        plain = agents.asking(self.settings, replaying=False) or send_with_keys(keys, replaying=False)
        ask = _metered(plain, turns, priced=self.priced)
        redactor = Redactor(known_secrets([keys[name] for name in self.names]))
        tapes = _recording(self.origin, keys, resume=self.resume, drop_headers=self.settings.drop_headers)

        def playing(job: Job) -> CaseResult:
            result = scrubbed(play(job, ask=ask, open_tape=tapes, recording=True), redactor.text)
            return _published(job, result) if self.settings.store and result.kept else result

        yield timed(playing, time.perf_counter)


def _published(job: Job, result: CaseResult) -> CaseResult:
    """``result`` once its cassette is in the store; not kept where it can't be."""
    try:
        if job.has_cassette:
            published(job.cassette)
    except CassetteError as error:
        return replace(result, kept=False, problem=Problem(type(error).__name__, str(error), error.exit_code))
    return result


def price_of(model: Model) -> Price | None:
    """What ``model`` costs; None where nobody knows."""
    return price(model.id, model.hostname or "")


def at_most(model: Model, words: Mapping[str, Json]) -> float:
    """Dollars that a question will not cost more than; 0 where nobody knows."""
    return (price_of(model) or FREE).at_most(len(json.dumps(words, default=str)), words.get("max_tokens"))


def _metered(ask: SendQuestion, turns: BudgetClient, *, priced: bool) -> SendQuestion:
    """``ask`` within an allowance; of its dollars too where ``priced``."""

    def limited(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        known = (price_of(model) if priced else None) or FREE
        estimate = at_most(model, words) if priced else 0.0
        send = functools.partial(ask, model, words, wrong_key=wrong_key)
        return metered(turns, estimate, send, lambda reply: known.of(reply.usage))

    return limited


def send_with_keys(keys: Mapping[str, str], *, replaying: bool) -> SendQuestion:
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
            if error.status is None:
                anything = "any value, for a server that wants none"
                raise StopAskingError(f"{model.called} was not asked: {error} ({anything})") from error
            name = model.api_key_env or "the provider's usual variable, such as OPENAI_API_KEY"
            raise StopAskingError(f"{model.called} was refused its key; set it in {name} ({error})") from error

    return ask


def _where(model: Model, keys: Mapping[str, str], *, replaying: bool) -> dict[str, str]:
    where = {"api_base": model.hostname} if model.hostname else {}
    if replaying:
        where |= dict.fromkeys(profile(model.backend).credentials, _PRETEND_KEY)
    elif model.api_key_env:
        where["api_key"] = keys[model.api_key_env]
    return where


class _NoTape:
    """Stands for a cassette that does not exist: a case that asks nothing over the wire needs none."""

    def __init__(self, job: Job) -> None:
        self.taken: tuple[tuple[int, Exchange], ...] = ()
        self.unused: tuple[int, ...] = ()
        self.miss_messages: list[str] = []
        self.provenance: Provenance | None = None
        self._job = job

    def answer(self, request: HttpRequest) -> NoReturn:
        del request
        job = self._job
        local = "--local " if job.model.api_key_env == LOCAL_KEY else ""
        how = f"harness record {local}--suite {job.suite} --case {job.case.id} --model {job.model.called}"
        message = f"{job.cassette} does not exist; record it: {how}"
        self.miss_messages.append(message)
        raise CassetteMiss(message, cassette=str(job.cassette))


@contextlib.contextmanager
def _replayed(job: Job, matcher: Matcher | None, *, programs: bool) -> Iterator[Tape]:
    if job.has_cassette:
        options: dict[str, Any] = {"allow_subprocesses": programs, "allow": ["localhost"] if programs else []}
        with open_tape(job.cassette, mode=RecordMode.NONE, matcher=matcher, **options) as tape:
            yield tape
        return
    none = _NoTape(job)
    with answering(none.answer):
        yield none


def _recording(
    origin: Origin, keys: Mapping[str, str], *, resume: bool, drop_headers: tuple[str, ...] = ()
) -> OpenTape:
    def recording(job: Job) -> AbstractContextManager[Tape]:
        source = origin.source or job.model.hostname or job.model.backend
        made = provenance("local" if is_local(job.model.hostname or "") else "live", source)
        own = [keys[job.model.api_key_env]] if job.model.api_key_env else []
        return open_tape(
            job.cassette,
            mode=RecordMode.RECORD,
            provenance=made,
            secrets=own,
            resume=resume,
            longest=_LONGEST,
            drop_headers=drop_headers,
        )

    return recording
