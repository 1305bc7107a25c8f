"""What a case accepts of a call, held against the tool that it is about: a right answer must be possible."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json
    from harness.core.expectation import CallExpectation, Expectation
    from harness.suite.case import Case
    from harness.suite.loader import Path

    Mistake: TypeAlias = tuple[Path, str]

_SCORED = {"calls", "no_calls", "call_count", "any_order"}


def unscored(case: Case) -> Iterator[Mistake]:
    """What an evaluation's case expects and an evaluation does not score, and answers of which it says nothing else."""
    if case.world is not None:
        if case.expect.state is None and (case.in_world is None or case.in_world.check is None):
            yield ("expect",), "a task is scored by the state that it leaves; give `state`, or `check` of the world"
        return
    places: list[tuple[Path, Expectation]] = [(("expect",), case.expect)]
    places += [(("then", number, "expect"), turn.expect) for number, turn in enumerate(case.then)]
    for path, expect in places:
        if not expect.no_calls and expect.calls is None and expect.call_count is None:
            yield path, "an evaluation scores calls; give `calls`, `no_calls` or `call_count`"
        for one in fields(expect):
            if one.name not in _SCORED and getattr(expect, one.name) != one.default:
                yield (*path, one.name), f"an evaluation scores calls alone, and `{one.name}` would go unseen"


def unacceptable(call: CallExpectation, offered: Mapping[str, Json], path: Path) -> Iterator[Mistake]:
    """Each mistake in ``accepts`` and ``optional``, with its path. ``offered`` has the schema of each tool by name."""
    optional = (call.optional,) if isinstance(call.optional, str) else call.optional
    if call.accepts is None:
        if optional:
            yield (*path, "optional"), "`optional` is about parameters in `accepts`, and there are none"
        return
    if call.parameters is not None or call.includes is not None:
        yield (*path, "accepts"), "`accepts` says already what the parameters are; leave the others out"
    for name in optional:
        if name not in call.accepts:
            yield (*path, "optional"), f'"{name}" is not in `accepts`'
    for name in (call.name,) if isinstance(call.name, str) else call.name:
        yield from _of_tool(name, offered.get(name), call.accepts, optional, path)


def _of_tool(
    name: str, schema: Json, accepts: Mapping[str, tuple[Any, ...]], optional: tuple[str, ...], path: Path
) -> Iterator[Mistake]:
    fits = _validator(schema)
    if fits is None:
        return
    for parameter, values in accepts.items():
        for number, value in enumerate(values):
            if found := next(fits.iter_errors({parameter: value}), None):
                where = (*path, "accepts", parameter, number)
                yield where, f'"{name}" does not take it: {found.message}'
    for parameter in schema.get("required", ()):
        if parameter not in accepts or parameter in optional:
            yield (*path, "accepts"), f'"{name}" requires "{parameter}", so a right call has it'


def _validator(schema: Json) -> Any:
    """What tells whether a part of the parameters fits; None where there is no sound schema to tell by."""
    if not isinstance(schema, dict):
        return None
    import jsonschema  # noqa: PLC0415 - heavy; a suite without schemas does without
    import referencing  # noqa: PLC0415 - as above

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError:
        return None  # told already, at the tool itself
    partly = {key: value for key, value in schema.items() if key != "required"}
    return kind(partly, registry=referencing.Registry())
