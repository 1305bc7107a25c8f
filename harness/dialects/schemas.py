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
_IN_PLACE = frozenset({*_COUNTS, *_NAMED, *_INSIDE, "type"})
_RENAMED = frozenset({*_SPELT, "nullable"})
_NOT_TYPE = _IN_PLACE - {"type"} | _RENAMED


def plain(schema: Json) -> Json:
    """``schema`` in the words of JSON Schema; anything else, and what is in them already, is given back as it is."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict) or (_NOT_TYPE.isdisjoint(schema) and _is_lower(schema.get("type"))):
        return schema
    if not _RENAMED.isdisjoint(schema):
        made = {_SPELT.get(key) or key: value for key, value in schema.items() if not _is_nullable(key, value)}
    else:
        made = schema.copy()
    for word in _IN_PLACE & made.keys():
        made[word] = _rewritten(word, made[word])
    return _nullable(made) if schema.get("nullable") is True else made


def _rewritten(word: str, value: Json) -> Json:
    """The value of the keyword ``word``, with what stands inside it."""
    if word in _INSIDE:
        return plain(value)
    if word in _NAMED:
        return {name: plain(one) for name, one in value.items()} if isinstance(value, dict) else value
    if word == "type":
        return _lower(value)
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def _is_nullable(key: str, value: Json) -> bool:
    return key == "nullable" and isinstance(value, bool)


def _is_lower(kind: Json) -> bool:
    return kind is None or (isinstance(kind, str) and not kind.isupper())


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
