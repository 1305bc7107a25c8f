from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backend.names import name_table
from harness.backend.response import decode_litellm_tool_calls
from harness.backend.tool_calls import calls_in_text, decode_message, made_id, settle_ids
from harness.core.chat import CallError, ProviderCall, ToolCall
from harness.core.errors import ToolCallError, UnreadableReplyError
from harness.dialects.name_rules import MISTRAL_ID

NAMES = name_table("openai", [{"function": {"name": name}} for name in ("get_weather", "text/translate", "a__b")])


def call(name="get_weather", arguments="{}", **more):
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def response(*calls, content=None, finish="tool_calls", **more):
    message = {"role": "assistant", "content": content, "tool_calls": list(calls), **more}
    return {"choices": [{"message": message, "finish_reason": finish}]}


def as_objects(value):
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_objects(one) for key, one in value.items()})
    return [as_objects(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("arguments", ["{}", "", "null", None, {}])
def test_no_arguments_are_an_empty_object_however_they_are_said(arguments):
    assert decode_litellm_tool_calls(response(call(arguments=arguments))) == [
        {"name": "get_weather", "parameters": {}, "id": "call_1"}
    ]


def test_absent_arguments_are_an_empty_object():
    found = decode_litellm_tool_calls(response({"id": "x", "function": {"name": "f"}}))
    assert found == [{"name": "f", "parameters": {}, "id": "x"}]


@pytest.mark.parametrize("content", [None, "", "Let me see.", " ", "<think>hm</think>"])
def test_calls_are_found_whatever_the_content_is(content):
    assert len(decode_litellm_tool_calls(response(call(), content=content), NAMES)) == 1


@pytest.mark.parametrize(
    "arguments", ['{"x": [1, {"y": null}], "z": 9007199254740993}', {"x": [1, {"y": None}], "z": 2**53 + 1}]
)
def test_arguments_as_text_and_as_object_decode_alike(arguments):
    (found,) = decode_litellm_tool_calls(response(call(arguments=arguments)))
    assert found["parameters"] == {"x": [1, {"y": None}], "z": 2**53 + 1}


BROKEN = [
    '{"x": 1',
    "[]",
    "[1]",
    "5",
    "true",
    '"text"',
    '"{\\"x\\": 1}"',
    "{'x': 1}",
    '{"x": 1}{"x": 1}',
    '{"x": 1e999}',
    '{"x": 1, "x": 1}',
    '{"x": "\\ud800"}',
    "not json",
    "[" * 5000,
]


@pytest.mark.parametrize("raw", BROKEN)
def test_a_broken_call_is_an_error_with_its_text_and_loses_no_other(raw):
    answer = response(
        call(), call(arguments=raw, id="call_2"), call("text__translate", '{"to": "fr"}', id="call_3"), content="Two."
    )
    found = decode_message(answer["choices"][0]["message"], names=NAMES)
    assert [one.id for one in found.calls] == ["call_1", "call_3"]
    (error,) = found.errors
    assert (error.fault, error.raw, error.name, error.id, error.index) == ("arguments", raw, "get_weather", "call_2", 1)
    with pytest.raises(ToolCallError) as raised:
        decode_litellm_tool_calls(answer, NAMES)
    assert raised.value.errors == found.errors
    assert raised.value.calls == found.calls
    assert raised.value.text == "Two."


@pytest.mark.parametrize("raw", [*BROKEN, "", "null", None])
def test_the_last_call_of_an_answer_cut_for_length_is_cut_off(raw):
    found = decode_message(response(call(arguments=raw))["choices"][0]["message"], finish="length", names=NAMES)
    assert found.calls == ()
    assert found.errors[0].fault == "cut_off"


def test_only_the_last_call_is_cut_off_and_a_whole_one_is_good():
    calls = [call(arguments=""), call(arguments='{"x": 1}', id="call_2")]
    found = decode_message({"tool_calls": calls}, finish="length")
    assert [one.parameters for one in found.calls] == [{}, {"x": 1}]


def test_names_come_home_through_the_table_and_never_by_guess():
    found = decode_litellm_tool_calls(response(call("text__translate"), call("a__b", id="2")), NAMES)
    assert [one["name"] for one in found] == ["text/translate", "a__b"]
    assert decode_litellm_tool_calls(response(call("text__translate")))[0]["name"] == "text__translate"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("nobody", "unknown_tool"),
        ("text/translate", "unknown_tool"),
        (None, "name"),
        ("", "name"),
        (5, "name"),
        ([], "name"),
    ],
)
def test_a_call_of_a_tool_that_was_not_offered_or_has_no_name_is_an_error(name, fault):
    with pytest.raises(ToolCallError) as raised:
        decode_litellm_tool_calls(response(call(name, '{"x": 1}')), NAMES)
    (error,) = raised.value.errors
    assert (error.fault, error.raw) == (fault, '{"x": 1}')
    if fault == "unknown_tool":
        assert repr(name) in str(raised.value)


