"""Calls held against what is expected of them, mistake by mistake and each of its kind: what an evaluation counts.

Pure: no text is judged, and nothing is run. A call that is right by one of the accepted alternatives is right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.checks.json_equality import shown, value_mismatch
from harness.checks.schema import errors
from harness.core.expectation import amount, bounds, several
from harness.core.finding import Finding, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.core.chat import Json, ToolCall
    from harness.core.expectation import CallExpectation, Expectation

Kind: TypeAlias = Literal["count", "name", "missing", "unexpected", "type", "value", "unreadable", "task"]
"""``count``: more calls or fewer than expected. ``name``: another tool, or one that was not offered. ``missing``: a
parameter that must be there is not. ``unexpected``: one is there that must not be. ``type``: its value is of another
JSON type. ``value``: of the right type, and not one that is accepted. ``unreadable``: no call can be made of it.
``task``: a task in a world was not done: its state, its last words, its steps or its calls are not as expected.
"""
KINDS: tuple[Kind, ...] = ("count", "name", "missing", "unexpected", "type", "value", "unreadable", "task")

_UNCOUNTED = str.maketrans("'", '"', " ,./-_*^")
_BY_WORD: dict[str, Kind] = {
    "type": "type",
    "required": "missing",
    "additionalProperties": "unexpected",
    "unevaluatedProperties": "unexpected",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong. ``path`` is the call and the parameter, such as ``[0].city``."""

    kind: Kind
    message: str
    path: str = ""


def mistakes(
    calls: Sequence[ToolCall], expect: Expectation, schemas: Mapping[str, Json] | None = None
) -> tuple[Mistake, ...]:
    """What is wrong with ``calls``; nothing where they are as expected.

    ``schemas`` are those of the tools offered, by name. Where the count is wrong, nothing else is reported: which call
    belongs to which expectation is not known. In ``any_order`` the order of ``calls`` changes nothing.
    """
    if found := _miscounted(calls, expect):
        return (Mistake("count", found),)
    schemas = schemas or {}
    expected = expect.calls or ()
    pairs = _paired(calls, expected, schemas) if expect.any_order else zip(calls, expected, strict=False)
    return tuple(
        replace(one, path=f"[{number}]{'.' if one.path else ''}{one.path}")
        for number, (call, right) in enumerate(pairs)
        for one in in_call(call, right, schemas.get(call.name))
    )


def in_call(call: ToolCall, expected: CallExpectation, schema: Json = None) -> Iterator[Mistake]:
    """What is wrong with one call. ``schema`` is that of the tool called. Paths are the parameters' names."""
    names = several(expected.name)
    if names and call.name not in names:
        yield Mistake("name", f"{shown(call.name)} was called, not {' or '.join(map(shown, names))}")
        return  # its parameters are those of another tool
    schema = schema if isinstance(schema, dict) else {}
    if expected.accepts is not None:
        alike = relaxed if expected.strings == "relaxed" else same
        yield from _accepted(call.parameters, expected.accepts, several(expected.optional), schema, alike)
    if expected.parameters is not None:
        yield from _exactly(call.parameters, expected.parameters, schema, partly=False)
    if expected.includes is not None:
        yield from _exactly(call.parameters, expected.includes, schema, partly=True)
    if expected.fits is not None:
        yield from misfits(call.parameters, schema if expected.fits == "tool" else expected.fits)


def misfits(parameters: dict[str, Json], schema: Json) -> Iterator[Mistake]:
    """What keeps ``parameters`` from fitting ``schema``."""
    for error in errors(parameters, schema) if isinstance(schema, dict) else ():
        place = error.json_path.removeprefix("$").removeprefix(".")
        yield Mistake(_BY_WORD.get(str(error.validator), "value"), error.message, place)


def summed(check: str, faults: Sequence[tuple[str, str]], right: str) -> Iterator[Finding]:
    """A failure for each of ``faults``, paths and sentences; a pass that says ``right`` where there is none."""
    for path, fault in faults:
        yield Finding(check, "fail", fault, path)
    if not faults:
        yield Finding(check, "pass", right)


def wants_call(expect: Expectation) -> bool | None:
    """Whether ``expect`` asks for a call; None where it takes either, or is not about calls."""
    if expect.no_calls:
        return False
    if expect.calls is not None:
        return bool(expect.calls)
    if expect.call_count is None:
        return None
    least, most = bounds(expect.call_count)
    return True if least else False if most == 0 else None


