"""JSON schemas: whether a value fits, without ever fetching what a schema refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json


def misfit(value: Json, schema: dict[str, Any]) -> str | None:
    """Why ``value`` does not fit ``schema``, place first; None where it fits."""
    import jsonschema  # noqa: PLC0415 - heavy, and only cases with a schema need it

    found = jsonschema.exceptions.best_match(errors(value, schema))
    if found is None:
        return None
    place = found.json_path.removeprefix("$").removeprefix(".")
    return f"{place}: {found.message}" if place else found.message


def errors(value: Json, schema: dict[str, Any]) -> Iterator[Any]:
    """Everything that keeps ``value`` from fitting ``schema``: jsonschema's own errors."""
    import jsonschema  # noqa: PLC0415 - as above
    import referencing  # noqa: PLC0415 - as above

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    found: Iterator[Any] = kind(schema, registry=referencing.Registry()).iter_errors(value)
    return found
