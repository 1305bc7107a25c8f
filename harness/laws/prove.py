"""Prove a backend: put questions to it for each provider and mode, judge every law, shrink what breaks one.

Counterexamples of earlier runs come first, then exemplars, so that every quirk of a dialect has its turn; then as many
as are asked for are drawn. The same seed draws the same questions on every machine.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import UsageError
from harness.laws import ALL_LAWS, BY_ID, aask, run_trial
from harness.laws.bare import BLIND
from harness.laws.bare import complete as bare_complete
from harness.laws.draw import questions
from harness.laws.exemplars import exemplars
from harness.laws.guilt import ANSWERS, CONTENT, alone, blame, causes_of, guilty, simpler, vanished
from harness.laws.known_faults import known
from harness.laws.provider_options import provers
from harness.laws.question import carried
from harness.laws.replies import differences
from harness.laws.shrink import shrunk, size
from harness.laws.values import OTHER_TOOLS
from harness.laws.workers import in_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.dialects.wire_profile import WireProfile
    from harness.laws import Law, Question, Trial
    from harness.laws.tested_backend import Backend
    from harness.laws.workers import Workers

Mode: TypeAlias = Literal["whole", "stream", "async whole", "async stream", "bare whole", "bare stream"]
MODES: tuple[Mode, ...] = ("whole", "stream", "async whole", "async stream")
"""How a backend is asked; ours is also judged ``bare``, without litellm."""
BARE_MODES: tuple[Mode, ...] = ("bare whole", "bare stream")
_worker_loop = cache(asyncio.Runner)  # one for all questions of a process of ``in_workers``

_BEFORE = frozenset({"N7", "N8", "Q6"})
"""Laws of what happens before anything is sent: where nothing was, the others have nothing to judge, and N7 judges
nothing but a change.
"""
_OF_UNFIT = frozenset({"N6", "N7", "Q6", "Q7"})
"""Laws that judge a conversation which a provider refuses: what is mended of it is none of the others' business."""


class LawBrokenError(AssertionError):
    """A law does not hold for a backend; the trial that shows it is at hand."""

    def __init__(self, law: Law, complaint: str, trial: Trial) -> None:
        super().__init__(f"{law.id} {law.title}: {complaint}")
        self.law, self.complaint, self.trial = law, complaint, trial


@dataclass(frozen=True, slots=True)
class BrokenLaw:
    """The smallest trial seen that breaks a law, after how many examples the first one came; ``others`` are laws that
    the same cause breaks.
    """

    law: Law
    complaint: str
    trial: Trial
    after: int
    others: frozenset[str] = frozenset()


@dataclass(slots=True)
class Proof:
    """One provider in one mode: how often each law was judged, what broke, and how often a known fault showed.

    ``fixed`` counts exemplars and earlier counterexamples, ``drawn`` what was drawn.
    """

    provider: str
    mode: Mode
    fixed: int = 0
    drawn: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    broken: dict[str, BrokenLaw] = field(default_factory=dict)
    known: dict[str, dict[str, int]] = field(default_factory=dict)
    causes: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.broken

    @property
    def examples(self) -> int:
        return self.fixed + self.drawn


@dataclass(frozen=True, slots=True)
class Effort:
    """How far a proof goes: ``examples`` are drawn for each provider and mode, after all exemplars; without litellm
    ``bare``.

    ``first`` are questions to put before all others, ``without`` quirks that are left out. ``stop``: the first broken
    law ends a proof. Without ``exemplars`` only what is drawn is put. ``like`` has for a provider the profile that its
    answers are drawn by; exemplars with quirks that it never showed are left out.
    """

    examples: int = 200
    bare: int = 1000
    seed: int | None = None
    shrink: bool = True
    exemplars: bool = True
    stop: bool = False
    first: tuple[Question, ...] = ()
    without: frozenset[str] = frozenset()
    like: Mapping[str, WireProfile] = field(default_factory=dict)


