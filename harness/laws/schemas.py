"""A tool's schema as given and as it went out: the same, but for what a wire's subset of JSON Schema leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects import DIALECTS
from harness.laws.json_identity import difference, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.chat import Json


def schema_complaint(given: dict[str, Json], sent: Json, dialect: str) -> str:
    """What of ``given`` a model does not get to see; ``""`` where all goes out."""
    if not isinstance(sent, dict):
        return f"{shown(given)} was given, nothing went out"
    found = difference(given, sent)
    if found is None:
        return ""
    if not DIALECTS[dialect].facts.own_schemas:
        return f"{found[0]} was {shown(found[1], found[2])}, went out as {shown(found[2], found[1])}"
    return _lost(given, sent, given.get("$defs") or {}, "$")


def _lost(given: Json, sent: Json, definitions: Mapping[str, Json], path: str) -> str:
    """Fields with their types and descriptions, what is required, and what values are allowed."""
    if not isinstance(given, dict):
        return ""
    given = _resolved(given, definitions)
    if not isinstance(sent, dict):
        return f"{path} was {shown(given)}, went out as {shown(sent)}"
    described = given.get("description")
    if described is not None and described != sent.get("description") and not _branches(given):
        return _changed(f"{path}.description", described, sent.get("description"))
    fields, there = given.get("properties") or {}, sent.get("properties") or {}
    if set(fields) != set(there):
        return f"{path}.properties were {list(fields)}, went out as {list(there)}"
    if set(given.get("required") or ()) != set(sent.get("required") or ()):
        return f"{path}.required was {given.get('required')}, went out as {sent.get('required')}"
    worded = all(isinstance(one, str) and one for one in given.get("enum") or ())  # Gemini's enums are non-empty words
    if (
        given.get("enum") is not None
        and worded
        and not _branches(sent)
        and list(map(str, given["enum"])) != list(map(str, sent.get("enum") or ()))
    ):
        return f"{path}.enum was {given['enum']}, went out as {sent.get('enum')}"
    for name, inner in fields.items():
        complaint = _lost(inner, there[name], definitions, f"{path}.{name}")
        if complaint:
            return complaint
    if isinstance(given.get("items"), dict) and not _branches(given):
        return _lost(given["items"], sent.get("items"), definitions, f"{path}[]")
    return ""


def _changed(path: str, one: Json, other: Json) -> str:
    return f"{path} was {shown(one, other)}, went out as {shown(other, one)}"


def _resolved(given: dict[str, Json], definitions: Mapping[str, Json]) -> dict[str, Json]:
    name = str(given.get("$ref", "")).rpartition("/")[2]
    found = definitions.get(name)
    return found if isinstance(found, dict) else given


def _branches(schema: Mapping[str, Json]) -> bool:
    return any(isinstance(schema.get(word), list) for word in ("anyOf", "oneOf", "allOf", "type"))
