"""Places in a JSON value: found by walking it, and changed in a copy."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.chat import Json

Path: TypeAlias = "tuple[str | int, ...]"


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
    spoken = [place for place, word in enumerate(words) if word.strip()]
    if not spoken:
        return ""
    place = spoken[len(spoken) // 2]
    words[place] = f"{words[place]}s"
    return " ".join(words)
