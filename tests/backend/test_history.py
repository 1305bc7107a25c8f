from __future__ import annotations

import copy
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backend.history import fit_messages, legal_ids, turns
from harness.core.errors import UsageError
from harness.dialects.name_rules import ANY_ID
from harness.dialects.providers import PROFILES, profile

FOREIGN = ["functions.get_weather:0", "call_" + "x" * 60, "é", "", "toolu_01", "a.b", "a:b", "a" * 9, "abc123XYZ"]
CLAUDES = ("anthropic", "bedrock_invoke")


def conversation(*ids):
    made = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
    results = [{"role": "tool", "tool_call_id": one, "content": "x"} for one in ids]
    return [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": made}, *results]


@given(
    st.lists(st.sampled_from(FOREIGN) | st.text(min_size=1, max_size=50), unique=True), st.sampled_from(list(PROFILES))
)
def test_any_ids_become_legal_ones_and_stay_distinct(ids, provider):
    rules = profile(provider)
    sent = legal_ids(ids, rules)
    assert len(set(sent.values())) == len(ids)
    if rules.ids is not ANY_ID:
        assert all(rules.ids.allows(one) for one in sent.values())
    if rules.exact_id_length:
        assert all(len(one) == rules.ids.longest for one in sent.values())
    assert all(sent[one] == one for one in ids if rules.ids.allows(one) and not rules.exact_id_length)


@pytest.mark.parametrize("provider", list(PROFILES))
def test_a_call_and_its_result_keep_one_id(provider):
    ids = [one for one in FOREIGN if one]
    messages = conversation(*ids)
    before = copy.deepcopy(messages)
    sent = fit_messages(messages, provider)
    assert [call["id"] for call in sent[1]["tool_calls"]] == [message["tool_call_id"] for message in sent[2:]]
    assert messages == before


@pytest.mark.parametrize("provider", [name for name, one in PROFILES.items() if one.dialect in CLAUDES])
def test_claudes_ids_hold_nothing_that_litellm_would_clean(provider):
    sent = fit_messages(conversation("a.b", "a_b", "a:b"), provider)[1]["tool_calls"]
    assert len({re.sub(r"[^a-zA-Z0-9_-]", "_", call["id"]) for call in sent}) == len(sent)


def test_geminis_ids_carry_a_signature_and_are_never_touched():
    signed = "call_1__thought__" + "A" * 3000
    assert fit_messages(conversation(signed), "gemini")[1]["tool_calls"][0]["id"] == signed


def test_a_call_without_an_id_gets_the_one_this_backend_would_have_made():
    history = [{"role": "assistant", "content": "Hi"}, *conversation("")[1:2]]
    assert fit_messages(history, "openai")[1]["tool_calls"][0]["id"] == "call_1_0"
    assert turns(history) == 2


def test_a_result_without_an_id_is_refused_with_its_place():
    with pytest.raises(UsageError, match="message 2 is a tool's result without tool_call_id"):
        fit_messages([*conversation("a")[:2], {"role": "tool", "content": "x"}], "openai")


@pytest.mark.parametrize("arguments", ["", None, {}, "{}"])
def test_arguments_go_out_as_json_text(arguments):
    messages = conversation("a")
    messages[1]["tool_calls"][0]["function"]["arguments"] = arguments
    sent = fit_messages(messages, "openai")[1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {}


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "bedrock", "cohere_chat", "mistral"])
def test_a_result_of_no_call_and_a_second_result_of_one_are_refused_with_their_place(provider):
    lone = {"role": "tool", "tool_call_id": "call_9", "content": "x"}
    with pytest.raises(UsageError, match="message 3 is the result of call 'call_9', which no earlier message makes"):
        fit_messages([*conversation("call_1"), lone], provider)
    twice = conversation("call_1")
    with pytest.raises(UsageError, match="message 3 is a second result of call 'call_1'"):
        fit_messages([*twice, twice[-1]], provider)
    again = [*twice, *twice[1:]]  # the id of an earlier turn, used anew
    assert len(fit_messages(again, provider)) == len(again)
    assert len(fit_messages([*conversation("a")[:1], lone], provider, continued=True)) == 2


def test_ollama_reads_results_by_their_order_and_takes_any():
    assert len(fit_messages([{"role": "tool", "tool_call_id": "x", "content": "y"}], "ollama_chat")) == 1


BLANKS = ["", " \n", None, [], [{"type": "text", "text": " "}]]


@pytest.mark.parametrize("content", BLANKS)
def test_a_blank_result_goes_out_without_a_blank_text(content):
    messages = conversation("call_1")
    messages[-1]["content"] = content
    assert fit_messages(messages, "bedrock")[-1]["content"] == []
    assert not str(fit_messages(messages, "anthropic")[-1]["content"] or "").strip()
    assert fit_messages(messages, "openai")[-1]["content"] == ("" if content is None else content)


@pytest.mark.parametrize("content", BLANKS)
@pytest.mark.parametrize("provider", ["anthropic", "bedrock", "gemini", "vertex_ai"])
def test_a_blank_message_is_refused_or_left_out_where_the_provider_refuses_it(provider, content):
    asked = {"role": "user", "content": "Hi"}
    with pytest.raises(UsageError, match=r"message 1 is blank, which \w+ refuses"):
        fit_messages([asked, {"role": "user", "content": content}], provider)
    assert fit_messages([asked, {"role": "assistant", "content": content}, asked], provider) == [asked, asked]
    assert len(fit_messages([{"role": "user", "content": content}], "openai")) == 1


def test_parts_that_are_no_text_stay_and_blank_ones_beside_them_go():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    content = [{"type": "text", "text": ""}, picture, {"type": "text", "text": "What is it?"}]
    assert fit_messages([{"role": "user", "content": content}], "anthropic")[0]["content"] == content[1:]
