"""Mistakes that no single value shows: regular expressions, schemas, names that must meet, and what a case accepts of a
call that its tool's schema has no place for.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from harness.core import errors
from harness.core.expectation import several
from harness.suite.case import Case, NamedTool, OpenAITool
from harness.suite.loader import SuiteFault
from harness.suite.validation_errors import path_of
from harness.worlds import WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json
    from harness.core.expectation import CallExpectation, Expectation
    from harness.suite.case import Message
    from harness.suite.loader import Document, Path

    Mistake: TypeAlias = tuple[Path, str]

_SCORED = {"calls", "no_calls", "call_count", "any_order"}
_LEAST: dict[str, Json] = {"id": "unnamed", "messages": [{"user": ""}]}


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
    optional = several(call.optional)
    if call.accepts is None:
        if optional:
            yield (*path, "optional"), "`optional` is about parameters in `accepts`, and there are none"
        return
    if call.parameters is not None or call.includes is not None:
        yield (*path, "accepts"), "`accepts` says already what the parameters are; leave the others out"
    for name in optional:
        if name not in call.accepts:
            yield (*path, "optional"), f'"{name}" is not in `accepts`'
    for name in several(call.name):
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
    """The validator of a part of the parameters; None where there is no sound schema."""
    if not isinstance(schema, dict):
        return None
    import jsonschema  # noqa: PLC0415 - heavy; a suite without schemas does without
    import referencing  # noqa: PLC0415 - as above

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError:
        return None  # reported already, at the tool itself
    partly = {key: value for key, value in schema.items() if key != "required"}
    return kind(partly, registry=referencing.Registry())


def empty_keys(document: Document) -> Iterator[SuiteFault]:
    """Keys with nothing after them, which would expect nothing, in silence."""
    if isinstance(document.value, dict):
        for path, what in _empty(document.value):
            yield SuiteFault(document.line(path), path, what)


def inconsistent(document: Document) -> Iterator[SuiteFault]:
    """What does not meet, case by case, so that one broken case hides nothing in the others."""
    suite_tools, cases = document.value.get("tools", []), document.value.get("cases", [])
    tools = {}
    for number, tool in enumerate(suite_tools if isinstance(suite_tools, list) else []):
        inner = tool.get("function", tool) if isinstance(tool, dict) else {}
        inner = inner if isinstance(inner, dict) else {}
        tools[str(inner.get("name"))] = inner
        for path, what in _schema(inner.get("parameters"), _schema_at(number, nested=inner is not tool)):
            yield SuiteFault(document.line(path), path, what)
    for number, raw in enumerate(cases if isinstance(cases, list) else []):
        for path, what in _of_case(_in_suite(raw, document.value.get("world")), tools, document.value.get("kind")):
            where: Path = ("cases", number, *path)
            yield SuiteFault(document.line(where), where, what)


def _in_suite(raw: Json, world: Json) -> Case | None:
    """The sound part of a case, in the suite's ``world`` where it has none of its own."""
    if isinstance(raw, dict) and world is not None:
        return _sound_part({"world": world, **raw})
    return _sound_part(raw)


def _of_case(case: Case | None, tools: dict[str, dict[str, Json]], kind: Json) -> Iterator[Mistake]:
    if case is None:
        return
    yield from _world(case, case.in_world.name) if case.in_world else _mistakes(case, tools)
    if case.expect.state is not None and case.world is None:
        yield ("expect", "state"), "`state` is about a world, and the case has none; give `world:`"
    if kind == "evaluation":
        yield from unscored(case)


def _sound_part(raw: Json) -> Case | None:
    """The case without the keys that are wrong in themselves, so that what is left can be checked too."""
    raw = json.loads(json.dumps(raw))
    while isinstance(raw, dict):
        try:
            return Case.model_validate_json(json.dumps({**_LEAST, **raw}), strict=True)
        except ValidationError as error:
            path = max((path_of(raw, one) for one in error.errors()), key=len)
        if not _without(raw, path):
            return None
    return None


