"""Mutate what cassettes hold, and see who notices: the cassette mutation score (H4).

A changed request is looked up in its own cassette, as a changed program would have it looked up: noticed is a miss. A
changed response is replayed through the real backend and judged by whatever judges the case: noticed is any difference
to what is said of the recording. Cassettes on disk are only read.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from harness.cassette import load
from harness.cassette.tape import loaded
from harness.checks import ALL_CHECKS
from harness.core.errors import CassetteError
from harness.engine.events import Problem
from harness.engine.runner import play
from harness.interception.clients import answering
from harness.mutation.message_mutators import MESSAGE_MUTATORS
from harness.mutation.mutant import PARTS, Mutant
from harness.mutation.reply_mutators import REPLY_MUTATORS
from harness.mutation.request_mutators import QUESTION_MUTATORS
from harness.mutation.stream_mutators import BYTES_MUTATORS
from harness.mutation.target import MutationTarget, RecordedTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from harness.cassette import Cassette, Matcher
    from harness.checks import Check
    from harness.core.exchange import Exchange
    from harness.engine.events import CaseResult, Job
    from harness.engine.runner import SendQuestion, Tape
    from harness.mutation.mutant import Mutator, Outcome, Part

MUTATORS: tuple[Mutator, ...] = (*QUESTION_MUTATORS, *MESSAGE_MUTATORS, *REPLY_MUTATORS, *BYTES_MUTATORS)
"""All of them, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class MutationStarted:
    """``total`` mutants are to be judged."""

    total: int


@dataclass(frozen=True, slots=True)
class MutantJudged:
    """A mutant is done."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Unmutated:
    """A subject of which nothing was mutated, because its recording as it is can't be replayed."""

    subject: RecordedTarget
    problem: Problem


MutationEvent: TypeAlias = "MutationStarted | MutantJudged | Unmutated"


def subjects(
    jobs: Sequence[Job],
    *,
    ask: SendQuestion,
    checks: Sequence[Check] = ALL_CHECKS,
    matcher: Matcher | None = None,
    judging: Callable[[Job, CaseResult], CaseResult] = lambda _job, result: result,
    replayed: Mapping[str, CaseResult] | None = None,
) -> list[RecordedTarget]:
    """Jobs of suites, asked and judged as in ``runner.play``, and then by ``judging``. Those without a cassette ask
    nothing over the wire. ``replayed`` is what came of some of them, by cassette: they are not replayed to find out.
    """

    def judged(job: Job) -> Callable[[Cassette], CaseResult]:
        def judge(cassette: Cassette) -> CaseResult:
            @contextmanager
            def open_tape(job: Job) -> Iterator[Tape]:
                tape = loaded(cassette, job.cassette, matcher=matcher)
                with answering(tape.answer):
                    yield tape

            return judging(job, play(job, ask=ask, open_tape=open_tape, checks=checks))

        return judge

    return [
        RecordedTarget(
            job.suite,
            job.case.id,
            job.model.called,
            job.cassette,
            judged(job),
            (replayed or {}).get(str(job.cassette)),
        )
        for job in jobs
        if job.has_cassette
    ]


def mutate(
    chosen: Sequence[RecordedTarget],
    *,
    matcher: Matcher | None = None,
    parts: Collection[Part] = PARTS,
    mutators: Sequence[Mutator] = MUTATORS,
    sample: int | None = None,
    seed: int = 0,
    sound: bool = False,
) -> Iterator[MutationEvent]:
    """Judge every mutant of every recording, or ``sample`` of them, the same for the same ``seed``. With ``sound``
    a recording that fails as it is can't be mutated: what is noticed of it would say nothing.

    ``matcher`` is how requests are compared. Be under ``no_way_out``, as ``assembly.mutate`` is.
    """
    trying = [one for one in mutators if one.part in parts]
    keys = [key for subject in chosen for key in _keys(subject, trying)]
    wanted = keys if sample is None else sorted(keys, key=lambda key: _digest(f"{seed}:{key}"))[:sample]
    yield MutationStarted(len(wanted))
    for subject in chosen:
        yield from _judged(subject, trying, matcher, frozenset(wanted), sound=sound)


def mutants(exchange: Exchange, mutators: Sequence[Mutator] = MUTATORS) -> Iterator[Mutant]:
    """Every mutant of one exchange."""
    for mutator in mutators:
        for place, made in mutator.act(exchange):
            yield Mutant(mutator, place, made)


def _judged(
    subject: RecordedTarget,
    mutators: Sequence[Mutator],
    matcher: Matcher | None,
    wanted: Collection[str],
    *,
    sound: bool,
) -> Iterator[MutationEvent]:
    try:
        cassette = load(subject.path)
    except CassetteError as error:
        yield Unmutated(subject, Problem(type(error).__name__, str(error), error.exit_code))
        return
    bench = MutationTarget(subject, cassette, subject.replayed or subject.judge(cassette), matcher)
    if bench.said.problem:
        yield Unmutated(subject, bench.said.problem)
        return
    failed = [one for one in bench.said.findings if one.verdict == "fail"] if sound else []
    if failed:
        why = f"{subject.path}: its replay fails without any change ({failed[0].message}); see `harness run`"
        yield Unmutated(subject, Problem("ReplayFails", why, 1))
        return
    for number, exchange in enumerate(cassette.exchanges):
        for mutant in mutants(exchange, mutators):
            if _key(subject, number, mutant) in wanted:
                yield MutantJudged(bench.outcome(number, mutant))


def _keys(subject: RecordedTarget, mutators: Sequence[Mutator]) -> Iterator[str]:
    try:
        cassette = load(subject.path)
    except CassetteError:
        return  # told when its turn comes
    for number, exchange in enumerate(cassette.exchanges):
        for mutant in mutants(exchange, mutators):
            yield _key(subject, number, mutant)


def _key(subject: RecordedTarget, number: int, mutant: Mutant) -> str:
    where = f"{subject.suite}/{subject.case}/{subject.model}:{number}"
    return f"{where}:{mutant.mutator.part}:{mutant.mutator.name}:{mutant.place}"


def _digest(key: str) -> bytes:
    """A sample is chosen by it, so that one mutant more or less changes one place of the sample at most."""
    return blake2b(key.encode("utf-8", "backslashreplace"), digest_size=8).digest()
