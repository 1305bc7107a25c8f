"""In which of several versions something changed: halving, with each version looked at once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from harness.core.change import GRADES, Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.core.change import Grade
    from harness.core.chat import Json

Behaviour: TypeAlias = "Mapping[str, Json]"
"""What one version does, by what was asked of it."""


@dataclass(frozen=True, slots=True)
class VersionFailed:
    """A version that could not be looked at, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class VersionResults:
    """A version was looked at (``results`` None where it was refused)."""

    version: str
    results: Behaviour | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """``changes`` came with ``after``: ``before`` is the last version looked at that did otherwise. ``passed`` are
    versions between the two that could not be looked at.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    passed: tuple[str, ...] = ()


Event: TypeAlias = VersionResults | Turn


def bisect(
    versions: Sequence[str],
    look: Callable[[str], Behaviour | VersionFailed],
    *,
    least: Grade = "contract",
    every: bool = False,
) -> Iterator[Event]:
    """Find between which neighbours of ``versions`` (oldest first) anything changed.

    The ends are looked at first, then the middle of each stretch whose ends differ by ``least`` or more gravely;
    ``every`` looks at all. What changes and changes back between two versions that were looked at is not found.
    """
    looking = _Looking(versions, look)
    if every:
        yield from (event for index in range(len(versions)) for event in looking.at(index))
    yield from looking.first(range(len(versions)))
    yield from looking.first(range(len(versions) - 1, -1, -1))
    stretches = list(itertools.pairwise(sorted(looking.results)))
    while stretches:
        low, high = stretches.pop(0)
        found = between(looking.results[low], looking.results[high])
        changes = tuple(one for one in found if GRADES.index(one.grade) >= GRADES.index(least))
        if not changes:
            continue
        middle = (low + high) // 2
        order = sorted(range(low + 1, high), key=lambda index: (abs(index - middle), index))
        yield from looking.first(order)
        inside = next((index for index in order if index in looking.results), None)
        if inside is None:
            yield Turn(versions[low], versions[high], changes, tuple(versions[low + 1 : high]))
        else:
            stretches += [(low, inside), (inside, high)]


@dataclass(slots=True)
class _Looking:
    """What was seen so far, by the version's place, and which could not be looked at."""

    versions: Sequence[str]
    look: Callable[[str], Behaviour | VersionFailed]
    results: dict[int, Behaviour] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)

    def at(self, index: int) -> Iterator[VersionResults]:
        if index in self.results or index in self.refused:
            return
        found = self.look(self.versions[index])
        if isinstance(found, VersionFailed):
            self.refused.add(index)
            yield VersionResults(self.versions[index], None, found.why)
        else:
            self.results[index] = found
            yield VersionResults(self.versions[index], found)

    def first(self, indices: Sequence[int]) -> Iterator[VersionResults]:
        """Look at ``places`` in turn until one can be."""
        for index in indices:
            yield from self.at(index)
            if index in self.results:
                return


def between(before: Behaviour, after: Behaviour) -> Iterator[Change]:
    """What differs between what two versions do, by what follows for callers."""
    for what in before.keys() | after.keys():
        was, now = before.get(what), after.get(what)
        if was == now:
            continue
        kind = what.partition(" ")[0]
        if kind == "law":
            yield from _law(what, was, now)
        elif kind == "needs":
            yield Change("contract", "needs", what, was, now, "another package is needed, or declared")
        elif kind == "request":
            yield _request(what, was, now)
        else:
            yield Change(_answer(was, now), "decoded", what, was, now, _described(was, now))


def _law(what: str, was: Json, now: Json) -> Iterator[Change]:
    verdicts = [one["verdict"] if one else "not judged" for one in (was, now)]
    if verdicts[0] == verdicts[1]:
        return
    grade: Grade = "contract" if "broken" in verdicts else "cosmetic"
    yield Change(grade, "law", what, was, now, f"was {verdicts[0]}, is {verdicts[1]}")


def _request(what: str, was: Json, now: Json) -> Change:
    """Names and ids that are sent otherwise break recordings of whole conversations; other fields may."""
    if was is None or now is None or was["names"] == now["names"]:
        return Change("shape", "sent", what, was, now, "another request is sent")
    keys = [key for key, value in now["names"].items() if was["names"].get(key) != value]
    message = f"{', '.join(key.replace('_', ' ') for key in keys)} are sent otherwise"
    return Change("contract", "sent", what, was["names"], now["names"], message)


def _answer(was: Json, now: Json) -> Grade:
    if was is None or now is None:
        return "shape"
    return "contract" if any(was.get(key) != now.get(key) for key in _CONTRACT) else "shape"


_CONTRACT = ("calls", "errors", "provider_calls", "finish", "text", "refusal", "error")
_REST = ("reasoning", "model", "raw_finish", "usage", "told")


def _described(was: Json, now: Json) -> str:
    if was is None or now is None:
        return "it could not be asked there" if now is None else "it could not be asked before"
    keys = [key for key in (*_CONTRACT, *_REST) if was.get(key) != now.get(key)]
    return f"{', '.join(keys)} differ"
