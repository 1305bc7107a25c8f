"""Schemas that other programs wrote: what can be held against a value, and what contradicts itself."""

import pytest

from harness.checks.schema import UnreadableSchemaError, recorded_misfit


def an_object(properties, **more):
    return {"type": "object", "properties": properties, "required": list(properties), **more}


BAD = {
    "min>max": an_object({"n": {"type": "integer", "minimum": 5, "maximum": 3}}),
    "exc": an_object({"n": {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4}}),
    "mult": an_object({"n": {"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5}}),
    "req-forbid": {"type": "object", "properties": {}, "required": ["x"], "additionalProperties": False},
    "enum0": an_object({"n": {"enum": []}}),
    "enumtype": an_object({"n": {"type": "integer", "enum": ["a"]}}),
    "consttype": an_object({"n": {"type": "integer", "const": "a"}}),
    "len": an_object({"n": {"type": "string", "minLength": 5, "maxLength": 3}}),
    "items": an_object({"n": {"type": "array", "items": {}, "minItems": 5, "maxItems": 3}}),
    "pat": an_object({"n": {"type": "string", "pattern": "a^"}}),
    "pat2": an_object({"n": {"type": "string", "pattern": "^abc$", "maxLength": 2}}),
    "pat3": an_object({"n": {"type": "string", "pattern": "(?!)"}}),
    "not": an_object({"n": {"not": {}}}),
    "not-root": {"not": {}},
    "false": an_object({"n": False}),
    "allof": an_object({"n": {"allOf": [{"type": "integer"}, {"type": "string"}]}}),
    "allof2": {
        "allOf": [
            an_object({"a": {"type": "string"}}, additionalProperties=False),
            an_object({"b": {"type": "string"}}, additionalProperties=False),
        ]
    },
    "anyof0": an_object({"n": {"anyOf": [False, {"not": {}}]}}),
    "oneof2": an_object({"n": {"oneOf": [{"type": "string"}, {"type": "string"}]}}),
    "root-string": {"type": "string"},
    "root-array": {"type": "array", "items": {}},
    "selfref": an_object({"n": {"$ref": "#"}}),
    "props": {"type": "object", "minProperties": 3, "maxProperties": 1},
    "props2": {"type": "object", "properties": {"a": {}}, "minProperties": 3, "additionalProperties": False},
    "names": {"type": "object", "propertyNames": False, "required": ["a"]},
    "uniq": an_object({"n": {"type": "array", "items": {"enum": [1]}, "minItems": 2, "uniqueItems": True}}),
    "contains": an_object({"n": {"type": "array", "items": {"type": "integer"}, "contains": {"type": "string"}}}),
    "dep": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {}},
        "dependentRequired": {"a": ["b"]},
        "additionalProperties": False,
    },
    "if": {"type": "object", "if": True, "then": {"required": ["z"]}, "properties": {}, "additionalProperties": False},
    "itemsunsat": an_object(
        {"n": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 2, "maximum": 1}}}
    ),
}
GOOD = {
    "plain": an_object({"city": {"type": "string"}}),
    "closed": {"type": "object", "properties": {}, "additionalProperties": False},
    "pat": an_object({"n": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"}}),
    "date": an_object({"n": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"}}),
    "pat email": an_object({"n": {"type": "string", "pattern": "^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$"}}),
    "pat alt": an_object({"n": {"type": "string", "pattern": "^(low|high)$"}}),
    "pat minlen": an_object({"n": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2}}),
    "look": an_object({"n": {"type": "string", "pattern": "^(?=.*\\d)[a-z0-9]+$"}}),
    "tree": {
        "$ref": "#/$defs/t",
        "$defs": {
            "t": an_object({"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}})
        },
    },
    "list": {
        "$ref": "#/$defs/t",
        "$defs": {
            "t": an_object({"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/t"}, {"type": "null"}]}})
        },
    },
    "num": an_object({"n": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}}),
    "num2": an_object({"n": {"type": "number", "minimum": -5, "maximum": -3}}),
    "mult": an_object({"n": {"type": "number", "multipleOf": 0.01, "minimum": 0.07, "maximum": 0.07}}),
    "mult7": an_object({"n": {"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 20}}),
    "uniq": an_object({"n": {"type": "array", "items": {"type": "integer"}, "minItems": 5, "uniqueItems": True}}),
    "uniqs": an_object({"n": {"type": "array", "items": {"type": "string"}, "minItems": 5, "uniqueItems": True}}),
    "oneof": an_object({"n": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 3}]}}),
    "notnull": an_object({"n": {"not": {"type": "null"}}}),
    "allof": {
        "allOf": [
            an_object({"a": {"type": "string"}}),
            an_object({"b": {"type": "integer", "minimum": 3}}),
            an_object({"b": {"maximum": 3}}),
        ]
    },
    "minp": {"type": "object", "minProperties": 3},
    "pp": {
        "type": "object",
        "patternProperties": {"^x": {"type": "integer"}},
        "required": ["xa"],
        "additionalProperties": False,
    },
    "tuple": an_object(
        {
            "n": {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "items": False,
            }
        }
    ),
    "capital": an_object({"n": {"type": "STRING"}}),
    "disc": {
        "type": "object",
        "required": ["k", "v"],
        "properties": {"k": {"enum": ["a", "b"]}},
        "oneOf": [
            {"properties": {"k": {"const": "b"}, "v": {"type": "integer"}}},
            {"properties": {"k": {"const": "a"}, "v": {"type": "string"}}},
        ],
    },
    "if": {
        "type": "object",
        "properties": {"a": {"type": "boolean"}},
        "required": ["a"],
        "if": {"properties": {"a": {"const": True}}},
        "then": {"required": ["b"]},
        "else": {"required": ["c"]},
    },
    "contains": an_object(
        {"n": {"type": "array", "contains": {"const": 5}, "minItems": 2, "items": {"type": "integer"}}}
    ),
    "long": an_object({"n": {"type": "string", "minLength": 500}}),
    "dep": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {}, "b": {"type": "integer"}},
        "dependentRequired": {"a": ["b"]},
    },
}


