"""What the strategies draw is what they promise, and it shrinks to something a person can read."""

from __future__ import annotations

import json
import re
from collections import Counter

import jsonschema
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from harness.backend.names import NameTable
from harness.core.chat import CallError, Reply, ToolCall
from harness.core.errors import HarnessError, UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES, profile
from harness.strategies import (
    arguments,
    broken_replies,
    call_ids,
    damaged,
    legal_names,
    rechunked,
    replies,
    splits,
    texts,
    tool_calls,
    tool_names,
    tool_sets,
    values,
    wire_replies,
)
from harness.strategies.sample import sample
from harness.strategies.wire import quirk_sets

SEARCH = settings(max_examples=5000, database=None, derandomize=True)


def simplest(strategy, wanted):
    """What a failure of ``wanted`` shrinks to; the same search each time, and long enough."""
    return find(strategy, wanted, settings=SEARCH)


def drawn(strategy, wanted):
    """The first that is drawn with ``wanted``, as it is: to shrink it costs more than to find it."""
    return find(strategy, wanted, settings=settings(SEARCH, phases=[Phase.generate]))


SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1, "maxLength": 5},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"enum": ["C", "F"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "at": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]},
        "kind": {"const": "weather"},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("provider", PROFILES)
@given(data=st.data())
@settings(max_examples=30)
def test_legal_names_are_legal_and_sets_hold_different_ones(provider, data):
    rule = profile(provider).names
    assert rule.allows(data.draw(legal_names(provider)))
    names = data.draw(tool_sets(provider))
    assert names
    assert len(set(names)) == len(names)
    assert all(names)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda names: "/" in names[0],
        lambda names: "__" in names[0],
        lambda names: any(one.replace("/", "__") == other for one in names for other in names if one != other),
        lambda names: any(one[:64] == other for one in names for other in names if one != other),
        lambda names: any(one.swapcase() == other for one in names for other in names if one != other),
        lambda names: names[0].startswith("__") and names[0].endswith("__"),
        lambda names: names[0][0].isdigit(),
        lambda names: not names[0].isascii(),
        lambda names: len(names[0]) == 65,
        lambda names: len(names[0]) == 129,
    ],
)
def test_the_names_that_careless_mappings_confuse_are_all_drawn(wanted):
    assert drawn(tool_sets("openai"), wanted)


def test_a_failing_name_shrinks_to_three_characters():
    naive = lambda name: name.replace("/", "__").replace("__", "/") != name  # noqa: E731 - the fault in one line
    assert simplest(tool_names(), naive) == "__"
    assert len(simplest(tool_names(), lambda name: "/" in name)) <= 3
    assert len(simplest(tool_names(), lambda name: not name.isascii())) <= 2
    assert simplest(tool_sets(), lambda names: len(names) > 1 and len({one.replace("/", "_") for one in names}) == 1)


def test_arguments_that_fail_shrink_to_the_value_at_fault():
    def past(given):
        return any(type(value) is int and value > 2**53 for value in given.values())

    assert simplest(arguments(), past) == {"": 2**53 + 1}
    assert simplest(arguments(), lambda given: any(value is True for value in given.values())) == {"": True}


@given(arguments(SCHEMA))
def test_arguments_fit_their_schema(given_):
    jsonschema.validate(given_, SCHEMA)


@pytest.mark.parametrize("keyword", ["pattern", "$ref", "oneOf", "not", "format"])
def test_a_keyword_that_is_not_drawn_for_is_told_before_anything_is_drawn(keyword):
    with pytest.raises(UsageError, match=re.escape(f"does not draw for the schema keyword {keyword};")):
        arguments({"type": "object", "properties": {"a": {keyword: "x"}}, "required": ["a"]})


@given(values())
def test_values_are_json(value):
    assert json.loads(json.dumps(value)) == value


@given(tool_calls(["a", "b"], max_size=4))
def test_calls_have_ids_of_their_own(calls):
    assert calls
    assert len({call.id for call in calls}) == len(calls)
    assert {call.name for call in calls} <= {"a", "b"}


@pytest.mark.parametrize(
    "seen",
    [
        lambda reply: reply.calls and reply.text,
        lambda reply: reply.calls and not reply.text,
        lambda reply: len(reply.calls) > 2,
        lambda reply: any(not call.parameters for call in reply.calls),
        lambda reply: len(reply.calls) > 1 and reply.calls[0].parameters == reply.calls[1].parameters,
        lambda reply: reply.finish == "length",
        lambda reply: reply.reasoning,
        lambda reply: "</tool_call>" in reply.text,
        lambda reply: any("👩" in json.dumps(call.parameters, ensure_ascii=False) for call in reply.calls),
        lambda reply: any(
            type(value) is int and value > 2**53 for call in reply.calls for value in call.parameters.values()
        ),
    ],
)
def test_what_models_may_say_is_all_drawn(seen):
    assert drawn(replies(["a", "b"]), seen)


