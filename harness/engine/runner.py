"""The engine: each case of each suite, asked of each model, on a tape of its own; and what executors, workers and those
who hand them work agree upon.

It knows neither litellm nor files nor terminals: asking and tapes are handed in, and what happens
comes out as events. What is reported of a live answer is scrubbed like what is recorded of it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from harness.checks import ALL_CHECKS, judge
from harness.checks.card.context import broke_down
from harness.core.errors import BackendError, CassetteMiss, HarnessError, ProviderError, StopAskingError, UsageError
from harness.core.exchange import Exchange
from harness.core.finding import Evidence, Finding, Observation
from harness.engine.conversation import WorldTask, continued, opening, request_of
from harness.engine.events import CaseFinished, CaseResult, CaseStarted, Event, Job, Problem, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from harness.checks import Check
    from harness.core.chat import Json, Reply
    from harness.core.exchange import Provenance
    from harness.core.expectation import Expectation
    from harness.engine.budget import Budget, BudgetClient
    from harness.suite import Model, Turn


class Tape(Protocol):
    """What the engine sees of an open cassette."""

    @property
    def taken(self) -> Sequence[tuple[int, Exchange]]:
        """Exchanges in the order handed out or recorded, each with its place in the cassette."""

    @property
    def unused(self) -> Sequence[int]:
        """Places of recorded exchanges that nothing asked for."""

    @property
    def miss_messages(self) -> Sequence[str]:
        """What was said of each request that no recording answered."""

    @property
    def provenance(self) -> Provenance | None:
        """Where the recording is from."""


class SendQuestion(Protocol):
    """Ask ``model`` once. ``words`` holds messages, tools, stream and options. Raises ``BackendError``."""

    def __call__(self, model: Model, words: Mapping[str, Json], *, wrong_key: bool) -> Reply: ...


Play: TypeAlias = "Callable[[Job], CaseResult]"
OpenTape: TypeAlias = "Callable[[Job], AbstractContextManager[Tape]]"


class _NotKeptError(Exception):
    """Leaves a tape that records in such a way that nothing of it is stored."""


@dataclass(slots=True)
class _Playing:
    """One job as it goes: what was seen so far."""

    job: Job
    findings: list[Finding] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    provenance: Provenance | None = None
    repeat: int = 0


def run_events(jobs: Sequence[Job], playing: Play) -> Iterator[Event]:
    """Give ``jobs`` to ``playing`` in order and yield what happens.

    Nothing that a model, a cassette or a check does ends the run; an interruption by the user does, and what was
    finished by then has been yielded.
    """
    yield RunStarted(len(jobs))
    for number, job in enumerate(jobs, 1):
        yield CaseStarted(job)
        yield CaseFinished(number, playing(job))


def in_process(jobs: Sequence[Job], factory: RunnerFactory, allowance: Budget) -> Iterator[Event]:
    """Play ``jobs`` here and now."""
    with factory(allowance) as playing:
        yield from run_events(jobs, playing)


def timed(playing: Play, clock: Callable[[], float]) -> Play:
    """``playing`` with the seconds that it took written into each result; ``clock`` gives them."""

    def measured(job: Job) -> CaseResult:
        started = clock()
        result = playing(job)
        return replace(result, seconds=round(clock() - started, 3))

    return measured


def play(
    job: Job, *, ask: SendQuestion, open_tape: OpenTape, recording: bool = False, checks: Sequence[Check] = ALL_CHECKS
) -> CaseResult:
    """Ask one case of one model, turn by turn, and judge each answer.

    While ``recording``, an error of the provider that the case does not expect is not recorded.
    """
    playing = _Playing(job)
    recorded = True
    problem = None
    try:
        with open_tape(job) as tape:
            _follow(playing, tape, ask, recording=recording, checks=checks)
    except _NotKeptError:
        recorded = False
    except (HarnessError, CassetteMiss) as error:
        recorded = False
        details = error.differences if isinstance(error, CassetteMiss) else ()
        problem = Problem(_kind(error), str(error), error.exit_code, details)
    return CaseResult(
        suite=job.suite,
        case=job.case.id,
        model=job.model.called,
        cassette=str(job.cassette),
        findings=tuple(playing.findings),
        observations=tuple(playing.observations),
        problem=problem,
        provenance=playing.provenance,
        kept=recorded,
    )


def _kind(error: HarnessError | CassetteMiss) -> str:
    """The name of our own class that ``error`` is or comes from."""
    ours = (kind for kind in type(error).__mro__ if kind.__module__ == CassetteMiss.__module__)
    return next(ours, type(error)).__name__


def _follow(playing: _Playing, tape: Tape, ask: SendQuestion, *, recording: bool, checks: Sequence[Check]) -> None:
    while _again(playing.job, tape, playing.repeat):
        playing.repeat += 1
        _ask_all(playing, tape, ask, checks)
    playing.provenance = tape.provenance
    if tape.miss_messages:
        misses = "; ".join(tape.miss_messages)
        raise CassetteMiss(f"{misses}; the backend went on all the same", cassette=str(playing.job.cassette))
    if recording and _unwanted(playing):
        raise _NotKeptError
    if not recording:
        playing.findings += _unused(playing.job, tape.unused)


def _again(job: Job, tape: Tape, done: int) -> bool:
    """Whether the case is to be asked once more."""
    return done < job.repeats or (not job.repeats and (done == 0 or bool(tape.unused and done <= len(tape.taken))))


def _ask_all(playing: _Playing, tape: Tape, ask: SendQuestion, checks: Sequence[Check]) -> None:
    case = playing.job.case
    if case.in_world:
        _in_world(playing, tape, ask, checks, WorldTask(case, case.in_world))
        return
    messages = opening(case)
    reply = _ask(playing, tape, ask, request_of(case, None, messages), checks, None)
    for turn in case.then:
        if reply is None:
            return  # the error that came instead is judged already
        going_on = continued(messages, reply, turn)
        if isinstance(going_on, str):
            number = _turn(playing)
            evidence = Evidence(str(playing.job.cassette), tuple(place for place, _ in tape.taken))
            playing.findings.append(Finding("turn", "fail", going_on, f"turn {number}", evidence))
            return
        messages = going_on
        reply = _ask(playing, tape, ask, request_of(case, turn, messages), checks, turn)


def _in_world(playing: _Playing, tape: Tape, ask: SendQuestion, checks: Sequence[Check], task: WorldTask) -> None:
    """Play a task to its end; the last answer is judged, with the exchanges of all."""
    before, again = len(tape.taken), True
    observation: Observation | None = None
    while again:
        try:
            observation = _observed(playing, tape, ask, request_of(task.case, None, task.messages))
        except CassetteMiss as miss:
            raise _astray(miss, playing.job, task.steps) from miss
        again = observation.reply is not None and task.take(observation.reply)
        if again:
            playing.observations.append(observation)
    assert observation is not None  # asked once at least
    last = replace(observation, world=task.outcome(observation.reply), exchanges=tuple(tape.taken[before:]))
    _judged(playing, last, playing.job.case.expect, checks)


def _astray(miss: CassetteMiss, job: Job, steps: int) -> CassetteMiss:
    """A miss in a task says that it is a wrong path: what the world answered decides what is asked next."""
    name = job.case.in_world.name if job.case.in_world else ""
    message = (
        f"the task went another way than recorded at question {steps + 1}: the world {name}, its tools or the task"
    )
    message += f" changed since; record it again. {miss}"
    return CassetteMiss(
        message if steps or miss.differences else str(miss),
        cassette=miss.cassette,
        nearest=miss.nearest,
        differences=miss.differences,
    )


def _ask(
    playing: _Playing, tape: Tape, ask: SendQuestion, words: dict[str, Json], checks: Sequence[Check], turn: Turn | None
) -> Reply | None:
    """One question: its answer (None where an error came), judged."""
    observation = _observed(playing, tape, ask, words)
    _judged(playing, observation, (turn or playing.job.case).expect, checks)
    return observation.reply


def _observed(playing: _Playing, tape: Tape, ask: SendQuestion, words: dict[str, Json]) -> Observation:
    """One question and what came of it."""
    job = playing.job
    before = len(tape.taken)
    reply: Reply | None = None
    error: HarnessError | None = None
    try:
        reply = ask(job.model, words, wrong_key=job.case.wrong_key)
    except BackendError as caught:
        error = caught
    except StopAskingError:
        raise
    except UsageError as caught:
        if not job.probing:
            raise
        error = caught  # what the backend refuses to send is an answer to a probe
    return Observation(
        suite=job.suite,
        case=job.case.id,
        model=job.model.called,
        asked=words,
        reply=reply,
        error=error,
        turn=_turn(playing),
        cassette=str(job.cassette),
        exchanges=tuple(tape.taken[before:]),
        repeat=playing.repeat - 1,
    )


def _judged(playing: _Playing, observation: Observation, expect: Expectation, checks: Sequence[Check]) -> None:
    found = judge(observation, expect, checks)
    playing.observations.append(observation)
    where = (
        f"turn {observation.turn}" if playing.repeat == 1 else f"repeat {playing.repeat - 1}, turn {observation.turn}"
    )
    playing.findings += (replace(one, path=f"{where}.{one.path}".rstrip(".")) for one in found)


def _turn(playing: _Playing) -> int:
    """How many questions were asked in this repeat."""
    return sum(1 for observation in playing.observations if observation.repeat == playing.repeat - 1)


def _unwanted(playing: _Playing) -> bool:
    """Whether the provider failed in a way that the case does not expect; to a probe a refusal is an answer."""
    if playing.job.probing:
        return any(broke_down(observation.error) or _cut_off(observation) for observation in playing.observations)
    failed = any(isinstance(observation.error, ProviderError) for observation in playing.observations)
    return failed and any(one.check == "error" and one.verdict in {"fail", "infra"} for one in playing.findings)


def _cut_off(observation: Observation) -> bool:
    """Whether the connection, and not the provider's own words, ended the answer."""
    return observation.error is not None and any(one.failure is not None for _, one in observation.exchanges)


