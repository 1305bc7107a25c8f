"""Prove a backend: put questions to it for each provider and mode, judge every law, shrink what breaks one.

Exemplars come first, so that every quirk of a dialect has its turn; the rest is drawn.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.errors import UsageError
from harness.laws import ALL_LAWS, BY_ID, aask, run_trial
from harness.laws.bare import BLIND, bare
from harness.laws.draw import questions
from harness.laws.exemplars import exemplars
from harness.laws.known_faults import known
from harness.laws.provider_options import provers
from harness.laws.search import searching
from harness.laws.shrink import shrunk, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.laws import Law, Question, Trial
    from harness.laws.tested_backend import Backend

Mode: TypeAlias = Literal["whole", "stream", "async whole", "async stream", "bare whole", "bare stream"]
MODES: tuple[Mode, ...] = ("whole", "stream", "async whole", "async stream")
"""How a backend is asked; ours is also judged ``bare``, without litellm."""
BARE_MODES: tuple[Mode, ...] = ("bare whole", "bare stream")


class LawBrokenError(AssertionError):
    """A law does not hold for a backend; the trial that shows it is at hand."""

    def __init__(self, law: Law, complaint: str, trial: Trial) -> None:
        super().__init__(f"{law.id} {law.title}: {complaint}")
        self.law, self.complaint, self.trial = law, complaint, trial


@dataclass(frozen=True, slots=True)
class BrokenLaw:
    """The smallest trial seen that breaks a law, after how many examples the first one came."""

    law: Law
    complaint: str
    trial: Trial
    after: int


@dataclass(slots=True)
class Proof:
    """One provider in one mode: how often each law was judged, what broke, and how often a known fault showed."""

    provider: str
    mode: Mode
    examples: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    broken: dict[str, BrokenLaw] = field(default_factory=dict)
    known: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.broken


@dataclass(frozen=True, slots=True)
class Effort:
    """How far a proof goes: ``examples`` for each provider and mode, exemplars included; without litellm ``bare``.

    ``database`` is a folder in which Hypothesis keeps counterexamples, to be tried first next time. Without it and
    without ``seed`` the same examples are drawn each time. Without ``shrink`` the first broken law ends a proof.
    """

    examples: int = 200
    bare: int = 1000
    seed: int | None = None
    database: Path | None = None
    shrink: bool = True


def chosen_laws(ids: Sequence[str] = ()) -> tuple[Law, ...]:
    """The laws of these ids, or all. Raises ``UsageError`` for one that is not known."""
    unknown = [one for one in ids if one not in BY_ID]
    if unknown:
        raise UsageError(f"no law {', '.join(unknown)}; there are {', '.join(BY_ID)}")
    return tuple(BY_ID[one] for one in ids) or ALL_LAWS


def prove(
    backend: Backend,
    *,
    providers: tuple[str, ...] = (),
    laws: Sequence[Law] = ALL_LAWS,
    modes: Sequence[Mode] = MODES,
    effort: Effort | None = None,
) -> Iterator[Proof]:
    """A proof for each provider and mode, as it is done. A law's counterexample is shrunk where it is first found."""
    found: set[str] = set()
    for provider in provers(providers):
        for mode in modes:
            if mode.startswith("async") and backend.acomplete is None:
                continue
            proof = prove_one(backend, provider, mode, laws=laws, effort=effort or Effort(), found=frozenset(found))
            found |= proof.broken.keys()
            yield proof


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
        return _proof(Proof(provider, mode), asker(backend, mode, loop), laws, effort, found)


def _proof(
    proof: Proof,
    put: Callable[[Question], Trial],
    laws: Sequence[Law],
    effort: Effort,
    found: frozenset[str],
) -> Proof:
    provider, mode = proof.provider, proof.mode
    examples = effort.examples
    if mode in BARE_MODES:
        examples, laws = effort.bare, [law for law in laws if law.id not in BLIND]
    for question in exemplars(provider, stream=mode.endswith("stream"))[:examples]:
        proof.examples += 1
        if judge(put(question), laws, proof) is not None and not effort.shrink:
            return proof
    left = examples - proof.examples
    if left > 0:
        _draw(proof, put, [law for law in laws if law.id not in proof.broken], left, effort)
    for law_id in proof.broken.keys() - found if effort.shrink else ():
        _shrink(proof, law_id, put)
    return proof


def _draw(proof: Proof, put: Callable[[Question], Trial], laws: Sequence[Law], examples: int, effort: Effort) -> None:
    def body(question: Question) -> None:
        proof.examples += 1
        broken = judge(put(question), laws, proof)
        if broken is not None:
            raise broken

    # Hypothesis keeps what it found under this name.
    body.__name__ = body.__qualname__ = f"prove_{proof.provider}_{proof.mode.replace(' ', '_')}"
    drawn = questions(proof.provider, stream=proof.mode.endswith("stream"))
    search = searching(body, drawn, examples=examples, seed=effort.seed, database=effort.database)
    try:
        search()
    except LawBrokenError:
        return


def judge(trial: Trial, laws: Sequence[Law], proof: Proof) -> LawBrokenError | None:
    """Judge every law, keep the smallest trial of each that breaks, and give the first broken one."""
    first = None
    for law in laws:
        complaint = _complaint(law, trial)
        if complaint is None:
            continue
        proof.judged[law.id] = proof.judged.get(law.id, 0) + 1
        fault = known(trial, law.id) if complaint else None
        if fault is not None:
            counts = proof.known.setdefault(law.id, {})
            counts[fault.name] = counts.get(fault.name, 0) + 1
        elif complaint:
            _keep(proof, law, complaint, trial)
            first = first or LawBrokenError(law, complaint, trial)
    return first


def _complaint(law: Law, trial: Trial) -> str | None:
    try:
        return law.judge(trial)
    except (AttributeError, TypeError) as error:
        return f"what came back is no whole Reply: {error}"


def _keep(proof: Proof, law: Law, complaint: str, trial: Trial) -> None:
    before = proof.broken.get(law.id)
    if before is None or size(trial.question) < size(before.trial.question):
        proof.broken[law.id] = BrokenLaw(law, complaint, trial, before.after if before else proof.examples)


def _shrink(proof: Proof, law_id: str, put: Callable[[Question], Trial]) -> None:
    broken = proof.broken[law_id]

    def breaks(question: Question) -> bool:
        trial = put(question)
        complaint = _complaint(broken.law, trial)
        if not complaint or known(trial, law_id):
            return False
        _keep(proof, broken.law, complaint, trial)
        return True

    shrunk(broken.trial.question, breaks)


def judged(trial: Trial, law: Law, mode: Mode) -> Proof:
    """The proof that one trial is, for one law."""
    proof = Proof(trial.question.provider, mode, examples=1)
    judge(trial, [law], proof)
    return proof


def asker(backend: Backend, mode: Mode, loop: asyncio.Runner | None = None) -> Callable[[Question], Trial]:
    """How a question is put in ``mode``; awaited ones in ``loop``, or each in a loop of its own."""
    if mode in BARE_MODES:
        return bare
    if mode.startswith("async"):
        awaited = backend.acomplete
        assert awaited is not None
        return lambda question: aask(question, awaited, loop)
    return lambda question: run_trial(question, backend.complete)
