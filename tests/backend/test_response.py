from __future__ import annotations

import json

import pytest

from harness.backend.names import name_table
from harness.backend.response import as_generated, own_finish_word, read_reply, read_usage
from harness.core.chat import Usage
from harness.core.errors import UnreadableReplyError
from harness.dialects import DIALECTS

NAMES = name_table("openai", [{"function": {"name": "f"}}])


def response(finish="stop", **message):
    return {"id": "i", "model": "m", "choices": [{"message": message, "finish_reason": finish}]}


def test_a_reply_holds_all_that_was_said():
    reply = read_reply(response(content="Hi", reasoning_content="hm", refusal="no"))
    assert (reply.text, reply.reasoning, reply.refusal, reply.id, reply.model) == ("Hi", "hm", "no", "i", "m")


@pytest.mark.parametrize("content", [None, "", []])
def test_no_content_is_empty_text(content):
    assert read_reply(response(content=content)).text == ""


def test_a_call_written_as_text_leaves_no_text_unless_it_is_broken():
    good = read_reply(response(content='{"name": "f", "arguments": {}}'), names=NAMES)
    assert (good.text, good.calls[0].name) == ("", "f")
    bad = read_reply(response(content='{"name": "f", "arguments": []}'), names=NAMES)
    assert (bad.text, bad.errors[0].fault) == ('{"name": "f", "arguments": []}', "arguments")


@pytest.mark.parametrize(
    ("dialect", "word", "finish"),
    [(one.name, word, finish) for one in DIALECTS.values() for word, finish in one.facts.finishes.items()],
)
def test_every_word_of_every_dialect_is_translated_and_kept(dialect, word, finish):
    reply = read_reply(response(finish="stop", content=""), finish_word=word, dialect=dialect)
    assert (reply.finish, reply.raw_finish) == (finish, word)


def test_litellms_own_word_is_known_in_every_dialect():
    assert read_reply(response(finish="tool_calls", content=""), dialect="gemini").finish == "tool_calls"


def test_no_word_is_no_reason_and_an_unknown_one_is_unknown():
    assert read_reply(response(content=""), finish_word="").finish is None
    reply = read_reply(response(content=""), finish_word="something_new")
    assert (reply.finish, reply.raw_finish) == ("unknown", "something_new")


@pytest.mark.parametrize(
    ("dialect", "raw", "word"),
    [
        ("openai", '{"choices": [{"finish_reason": "stop"}]}', "stop"),
        ("openai", '{"choices": [{"finish_reason": null}]}', ""),
        ("openai", '{"choices": []}', ""),
        ("anthropic", '{"stop_reason": "end_turn"}', "end_turn"),
        ("gemini", '{"candidates": [{"finishReason": "STOP"}]}', "STOP"),
        ("gemini", "{}", None),
        ("bedrock", '{"stopReason": "tool_use"}', "tool_use"),
        ("ollama", '{"done_reason": "length"}', "length"),
        ("cohere", '{"finish_reason": "TOOL_CALL"}', "TOOL_CALL"),
        ("openai", "null", None),
        ("openai", "[]", None),
        ("nobody", "{}", None),
    ],
)
def test_the_providers_own_word_is_found_in_its_own_answer(dialect, raw, word):
    assert own_finish_word(json.loads(raw), dialect) == word


def test_counts_are_counts_and_three_zeros_are_none():
    assert read_usage({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}) == Usage(1, 2, 3)
    assert read_usage({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}) is None
    assert read_usage({"prompt_tokens": 1, "completion_tokens": None}) == Usage(1, None, None)
    assert read_usage(None) is None


def test_no_answer_is_no_reply():
    with pytest.raises(UnreadableReplyError):
        read_reply({"choices": []})


def test_a_text_of_blanks_stays_where_the_providers_own_text_was_not_seen():
    assert read_reply(response(content=" ")).text == " "


def test_a_content_that_is_an_object_is_its_json():
    assert read_reply(response(content={"a": [1]})).text == '{"a":[1]}'


def test_text_that_litellm_made_a_call_of_is_written_again():
    call = {"function": {"name": "f", "arguments": '{"x": 1}'}}
    made = as_generated(response(content=None, tool_calls=[call]), "")
    assert made["choices"][0]["message"]["content"] == '{"name": "f", "arguments": {"x": 1}}'