# Schemas for which it is hard to make up a value: each with one that does not fit it, and one that does.
HARD = {
    "code": ({"type": "string", "pattern": "^[A-Z0-9]+$", "minLength": 6, "maxLength": 6}, "AB12C", "AB12CD"),
    "password": ({"type": "string", "pattern": "^(?=.*[A-Z])(?=.*\\d).{8,}$"}, "a", "Abcdefg1"),
    "backreference": ({"type": "string", "pattern": "^(a|b)\\1$"}, "ab", "aa"),
    "not that word": ({"type": "string", "pattern": "^(?!admin$)[a-z]{5}$"}, "admin", "bdmin"),
    "lines": ({"type": "string", "pattern": "(?m)a\\n^b"}, "ab", "a\nb"),
    "long": ({"type": "string", "minLength": 70000}, "", "x" * 70000),
    "many": ({"type": "array", "items": {"type": "integer"}, "minItems": 65}, [], [1] * 65),
    "many different": ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 17}, [1], [*range(17)]),
    "names": (
        {"type": "object", "patternProperties": {"^[a-z]+$": {"type": "string"}}, "additionalProperties": False, "minProperties": 1},
        {},
        {"a": "b"},
    ),
    "named by a pattern": (
        {"type": "object", "patternProperties": {"^[a-z]+$": {}}, "additionalProperties": False, "required": ["ab"]}, {}, {"ab": 1}
    ),
    "currency": ({"type": "object", "propertyNames": {"pattern": "^[A-Z]{3}$"}, "minProperties": 1}, {}, {"EUR": 1}),
    "one of twenty": (
        {
            "required": ["k"],
            "properties": {"k": {"enum": ["v19"]}},
            "oneOf": [{"properties": {"k": {"const": f"v{number}"}}, "required": ["x"]} for number in range(20)],
        },
        {"k": "v19"},
        {"k": "v19", "x": 1},
    ),
    "none of thirty": ({"type": "integer", "not": {"enum": [*range(30)]}}, 1, 77),
    "not one of a pattern": ({"enum": ["a", "b"], "not": {"pattern": "^a$"}}, "a", "b"),
    "multiples": ({"allOf": [{"type": "integer", "multipleOf": 7}, {"multipleOf": 11}], "minimum": 1}, 7, 77),
    "bounds of other types": ({"minimum": 5, "maximum": 3, "minLength": 2}, "a", "ab"),
    "one and true": ({"oneOf": [{"const": 1}, {"const": True}, {"type": "null"}]}, 2, True),
    "a name in percents": ({"$ref": "#/$defs/Record%3Cstring%3E"}, {}, "text"),
    "a name in an address": ({"$ref": "#/$defs/own/$defs/number"}, "a", 1),
    "employer and owner": ({"$ref": "#/$defs/company"}, {}, {"owner": {}}),
}  # fmt: skip
DEFS = {
    "Record<string>": {"type": "string"},
    "own": {"$defs": {"number": {"type": "integer"}}},
    "person": {"type": "object", "properties": {"employer": {"$ref": "#/$defs/company"}}},
    "company": an_object({"owner": {"$ref": "#/$defs/person"}}),
}