def chosen_laws(ids: Sequence[str] = (), grades: Sequence[str] = ()) -> tuple[Law, ...]:
    """The laws of these ids and grades, or all. Raises ``UsageError`` for an id that is not known."""
    unknown = [one for one in ids if one not in BY_ID]
    if unknown:
        raise UsageError(f"no law {', '.join(unknown)}; there are {', '.join(BY_ID)}")
    laws = tuple(BY_ID[one] for one in ids) or ALL_LAWS
    return tuple(law for law in laws if not grades or law.grade in grades)


def prove(
    backend: Backend,
    *,
    providers: tuple[str, ...] = (),
    laws: Sequence[Law] = ALL_LAWS,
    modes: Sequence[Mode] = MODES,
    effort: Effort | None = None,
    workers: Workers | None = None,
) -> Iterator[Proof]:
    """A proof for each provider and mode, in that order. A law's counterexample is shrunk once in each mode.

    With ``workers`` questions are put in so many processes, and what broke a law is shrunk and blamed in this one, in
    the same order: the proofs are the same.
    """
    able = [mode for mode in modes if backend.acomplete is not None or not mode.startswith("async")]
    tasks = [(provider, mode) for provider in provers(providers) for mode in able]
    effort = effort or Effort()
    found: dict[Mode, set[str]] = {}
    with asyncio.Runner() as loop:
        proofs = (
            in_workers(workers, _search, tasks, laws, effort)
            if workers is not None and min(workers.number, len(tasks)) > 1
            else (_search(backend, provider, mode, laws, effort, loop) for provider, mode in tasks)
        )
        for proof in proofs:
            found_before = found.setdefault(proof.mode, set())
            yield _Proving(proof, asker(backend, proof.mode, loop), laws, effort, frozenset(found_before)).blamed()
            found_before |= proof.broken.keys()


def prove_one(
    backend: Backend,
    provider: str,
    mode: Mode,
    *,
    laws: Sequence[Law] = ALL_LAWS,
    effort: Effort,
    found: frozenset[str] = frozenset(),
) -> Proof:
    """One provider in one mode. Counterexamples of the laws in ``found`` are not shrunk again."""
    with asyncio.Runner() as loop:
        proof = _search(backend, provider, mode, laws, effort, loop)
        return _Proving(proof, asker(backend, mode, loop), laws, effort, found).blamed()


def _search(
    backend: Backend, provider: str, mode: Mode, laws: Sequence[Law], effort: Effort, loop: asyncio.Runner | None = None
) -> Proof:
    ask = asker(backend, mode, loop or _worker_loop())
    return _Proving(Proof(provider, mode), ask, laws, effort, custom=backend.custom_tools).searched()


