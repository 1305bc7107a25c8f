"""The laws judged themselves: whether they catch each backend that is wrong on purpose, how soon, and for what.

A broken backend has its own laws (``broken_backends.own_laws``): to be blamed for another is a fault of the laws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.dialects import DIALECTS
from harness.dialects.providers import profile, proven
from harness.laws import bare
from harness.laws.broken_backends import BROKEN
from harness.laws.broken_backends.own_laws import OWN
from harness.laws.prove import Effort, prove_one
from harness.laws.tested_backend import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.laws.broken_backends.corruption import BrokenBackend
    from harness.laws.prove import Mode

MOST = 2000
"""So many drawn examples may pass before each is caught, over all rounds."""
STEP = 100
_FIRST = proven()[0]
_OTHER = next(name for name in proven() if profile(name).dialect != profile(_FIRST).dialect)
_NAMESPACES = next(name for name in proven() if "namespace" in DIALECTS[profile(name).dialect].facts.tool_marks)
ROUNDS: tuple[tuple[str, Mode], ...] = ((_FIRST, "whole"), (_FIRST, "stream"), (_OTHER, "whole"))
AWAITED: tuple[tuple[str, Mode], ...] = ((_FIRST, "async whole"), (_FIRST, "async stream"), (_OTHER, "async whole"))
OTHER_TOOLS: tuple[tuple[str, Mode], ...] = (*ROUNDS, (_NAMESPACES, "whole"))
"""Where each is looked for, in turns of ``STEP``; faults of awaited backends in the second, of tools that are no
functions in the third.
"""


@dataclass(frozen=True, slots=True)
class Caught:
    """What became of one broken backend: the laws that broke; after how many drawn examples, and how many exemplars (0:
    never); the laws that broke and are not its own.
    """

    broken: BrokenBackend
    laws: tuple[str, ...]
    drawn: int
    fixed: int
    strange: tuple[str, ...]


def self_check(broken: Sequence[BrokenBackend] = BROKEN, *, most: int = MOST, beyond: int = 40) -> Iterator[Caught]:
    """Put each fault into a backend without litellm, and look for it: by what is drawn alone, then by exemplars alone.

    ``beyond`` more examples are drawn where it was found, to see which laws are named in all.
    """
    for one in broken:
        yield _caught(one, most, beyond)


def strict(caught: Caught) -> bool:
    """Whether it was caught by what is drawn, and named for nothing else."""
    return bool(caught.drawn) and not caught.strange


def _caught(broken: BrokenBackend, most: int, beyond: int) -> Caught:
    own = frozenset(OWN[broken.name].split())
    drawn, where, seed = _drawn(broken, most)
    fixed = _fixed(broken)
    laws: set[str] = set()
    if drawn:
        effort = Effort(beyond, seed=seed, shrink=False, exemplars=False)
        laws |= prove_one(_spoiled(broken), *where, effort=effort).broken.keys()
        laws |= prove_one(_spoiled(broken), *where, effort=replace(effort, examples=STEP, stop=True)).broken.keys()
    return Caught(broken, tuple(sorted(laws)), drawn, fixed, tuple(sorted(laws - own)))


def _spoiled(broken: BrokenBackend) -> Backend:
    if broken.awaited:
        return Backend(bare.complete, broken.spoil(bare.acomplete))
    return Backend(broken.spoil(bare.complete), custom_tools=broken.custom)


def _rounds(broken: BrokenBackend) -> tuple[tuple[str, Mode], ...]:
    return AWAITED if broken.awaited else OTHER_TOOLS if broken.custom else ROUNDS


def _drawn(broken: BrokenBackend, most: int) -> tuple[int, tuple[str, Mode], int]:
    """After how many drawn examples it is caught (0: it is not), in which round and with which seed."""
    spent, backend = 0, _spoiled(broken)
    for seed in range(most // (STEP * len(ROUNDS)) + 1):
        for where in _rounds(broken):
            effort = Effort(STEP, seed=seed, shrink=False, exemplars=False, stop=True)
            proof = prove_one(backend, *where, effort=effort)
            spent += proof.drawn
            if proof.broken:
                return spent, where, seed
    return 0, ROUNDS[0], 0


def _fixed(broken: BrokenBackend) -> int:
    spent, backend = 0, _spoiled(broken)
    for where in _rounds(broken):
        proof = prove_one(backend, *where, effort=Effort(0, shrink=False, stop=True))
        spent += proof.fixed
        if proof.broken:
            return spent
    return 0
