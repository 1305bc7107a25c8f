"""Prove a backend: draw trials for each provider and mode, judge every law, shrink what breaks one."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.errors import UsageError
from harness.laws import ALL_LAWS, BY_ID, aask, ask
from harness.laws.asking import provers
from harness.laws.drawing import questions
from harness.laws.search import searching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from harness.laws import Law, Question, Trial
    from harness.laws.trial import AComplete, Complete

Mode: TypeAlias = Literal["whole", "stream", "async whole", "async stream"]
MODES: tuple[Mode, ...] = ("whole", "stream", "async whole", "async stream")


class LawBrokenError(AssertionError):
    """A law does not hold for a backend; the trial that shows it is at hand."""

    def __init__(self, law: Law, complaint: str, trial: Trial) -> None:
        super().__init__(f"{law.id} {law.title}: {complaint}")
        self.law, self.complaint, self.trial = law, complaint, trial


@dataclass(frozen=True, slots=True)
class Broken:
    """The smallest trial seen that breaks a law, after how many examples the first one came."""

    law: Law
    complaint: str
    trial: Trial
    after: int


@dataclass(slots=True)
class Proof:
    """One provider in one mode: how often each law was judged, and what broke."""

    provider: str
    mode: Mode
    examples: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    broken: dict[str, Broken] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.broken


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend under test, and its awaited twin where it has one."""

    complete: Complete
    acomplete: AComplete | None = None


def backend_at(name: str) -> Backend:
    """The backend at ``module:attribute``: a callable, or an object with ``complete`` (and ``acomplete``).

    Raises ``UsageError`` where there is none.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise UsageError(f"{name!r} is no backend; write module:attribute, such as my_adapter:complete")
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            home, found = found, getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"there is no backend at {name!r}: {error}") from error
    if callable(getattr(found, "complete", None)):
        return Backend(found.complete, getattr(found, "acomplete", None))
    if not callable(found):
        raise UsageError(f"{name!r} can't be called; a backend is complete(model, messages, *, tools, stream, …)")
    return Backend(found, getattr(home, f"a{part}", None))


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
    examples: int = 100,
    seed: int | None = None,
    database: Path | None = None,
) -> Iterator[Proof]:
    """A proof for each provider and mode, as it is done.

    ``database`` is a folder in which Hypothesis keeps counterexamples, to be tried first next time. Without ``seed``
    the same examples are drawn each time.
    """
    for provider in provers(providers):
        for mode in modes:
            if mode.startswith("async") and backend.acomplete is None:
                continue
            yield prove_one(backend, provider, mode, laws=laws, examples=examples, seed=seed, database=database)


def prove_one(
    backend: Backend,
    provider: str,
    mode: Mode,
    *,
    laws: Sequence[Law] = ALL_LAWS,
    examples: int = 100,
    seed: int | None = None,
    database: Path | None = None,
    shrink: bool = True,
) -> Proof:
    """One provider in one mode. Without ``shrink`` it ends at the first trial that breaks a law."""
    proof = Proof(provider, mode)
    test = _test(proof, _asker(backend, mode), laws, examples, seed, database, shrink=shrink)
    try:
        test()
    except LawBrokenError:
        return proof
    return proof


def judge(trial: Trial, laws: Sequence[Law], proof: Proof) -> LawBrokenError | None:
    """Judge every law, keep the smallest trial of each that breaks, and give the first broken one."""
    first = None
    for law in laws:
        complaint = law.judge(trial)
        if complaint is None:
            continue
        proof.judged[law.id] = proof.judged.get(law.id, 0) + 1
        if complaint:
            known = proof.broken.get(law.id)
            if known is None or _size(trial) < _size(known.trial):
                after = known.after if known else proof.examples
                proof.broken[law.id] = Broken(law, complaint, trial, after)
            first = first or LawBrokenError(law, complaint, trial)
    return first


def _size(trial: Trial) -> tuple[int, int, int]:
    question = trial.question
    return len(question.tools), len(question.quirks) + len(question.cuts), len(repr(question))


def _asker(backend: Backend, mode: Mode) -> Callable[[Question], Trial]:
    if mode.startswith("async"):
        awaited = backend.acomplete
        assert awaited is not None
        return lambda question: aask(question, awaited)
    return lambda question: ask(question, backend.complete)


def _test(
    proof: Proof,
    put: Callable[[Question], Trial],
    laws: Sequence[Law],
    examples: int,
    seed: int | None,
    database: Path | None,
    *,
    shrink: bool,
) -> Callable[[], None]:
    def body(question: Question) -> None:
        proof.examples += 1
        broken = judge(put(question), laws, proof)
        if broken is not None:
            raise broken

    body.__name__ = body.__qualname__ = f"prove_{proof.provider}_{proof.mode.replace(' ', '_')}"
    drawn = questions(proof.provider, stream=proof.mode.endswith("stream"))
    return searching(body, drawn, examples=examples, seed=seed, database=database, shrink=shrink)