def same(one: Json, other: Json) -> bool:
    """Equality as JSON Schema means it: numbers by their value, true is no number, keys in any order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def relaxed(one: Json, other: Json) -> bool:
    """``same``, with texts compared as `strings: relaxed` says."""
    return same(_simple(one), _simple(other))


def _simple(value: Json) -> Json:
    if isinstance(value, str):
        return value.translate(_UNCOUNTED).lower()
    if isinstance(value, list):
        return [_simple(one) for one in value]
    return {key: _simple(one) for key, one in value.items()} if isinstance(value, dict) else value


def _miscounted(calls: Sequence[ToolCall], expect: Expectation) -> str | None:
    least, most = 0, None
    if expect.no_calls:
        most = 0
    elif expect.calls is not None:
        least = most = len(expect.calls)
    elif expect.call_count is not None:
        least, most = bounds(expect.call_count)
    if len(calls) >= least and (most is None or len(calls) <= most):
        return None
    names = f" ({', '.join(call.name for call in calls[:10])})" if calls else ""
    return f"{count(len(calls), 'call')}{names}, {amount(least, most)} expected"


def _paired(
    calls: Sequence[ToolCall], expected: Sequence[CallExpectation], schemas: Mapping[str, Json]
) -> list[tuple[ToolCall, CallExpectation]]:
    """Each expectation with a call: as many right ones as can be, then those of the same name, then the rest."""
    ordered = sorted(calls, key=lambda call: (call.name, json.dumps(call.parameters, sort_keys=True)))
    right = [[not any(in_call(call, one, schemas.get(call.name))) for call in ordered] for one in expected]
    found = paired(right)
    for by_name in (True, False):
        for number, one in enumerate(expected):
            if number in found:
                continue
            free = (place for place in range(len(ordered)) if place not in found.values())
            fitting = (place for place in free if not by_name or ordered[place].name in several(one.name))
            if (place := next(fitting, None)) is not None:
                found[number] = place
    return [(ordered[found[number]], one) for number, one in enumerate(expected)]


def _accepted(
    arguments: dict[str, Json],
    accepts: Mapping[str, Sequence[Json]],
    optional: Sequence[str],
    schema: dict[str, Json],
    alike: Callable[[Json, Json], bool],
) -> Iterator[Mistake]:
    for name, values in accepts.items():
        if name in arguments:
            yield from _value(arguments[name], values, name, schema, alike)
        elif name not in optional:
            yield Mistake("missing", f"{name} is missing", name)
    for name, value in arguments.items():
        if name not in accepts:
            yield Mistake("unexpected", f"{name} is not expected, and is {shown(value)}", name)


def _value(
    value: Json,
    accepted: Sequence[Json],
    name: str,
    schema: dict[str, Json],
    alike: Callable[[Json, Json], bool] = same,
) -> Iterator[Mistake]:
    if any(alike(value, one) for one in accepted):
        return
    shown_value = f"{name} is {shown(value)}"
    partly = {key: inner for key, inner in schema.items() if key != "required"}
    found = list(misfits({name: value}, partly))
    mistyped = next((one for one in found if one.kind == "type"), None)
    if mistyped or (accepted and not any(_type(value) == _type(one) for one in accepted)):
        yield Mistake(
            "type", f"{shown_value}: {mistyped.message}" if mistyped else f"{shown_value}, of another type", name
        )
    elif accepted:
        yield Mistake("value", f"{shown_value}, not {' or '.join(map(shown, accepted))}", name)
    elif found:
        yield Mistake("value", f"{shown_value}: {found[0].message}", name)


def _exactly(
    arguments: dict[str, Json], expected: Mapping[str, Json], schema: dict[str, Json], *, partly: bool
) -> Iterator[Mistake]:
    for name, value in expected.items():
        if name not in arguments:
            yield Mistake("missing", f"{name} is missing", name)
        elif found := value_mismatch(value, arguments[name], name, partly=partly):
            kinds = [one.kind for one in _value(arguments[name], (value,), name, schema)]
            yield Mistake("type" if "type" in kinds else "value", found, name)
    for name, value in () if partly else arguments.items():
        if name not in expected:
            yield Mistake("unexpected", f"{name} is not expected, and is {shown(value)}", name)


def _type(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def paired(right: Sequence[Sequence[bool]]) -> dict[int, int]:
    """For as many rows as can be a column of their own in which ``right`` holds: a greatest matching, found by
    augmenting paths. The same table gives the same pairs.
    """
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, met in enumerate(right[row]):
            if met and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    for row in range(len(right)):
        place(row, set())
    return {row: column for column, row in taken.items()}
