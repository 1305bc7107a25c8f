"""Tools' schemas as providers take them, in the words of JSON Schema.

Gemini and Vertex write types in capitals, null as ``nullable``, bounds as strings and keywords with underscores;
OpenAPI's ``nullable`` is met elsewhere too. Only keywords are rewritten: a property may be called ``nullable`` or
``type``, and what stands in an enumeration is data.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.core.chat import Json

_SPELT = {
    "any_of": "anyOf",
    "one_of": "oneOf",
    "all_of": "allOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "additional_properties": "additionalProperties",
    "type_": "type",
}
_DIGITS = re.compile(r"[0-9]{1,18}")
_COUNTS = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
_NAMED = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
_INSIDE = {
    *("items", "prefixItems", "additionalProperties", "additionalItems", "contains", "not", "if", "then", "else"),
    *("anyOf", "oneOf", "allOf", "propertyNames", "unevaluatedItems", "unevaluatedProperties"),
}
_REWRITTEN = frozenset({*_SPELT, *_COUNTS, *_NAMED, *_INSIDE, "type", "nullable"})


def plain(schema: Json) -> Json:
    """``schema`` in the words of JSON Schema; anything else is given back as it is."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Json] = {}
    for key, value in schema.items():
        if key not in _REWRITTEN:
            made[key] = value
            continue
        word: str = _SPELT.get(key) or key
        if word in _NAMED and isinstance(value, dict):
            made[word] = {name: plain(one) for name, one in value.items()}
        elif word in _INSIDE:
            made[word] = plain(value)
        elif word == "type":
            made[word] = _lower(value)
        elif word in _COUNTS and isinstance(value, str) and _DIGITS.fullmatch(value):
            made[word] = int(value)
        elif key != "nullable" or not isinstance(value, bool):
            made[word] = value
    return _nullable(made) if schema.get("nullable") is True else made


def _lower(kind: Json) -> Json:
    if isinstance(kind, list):
        return [_lower(one) for one in kind]
    return kind.lower() if isinstance(kind, str) and kind.isupper() else kind


def _nullable(schema: dict[str, Json]) -> dict[str, Json]:
    kind, values = schema.get("type"), schema.get("enum")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
    elif isinstance(kind, list) and "null" not in kind:
        schema["type"] = [*kind, "null"]
    if isinstance(values, list) and None not in values:
        schema["enum"] = [*values, None]
    if kind is None and isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema
