from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dialects.json_strict import NotJson, check, parse

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_json_can_say_is_read_exactly(value, escaped):
    text = json.dumps(value, ensure_ascii=escaped)
    check(value)
    read = parse(text)
    assert read == value
    assert repr(read) == repr(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"x": 1', "character"),
        ("{'x': 1}", "character"),
        ('{"x": 1}{"x": 1}', "Extra data"),
        ('```json\n{"x": 1}\n```', "Expecting value"),
        ('{"x": "\t"}', "control character"),
        ('{"x": NaN}', "NaN"),
        ('{"x": -Infinity}', "Infinity"),
        ('{"x": 1e400}', "too large"),
        ('{"x": 1, "x": 2}', "'x' stands twice"),
        ('{"a": [{"x": 1, "x": 1}]}', "'x' stands twice"),
        ('{"x": "\\ud800"}', "lone surrogate"),
        ('{"\\uDFff": 1}', "lone surrogate"),
        ('{"x": "\ud800"}', "lone surrogate"),
        ("[" * 101 + "]" * 101, "100 levels"),
        ("[" * 100_000, "100 levels"),
        ('{"x": ' + "9" * 5000 + "}", "4300 digits"),
        ("﻿{}", "Unexpected UTF-8 BOM|Expecting value"),
        ("1 2", "Extra data"),
        ("01", "Extra data"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_reason(text, reason):
    with pytest.raises(NotJson, match=reason):
        parse(text)


def test_brackets_inside_strings_are_no_nesting():
    text = json.dumps({"x": "[{" * 500 + '"\\'})
    assert parse(text) == json.loads(text)


def test_a_hundred_levels_are_read():
    assert parse('{"a":' * 99 + "{}" + "}" * 99)
    with pytest.raises(NotJson, match="100 levels"):
        parse('{"a":' * 100 + "{}" + "}" * 100)


def test_integers_past_2_to_the_53_and_surrogate_pairs_are_exact():
    assert parse('{"x": 9007199254740993}')["x"] == 2**53 + 1
    assert parse('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(
    "value", [float("nan"), [float("inf")], {1: 2}, {"x": b""}, {"x": "\ud800"}, {"\udfff": 1}, {"x": {"y": {1, 2}}}]
)
def test_a_parsed_value_is_held_to_the_same(value):
    with pytest.raises(NotJson):
        check(value)


def test_a_parsed_value_is_held_to_the_same_depth():
    def nested(levels):
        value = {}
        for _ in range(levels - 1):
            value = {"a": value}
        return value

    check(nested(100))
    with pytest.raises(NotJson, match="100 levels"):
        check(nested(101))