@pytest.mark.parametrize(("part", "wrong", "right"), HARD.values(), ids=HARD)
def test_a_schema_is_excused_only_where_a_contradiction_is_shown(part, wrong, right):
    schema = an_object({"n": part}, **{"$defs": DEFS})
    assert recorded_misfit({"n": right}, schema, arguments=True) is None
    assert recorded_misfit({"n": wrong}, schema, arguments=True)


def test_no_pattern_is_run_on_what_only_the_schema_holds():
    slow = "^([a-z]+)+[.!?]$"
    for part in (
        {"type": "string", "pattern": slow, "minLength": 40},
        {"enum": ["a" * 60, "b."], "pattern": slow},
        {"type": "object", "required": ["a" * 60], "propertyNames": {"pattern": slow}, "patternProperties": {slow: {}}},
    ):
        assert recorded_misfit({"m": 1}, an_object({"n": part, "m": {"type": "string"}}), arguments=True)


@pytest.mark.parametrize("schema", BAD.values(), ids=BAD)
def test_a_schema_that_no_arguments_fit_is_held_against_nobody(schema):
    found = []
    for value in ({"n": 4}, {}, {"n": "x", "a": 1}, {"zz": 1}):
        try:
            found.append(recorded_misfit(value, schema, arguments=True))
        except UnreadableSchemaError as error:
            found.append(str(error).partition(";")[0])
    assert "it contradicts itself" in found
    assert set(found) <= {"it contradicts itself", None}  # an old draft may not know the keyword


@pytest.mark.parametrize("schema", GOOD.values(), ids=GOOD)
def test_a_schema_that_some_arguments_fit_is_held_against_those_that_do_not(schema):
    wrong = {"zz": None, "n": None, "city": 5} if schema.get("minProperties") is None else {}
    assert recorded_misfit(wrong, schema, arguments=True)


CIRCLES = [
    {"$ref": "#"},
    {"allOf": [{"not": {"$ref": "#"}}]},
    an_object(
        {"n": {"$ref": "#/$defs/a"}}, **{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}}
    ),
    {"if": {"$ref": "#"}, "then": False},
]


@pytest.mark.parametrize("schema", CIRCLES)
def test_a_reference_that_leads_back_to_itself_is_no_schema(schema):
    with pytest.raises(UnreadableSchemaError, match="a reference leads back to itself"):
        recorded_misfit({"n": 1}, schema)


def test_a_schema_of_more_ways_than_there_is_time_ends_the_search():
    schema: dict = {"type": "integer", "minimum": 2, "maximum": 1}
    for number in range(3):
        schema = an_object({f"a{number}": {"anyOf": [schema, {"allOf": [schema, schema]}, an_object({"b": schema})]}})
    with pytest.raises(UnreadableSchemaError):
        recorded_misfit({}, schema, arguments=True)