@given(broken_replies(["a"]))
def test_a_broken_reply_holds_one_broken_call_at_its_place(reply):
    (error,) = reply.errors
    assert 0 <= error.index <= len(reply.calls)
    if error.fault == "cut_off":
        assert reply.finish == "length"
        return
    assert not _is_an_object(error.raw)


def _is_an_object(raw):
    def pairs(found):
        if len({key for key, _ in found}) < len(found):
            raise ValueError(raw)
        return dict(found)

    try:
        value = json.loads(raw, object_pairs_hook=pairs)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return isinstance(value, dict)


# On /api/generate a text that is wholly a call is a call: there is no other.
@pytest.mark.parametrize("provider", [name for name in PROFILES if profile(name).dialect != "ollama_generate"])
@given(data=st.data())
@settings(max_examples=25)
def test_the_bytes_stand_for_the_reply(provider, data):
    made = data.draw(wire_replies(provider, quirks=()))
    found = DIALECTS[profile(provider).dialect].read(made.response)
    assert [(call.name, call.parameters) for call in found.calls] == [
        (call.name, call.parameters) for call in made.reply.calls
    ]
    assert found.text == made.reply.text


def test_quirks_are_drawn_from_those_asked_for_and_unknown_ones_refused():
    seen = Counter(sample(quirk_sets("openai", ["no_done", "crlf"]), 50, 1))
    assert set(seen) >= {frozenset(), frozenset({"no_done"}), frozenset({"crlf"})}
    assert all(one <= {"no_done", "crlf"} for one in seen)
    with pytest.raises(UsageError, match="openai has no quirk nonsense"):
        quirk_sets("openai", ["nonsense"])
    with pytest.raises(UsageError, match="no provider 'nobody' is known"):
        quirk_sets("nobody")


@given(st.binary(max_size=40).flatmap(lambda body: st.tuples(st.just(body), splits(body))))
def test_a_split_body_is_the_body(given_):
    body, made = given_
    assert b"".join(made) == body
    assert all(made) or not body


def test_splits_shrink_to_one_cut_and_reach_inside_a_character():
    body = "aé\r\nb".encode()

    def cut(wanted):
        """The simplest split for which ``wanted`` holds; cut into single bytes it is as simple as it gets."""
        return simplest(splits(body), lambda made: wanted(made) and len(made) < len(body))

    assert cut(lambda _: True) == (body,)
    assert cut(lambda made: any(piece.endswith(b"\xc3") for piece in made)) == (b"a\xc3", b"\xa9\r\nb")
    assert cut(lambda made: any(piece.endswith(b"\r") for piece in made)) == (b"a\xc3\xa9\r", b"\nb")
    assert simplest(splits(body), lambda made: len(made) == len(body))


@given(st.data())
def test_recut_keeps_the_rest_of_a_response(data):
    response = HttpResponse(201, (("x", "y"),), (Chunk(b"abc"), Chunk(b"def")))
    made = data.draw(rechunked(response))
    assert (made.status, made.headers, made.body) == (201, response.headers, b"abcdef")


@pytest.mark.parametrize("kind", ["cut", "doubled", "reordered", "mistyped"])
def test_every_kind_of_damage_is_drawn_and_changes_the_bytes(kind):
    response = HttpResponse(200, (), (Chunk(b"one"), Chunk(b"two"), Chunk(b"three")))
    made = simplest(damaged(response), lambda one: one.damage == kind and one.response.body != response.body)
    assert made.response.body != response.body


@pytest.mark.slow
def test_a_stream_that_fails_shrinks_to_its_shortest():
    def fails(made):
        return made.stream and len(made.reply.calls) == 2

    made = simplest(
        wire_replies("openai", quirks=(), stream=True),
        fails,
    )
    assert made.reply.text == ""
    assert [call.parameters for call in made.reply.calls] == [{}, {}]


def test_the_same_start_draws_the_same():
    assert sample(replies(), 20, 3) == sample(replies(), 20, 3)
    assert len(set(sample(call_ids(), 20, 3))) > 10
    with pytest.raises(NoSuchExample):
        drawn(texts(), lambda text: any("\ud800" <= letter <= "\udfff" for letter in text))


@given(tool_sets("bedrock"))
def test_drawn_names_always_find_a_table(names):
    table = NameTable.of(names, profile("bedrock").names)
    assert sorted(table.own.values()) == sorted(names)
    assert all(profile("bedrock").names.allows(name) for name in table.own)


def test_a_refused_reply_is_an_error_of_ours():
    call = ToolCall("a", {}, "call_1")
    odd = Reply(calls=(call,), errors=(CallError("arguments", "", "{", "a", "call_2", 1),), finish="tool_calls")
    with pytest.raises(HarnessError):
        DIALECTS["gemini"].render(odd)