@dataclass(slots=True)
class _Proving:
    proof: Proof
    put: Callable[[Question], Trial]
    laws: Sequence[Law]
    effort: Effort
    found: frozenset[str] = frozenset()
    custom: bool = False
    last: Trial | None = None
    chosen: frozenset[str] = frozenset()
    able: dict[tuple[str, bool], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        blind = BLIND if self.proof.mode in BARE_MODES else frozenset[str]()
        self.laws = [law for law in self.laws if law.id not in blind]
        self.chosen = frozenset(law.id for law in self.laws)
        # What a law is blamed for may be found by any other: the verdict is that of all laws, whatever was chosen.
        more = (law for law in ALL_LAWS if law.grade != "opinion" and law.id not in blind)
        self.laws = tuple(dict.fromkeys((*self.laws, *more)))

    def searched(self) -> Proof:
        proof, effort = self.proof, self.effort
        for question in self._fixed():
            proof.fixed += 1
            if self._judge(question) and effort.stop:
                break
        else:
            bare = proof.mode in BARE_MODES
            for question in islice(self._drawn(), effort.bare if bare else effort.examples):
                proof.drawn += 1
                if self._judge(question) and effort.stop:
                    break
        self._judge_later_changes()
        return proof

    def _streams(self) -> bool:
        return self.proof.mode.endswith("stream")

    def _fixed(self) -> Iterator[Question]:
        proof, here = self.proof, (self.proof.provider, self._streams())
        yield from (one for one in self.effort.first if (one.provider, one.stream) == here)
        if self.effort.exemplars:
            fixed = exemplars(proof.provider, stream=self._streams())
            like = self.effort.like.get(proof.provider)
            never = fixed[0].dialect.quirks.keys() - like.shown() if like else frozenset()
            yield from (one for one in fixed if not one.quirks & (self.effort.without | never) and self._takes(one))

    def _drawn(self) -> Iterator[Question]:
        seed = f"{self.proof.mode} {self.effort.seed if self.effort.seed is not None else ''}"
        like = self.effort.like.get(self.proof.provider)
        drawn = questions(self.proof.provider, stream=self._streams(), seed=seed, like=like)
        return (one for one in drawn if not one.quirks & self.effort.without and self._takes(one))

    def _takes(self, question: Question) -> bool:
        able = self.custom or self.proof.mode in BARE_MODES
        return able or not any(marks.keys() & OTHER_TOOLS for marks in question.marks)

    def _judge(self, question: Question) -> bool:
        trial = self.put(self._answerable(question))
        self._judge_later_changes()
        self.last = trial
        return judge(trial, self.laws, self.proof) is not None

    def _answerable(self, question: Question) -> Question:
        """``question`` without what is asked beside it that this backend can't answer: streams, other providers."""
        beside = tuple(one for one in question.beside if self._knows(one.provider, stream=one.stream))
        return question if beside == question.beside else replace(question, beside=beside)

    def _knows(self, provider: str, *, stream: bool) -> bool:
        if (provider, stream) == (self.proof.provider, self._streams()):
            return True
        if (provider, stream) not in self.able:
            trial = self.put(exemplars(provider, stream=stream)[0])
            self.able[provider, stream] = bool(trial.requests) and not differences(trial)
        return self.able[provider, stream]

    def _judge_later_changes(self) -> None:
        """What the caller gave for the question before may have been changed since."""
        trial, law = self.last, BY_ID["N7"]
        if law in self.laws and trial is not None and trial.untouched and trial.changed_since():
            _keep(self.proof, law, "the caller's own data was changed after the call", trial)

    def blamed(self) -> Proof:
        """One cause breaks one law: hand what follows from another law's cause to that law. All laws have their part
        in the verdict, and what was chosen is taken out of it.
        """
        proof = self.proof
        found, verdict = dict(proof.broken), blame(proof.broken.keys(), proof.causes, self._owner)
        examples, proof.broken = {**found, **proof.broken}, {}
        for owner, along in verdict.items():
            mine = sorted(
                ({owner} | along) & self.chosen, key=lambda law: (law != owner, bool(proof.causes.get(law)), law)
            )
            if mine:
                first, before = mine[0], proof.broken.get(mine[0])
                proof.broken[first] = before or examples[first]
                if first != owner:
                    self._shrink(first)
                others = frozenset(mine[1:]) | (before.others if before else frozenset())
                proof.broken[first] = replace(proof.broken[first], others=others)
        for counts in (proof.judged, proof.known):
            for law_id in counts.keys() - self.chosen:
                del counts[law_id]
        return proof

    def _owner(self, law_id: str) -> str:
        """The law to blame for what broke this one, which is handed the example; "" for what others find."""
        if law_id in self.chosen:
            self._shrink(law_id)
        cause = self._cause(self.proof.broken[law_id])
        if law_id == "N6" and cause.law.id in self.proof.broken.keys() - {law_id}:
            return ""
        owner = guilty(cause.law.id, cause.trial.question, self._breaks(cause))
        if owner not in {"", law_id}:
            del self.proof.broken[law_id]
            before = self.proof.broken.get(owner)
            if before is None or size(before.trial.question) > size(cause.trial.question):
                self.proof.broken[owner] = replace(cause, law=BY_ID[owner])
        return owner

    def _shrink(self, law_id: str) -> None:
        broken = self.proof.broken[law_id]
        if self.effort.shrink and law_id not in self.found and not broken.complaint.endswith("after the call"):
            shrunk(broken.trial.question, self._breaks(broken))

    def _cause(self, broken: BrokenLaw) -> BrokenLaw:
        """What breaks with less in the answer, or ``broken`` itself."""
        question = broken.trial.question
        if broken.law.id not in ANSWERS:
            return broken
        if broken.law.id in {"D15", "N9"} and (one := vanished(broken.trial)) and carried(one):
            trial = self.put(one)
            if vanished(trial) and (complaint := complaint_of(BY_ID["D10"], trial)):
                return BrokenLaw(BY_ID["D10"], complaint, trial, broken.after)
        if carried(fewer := alone(question)) and self._breaks(broken)(fewer):
            question = fewer
        for less in filter(carried, simpler(question, broken.law.id)):
            trial = self.put(less)
            for law in self.laws:
                complaint = complaint_of(law, trial) if law.id in CONTENT else ""
                if complaint and not known(trial, law.id):
                    return self._cause(BrokenLaw(law, complaint, trial, broken.after))
        return broken

    def _breaks(self, broken: BrokenLaw) -> Callable[[Question], bool]:
        def breaks(question: Question) -> bool:
            trial = self.put(question)
            if not (complaint := complaint_of(broken.law, trial)) or known(trial, broken.law.id):
                return False
            if question.stream == broken.trial.question.stream and broken.law.id in self.proof.broken:
                _keep(self.proof, broken.law, complaint, trial)
            return True

        return breaks


def judge(trial: Trial, laws: Sequence[Law], proof: Proof) -> LawBrokenError | None:
    """Judge every law, keep the smallest trial of each that breaks, and give the first broken one."""
    broken: dict[str, str] = {}
    for law in laws:
        complaint = complaint_of(law, trial)
        if complaint is None:
            continue
        proof.judged[law.id] = proof.judged.get(law.id, 0) + 1
        if not complaint or law.derived:
            continue
        fault = known(trial, law.id)
        if fault is not None:
            counts = proof.known.setdefault(law.id, {})
            counts[fault.name] = counts.get(fault.name, 0) + 1
        else:
            broken[law.id] = complaint
            _keep(proof, law, complaint, trial)
    for law_id in broken:
        causes, before = causes_of(law_id, broken), proof.causes.get(law_id)
        proof.causes[law_id] = causes | before if causes and before else causes if before is None else frozenset()
    return next((LawBrokenError(BY_ID[law_id], complaint, trial) for law_id, complaint in broken.items()), None)


def complaint_of(law: Law, trial: Trial) -> str | None:
    """What ``law`` says of ``trial``. To decline by name is right by all laws but those of the caller's data; of a
    backend that asked nothing, Q6 alone complains.
    """
    if law.id not in _BEFORE and not trial.requests:
        return None
    if trial.question.kind == "unfit" and law.id not in _OF_UNFIT:
        return None
    try:
        complaint = law.judge(trial)
    except (AttributeError, TypeError) as error:
        return f"what came back is no whole Reply: {error}"
    return None if law.id == "N7" and not complaint and not trial.requests else complaint


def _keep(proof: Proof, law: Law, complaint: str, trial: Trial) -> None:
    before = proof.broken.get(law.id)
    if before is None or size(trial.question) < size(before.trial.question):
        after, others = (before.after, before.others) if before else (proof.examples, frozenset[str]())
        proof.broken[law.id] = BrokenLaw(law, complaint, trial, after, others)


def judged(trial: Trial, law: Law, mode: Mode) -> Proof:
    """The proof that one trial is, for one law."""
    proof = Proof(trial.question.provider, mode, fixed=1)
    complaint = complaint_of(law, trial)
    if complaint is not None:
        proof.judged[law.id] = 1
    if complaint and known(trial, law.id) is None:
        _keep(proof, law, complaint, trial)
    return proof


def asker(backend: Backend, mode: Mode, loop: asyncio.Runner | None = None) -> Callable[[Question], Trial]:
    """How a question is put in ``mode``; awaited ones in ``loop``, or each in a loop of its own."""
    if mode in BARE_MODES:
        return lambda question: run_trial(question, bare_complete)
    if mode.startswith("async"):
        awaited = backend.acomplete
        assert awaited is not None
        return lambda question: aask(question, awaited, loop, backend.errors)
    return lambda question: run_trial(question, backend.complete, backend.errors)