def _without(value: Json, path: Path) -> bool:
    """Take the innermost key on ``path`` out of ``value``; False where there is none."""
    holders = [value]
    for step in path:
        inner = holders[-1]
        there = step in inner if isinstance(inner, dict) else isinstance(inner, list) and isinstance(step, int)
        holders.append(inner[step] if there else None)
    for holder, step in reversed(list(zip(holders, path, strict=False))):
        if isinstance(holder, dict) and step in holder:
            del holder[step]
            return True
    return False


def doubled_ids(document: Document) -> Iterator[SuiteFault]:
    """Cases of one id. To differ in case alone is too little: on some file systems they are the same."""
    cases = document.value.get("cases")
    first: dict[str, int] = {}
    for number, case in enumerate(cases if isinstance(cases, list) else []):
        name = case.get("id") if isinstance(case, dict) else None
        if not isinstance(name, str):
            continue
        where: Path = ("cases", number, "id")
        if name.casefold() in first:
            line = document.line(("cases", first[name.casefold()], "id"))
            yield SuiteFault(document.line(where), where, f'the id "{name}" is taken by the case in line {line}')
        first.setdefault(name.casefold(), number)


def _mistakes(case: Case, tools: dict[str, dict[str, Json]]) -> Iterator[Mistake]:
    """Each mistake in ``case`` with its path within it. ``tools`` are those of the suite, by name."""
    offered: dict[str, Json] = {}
    for number, tool in enumerate(case.tools):
        name = tool if isinstance(tool, str) else tool.name
        inner = tools.get(name, {}) if isinstance(tool, str) else tool.wire()["function"]
        if isinstance(tool, str) and name not in tools:
            yield ("tools", number), f'the suite has no tool "{name}"'
        elif not isinstance(tool, str):
            yield from _schema(inner.get("parameters"), _schema_at(number, nested=isinstance(tool, OpenAITool)))
        offered[name] = inner.get("parameters")
    choices = [((), case.tool_choice), *((("then", n), turn.tool_choice) for n, turn in enumerate(case.then))]
    for path, choice in choices:
        if isinstance(choice, NamedTool) and choice.name not in offered:
            yield (*path, "tool_choice", "name"), f'no tool "{choice.name}" is offered'
    yield from _expectation(case.expect, offered, ("expect",))
    yield from _messages(case.messages, ("messages",), refused=case.expect.error is not None)
    for number, turn in enumerate(case.then):
        yield from _messages(turn.messages, ("then", number, "messages"))
        yield from _expectation(turn.expect, offered, ("then", number, "expect"))
        if turn.results is None and not turn.messages:
            yield ("then", number), "a turn needs `results` or `messages`, or nothing new is asked"
        for name in turn.results if isinstance(turn.results, dict) else ():
            if name != "*" and name not in offered:
                yield ("then", number, "results", name), f'no tool "{name}" is offered'


def _world(case: Case, name: str) -> Iterator[Mistake]:
    """What does not meet in a task; what a world of the user's own offers is not known here."""
    if ":" not in name and name not in WORLDS:
        yield ("world",), f"there is no world {name}; there are {', '.join(WORLDS)}, and your own is module:Class"
    for key, value in (("tools", case.tools), ("then", case.then), ("tool_choice", case.tool_choice)):
        if value:
            yield (key,), f"a case in a world has no `{key}`: the world brings its tools, and the model calls freely"
    offered = {tool["name"]: tool["parameters"] for tool in WORLDS[name].tools()} if name in WORLDS else None
    collections = WORLDS[name]().state if name in WORLDS else None
    for key in case.expect.state or ():
        if collections is not None and key not in collections:
            yield ("expect", "state", key), f"the world {name} has no {key}; it has {', '.join(collections)}"
    if offered is not None:
        yield from _expectation(case.expect, offered, ("expect",))
    yield from _messages(case.messages, ("messages",), refused=case.expect.error is not None)


