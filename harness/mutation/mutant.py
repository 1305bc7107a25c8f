"""The words of mutation: a mutator, a mutant, what became of it, and how often one was noticed; and the places in a
JSON value that mutators change in a copy.

A mutant is a recorded exchange with one thing changed: its request, as a changed program would ask, or its response, as
a changed provider would answer.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.core.card import Rate, rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.core.chat import Json
    from harness.core.exchange import Exchange

Part: TypeAlias = Literal["request", "response"]
PARTS: tuple[Part, ...] = ("request", "response")

MutantStatus: TypeAlias = Literal["noticed", "survived", "equivalent", "skipped"]
"""``noticed``: a replay refuses the request, or what judges the answer says something else than of the recording.
``survived``: nobody noticed. ``equivalent``: there is nothing to notice, for it reads as the recording does.
``skipped``: written again without any change the exchange is judged otherwise already, so it would prove nothing.
"""

Aspect: TypeAlias = Literal["calls", "parameters", "text", "finish", "status", "all", "request"]
"""What a mutator changes, and so what would notice it."""

Act: TypeAlias = "Callable[[Exchange], Iterable[tuple[str, Exchange]]]"
"""From an exchange to mutated ones, each with the place that was changed; none where there is nothing to change."""
Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Mutator:
    """``rewritten``: request or response is written again around the change, so it must be judged unchanged first."""

    name: str
    part: Part
    aspect: Aspect
    act: Act
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class Mutant:
    """``exchange`` is the mutated one, ``location`` says in words what was changed."""

    mutator: Mutator
    location: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant. ``number`` is its exchange's place in the cassette; ``why`` what noticed it, what
    would, or why there is nothing to notice.
    """

    suite: str
    case: str
    model: str
    cassette: str
    number: int
    part: Part
    mutator: str
    location: str
    status: MutantStatus
    why: str

    @property
    def key(self) -> str:
        """The same from run to run."""
        return f"{self.suite}/{self.case}/{self.model}:{self.number}:{self.part}:{self.mutator}:{self.location}"


def score(outcomes: Iterable[Outcome], part: Part) -> Rate:
    """How many mutants of ``part`` were noticed, of those that could be."""
    statuses = Counter(one.status for one in outcomes if one.part == part)
    return rate(statuses["noticed"], statuses["noticed"] + statuses["survived"])


def counted(outcomes: Iterable[Outcome]) -> dict[tuple[Part, str], Counter[MutantStatus]]:
    """For each mutator the statuses of its mutants."""
    found: dict[tuple[Part, str], Counter[MutantStatus]] = {}
    for one in outcomes:
        found.setdefault((one.part, one.mutator), Counter())[one.status] += 1
    return found


def walk(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Every value inside ``value``, itself first, each with its path."""
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from walk(one, (*path, key))


def leaves(value: Json) -> Iterator[tuple[Path, Json]]:
    """Every text, number, boolean and null, each with its path."""
    return ((path, one) for path, one in walk(value) if not isinstance(one, (dict, list)))


def at(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return value


def put(value: Json, path: Path, change: Callable[[Json], Json]) -> Json:
    """A copy of ``value`` in which what is at ``path`` is changed."""
    if not path:
        return change(copy.deepcopy(value))
    made = copy.deepcopy(value)
    holder = at(made, path[:-1])
    holder[path[-1]] = change(holder[path[-1]])
    return made


def replaced(value: Json, path: Path, new: Json) -> Json:
    """A copy of ``value`` with ``new`` at ``path``."""
    return put(value, path, lambda _: new)


def without(value: Json, path: Path) -> Json:
    """A copy of ``value`` without what is at ``path``."""
    made = copy.deepcopy(value)
    del at(made, path[:-1])[path[-1]]
    return made


def json_path(path: Path) -> str:
    """``path`` as people write it: ``messages[0].content``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def other(leaf: Json) -> Json:
    """Another value of the same type, as near as can be; 0 for null."""
    if leaf is None:
        return 0
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, (int, float)):
        return leaf + 1
    return word_changed(leaf) or "x"


def word_changed(text: str) -> str:
    """``text`` with a letter more in its middle word; ``""`` for a text without words."""
    words = text.split(" ")
    spoken = [index for index, word in enumerate(words) if word.strip()]
    if not spoken:
        return ""
    index = spoken[len(spoken) // 2]
    words[index] = f"{words[index]}s"
    return " ".join(words)
