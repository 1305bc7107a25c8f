"""The laws judged themselves: how many backends that are wrong on purpose do they catch, and how soon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.laws.broken_backends.catalogue import FAULTY
from harness.laws.prove import Effort, prove_one
from harness.laws.remembered import Remembered
from harness.laws.tested_backend import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.laws.broken_backends.corruption import BrokenBackend
    from harness.laws.prove import Mode
    from harness.laws.trial import Complete

ROUNDS: tuple[tuple[str, Mode, int], ...] = (
    ("openai", "stream", 115),
    ("openai", "whole", 45),
    ("anthropic", "whole", 40),
)
"""Where each fault is looked for, with how many examples: 200 in all, the most that a fault may take to be caught."""


@dataclass(frozen=True, slots=True)
class SelfCheckResult:
    """What became of one faulty backend: the laws that broke (none if it survived), after how many examples."""

    faulty: BrokenBackend
    laws: tuple[str, ...]
    after: int
    where: str


def self_check(right: Backend, faults: Sequence[BrokenBackend] = FAULTY) -> Iterator[SelfCheckResult]:
    """Put each fault into ``right`` and judge it, until a law breaks or the rounds are over.

    ``right`` is called once for each question and each answer of its provider: most faults are in what comes after.
    """
    known = Remembered(right.complete)
    for faulty in faults:
        yield _caught(faulty, known)


def _caught(faulty: BrokenBackend, right: Complete) -> SelfCheckResult:
    spent = 0
    backend = Backend(faulty.spoil(right))
    for provider, mode, examples in ROUNDS:
        proof = prove_one(backend, provider, mode, effort=Effort(examples, shrink=False))
        if proof.broken:
            first = min(broken.after for broken in proof.broken.values())
            return SelfCheckResult(faulty, tuple(proof.broken), spent + first, f"{provider} {mode}")
        spent += proof.examples
    return SelfCheckResult(faulty, (), spent, "")
