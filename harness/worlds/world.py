"""What a world is: a state as JSON, and public methods that are its tools.

A tool's description is its docstring, its parameters are read from the method's annotations: ``str``, ``int``,
``float``, ``bool``, ``list[…]`` and ``Literal``; a parameter with a default may be left out.
"""

from __future__ import annotations

import functools
import inspect
import typing
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from re import Match

    from harness.core.chat import Json

Plan: TypeAlias = "Generator[list[tuple[str, dict[str, Json]]], list[Json], str]"
"""How a task is solved: it yields calls to make at once, is sent their results, and returns the final text."""
Rules: TypeAlias = "tuple[tuple[str, Callable[[Match[str]], Plan]], ...]"


def steps(
    answer: str,
    act: str = "",
    arguments: Callable[[Match[str], Json], dict[str, Json]] = lambda match, _: match.groupdict(),
    *,
    find: str = "",
    by: Callable[[Match[str]], dict[str, Json]] = lambda match: match.groupdict(),
) -> Callable[[Match[str]], Plan]:
    """The plan of most tasks: call ``find``, then ``act`` for each thing found at once, or once without ``find``; say
    ``answer``, a format of the task's words, ``found`` and its ``number``.
    """

    def plan(match: Match[str]) -> Plan:
        found: Json = [None]
        if find:
            (found,) = yield [(find, by(match))]
        if act:
            yield [(act, arguments(match, one)) for one in found]
        return answer.format(found=found, number=len(found), **match.groupdict())

    return plan


_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_OF_TYPE: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
}


class RefusedError(Exception):
    """A tool refuses: the message is its result, and the model may try otherwise. Any other exception of a tool is a
    fault of the world, and ends the case.
    """


class World:
    """A place that begins the same for the same ``seed``. ``state`` is a JSON object of objects: collections, and the
    entries of each by their key. ``rules`` say how a scripted model solves tasks here, by a pattern of their words.
    """

    introduction: ClassVar[str] = ""
    """The system message of each task; "" for none."""
    rules: ClassVar[Rules] = ()

    def __init__(self, seed: int = 0) -> None:
        self.state = self.begin(Random(seed))  # noqa: S311 - to be repeated, not to be secret

    def begin(self, rng: Random) -> dict[str, dict[str, Json]]:
        """The state at the start."""
        raise NotImplementedError

    def _entry(self, collection: str, key: str, missing: str) -> dict[str, Json]:
        """The entry of a collection. Raises ``RefusedError`` with ``missing`` where there is none."""
        if key not in self.state[collection]:
            raise RefusedError(missing)
        found: dict[str, Json] = self.state[collection][key]
        return found

    @classmethod
    def tools(cls) -> list[dict[str, Json]]:
        """Name, description and parameters of each tool, in the order of their definition."""
        return [
            {
                "name": name,
                "description": (inspect.getdoc(function) or "").removesuffix("."),
                "parameters": _schema(function),
            }
            for name, function in _functions(cls).items()
        ]

    def call(self, name: str, parameters: Mapping[str, Json]) -> Json:
        """Run a tool: its result, or ``{"error": …}`` where it refuses. Other exceptions of a tool come through."""
        function = _functions(type(self)).get(name)
        if function is None:
            return {"error": f"there is no tool {name}"}
        if wrong := _misfit(_schema(function), parameters):
            return {"error": wrong}
        try:
            return function(self, **parameters)
        except RefusedError as refused:
            return {"error": str(refused)}


def _functions(kind: type[World]) -> dict[str, Callable[..., Json]]:
    inherited = vars(World)
    found: dict[str, Callable[..., Json]] = {}
    for one in reversed(kind.__mro__[:-1]):
        own = vars(one).items() if one is not World else ()
        found |= {name: value for name, value in own if inspect.isfunction(value) and not name.startswith("_")}
    return {name: value for name, value in found.items() if name not in inherited}


@functools.cache
def _schema(function: Callable[..., Json]) -> dict[str, Json]:
    hints = typing.get_type_hints(function, localns={"Json": Any})
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    return {
        "type": "object",
        "properties": {one.name: _type(hints.get(one.name, str)) for one in parameters},
        "required": [one.name for one in parameters if one.default is one.empty],
        "additionalProperties": False,
    }


def _type(hint: Any) -> dict[str, Json]:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return {"type": "string", "enum": list(inside)}
    if origin is list:
        return {"type": "array", "items": _type(inside[0])}
    if hint not in _PLAIN:
        raise TypeError(f"a world's tool takes str, int, float, bool, list or Literal, not {hint}")
    return {"type": _PLAIN[hint]}


def _misfit(schema: dict[str, Json], parameters: Mapping[str, Json]) -> str:
    """What is wrong with the parameters, as a sentence; "" where nothing is."""
    known = schema["properties"]
    for name in schema["required"]:
        if name not in parameters:
            return f"{name} is missing"
    for name, value in parameters.items():
        if name not in known:
            return f"there is no parameter {name}; there are {', '.join(known)}"
        expected = known[name]
        if not isinstance(value, _OF_TYPE[expected["type"]]) or (
            isinstance(value, bool) and expected["type"] != "boolean"
        ):
            return f"{name} must be of type {expected['type']}"
        if "enum" in expected and value not in expected["enum"]:
            return f"{name} must be one of {', '.join(expected['enum'])}"
    return ""
