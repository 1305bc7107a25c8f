"""How a case is played: replayed from its cassette, or recorded; through our backend, another one, an agent's function
or an agent's command.

A ``RunnerFactory`` is a value: it can be sent to a worker, in another process or on another machine, and opened there.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import os
import re
import shlex
import subprocess
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from harness.app.starter import LOCAL_KEY
from harness.backend.completion import complete
from harness.backend.library import load_offline
from harness.backend.models import FREE, price
from harness.cassette import RecordMode, open_tape
from harness.cassette.opening import provenance
from harness.cassette.secrets.redaction import Redactor, known_secrets
from harness.cassette.storage.remote import mirrored, published
from harness.core.chat import Reply
from harness.core.errors import (
    AgentError,
    AuthenticationError,
    CassetteError,
    CassetteMiss,
    HarnessError,
    StopAskingError,
    UsageError,
)
from harness.dialects.providers import is_local, profile
from harness.engine.budget import BudgetClient, metered
from harness.engine.events import Problem
from harness.engine.runner import play, scrubbed, timed
from harness.engine.user_code import named
from harness.interception import context
from harness.interception.clients import answering
from harness.interception.network_block import no_network
from harness.laws.tested_backend import backend_at
from harness.server.program import agent_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import NoReturn

    from harness.app.settings import Settings
    from harness.backend.models import Price
    from harness.cassette import Matcher
    from harness.core.chat import Json
    from harness.core.exchange import Exchange, HttpRequest, Provenance
    from harness.engine.events import CaseResult, Job
    from harness.engine.runner import OpenTape, Play, SendQuestion, Tape
    from harness.suite import Model

_PRETEND_KEY = "replayed-with-no-key"
_WRONG_KEY = "a-wrong-key-on-purpose"
_LONGEST = 8 * 2**20  # bytes of an answer that is recorded
_AGENT_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_AGENT_SECONDS = 600.0
_MOST_OUTPUT = 300
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
        runs_programs = is_command(self.settings.agent)
        tapes = functools.partial(_replayed, matcher=self.settings.matcher(), programs=runs_programs)
        ask = sender(self.settings, {}, replaying=True)
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
        plain = sender(self.settings, keys, replaying=False)
        ask = _metered(plain, turns, priced=self.priced)
        redactor = Redactor(known_secrets([keys[name] for name in self.names]))
        tapes = _recording(self.origin, keys, resume=self.resume, drop_headers=self.settings.drop_headers)

        def playing(job: Job) -> CaseResult:
            result = scrubbed(play(job, ask=ask, open_tape=tapes, recording=True), redactor.text)
            return _published(job, result) if self.settings.store and result.kept else result

        yield timed(playing, time.perf_counter)


def _published(job: Job, result: CaseResult) -> CaseResult:
    """``result`` once its cassette is in the store; not recorded where it can't be."""
    try:
        if job.has_cassette:
            published(job.cassette)
    except CassetteError as error:
        return replace(result, kept=False, problem=Problem(type(error).__name__, str(error), error.exit_code))
    return result


def price_of(model: Model) -> Price | None:
    """What ``model`` costs; None where that is not known."""
    return price(model.id, model.hostname or "")


def at_most(model: Model, words: Mapping[str, Json]) -> float:
    """Dollars that a question will not cost more than; 0 where the price is unknown."""
    return (price_of(model) or FREE).at_most(len(json.dumps(words, default=str)), words.get("max_tokens"))


def _metered(ask: SendQuestion, turns: BudgetClient, *, priced: bool) -> SendQuestion:
    """``ask`` within an allowance; of its dollars too where ``priced``."""

    def limited(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        known = (price_of(model) if priced else None) or FREE
        estimate = at_most(model, words) if priced else 0.0
        send = functools.partial(ask, model, words, wrong_key=wrong_key)
        return metered(turns, estimate, send, lambda reply: known.of(reply.usage))

    return limited


def _our_backend(keys: Mapping[str, str], *, replaying: bool) -> SendQuestion:
    """Questions sent through our own backend."""

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


def is_command(agent: str) -> bool:
    """Whether an agent is a program of its own."""
    return bool(agent) and not _AGENT_NAME.fullmatch(agent)


def sender(settings: Settings, keys: Mapping[str, str], *, replaying: bool) -> SendQuestion:
    """How questions are sent: through the backend or agent of ``settings``, or our own backend with ``keys``.

    Raises ``UsageError``.
    """
    if settings.backend:
        return _backend(settings.backend, replaying=replaying)
    if is_command(settings.agent):
        return _command(settings.agent, replaying=replaying)
    return _function(settings.agent) if settings.agent else _our_backend(keys, replaying=replaying)


def _backend(name: str, *, replaying: bool) -> SendQuestion:
    complete = backend_at(name).complete

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del wrong_key  # its keys are its own affair
        options: dict[str, Any] = dict(words)
        if model.hostname:
            options["api_base"] = model.hostname
        if replaying:
            options["api_key"] = _PRETEND_KEY
        elif model.api_key_env:
            options["api_key"] = os.environ.get(model.api_key_env, "")
        messages = options.pop("messages")
        return _reply(lambda: complete(model.id, messages, **options), name)

    return ask


def _function(name: str) -> SendQuestion:
    try:
        _, agent = named(name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"there is no agent at {name!r}: {error}") from error
    if not callable(agent):
        raise UsageError(f"{name!r} can't be called; an agent is agent(messages) and gives its final text")
    takes = inspect.signature(agent).parameters

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del wrong_key
        known = {"model": model.id, "tools": words.get("tools"), "base_url": model.hostname}
        more = {key: value for key, value in known.items() if key in takes}

        def call() -> Any:
            answer = agent(words["messages"], **more)
            return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

        return _reply(call, name)

    return ask


def _command(command: str, *, replaying: bool) -> SendQuestion:
    program = shlex.split(command)

    def ask(model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply:
        del wrong_key
        answer = context.current()
        if answer is None:
            raise UsageError(f"the agent {program[0]!r} has no tape around it")
        question = json.dumps({"model": model.id, "base_url": model.hostname, **words}, default=str)
        with agent_environment(answer, replaying=replaying) as more:
            return _reply(lambda: _output(program, question, more), program[0])

    return ask


def _output(words: list[str], question: str, more: Mapping[str, str]) -> str:
    """The standard output of an agent's command for a question."""
    try:
        done = subprocess.run(  # noqa: S603 - to run it is what was asked
            words,
            input=question.encode(),
            env={**os.environ, **more},
            stdout=subprocess.PIPE,
            timeout=_AGENT_SECONDS,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"{words[0]}: the agent can't be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise AgentError(f"the agent {words[0]} ran for {_AGENT_SECONDS:g} seconds and was ended") from error
    text = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise AgentError(f"the agent {words[0]} ended with {done.returncode}; it wrote {text[-_MOST_OUTPUT:]!r}")
    return text


def _reply(call: Callable[[], Any], name: str) -> Reply:
    """What was answered, as a reply. An exception of the agent's own is an ``AgentError``."""
    try:
        answer = call()
    except HarnessError:
        raise
    except Exception as error:  # it is code of the user's: whatever it raises is reported as its failure
        raise AgentError(f"{name} failed: {type(error).__name__}: {error}") from error
    if isinstance(answer, Reply):
        return answer
    if answer is None:
        raise AgentError(f"{name} gave no answer; it must give its final text")
    text = answer
    if not isinstance(answer, str):
        with contextlib.suppress(TypeError, ValueError):
            text = json.dumps(answer, ensure_ascii=False)
    return Reply(text=str(text), finish="stop")
