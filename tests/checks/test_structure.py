"""Calls held against accepted alternatives: each kind of mistake, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.structure import KINDS, mistakes, same
from harness.core.chat import ToolCall
from harness.core.expectation import CallExpectation, CountExpectation, Expectation

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1},
        "wind": {"type": "boolean"},
    },
    "required": ["city"],
}
SCHEMAS = {"weather.now": SCHEMA, "clock/time": {"type": "object"}}
WANTED = CallExpectation(
    name="weather.now",
    accepts={"city": ("Paris", "Paris, France"), "days": (3,), "wind": ()},
    optional=("days", "wind"),
)


def call(name="weather.now", **parameters):
    return ToolCall(name, parameters, "1")


def kinds(*calls, expect=None):
    return [one.kind for one in mistakes(calls, expect or Expectation(calls=(WANTED,)), SCHEMAS)]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([call(city="Paris")], []),
        ([call(city="Paris, France", days=3.0)], []),
        ([call(city="Paris", wind=True)], []),
        ([], ["count"]),
        ([call(city="Paris"), call(city="Paris")], ["count"]),
        ([call("clock/time", city="Paris")], ["name"]),
        ([call()], ["missing"]),
        ([call(city="Paris", unit="C")], ["unexpected"]),
        ([call(city=["Paris"])], ["type"]),
        ([call(city="Paris", days="3")], ["type"]),
        ([call(city="Paris", days=True)], ["type"]),
        ([call(city="Lyon")], ["value"]),
        ([call(city="Paris", days=4)], ["value"]),
        ([call(days=0, unit="C")], ["missing", "value", "unexpected"]),
    ],
)
def test_each_mistake_is_of_its_kind(calls, expected):
    assert kinds(*calls) == expected


def test_any_value_will_do_that_the_tool_takes():
    assert kinds(call(city="Paris", wind="strong")) == ["type"]


def test_the_path_names_the_call_and_the_parameter():
    (one,) = mistakes([call(city="Lyon")], Expectation(calls=(WANTED,)), SCHEMAS)
    assert (one.path, "Lyon" in one.message, "Paris, France" in one.message) == ("[0].city", True, True)


@pytest.mark.parametrize(
    ("expect", "count", "expected"),
    [
        (Expectation(no_calls=True), 0, []),
        (Expectation(no_calls=True), 1, ["count"]),
        (Expectation(call_count=2), 1, ["count"]),
        (Expectation(call_count=CountExpectation(min=1)), 3, []),
        (Expectation(call_count=CountExpectation(min=1, max=2)), 3, ["count"]),
    ],
)
def test_calls_are_counted(expect, count, expected):
    assert kinds(*[call(city="x")] * count, expect=expect) == expected


def test_a_call_of_any_of_several_tools_must_fit_the_tool_called():
    either = Expectation(calls=(CallExpectation(name=("weather.now", "clock/time"), fits="tool"),))
    assert kinds(call("clock/time", at="noon"), expect=either) == []
    assert kinds(call(days=2), expect=either) == ["missing"]
    assert kinds(call(city=1), expect=either) == ["type"]


def test_parameters_and_includes_are_scored_too():
    exactly = Expectation(calls=(CallExpectation(parameters={"city": "Paris", "days": 3}),))
    assert kinds(call(city="Paris", wind=True), expect=exactly) == ["missing", "unexpected"]
    partly = Expectation(calls=(CallExpectation(includes={"days": 3}),))
    assert kinds(call(city="Paris", days=3), expect=partly) == []
    assert kinds(call(city="Paris", days="3"), expect=partly) == ["type"]


CITIES = ("Oslo", "Rome", "Lima")


@given(st.permutations(CITIES), st.booleans())
def test_in_any_order_the_order_changes_nothing(order, wrong):
    wanted = tuple(CallExpectation(name="weather.now", accepts={"city": (city,)}) for city in CITIES)
    calls = [call(city="Bonn" if wrong and city == "Rome" else city) for city in order]
    assert kinds(*calls, expect=Expectation(calls=wanted, any_order=True)) == (["value"] if wrong else [])


def test_an_order_that_counts_is_kept():
    wanted = tuple(CallExpectation(accepts={"city": (city,)}) for city in CITIES[:2])
    assert kinds(call(city="Rome"), call(city="Oslo"), expect=Expectation(calls=wanted)) == ["value", "value"]


def test_alternatives_that_overlap_are_given_out_so_that_most_calls_are_right():
    wanted = (CallExpectation(accepts={"city": ("Oslo", "Rome")}), CallExpectation(accepts={"city": ("Oslo",)}))
    assert kinds(call(city="Oslo"), call(city="Rome"), expect=Expectation(calls=wanted, any_order=True)) == []


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
        (None, None, True),
        (None, False, False),
    ],
)
def test_values_are_the_same_as_json_schema_means_it(one, other, equal):
    assert same(one, other) is equal
    assert same(other, one) is equal


def test_every_kind_is_listed_once():
    assert len(set(KINDS)) == len(KINDS) == 8
