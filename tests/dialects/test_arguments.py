"""What a call's arguments mean, by the reference: one meaning, whatever the dialect."""

from __future__ import annotations

import pytest

from harness.core.chat import CallError, ToolCall
from harness.dialects.arguments import DEEPEST, judged


def read(raw: object, *, cut: bool = False) -> ToolCall | CallError:
    return judged("f", raw, "call_1", 3, cut=cut)


@pytest.mark.parametrize("raw", ["", None, "null", "{}", " {} ", {}])
def test_nothing_at_all_is_no_arguments(raw: object) -> None:
    assert read(raw) == ToolCall("f", {}, "call_1")


@pytest.mark.parametrize("raw", ["", None, "null"])
def test_nothing_at_all_at_the_length_limit_is_cut_off(raw: object) -> None:
    found = read(raw, cut=True)
    assert isinstance(found, CallError)
    assert (found.fault, found.raw, found.index) == ("cut_off", raw or "", 3)


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        ('{"n": 9007199254740993, "m": 1.0}', {"n": 2**53 + 1, "m": 1.0}),
        ('{"a": "\\ud83d\\ude42", "b": "{\\"x\\": 1}"}', {"a": "🙂", "b": '{"x": 1}'}),
        ('{"a": [null, true, {"b": -0.5}]}', {"a": [None, True, {"b": -0.5}]}),
        ({"a": 2**70}, {"a": 2**70}),
    ],
)
def test_objects_are_read_exactly_from_text_and_from_json(raw: object, parameters: object) -> None:
    found = read(raw)
    assert isinstance(found, ToolCall)
    assert repr(found.parameters) == repr(parameters)


BROKEN = [
    '{"x": 1',
    "{'x': 1}",
    "[]",
    "[1]",
    "5",
    "true",
    '"text"',
    '"{\\"x\\": 1}"',
    '{"x": NaN}',
    '{"x": -Infinity}',
    '{"x": 1e999}',
    '{"x": "\\ud800"}',
    '{"\\udfff": 1}',
    '{"x": 1, "x": 2}',
    '{"a": {"x": 1, "x": 1}}',
    "{} {}",
    '{"x": 1}{"x": 1}',
    '{"x": 1,}',
    '{"x": "\n"}',
    "```json\n{}\n```",
    '{"x": ' + "9" * 5000 + "}",
    "\ufeff{}",
    "None",
]


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize(("cut", "fault"), [(False, "arguments"), (True, "cut_off")])
def test_anything_else_is_an_error_with_the_text_as_sent(raw: str, cut: bool, fault: str) -> None:
    found = read(raw, cut=cut)
    assert isinstance(found, CallError)
    assert (found.fault, found.raw, found.name, found.id, found.index) == (fault, raw, "f", "call_1", 3)
    assert found.detail


@pytest.mark.parametrize("raw", [[], 5, True, 1.5, {"x": float("inf")}, {"x": "\ud800"}])
def test_json_that_is_no_object_is_an_error(raw: object) -> None:
    assert isinstance(read(raw), CallError)


@pytest.mark.parametrize("inner", ["{}", "[]", "1"])
def test_a_hundred_levels_are_read_and_one_more_is_not(inner: str) -> None:
    levels = DEEPEST - (inner != "1")
    fits = '{"x":' * levels + inner + "}" * levels
    past = '{"x":' + fits + "}"
    assert isinstance(read(fits), ToolCall)
    assert isinstance(read(past), CallError)
    assert isinstance(read('{"x":' * 100_000 + "1" + "}" * 100_000), CallError)


@pytest.mark.parametrize("name", [None, "", 5, ["f"], {"f": 1}])
def test_a_call_without_a_usable_name_is_an_error_that_keeps_the_rest(name: object) -> None:
    found = judged(name, '{"x": 1}', "call_1", 0, cut=False)
    assert isinstance(found, CallError)
    assert (found.fault, found.raw, found.name, found.id) == ("name", '{"x": 1}', None, "call_1")


@pytest.mark.parametrize("given", [None, 5, []])
def test_an_id_that_is_no_text_is_no_id(given: object) -> None:
    assert judged("f", "{}", given, 0, cut=False) == ToolCall("f", {}, "")
