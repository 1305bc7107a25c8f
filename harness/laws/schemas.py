"""A tool's schema as given and as it went out: the same, but for what a wire's subset of JSON Schema leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.json_equality import difference, same
from harness.dialects import DIALECTS
from harness.laws.complaints import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json


def schema_complaint(schema: dict[str, Json], sent: Json, dialect: str) -> str:
    """What of ``given`` a model does not get to see; ``""`` where all goes out."""
    if not isinstance(sent, dict):
        return f"{shown(schema)} was given, nothing went out"
    found = difference(schema, sent)
    if found is None:
        return ""
    if not DIALECTS[dialect].facts.own_schemas:
        return f"{found[0]} was {shown(found[1], found[2])}, went out as {shown(found[2], found[1])}"
    defined = {f"#/$defs/{name}" for name in sent.get("$defs") or {}}
    for one in _references(sent):
        if one.startswith("#/$defs/") and one not in defined:
            return f"{one} is referred to, and no such definition went out"
    return _lost(schema, sent, schema.get("$defs") or {}, "$")


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        yield value["$ref"]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _references(inner)


def _lost(schema: Json, sent: Json, definitions: Mapping[str, Json], path: str) -> str:
    """Fields with their types and descriptions, what is required, and what values are allowed."""
    if not isinstance(schema, dict):
        return ""
    if isinstance(sent, dict) and "$ref" in schema and schema["$ref"] == sent.get("$ref"):
        return ""  # the definition is compared by itself
    schema = _resolved(schema, definitions)
    if not isinstance(sent, dict):
        return f"{path} was {shown(schema)}, went out as {shown(sent)}"
    described = schema.get("description")
    if described is not None and described != sent.get("description") and not _branches(schema):
        return _changed(f"{path}.description", described, sent.get("description"))
    if complaint := _words_lost(schema, sent, path):
        return complaint
    for inner, there, where in _inside(schema, sent, path):
        if complaint := _lost(inner, there, definitions, where):
            return complaint
    return ""


def _inside(schema: dict[str, Json], sent: dict[str, Json], path: str) -> Iterator[tuple[Json, Json, str]]:
    """The schemas inside, as given and as sent."""
    for key in ("$defs", "properties"):
        there = sent.get(key) or {}
        yield from (
            (one, there[name], f"{path}.{name}") for name, one in (schema.get(key) or {}).items() if name in there
        )
    if isinstance(schema.get("items"), dict) and not _branches(schema):
        yield schema["items"], sent.get("items"), f"{path}[]"


def _words_lost(schema: dict[str, Json], sent: dict[str, Json], path: str) -> str:
    fields, there = schema.get("properties") or {}, sent.get("properties") or {}
    if set(fields) != set(there):
        return f"{path}.properties were {list(fields)}, went out as {list(there)}"
    if set(schema.get("required") or ()) != set(sent.get("required") or ()):
        return f"{path}.required was {schema.get('required')}, went out as {sent.get('required')}"
    enum = schema.get("enum")
    worded = all(isinstance(one, str) and one for one in enum or ())  # Gemini's enums are non-empty words
    if enum is not None and worded and not _branches(sent) and not same(enum, sent.get("enum") or []):
        return f"{path}.enum was {enum}, went out as {sent.get('enum')}"
    return ""


def _changed(path: str, one: Json, other: Json) -> str:
    return f"{path} was {shown(one, other)}, went out as {shown(other, one)}"


def _resolved(schema: dict[str, Json], definitions: Mapping[str, Json]) -> dict[str, Json]:
    found = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2])
    return found if isinstance(found, dict) else schema


def _branches(schema: Mapping[str, Json]) -> bool:
    return any(isinstance(schema.get(word), list) for word in ("anyOf", "oneOf", "allOf", "type"))
