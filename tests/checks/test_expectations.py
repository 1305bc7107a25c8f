"""Each expectation of a suite, met and missed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks import ALL_CHECKS, judge
from harness.checks.json_equality import value_mismatch
from harness.core.chat import CallError, Reply, ToolCall
from harness.core.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ContextWindowError,
    RateLimitError,
    ServerError,
    UnsupportedError,
)
from harness.core.exchange import Exchange, HttpRequest
from harness.core.expectation import CallExpectation, CountExpectation, ErrorExpectation, Expectation, TextExpectation
from harness.core.finding import Finding, Observation

TOOL = {
    "type": "function",
    "function": {"name": "a/b", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}},
}


def seen(reply=None, error=None) -> Observation:
    return Observation("s", "c", "m", {"tools": [TOOL]}, reply, error)


def verdicts(expect: Expectation, reply=None, error=None) -> list[str]:
    return [finding.verdict for finding in judge(seen(reply, error), expect, ALL_CHECKS)]


def called(*calls: tuple[str, dict]) -> Reply:
    return Reply(calls=tuple(ToolCall(name, parameters, str(n)) for n, (name, parameters) in enumerate(calls)))


@pytest.mark.parametrize(
    ("wanted", "said", "holds"),
    [
        (TextExpectation(exact="Paris"), "Paris", True),
        (TextExpectation(exact="Paris"), "Paris ", False),
        (TextExpectation(contains="ari"), "Paris", True),
        (TextExpectation(contains=("P", "z")), "Paris", False),
        (TextExpectation(excludes="</tool_call>"), "Paris", True),
        (TextExpectation(excludes="aris"), "Paris", False),
        (TextExpectation(regex="^P.*s$"), "Paris", True),
        (TextExpectation(regex="^p"), "Paris", False),
        (TextExpectation(empty=True), "", True),
        (TextExpectation(empty=True), "x", False),
        (TextExpectation(empty=False), "", False),
    ],
)
def test_text(wanted, said, holds):
    assert verdicts(Expectation(text=wanted), Reply(text=said)) == ["pass" if holds else "fail"]


@pytest.mark.parametrize(
    ("wanted", "parameters", "holds"),
    [
        (CallExpectation(), {}, True),
        (CallExpectation(name="a/b"), {}, True),
        (CallExpectation(name="a__b"), {}, False),
        (CallExpectation(name=("z", "a/b")), {}, True),
        (CallExpectation(parameters={"x": 1}), {"x": 1}, True),
        (CallExpectation(parameters={"x": 1}), {"x": True}, False),
        (CallExpectation(parameters={"x": 1}), {"x": 1.0}, False),
        (CallExpectation(parameters={"x": 1}), {"x": 1, "y": 2}, False),
        (CallExpectation(parameters={"x": [{"y": 1}]}), {"x": [{"y": 2}]}, False),
        (CallExpectation(includes={"x": {"y": 1}}), {"x": {"y": 1, "z": 2}, "w": 3}, True),
        (CallExpectation(includes={"x": 1}), {}, False),
        (CallExpectation(fits="tool"), {"x": 1}, True),
        (CallExpectation(fits="tool"), {"x": "1"}, False),
        (CallExpectation(fits={"required": ["x"]}), {}, False),
    ],
)
def test_one_call(wanted, parameters, holds):
    expect = Expectation(calls=(wanted,))
    assert verdicts(expect, called(("a/b", parameters))) == ["pass" if holds else "fail"]


def test_calls_in_order_and_in_any_order():
    wanted = (CallExpectation(), CallExpectation(name="a"))
    both = called(("a", {}), ("b", {}))
    assert verdicts(Expectation(calls=wanted), both) == ["fail"]
    assert verdicts(Expectation(calls=wanted, any_order=True), both) == ["pass"]
    assert verdicts(Expectation(calls=wanted, any_order=True), called(("b", {}), ("b", {}))) == ["fail"]
    assert verdicts(Expectation(calls=wanted), called(("a", {}))) == ["fail"]
    assert verdicts(Expectation(calls=()), called(("a", {}))) == ["fail"]


@pytest.mark.parametrize(
    ("expect", "calls", "holds"),
    [
        (Expectation(no_calls=True), 0, True),
        (Expectation(no_calls=True), 1, False),
        (Expectation(call_count=2), 2, True),
        (Expectation(call_count=2), 1, False),
        (Expectation(call_count=CountExpectation(min=1)), 5, True),
        (Expectation(call_count=CountExpectation(min=1, max=2)), 3, False),
    ],
)
def test_how_many_calls(expect, calls, holds):
    assert verdicts(expect, called(*[("a", {})] * calls)) == ["pass" if holds else "fail"]


def test_an_unreadable_call_fails_unless_it_is_expected():
    reply = Reply(errors=(CallError("cut_off", "no end", '{"x": '),))
    assert verdicts(Expectation(), reply) == ["fail"]
    assert verdicts(Expectation(call_errors=("cut_off",)), reply) == ["pass"]
    assert verdicts(Expectation(call_errors=("arguments",)), reply) == ["fail"]
    assert verdicts(Expectation(call_errors=("cut_off",)), Reply()) == ["fail"]


def test_finish():
    assert verdicts(Expectation(finish="stop"), Reply(finish="stop")) == ["pass"]
    assert verdicts(Expectation(finish=("stop", "length")), Reply(finish="length")) == ["pass"]
    assert verdicts(Expectation(finish="stop"), Reply()) == ["fail"]


@pytest.mark.parametrize(
    ("said", "holds"),
    [('{"x": 1}', True), ('{"x": "1"}', False), ("[1]", False), ("no", False), ("NaN", False), ("", False)],
)
def test_json(said, holds):
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    assert verdicts(Expectation(json_schema=schema), Reply(text=said)) == ["pass" if holds else "fail"]


def test_an_empty_schema_takes_any_json():
    assert verdicts(Expectation(json_schema={}), Reply(text="[]")) == ["pass"]
    assert verdicts(Expectation(json_schema={}), Reply(text="Sure: []")) == ["fail"]


@pytest.mark.parametrize(
    ("wanted", "error", "verdict"),
    [
        ("AuthenticationError", AuthenticationError("no", status=401), "pass"),
        ("BadRequestError", ContextWindowError("long", status=400), "pass"),
        ("ContextWindowError", BadRequestError("bad", status=400), "fail"),
        (ErrorExpectation(type="BadRequestError", status=400), BadRequestError("bad", status=400), "pass"),
        (ErrorExpectation(type="BadRequestError", status=400), BadRequestError("bad", status=422), "fail"),
        (None, BadRequestError("bad", status=400), "fail"),
        (None, RateLimitError("slow", status=429), "infra"),
        (None, ServerError("down", status=503), "infra"),
        (None, ConnectionFailedError("refused"), "infra"),
        (None, UnsupportedError("no tools"), "unsupported"),
    ],
)
def test_errors(wanted, error, verdict):
    assert verdicts(Expectation(error=wanted), error=error) == [verdict]


def test_an_answer_where_an_error_was_expected_fails():
    assert verdicts(Expectation(error="AuthenticationError"), Reply(text="hi")) == ["fail"]


def test_a_check_that_crashes_is_a_finding_and_the_others_still_run():
    def broken(observation, expect):
        yield Finding("broken", "pass", "before")
        raise KeyError("oops")

    found = judge(seen(Reply(finish="stop")), Expectation(finish="stop"), (broken, *ALL_CHECKS))
    assert [(one.check, one.verdict) for one in found] == [("broken", "pass"), ("broken", "fail"), ("finish", "pass")]
    assert "crashed: KeyError" in found[1].message


def test_findings_cite_the_exchanges_that_show_them():
    exchange = Exchange(HttpRequest("POST", "http://x"), None)
    observation = Observation("s", "c", "m", {}, Reply(), None, 0, "c.json", ((3, exchange),))
    (found,) = judge(observation, Expectation(no_calls=True), ALL_CHECKS)
    assert found.evidence is not None
    assert (found.evidence.cassette, found.evidence.exchanges) == ("c.json", (3,))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_a_value_is_itself_and_differences_are_mutual(one, other):
    assert value_mismatch(one, one) is None
    assert (value_mismatch(one, other) is None) == (value_mismatch(other, one) is None)
