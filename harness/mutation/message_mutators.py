"""How a changed program would ask, as far as the conversation goes: roles, messages, their words, calls made before."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.dialects.framing.sse import dumps
from harness.mutation import json_paths as places
from harness.mutation.mutant import Mutator
from harness.mutation.request_mutators import SAID, of_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.mutation.request_mutators import Changed

_ARGUMENTS = frozenset({"arguments", "args", "input"})


def _turns(value: Json) -> tuple[str, list[Json]]:
    """The messages, and under which key they stand."""
    for key in ("messages", "contents"):
        if isinstance(value.get(key), list):
            return key, value[key]
    return "", []


def _roles_swapped(value: Json) -> Changed:
    """Of neighbours that speak in different roles; a message that stands alone is put into the assistant's mouth."""
    key, turns = _turns(value)
    other = "model" if key == "contents" else "assistant"
    if len(turns) == 1:
        yield f"{key}[0]", places.replaced(value, (key, 0, "role"), other)
    for number, (one, after) in enumerate(pairwise(turns)):
        if one.get("role") != after.get("role"):
            made = places.replaced(value, (key, number, "role"), after.get("role"))
            made = places.replaced(made, (key, number + 1, "role"), one.get("role"))
            yield f"{key}[{number}] and [{number + 1}]", made


def _message_dropped(value: Json) -> Changed:
    key, turns = _turns(value)
    for number in range(len(turns)) if len(turns) > 1 else ():
        yield f"{key}[{number}]", places.without(value, (key, number))


def _word_edited(value: Json) -> Changed:
    """In each text that somebody says, and in each result of a tool."""
    for path, one in places.leaves(value):
        text = isinstance(one, str) and (path[-1] in {"content", "text", "system", "prompt"} or "response" in path)
        if text and path[0] in SAID and _ARGUMENTS.isdisjoint(path):
            yield places.json_path(path), places.put(value, path, places.word_changed) if one.strip() else value


def _past_call_changed(value: Json) -> Changed:
    for path, one in places.leaves(value):
        if path[0] in SAID and not _ARGUMENTS.isdisjoint(path):
            yield (
                places.json_path(path),
                places.put(value, path, _other_arguments if path[-1] == "arguments" else places.other),
            )
        elif path[0] in SAID and path[-1] == "name" and isinstance(one, str):
            yield places.json_path(path), places.put(value, path, lambda name: f"{name}_2")


def _other_arguments(text: Json) -> Json:
    """Other arguments of a call, whose arguments are the text of a JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        return places.other(text)
    path = next((path for path, _ in places.leaves(value)), None)
    return dumps({"x": 1} if path is None else places.put(value, path, places.other))


def _mutator(name: str, change: Callable[[Json], Changed]) -> Mutator:
    return Mutator(name, "request", "request", of_body(change), rewritten=True)


MESSAGE_MUTATORS: tuple[Mutator, ...] = (
    _mutator("roles swapped", _roles_swapped),
    _mutator("message dropped", _message_dropped),
    _mutator("word edited", _word_edited),
    _mutator("past call changed", _past_call_changed),
)
"""Every way to change what is said; a new one is a function and a line here."""
