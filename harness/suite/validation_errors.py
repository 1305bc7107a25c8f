"""Files in YAML or JSON read with pydantic: what it finds is said in sentences, each with its place in the file."""

from __future__ import annotations

import difflib
import json
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.suite.case import (
    FUNCTION_PATTERN,
    ID_PATTERN,
    PROVIDER_PATTERN,
    URL_PATTERN,
    VARIABLE_PATTERN,
    WORLD_PATTERN,
)
from harness.suite.loader import SuiteFault, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    from harness.core.chat import Json
    from harness.suite.loader import Document, Path

_Read = TypeVar("_Read")
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "none_required": "nothing",
}
_PATTERNS = {
    ID_PATTERN: 'may hold letters, digits, ".", "_" and "-", begins with a letter or digit, and has 64 at most',
    URL_PATTERN: "must begin with http:// or https://",
    PROVIDER_PATTERN: "must be a provider's name, without spaces and slashes",
    VARIABLE_PATTERN: "must be the name of an environment variable",
    WORLD_PATTERN: "must be a world of the package, or your own as module:Class",
    FUNCTION_PATTERN: "must be a function of your own, as module:name",
}
MOST_FAULTS = 60
"""Faults of a file that are listed; of more their number is."""
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}


def from_file(kind: TypeAdapter[_Read], path: FilePath | str) -> _Read:
    """The value of that ``kind`` in a YAML or JSON file.

    Raises ``UsageError``, all mistakes at once, each with file, line and key.
    """
    try:
        document = read(FilePath(path).read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from error
    return sound(kind, document, lambda fault: f"{path}:{fault.line}: ")


def sound(kind: TypeAdapter[_Read], document: Document, where: Callable[[SuiteFault], str]) -> _Read:
    """``document`` as a value of that ``kind``.

    Raises ``UsageError`` with what is wrong with it, first as YAML, a line each that begins with ``where``.
    """
    try:
        if not document.faults:
            return kind.validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        wrong = _faults(kind, document, error)
    else:
        wrong = list(document.faults)
    lines = [one_line(f"{where(one)}{keys(one.path)}{': ' if one.path else ''}{one.what}") for one in wrong]
    if len(lines) > MOST_FAULTS:
        lines[MOST_FAULTS:] = [f"and {len(lines) - MOST_FAULTS:,} more; mend these first"]
    raise UsageError("\n".join(lines))


def one_line(text: str) -> str:
    """``text`` with line ends and other invisible characters of the file as escapes: a fault is one line."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def keys(path: Sequence[str | int]) -> str:
    """A place in a file, such as ``cases[2].expect``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def validated(kind: TypeAdapter[_Read], document: Document) -> tuple[_Read | None, list[SuiteFault]]:
    """``document`` as a value of that ``kind``, or a fault for each mistake at its place in the file."""
    try:
        return kind.validate_json(json.dumps(document.value), strict=True), []
    except ValidationError as error:
        return None, _faults(kind, document, error)


def _faults(kind: TypeAdapter[Any], document: Document, error: ValidationError) -> list[SuiteFault]:
    found: dict[Path, list[ErrorDetails]] = {}
    for one in error.errors():
        found.setdefault(path_of(document.value, one), []).append(one)
    known = sorted(_keys(kind.json_schema()))
    faults = []
    wrong = _without_other_branches(found)
    meant = {
        (*path[:-1], _near(str(path[-1]), known))
        for path, several in wrong.items()
        if any(one["type"] in _UNKNOWN for one in several)
    }
    for path, several in wrong.items():
        if path in meant and all(one["type"] == "missing" for one in several):
            continue  # it stands there misspelt, which is reported
        line = document.line(path)
        faults += [SuiteFault(line, path, what) for what in dict.fromkeys(_sentences(several, path, known))]
    return faults


def _keys(schema: Any) -> set[str]:
    """Every key of a format, for guessing what an unknown one should be."""
    if isinstance(schema, dict):
        named = schema["properties"] if isinstance(schema.get("properties"), dict) else {}
        return {*named, *(key for inner in schema.values() for key in _keys(inner))}
    return {key for inner in schema for key in _keys(inner)} if isinstance(schema, list) else set()


def path_of(value: Json, error: ErrorDetails) -> Path:
    """Where ``error`` is in the file: pydantic puts the names of union branches in between."""
    location = error["loc"]
    path: list[int | str] = []
    for number, step in enumerate(location):
        last = number == len(location) - 1
        inside = step in value if isinstance(value, dict) else isinstance(value, list) and step in range(len(value))
        # A branch may be called like a key beside the one that is meant: nothing is below a plain value.
        if inside and not (last or isinstance(value[step], dict | list)) and location[number + 1] in value:
            continue
        missing = last and error["type"] == "missing" and isinstance(value, dict)
        if inside:
            value = value[step]
        elif not missing:
            continue
        path.append(step)
    return tuple(path)


def _without_other_branches(found: dict[Path, list[ErrorDetails]]) -> dict[Path, list[ErrorDetails]]:
    """Leave out what only follows from a fault inside: "must be text" of a mapping that another branch takes,
    "must not be empty" of a list whose items are wrong.
    """
    return {
        path: errors
        for path, errors in found.items()
        if not (
            all(error["type"] in _KINDS or error["type"] == "too_short" for error in errors)
            and any(len(other) > len(path) and other[: len(path)] == path for other in found)
        )
    }


def _sentences(errors: Sequence[ErrorDetails], path: Path, known: Sequence[str]) -> Iterator[str]:
    allowed: list[str] = []
    for error in errors:
        kind, context = error["type"], error.get("ctx", {})
        if kind in _KINDS:
            allowed.append(_KINDS[kind])
        elif kind == "literal_error":
            allowed.append(str(context["expected"]).replace("'", '"'))
        elif kind in _UNKNOWN:
            yield _unknown(str(path[-1]), known)
        elif kind == "missing":
            yield f'"{path[-1]}" is missing'
        elif kind.startswith("union_tag"):
            yield _untagged(context, error["input"])
        else:
            yield _other(kind, context, error)
    if allowed:
        if {"a whole number", "a number"} <= set(allowed):
            allowed.remove("a whole number")
        value = errors[0]["input"]
        yield f"must be {' or '.join(dict.fromkeys(allowed))}, not {_show(value)}"


def _unknown(key: str, known: Sequence[str]) -> str:
    near = _near(key, known)
    return f'unknown key "{key}"' + (f'; did you mean "{near}"?' if near else "")


def _near(key: str, known: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(key, [one for one in known if one != key], 1)), "")


def _untagged(context: dict[str, Any], value: Json) -> str:
    key = context["discriminator"].strip("'")
    tags = context.get("expected_tags", "").replace("'", "")
    tag = (
        value[key] if isinstance(value, dict) and key in value else context.get("tag")
    )  # the context's is Python's text
    return f"{_show(tag)} is no {key}; there are {tags}" if tags else f'"{key}" is missing'


def _other(kind: str, context: dict[str, Any], error: ErrorDetails) -> str:
    shown = _show(error["input"])
    if kind == "string_pattern_mismatch":
        return f"{shown} {_PATTERNS[context['pattern']]}"
    if kind == "value_error":
        return str(context["error"])
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty"
    if kind.startswith(("greater_than", "less_than")):
        return f"{error['msg'].replace('Input should', 'must')}, not {shown}"
    return f"{error['msg']}, not {shown}"


def _show(value: Any) -> str:
    """A value in a few words, as a reader of the file would say it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    shown = str(value) if len(str(value)) <= 40 else f"{str(value)[:37]}..."  # noqa: PLR2004 - what fits in a sentence
    return f'"{shown}"' if isinstance(value, str) else shown
