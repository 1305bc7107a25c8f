"""Mutate what cassettes hold, and see who notices: the cassette mutation score (H4).

A changed request is looked up in its own cassette, as a changed program would have it looked up: noticed is a miss. A
changed response is replayed through the real backend and judged by whatever judges the case: noticed is any difference
to the findings of the recording. Cassettes on disk are only read.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from harness.cassette import load
from harness.cassette.tape import loaded
from harness.checks import ALL_CHECKS
from harness.core.chat import Reply
from harness.core.errors import CassetteError, CassetteMiss
from harness.core.expectation import ErrorExpectation, Expectation
from harness.engine.events import Problem
from harness.engine.runner import play
from harness.interception.clients import answering
from harness.mutation import reply_mutators, request_mutators
from harness.mutation.mutant import PARTS, Mutant, Outcome
from harness.mutation.reply_mutators import REPLY_MUTATORS
from harness.mutation.request_mutators import MESSAGE_MUTATORS, QUESTION_MUTATORS
from harness.mutation.stream_mutators import BYTES_MUTATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.cassette import Cassette, Matcher
    from harness.checks import Check
    from harness.core.chat import Json
    from harness.core.errors import HarnessError
    from harness.core.exchange import Exchange
    from harness.engine.events import CaseResult, Job
    from harness.engine.runner import SendQuestion, Tape
    from harness.mutation.mutant import Aspect, MutantStatus, Mutator, Part

_LONGEST = 200
_NOTHING_EXPECTED = Expectation()
MUTATORS: tuple[Mutator, ...] = (*QUESTION_MUTATORS, *MESSAGE_MUTATORS, *REPLY_MUTATORS, *BYTES_MUTATORS)
"""All of them, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class RecordedTarget:
    """A recording to be mutated. ``judge`` says what is found of a cassette put in the place of the one at ``path``:
    findings, and observations with what was decoded; ``replayed`` what came of the one there, where that is known;
    ``expect`` what the case expects.
    """

    suite: str
    case: str
    model: str
    path: Path
    judge: Callable[[Cassette], CaseResult]
    replayed: CaseResult | None = None
    expect: Expectation = _NOTHING_EXPECTED


@dataclass(slots=True)
class MutationTarget:
    """One recording on which mutants are tried, and what came of it as it is."""

    subject: RecordedTarget
    cassette: Cassette
    recorded: CaseResult
    matcher: Matcher | None
    sound: dict[tuple[Part, int], bool] = field(default_factory=dict)

    def outcome(self, number: int, mutant: Mutant) -> Outcome:
        status, why = self._judge(number, mutant)
        one, mutator = self.subject, mutant.mutator
        return Outcome(
            one.suite,
            one.case,
            one.model,
            str(one.path),
            number,
            mutator.part,
            mutator.name,
            mutant.location,
            status,
            why,
        )

    def _judge(self, number: int, mutant: Mutant) -> tuple[MutantStatus, str]:
        if mutant.mutator.rewritten and not self._sound(number, mutant.mutator.part):
            return "skipped", "written again as it is, the exchange is judged otherwise already"
        if mutant.mutator.part == "request":
            return self._judge_request(mutant.exchange)
        return self._judge_response(number, mutant)

    def _sound(self, number: int, part: Part) -> bool:
        """Whether an exchange that is written again without any change is judged as the recorded one."""
        if (part, number) not in self.sound:
            exchange = self.cassette.exchanges[number]
            if part == "request":
                plain = request_mutators.unchanged(exchange)
                self.sound[part, number] = plain is not None and self._judge_request(plain)[0] == "survived"
            else:
                same = reply_mutators.unchanged(exchange)
                made = self.recorded if same is None else self.subject.judge(self._with(number, same))
                self.sound[part, number] = _findings(made) == _findings(self.recorded) and (
                    _decoded(made) == _decoded(self.recorded)
                )
        return self.sound[part, number]

    def _judge_request(self, exchange: Exchange) -> tuple[MutantStatus, str]:
        """Whether a replay still answers the request. Its own answer need not be the one it gets."""
        tape = loaded(self.cassette, self.subject.path, matcher=self.matcher)
        try:
            tape.answer(exchange.request)
        except CassetteMiss as miss:
            return "noticed", "; ".join(miss.differences) or str(miss)
        return "survived", hint("request", None, None)

    def _judge_response(self, number: int, mutant: Mutant) -> tuple[MutantStatus, str]:
        made = self.subject.judge(self._with(number, mutant.exchange))
        new = _findings(made) - _findings(self.recorded)
        if new or _findings(self.recorded) - _findings(made):
            return "noticed", ", ".join(sorted(new.elements())) or "a finding is gone"
        recorded = self.cassette.exchanges[number]
        if _decoded(made) != _decoded(self.recorded):
            return "survived", hint(mutant.mutator.aspect, *self._decoded(number), self.subject.expect)
        if _same(recorded, mutant.exchange):
            return "equivalent", "the reference reader and the backend read it as they read the recording"
        return "survived", "the backend reads it as it reads the recording, and only the reference reader does not"

    def _with(self, number: int, exchange: Exchange) -> Cassette:
        exchanges = list(self.cassette.exchanges)
        exchanges[number] = exchange
        return replace(self.cassette, exchanges=tuple(exchanges))

    def _decoded(self, number: int) -> tuple[Reply | None, HarnessError | None]:
        """What the backend made of a recorded exchange."""
        for observation in self.recorded.observations:
            if number in {index for index, _ in observation.exchanges}:
                return observation.reply, observation.error
        return None, None