def _empty(value: Json, path: Path = ()) -> Iterator[Mistake]:
    # JSON of the user's own may hold null.
    free = {
        *("parameters", "includes", "accepts", "fits", "json_schema", "results", "options", "response_format"),
        *("tool_calls", "state"),
    }
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is None and key != "content":
                yield (*path, key), f'"{key}" has nothing after it; leave it out or fill it in'
            elif key not in free:
                yield from _empty(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            if inner is None:
                yield (*path, number), "this item is empty"
            yield from _empty(inner, (*path, number))


def _messages(messages: tuple[Message, ...], path: Path, *, refused: bool = False) -> Iterator[Mistake]:
    """``refused``: that the question is refused is what the case is about."""
    for number, message in enumerate(messages):
        wire = message.wire()
        if wire["role"] == "tool" and not wire.get("tool_call_id") and not refused:
            yield (*path, number), "a tool message needs the `tool_call_id` of the call that it answers"
        if "content" not in wire and not wire.get("tool_calls"):
            yield (*path, number), "a message needs `content` or `tool_calls`"


def _expectation(expect: Expectation, offered: dict[str, Json], path: Path) -> Iterator[Mistake]:
    if expect.text and expect.text.regex is not None:
        try:
            re.compile(expect.text.regex)
        except re.error as error:
            yield (*path, "text", "regex"), f"not a regular expression: {error}"
    yield from _schema(expect.json_schema, (*path, "json_schema"))
    for number, call in enumerate(expect.calls or ()):
        yield from _call(call, offered, (*path, "calls", number))
    yield from _error(expect, path)
    if expect.no_calls and (expect.calls or expect.call_count):
        yield (*path, "no_calls"), "`no_calls` and calls are expected at once"
    if isinstance(expect.calls, tuple) and expect.call_count is not None:
        yield (*path, "call_count"), "`calls` says already how many; leave `call_count` out"
    for number, one in enumerate(expect.any_of):
        yield from _expectation(one, offered, (*path, "any_of", number))
        if (one.error is None) != (expect.error is None):
            yield (*path, "any_of", number), "`any_of` must expect an error exactly where `error` beside it does"


def _call(call: CallExpectation, offered: dict[str, Json], path: Path) -> Iterator[Mistake]:
    for name in several(call.name):
        if name not in offered:
            yield (*path, "name"), f'no tool "{name}" is offered, so it can never be called'
    if isinstance(call.fits, dict):
        yield from _schema(call.fits, (*path, "fits"))
    if call.parameters is not None and call.includes is not None:
        yield (*path, "includes"), "`parameters` is exact already; leave one of the two out"
    yield from unacceptable(call, offered, path)


def _error(expect: Expectation, path: Path) -> Iterator[Mistake]:
    if expect.error is None:
        return
    name = expect.error if isinstance(expect.error, str) else expect.error.type
    where: Path = (*path, "error") if isinstance(expect.error, str) else (*path, "error", "type")
    found = getattr(errors, name, None)
    if not (isinstance(found, type) and issubclass(found, errors.BackendError)):
        yield where, f'no error "{name}"; those of asking a model are {", ".join(backend_errors())}'
    others = (expect.text, expect.calls, expect.call_count, expect.call_errors, expect.finish, expect.json_schema)
    if expect.no_calls or any(other is not None for other in others):
        yield where, "an error is expected, so nothing else of the answer can be"


def backend_errors() -> list[str]:
    """The names that ``error`` may be."""
    return [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.BackendError)
    ]


def _schema_at(number: int, *, nested: bool) -> Path:
    """Where a tool's schema stands; ``nested`` in OpenAI's own shape."""
    return ("tools", number, *(("function",) if nested else ()), "parameters")


def _schema(schema: dict[str, Any] | None, path: Path) -> Iterator[Mistake]:
    """What keeps ``schema`` from being a JSON schema."""
    if not schema:
        return
    import jsonschema  # noqa: PLC0415 - heavy; a suite without schemas does without

    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        yield (*path, *error.absolute_path), f"not a JSON schema: {error.message}"