def _unused(job: Job, places: Sequence[int]) -> list[Finding]:
    if not places:
        return []
    which = ", ".join(map(str, places))
    message = f"recorded, but never asked for: exchange {which}; record the case again if it has changed"
    return [Finding("H2", "fail", message, "unused", Evidence(str(job.cassette), tuple(places)))]


def scrubbed(result: CaseResult, scrub: Callable[[str], str]) -> CaseResult:
    """``result`` with every text in it given to ``scrub``. Exchanges are as they are: the tape has redacted them."""
    made: CaseResult = _scrubbed(result, scrub)
    return made


def _scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Exchange):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_scrubbed(one, scrub) for one in value)
    if isinstance(value, dict):
        return {_scrubbed(key, scrub): _scrubbed(one, scrub) for key, one in value.items()}
    if isinstance(value, BaseException):
        made = type(value).__new__(type(value))  # not through its own words, which may be other than its message
        made.args = _scrubbed(value.args, scrub)
        vars(made).update({name: _scrubbed(one, scrub) for name, one in vars(value).items()})
        return made
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(value, **{name: _scrubbed(getattr(value, name), scrub) for name in fields})
    return value


class RunnerFactory(Protocol):
    """How a case is played: a value that can be sent to another process and opened there.

    It is opened once a worker, and holds what costs: litellm's import, the guard against going out. ``preload`` names
    modules that every worker needs, for the server that workers are forked from to import once.
    """

    preload: ClassVar[tuple[str, ...]]

    def __call__(self, turns: BudgetClient) -> AbstractContextManager[Play]: ...


class Executor(Protocol):
    """Play ``jobs`` as ``factory`` says, and yield what happens in the order of ``jobs``.

    Results are the same no matter who plays them, ``seconds`` aside. ``allowance`` holds for all workers together.
    """

    def __call__(self, jobs: Sequence[Job], factory: RunnerFactory, allowance: Budget) -> Iterator[Event]: ...