def _findings(result: CaseResult) -> Counter[str]:
    """How often each finding is made of a case, by its key, and the kind of the case's problem."""
    found = Counter(finding.key for finding in result.findings)
    if result.problem:
        found[result.problem.kind] += 1
    return found


def _decoded(result: CaseResult) -> list[Reply | tuple[str, str, Reply | None]]:
    """What the backend decoded: replies, and errors by class and message."""
    return [_plain(one.reply or one.error) for one in result.observations]


def _same(one: Exchange, other: Exchange) -> bool:
    """Whether the reference reader makes the same of both; a refusal, which it does not read, must be the same."""
    left, right = reply_mutators.decode(one), reply_mutators.decode(other)
    if left is None or right is None:
        return one.response == other.response
    return _plain(left) == _plain(right)


def _plain(found: Reply | HarnessError | None) -> Reply | tuple[str, str, Reply | None]:
    """A reply as it is; an error as its class, its message, and what had come before it."""
    return found if isinstance(found, Reply) else (type(found).__name__, str(found), getattr(found, "reply", None))


def hint(
    aspect: Aspect, reply: Reply | None, error: HarnessError | None, expect: Expectation = _NOTHING_EXPECTED
) -> str:
    """What would notice a change of ``aspect``, as a suite writes it, without what the case expects already.
    ``reply`` and ``error`` are what the recording decodes to.
    """
    if aspect == "request":
        return "the request is compared without this: see `ignore` and `match_function` in pyproject.toml"
    if aspect == "status" or reply is None:
        proposed = [_error(error)]
    elif aspect == "finish":
        proposed = [_finish(reply)]
    elif aspect == "text" or (aspect == "all" and (reply.text or not reply.calls)):
        proposed = [_text(reply)]
    else:
        proposed = [_calls(reply, parameters=aspect != "calls")]
    if aspect == "all" and reply is not None:
        proposed.append(_finish(reply))
    missing = [text for text, is_expected in proposed if not is_expected(expect)]
    if missing:
        return ", ".join(missing)
    known = " and ".join(text.partition(":")[0] for text, _ in proposed)
    return f"the case expects the {known} already; what differs is nothing that a suite can expect"


_Proposal: TypeAlias = "tuple[str, Callable[[Expectation], bool]]"
"""A line of a suite, and whether an expectation holds it already."""


