"""JSON schemas: whether a value fits, without ever fetching what a schema refers to."""

from __future__ import annotations

import functools
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from harness.checks.contradiction import contradicts, referred
from harness.dialects.schemas import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json


class UnreadableSchemaError(ValueError):
    """No value can be held against this schema; the message says why."""


def misfit(value: Json, schema: dict[str, Any]) -> str | None:
    """Why ``value`` does not fit ``schema``, place first; None where it fits."""
    return _best(errors(value, schema))


def _best(found: Iterator[Any] | list[Any]) -> str | None:
    import jsonschema  # noqa: PLC0415 - heavy, and only cases with a schema need it

    best = jsonschema.exceptions.best_match(found)
    if best is None:
        return None
    place = best.json_path.removeprefix("$").removeprefix(".")
    return f"{place}: {best.message}" if place else str(best.message)


def errors(value: Json, schema: dict[str, Any]) -> Iterator[Any]:
    """Everything that keeps ``value`` from fitting ``schema``: jsonschema's own errors."""
    import jsonschema  # noqa: PLC0415 - as above
    import referencing  # noqa: PLC0415 - as above

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    found: Iterator[Any] = kind(schema, registry=referencing.Registry()).iter_errors(value)
    return found


def recorded_misfit(value: Json, schema: Json, *, arguments: bool = False) -> str | None:
    """Why ``value`` does not fit a schema that another program wrote; None where it fits.

    Where the schema does not say its draft, ``value`` fits if it does by any draft that the schema is valid in.
    ``arguments`` says that it is of a call's arguments, which are always an object. Raises ``UnreadableSchemaError``
    for a schema that can't be used: one that is none, or that contradicts itself.
    """
    if schema in ({}, True) or schema is None:
        return None
    text = json.dumps(schema, sort_keys=True)
    worst, why = None, ""
    newest = ""
    try:
        for draft in _drafts(text):
            validator = _validator(text, draft)
            if isinstance(validator, str):
                why = why or validator
                continue
            worst = _best([one for one in validator.iter_errors(value) if not _only_binary(one)])
            if worst is None:
                return None
            newest = newest or draft
    except UnreadableSchemaError:
        raise
    except Exception as error:
        # A reference that leads nowhere or round in a circle, a pattern of another language: any library's error.
        raise UnreadableSchemaError(f"{type(error).__name__}: {error}") from error
    if worst is None:
        raise UnreadableSchemaError(f"it is no valid JSON schema ({why[:200]})")
    if _contradictory(text, newest, arguments=arguments):
        raise UnreadableSchemaError(f"it contradicts itself; of this value it says: {worst[:200]}")
    return worst


@functools.lru_cache(maxsize=4096)
def _contradictory(text: str, draft: str, *, arguments: bool) -> bool:
    validator = _validator(text, draft)
    return contradicts([validator.schema, *([{"type": "object"}] if arguments else [])], validator, _only_binary)


_DRAFTS = ("Draft202012Validator", "Draft201909Validator", "Draft7Validator", "Draft6Validator", "Draft4Validator")


def _drafts(text: str) -> tuple[str, ...]:
    """The drafts that a schema may be of, the newest first: the one it says, or any."""
    schema = json.loads(text)
    if not isinstance(schema, dict):
        raise UnreadableSchemaError(f"a schema is an object, this is {text[:60]}")
    declared = schema.get("$schema")
    if not isinstance(declared, str):
        return _DRAFTS
    found = tuple(name for name in _DRAFTS if _address(_metaschema(name)) == _address(declared))
    if not found:
        raise UnreadableSchemaError(f"its $schema is {declared!r}, which is not known here")
    return found


def _metaschema(draft: str) -> str:
    import jsonschema  # noqa: PLC0415 - as above

    meta = getattr(jsonschema, draft).META_SCHEMA
    return str(meta.get("$id") or meta["id"])


def _address(uri: str) -> str:
    return uri.rstrip("#").partition("://")[2]


@functools.lru_cache(maxsize=4096)
def _validator(text: str, draft: str) -> Any:
    """The validator of a schema in one draft; why there is none, as a string."""
    import jsonschema  # noqa: PLC0415 - as above
    import referencing  # noqa: PLC0415 - as above

    kind, schema = getattr(jsonschema, draft), plain(json.loads(text))
    try:
        kind.check_schema(schema)
    except jsonschema.exceptions.SchemaError as error:
        return f"{error.json_path}: {error.message}"
    done: set[int] = set()
    if any(_circular(one, schema, frozenset(), done) for one in _objects(schema)):
        return "a reference leads back to itself"  # to follow it ends in a panic that no `except Exception` holds
    return kind(schema, registry=referencing.Registry())


_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")


def _circular(schema: Json, root: Json, above: frozenset[int], done: set[int]) -> bool:
    """Whether a schema leads back to itself without going into the value; ``done`` are those that don't."""
    if isinstance(schema, list):
        return any(_circular(one, root, above, done) for one in schema)
    if not isinstance(schema, dict) or id(schema) in done:
        return False
    if id(schema) in above:
        return True
    inside = [schema[word] for word in _IN_PLACE if word in schema]
    inside += [referred(schema["$ref"], root)] if isinstance(schema.get("$ref"), str) else []
    found = any(_circular(one, root, above | {id(schema)}, done) for one in inside)
    if not found:
        done.add(id(schema))
    return found


def _objects(value: Json) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(one)


def _only_binary(error: Any) -> bool:
    """Whether a number is no multiple only because binary fractions are not exact: 0.07 is one of 0.01."""
    if error.validator != "multipleOf":
        return False
    try:
        return Decimal(repr(error.instance)) % Decimal(repr(error.validator_value)) == 0
    except (InvalidOperation, ArithmeticError):
        return False
