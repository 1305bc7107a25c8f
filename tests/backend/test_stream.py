from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from harness.backend.response import decode_litellm_tool_calls
from harness.backend.stream import StreamAssembly, assemble


def chunk(*fragments, finish=None, **delta):
    if fragments:
        delta["tool_calls"] = list(fragments)
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def piece(index=0, id=None, name=None, arguments=None):  # noqa: A002 - the wire's own word
    return {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*chunks):
    return [(one["id"], one["name"], one["parameters"]) for one in decode_litellm_tool_calls(assemble(chunks))]


def test_fragments_go_to_their_own_call_by_index_however_they_interleave():
    assert calls(
        chunk(piece(0, "a", "f", "")),
        chunk(piece(1, "b", "g", '{"y"')),
        chunk(piece(0, arguments='{"x": ')),
        chunk(piece(1, arguments=": 2}"), piece(0, arguments="1}")),
    ) == [("a", "f", {"x": 1}), ("b", "g", {"y": 2})]


@pytest.mark.parametrize("index", [None, -1])
def test_where_the_index_says_nothing_the_id_does(index):
    assert calls(
        chunk(piece(index, "a", "f", '{"x"')),
        chunk(piece(index, "b", "g", "{")),
        chunk(piece(index, "a", None, ": 1}")),
        chunk(piece(index, "b", None, "}")),
    ) == [("a", "f", {"x": 1}), ("b", "g", {})]


@pytest.mark.parametrize("index", [None, -1])
def test_where_neither_is_there_a_fragment_belongs_to_the_last_call(index):
    assert calls(
        chunk(piece(index, "a", "f", '{"x"')),
        chunk(piece(index, None, None, ": 1}")),
        chunk(piece(index, "b", "f", "{}")),
    ) == [("a", "f", {"x": 1}), ("b", "f", {})]


def test_a_repeated_id_and_name_do_not_double_a_call():
    repeated = [chunk(piece(0, "a", "f", part)) for part in ('{"x"', ": ", "1}")]
    assert calls(*repeated) == [("a", "f", {"x": 1})]
    assert calls(*[chunk(piece(None, "a", "f", part)) for part in ('{"x"', ": ", "1}")]) == [("a", "f", {"x": 1})]
    assert calls(*[chunk(piece(0, None, "f", part)) for part in ('{"x"', ": ", "1}")])[0][1:] == ("f", {"x": 1})


def test_whole_calls_under_one_index_are_calls_of_their_own():
    assert calls(chunk(piece(0, "a", "f", '{"x": 1}')), chunk(piece(0, "b", "f", '{"x": 2}'))) == [
        ("a", "f", {"x": 1}),
        ("b", "f", {"x": 2}),
    ]
    without_ids = calls(chunk(piece(0, "", "f", '{"x": 1}')), chunk(piece(0, "", "f", '{"x": 2}')))
    assert [one[1:] for one in without_ids] == [("f", {"x": 1}), ("f", {"x": 2})]


def test_several_calls_in_one_chunk_and_the_finish_in_the_calls_own_chunk():
    assembled = [chunk(piece(0, "a", "f", "{}"), piece(1, "b", "f", "{}"), finish="tool_calls")]
    assert len(calls(*assembled)) == 2
    assert assemble(assembled)["choices"][0]["finish_reason"] == "tool_calls"


def test_a_call_without_arguments_is_one():
    assert calls(chunk(piece(0, "a", "f")), chunk(piece(0, arguments=None)), chunk(piece(1, "b", "g", ""))) == [
        ("a", "f", {}),
        ("b", "g", {}),
    ]


def test_arguments_as_an_object_and_a_name_in_pieces():
    assert calls(chunk(piece(0, "a", "get_", None)), chunk(piece(0, None, "weather", {"x": 1}))) == [
        ("a", "get_weather", {"x": 1})
    ]


def test_text_reasoning_refusal_legacy_and_custom_calls_are_put_together():
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
    response = assemble(
        [
            chunk(content="He", reasoning_content="hm"),
            chunk(content="llo", reasoning="m", refusal="No"),
            chunk(content=[{"type": "text", "text": "!"}]),
            chunk(function_call={"name": "f", "arguments": '{"x"'}),
            chunk(function_call={"arguments": ": 1}"}),
            chunk(),
        ]
    )
    message = response["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"], message["refusal"]) == ("Hello!", "hmm", "No")
    assert decode_litellm_tool_calls(response)[0]["parameters"] == {"x": 1}
    assert calls(chunk(custom), chunk({"index": 0, "custom": {"input": " -l"}})) == [("c", "sh", {"input": "ls -l"})]


def test_only_the_first_choice_is_kept_and_usage_is_the_last():
    other = {"choices": [{"index": 1, "delta": {"content": "B"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 1}}
    hidden = SimpleNamespace(choices=[], usage=None, id="c", model="m", _hidden_params={"usage": {"prompt_tokens": 2}})
    response = assemble([chunk(content="A"), other, usage, hidden])
    assert response["choices"][0]["message"]["content"] == "A"
    assert response["choices"][0]["finish_reason"] is None
    assert response["usage"] == {"prompt_tokens": 2}


def test_every_cut_of_the_arguments_gives_the_same_call():
    text = '{"x": "é\\n", "y": [1, {}]}'
    whole = calls(chunk(piece(0, "a", "f", text)))
    for first, second in itertools.combinations(range(len(text) + 1), 2):
        parts = (text[:first], text[first:second], text[second:])
        fragments = [
            chunk(piece(0, "a" if not place else None, "f" if not place else None, part))
            for place, part in enumerate(parts)
        ]
        assert calls(*fragments) == whole


def test_an_assembly_can_be_read_at_any_time():
    assembly = StreamAssembly()
    assert assembly.response()["choices"][0]["message"]["tool_calls"] == []
    assembly.add(chunk(piece(0, "a", "f", '{"x"')))
    assert assembly.chunks == 1
    assert assembly.response()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"x"'