def test_a_broken_call_is_named_as_the_caller_named_its_tool():
    found = decode_message({"tool_calls": [call("text__translate", "[]")]}, names=NAMES)
    assert found.errors[0].name == "text/translate"


def test_dicts_objects_messages_and_lists_are_all_read():
    answer = response(call("text__translate", '{"x": 1}'))
    expected = [{"name": "text/translate", "parameters": {"x": 1}, "id": "call_1"}]
    for form in (
        answer,
        as_objects(answer),
        answer["choices"][0]["message"],
        as_objects(answer["choices"][0]["message"]),
        answer["choices"][0]["message"]["tool_calls"],
    ):
        assert decode_litellm_tool_calls(form, NAMES) == expected
    assert decode_litellm_tool_calls(expected, NAMES) == expected
    assert decode_litellm_tool_calls(tuple(expected)) == expected


def test_the_legacy_call_is_found_and_its_empty_placeholder_is_none():
    legacy = {"message": {"content": None, "function_call": {"name": "get_weather", "arguments": '{"x": 1}'}}}
    assert decode_litellm_tool_calls({"choices": [legacy]}, NAMES)[0]["parameters"] == {"x": 1}
    placeholder = {"content": "Hi", "function_call": {"name": "", "arguments": ""}}
    assert decode_litellm_tool_calls(placeholder, NAMES) == []
    assert len(decode_litellm_tool_calls(response(call(), function_call={"name": "", "arguments": ""}))) == 1


def test_a_custom_tool_takes_its_text_as_it_is():
    custom = {"id": "c", "type": "custom", "custom": {"name": "text__translate", "input": "not {json"}}
    assert decode_litellm_tool_calls(response(custom), NAMES) == [
        {"name": "text/translate", "parameters": {"input": "not {json"}, "id": "c"}
    ]


def test_what_the_provider_ran_itself_is_kept_apart():
    found = decode_message({"tool_calls": [call("web_search", '{"q": 1}', id="srvtoolu_1"), call()]}, names=NAMES)
    assert found.provider_calls == (ProviderCall("web_search", {"q": 1}, "srvtoolu_1"),)
    assert found.calls == (ToolCall("get_weather", {}, "call_1"),)
    assert decode_litellm_tool_calls(response(call("web_search", id="srvtoolu_1")), NAMES) == []


@pytest.mark.parametrize("calls", [None, [], "nonsense"])
def test_an_answer_without_calls_has_none(calls):
    assert decode_litellm_tool_calls({"choices": [{"message": {"content": "Hi", "tool_calls": calls}}]}, NAMES) == []


@pytest.mark.parametrize("answer", [{"choices": []}, {}, None, {"error": "x"}, 5])
def test_what_is_no_answer_is_not_taken_for_an_answer_without_calls(answer):
    with pytest.raises(UnreadableReplyError):
        decode_litellm_tool_calls(answer)


def test_a_call_written_as_text_is_found_only_among_offered_tools_and_without_native_calls():
    written = json.dumps({"name": "text__translate", "arguments": {"to": "fr"}})
    expected = [{"name": "text/translate", "parameters": {"to": "fr"}, "id": "call_0_0"}]
    assert decode_litellm_tool_calls({"role": "assistant", "content": written}, NAMES) == expected
    assert decode_litellm_tool_calls({"role": "assistant", "content": written}) == []
    assert decode_litellm_tool_calls(response(call(), content=written), NAMES)[0]["name"] == "get_weather"
    assert decode_message({"content": written}, names=NAMES, json_answer=True).calls == ()
    assert decode_message({"content": written}, names=NAMES, turn=2).calls[0].id == "call_2_0"


def test_a_written_call_with_broken_arguments_is_an_error():
    found = decode_message({"content": '{"name": "get_weather", "arguments": "Paris"}'}, names=NAMES)
    assert found.calls == ()
    assert isinstance(found.errors[0], CallError)


def test_ids_are_kept_and_missing_or_doubled_ones_are_made():
    calls = [call(id="functions.x:0"), call(id=None), call(id=""), call(id="functions.x:0")]
    found = decode_message({"tool_calls": calls}, turn=1)
    assert [one.id for one in found.calls] == ["functions.x:0", "call_1_1", "call_1_2", "call_1_3"]


