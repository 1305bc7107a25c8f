"""What differs between two JSON values, leaf by leaf, told in short sentences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json

_SHOWN = 60
_BEFORE = 20
_HEAVY = 1000
_PLACES = ("method", "host", "path")
_MISSING: Any = object()


def flat(value: Json) -> dict[str, Any]:
    """Each leaf by its path, with its kind: ``1`` and ``true`` are no equals."""
    return dict(_leaves(value, ""))


def distance(one: dict[str, Any], other: dict[str, Any]) -> int:
    """How many leaves differ; another method, host or path weighs as much as a whole body."""
    places = {name for name in (*one, *other) if one.get(name) != other.get(name)}
    return sum(_HEAVY if name in _PLACES else 1 for name in places)


def differences(recorded: Json, asked: Json, most: int) -> list[str]:
    """A sentence for each leaf that differs, ``most`` of them."""
    there, here = flat(recorded), flat(asked)
    told = []
    for path in dict.fromkeys((*there, *here)):
        name = path.replace("\0", "")
        if path not in here:
            told.append(f"{name}: recorded {_short(there[path])}, not in the request")
        elif path not in there:
            told.append(f"{name}: asked {_short(here[path])}, not in the recording")
        elif there[path] != here[path]:
            told.append(f"{name}: recorded {_short(there[path], here[path])}, asked {_short(here[path], there[path])}")
    return [*told[:most], f"and {len(told) - most} more"] if len(told) > most else told


def first_differences(recorded: Json, asked: Json, most: int) -> list[str]:
    """The first leaves that differ, ``most`` of them, of values too large to be taken apart whole."""
    told: list[str] = []
    for path, there, here in _apart(recorded, asked, ""):
        name = path.replace("\0", "")
        if there is _MISSING:
            told.append(f"{name}: asked {_short(_leaf(here))}, not in the recording")
        elif here is _MISSING:
            told.append(f"{name}: recorded {_short(_leaf(there))}, not in the request")
        else:
            told.append(
                f"{name}: recorded {_short(_leaf(there), _leaf(here))}, asked {_short(_leaf(here), _leaf(there))}"
            )
        if len(told) == most:
            break
    return told


def _apart(there: Json, here: Json, path: str) -> Iterator[tuple[str, Json, Json]]:
    """Where two values differ, with what stands there in each; nothing inside a part that is equal is looked at."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in dict.fromkeys((*there, *here)):
            yield from _apart(there.get(name, _MISSING), here.get(name, _MISSING), f"{path}.{name}" if path else name)
    elif isinstance(there, list) and isinstance(here, list):
        for place in range(max(len(there), len(here))):
            one = there[place] if place < len(there) else _MISSING
            yield from _apart(one, here[place] if place < len(here) else _MISSING, f"{path}[{place}]")
    elif _leaf(there) != _leaf(here):
        yield path, there, here


def _leaf(value: Json) -> tuple[bool, Json]:
    return type(value) is bool, value


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, _leaf(value)


def _short(leaf: tuple[bool, Json], other: tuple[bool, Json] | None = None) -> str:
    text = json.dumps(leaf[1], ensure_ascii=False)
    if len(text) <= _SHOWN:
        return text
    start = 0
    if other is not None:
        pairs = zip(text, json.dumps(other[1], ensure_ascii=False), strict=False)
        same = next((place for place, (a, b) in enumerate(pairs) if a != b), 0)
        start = max(0, same - _BEFORE)
    return f"{'…' if start else ''}{text[start : start + _SHOWN]}{'…' if start + _SHOWN < len(text) else ''}"