def _error(error: HarnessError | None) -> _Proposal:
    if error is None:
        return "nothing that a suite can expect notices this", lambda _: False
    kind, status = type(error).__name__, getattr(error, "status", None)
    fields = f"type: {kind}, status: {status}" if status else f"type: {kind}"
    whole = ErrorExpectation(type=kind, status=status, contains=str(error))
    return f"error: {{{fields}, contains: {_short(str(error))}}}", lambda expect: expect.error == whole


def _finish(reply: Reply) -> _Proposal:
    if not reply.finish:
        return "the answer names no finish reason, which nothing expects", lambda _: False
    return f"finish: {reply.finish}", lambda expect: expect.finish in (reply.finish, (reply.finish,))


def _text(reply: Reply) -> _Proposal:
    text = f"text: {{exact: {_short(reply.text)}}}"
    return text, lambda expect: expect.text is not None and expect.text.exact == reply.text


def _calls(reply: Reply, *, parameters: bool) -> _Proposal:
    if not reply.calls:
        return "no_calls: true", lambda expect: expect.no_calls
    made = [{"name": call.name, **({"parameters": call.parameters} if parameters else {})} for call in reply.calls]

    def is_expected(expect: Expectation) -> bool:
        known = expect.calls or ()
        return made == [{"name": one.name, **({"parameters": one.parameters} if parameters else {})} for one in known]

    return f"calls: {_short(made)}", is_expected


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


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
            job.case.expect,
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

    ``matcher`` is how requests are compared. Be under ``no_network``, as ``assembly.mutate`` is.
    """
    trying = [one for one in mutators if one.part in parts]
    keys = [key for subject in chosen for key in _keys(subject, trying)]
    chosen_keys = keys if sample is None else sorted(keys, key=lambda key: _digest(f"{seed}:{key}"))[:sample]
    yield MutationStarted(len(chosen_keys))
    for subject in chosen:
        yield from _judged(subject, trying, matcher, frozenset(chosen_keys), sound=sound)


def mutants(exchange: Exchange, mutators: Sequence[Mutator] = MUTATORS) -> Iterator[Mutant]:
    """Every mutant of one exchange."""
    for mutator in mutators:
        for location, made in mutator.act(exchange):
            yield Mutant(mutator, location, made)


def _judged(
    subject: RecordedTarget,
    mutators: Sequence[Mutator],
    matcher: Matcher | None,
    chosen_keys: Collection[str],
    *,
    sound: bool,
) -> Iterator[MutationEvent]:
    try:
        cassette = load(subject.path)
    except CassetteError as error:
        yield Unmutated(subject, Problem(type(error).__name__, str(error), error.exit_code))
        return
    target = MutationTarget(subject, cassette, subject.replayed or subject.judge(cassette), matcher)
    if target.recorded.problem:
        yield Unmutated(subject, target.recorded.problem)
        return
    failed = [one for one in target.recorded.findings if one.verdict == "fail"] if sound else []
    if failed:
        why = f"{subject.path}: its replay fails without any change ({failed[0].message}); see `harness run`"
        yield Unmutated(subject, Problem("ReplayFails", why, 1))
        return
    for number, exchange in enumerate(cassette.exchanges):
        for mutant in mutants(exchange, mutators):
            if _key(subject, number, mutant) in chosen_keys:
                yield MutantJudged(target.outcome(number, mutant))


def _keys(subject: RecordedTarget, mutators: Sequence[Mutator]) -> Iterator[str]:
    try:
        cassette = load(subject.path)
    except CassetteError:
        return  # reported when its turn comes
    for number, exchange in enumerate(cassette.exchanges):
        for mutant in mutants(exchange, mutators):
            yield _key(subject, number, mutant)


def _key(subject: RecordedTarget, number: int, mutant: Mutant) -> str:
    where = f"{subject.suite}/{subject.case}/{subject.model}:{number}"
    return f"{where}:{mutant.mutator.part}:{mutant.mutator.name}:{mutant.location}"


def _digest(key: str) -> bytes:
    """A sample is chosen by it, so that one mutant more or less changes one place of the sample at most."""
    return blake2b(key.encode("utf-8", "backslashreplace"), digest_size=8).digest()