def test_nothing_given_is_changed():
    answer = response(call(arguments={"x": [1]}), call("bad", "[", id="2"))
    before = json.dumps(answer)
    with pytest.raises(ToolCallError):
        decode_litellm_tool_calls(answer, NAMES)
    assert json.dumps(answer) == before


def test_present_ids_are_kept_byte_for_byte():
    assert settle_ids(["functions.x:0", "call_é", "x" * 300]) == ["functions.x:0", "call_é", "x" * 300]


def test_missing_ids_are_made_from_turn_and_place():
    assert settle_ids([None, "", "a"], turn=3) == ["call_3_0", "call_3_1", "a"]
    assert settle_ids([None], turn=3) == settle_ids([None], turn=3)


def test_doubled_ids_keep_the_first():
    assert settle_ids(["a", "a", "b", "a"]) == ["a", "call_0_1", "b", "call_0_3"]


def test_a_made_id_never_takes_one_that_is_there():
    assert settle_ids([None, "call_0_0"])[1] == "call_0_0"
    assert len(set(settle_ids([None, "call_0_0", "call_0_0_1", None]))) == 4


def test_mistral_gets_nine_letters_and_digits():
    assert all(MISTRAL_ID.allows(one) for one in settle_ids([None, "", None], provider="mistral"))
    assert len(made_id(0, 0, "mistral")) == 9


@given(st.lists(st.none() | st.sampled_from(["", "a", "b", "call_0_0", "call_0_1", "call_0_1_1"])))
def test_ids_are_present_and_distinct_whatever_came(ids):
    for provider in ("openai", "mistral"):
        settled = settle_ids(ids, provider=provider)
        assert len(set(settled)) == len(ids)
        assert all(settled)
        first = [place for place, one in enumerate(ids) if one and ids.index(one) == place]
        assert all(settled[place] == ids[place] for place in first)


OFFERED = name_table("openai", [{"function": {"name": name}} for name in ("get_weather", "text/translate")])
WRITTEN = {"name": "get_weather", "arguments": {"city": "Paris"}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WRITTEN),
        f"  {json.dumps(WRITTEN)}\n",
        json.dumps([WRITTEN]),
        f"```json\n{json.dumps(WRITTEN)}\n```",
        f"```\n{json.dumps(WRITTEN, indent=2)}\n```",
        '{"function_name": "get_weather", "parameters": {"city": "Paris"}}',
        '{"tool_name": "get_weather", "arguments": {"city": "Paris"}}',
        '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}',
    ],
)
def test_content_that_wholly_is_a_call_is_one(text):
    assert calls_in_text(text, OFFERED) == [("get_weather", {"city": "Paris"}, None)]


def test_wire_names_and_own_names_both_come_home():
    for written in ("text/translate", "text__translate"):
        assert calls_in_text(json.dumps({"name": written, "parameters": {}}), OFFERED) == [("text/translate", {}, None)]


def test_a_list_of_calls_keeps_order_and_ids():
    text = json.dumps([{**WRITTEN, "id": "7"}, {"name": "text__translate", "arguments": "{}"}])
    assert calls_in_text(text, OFFERED) == [("get_weather", {"city": "Paris"}, "7"), ("text/translate", "{}", None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris",
        f"Here you are: {json.dumps(WRITTEN)}",
        f"{json.dumps(WRITTEN)} is what I would call.",
        f"```json\n{json.dumps(WRITTEN)}\n```\nDone.",
        json.dumps({"name": "Ada", "arguments": "x"}),
        json.dumps({"name": "unknown_tool", "arguments": {}}),
        json.dumps({"city": "Paris"}),
        json.dumps({"name": "get_weather"}),
        json.dumps({**WRITTEN, "note": "more than a call"}),
        json.dumps({**WRITTEN, "parameters": {}}),
        json.dumps({**WRITTEN, "type": "answer"}),
        json.dumps({"name": ["get_weather"], "arguments": {}}),
        json.dumps([WRITTEN, 5, WRITTEN]),
        json.dumps([[WRITTEN]]),
        "[]",
        "{}",
        json.dumps(WRITTEN)[:-1],
        '{"name": "get_weather", "arguments": {"x": NaN}}',
        "[" * 100_000,
        "5",
    ],
)
def test_everything_else_stays_text(text):
    assert calls_in_text(text, OFFERED) == []
