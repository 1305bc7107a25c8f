"""What Anthropic and Groq ran themselves is apart from the client's calls, whatever litellm makes of it."""

from __future__ import annotations

import json

import pytest

from harness.backend.repairs import anthropic_runs, executed_tools
from harness.core.chat import ProviderCall

BLOCKS = [
    {"type": "text", "text": "So."},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "server_name": "s", "input": {"m": 1}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"title": "T"}], "caller": {}},
    {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_0", "content": {"stdout": "1"}},
    {"type": "tool_use", "id": "toolu_1", "name": "get_x", "input": {}},
]
RAN = (
    ProviderCall("web_search", {"query": "x"}, "srvtoolu_1", {"content": [{"title": "T"}]}),
    ProviderCall("echo", {"m": 1}, "mcptoolu_1"),
    ProviderCall("code_execution", {}, "srvtoolu_0", {"content": {"stdout": "1"}}),  # of a call of an earlier turn
)


def streamed():
    for index, block in enumerate(BLOCKS):
        yield {
            "type": "content_block_start",
            "index": index,
            "content_block": {**block, "input": {}} if "input" in block else block,
        }
        for piece in (json.dumps(block.get("input"))[:4], json.dumps(block.get("input"))[4:]):
            yield {"type": "content_block_delta", "index": index, "delta": {"partial_json": piece}}


@pytest.mark.parametrize(
    "sent", [json.dumps({"content": BLOCKS}), "\n".join(map(json.dumps, streamed()))], ids=["whole", "stream"]
)
def test_its_own_tools_and_those_of_mcp_are_found_in_order(sent):
    assert anthropic_runs(sent) == RAN


def test_arguments_that_broke_off_are_none():
    event = {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"qu'}}
    sent = "\n".join([json.dumps(next(one for one in streamed() if one["index"] == 1)), json.dumps(event)])
    assert anthropic_runs(sent) == (ProviderCall("web_search", {}, "srvtoolu_1"),)


SEARCHED = {"index": 0, "type": "search", "arguments": '{"query": "weather"}'}
PYTHON = {"index": 1, "type": "python", "arguments": '{"code": "1"}', "output": "1"}
EXECUTED = (
    ProviderCall("search", {"query": "weather"}, "", {"output": "rain"}),
    ProviderCall("python", {"code": "1"}, "", {"output": "1"}),
)


def test_what_groq_ran_is_found_whole():
    message = {"content": "So.", "executed_tools": [{**SEARCHED, "output": "rain"}, PYTHON]}
    assert executed_tools(json.dumps({"choices": [{"message": message}]})) == EXECUTED


def test_what_groq_ran_comes_twice_in_a_stream_and_counts_once():
    told = [[SEARCHED], [{**SEARCHED, "output": "rain"}], [PYTHON]]
    lines = [json.dumps({"choices": [{"delta": {"executed_tools": one}}]}) for one in told]
    assert executed_tools("\n".join(lines)) == EXECUTED


@pytest.mark.parametrize("ran", [5, None, [], [5], {}])
def test_executed_tools_of_another_shape_ran_nothing(ran):
    assert executed_tools(json.dumps({"choices": [{"message": {"executed_tools": ran}}]})) == ()


@pytest.mark.parametrize("sent", ["", "no JSON", "5", "[1]", '{"content": 5}', '{"type": "content_block_start"}'])
def test_anything_else_ran_nothing(sent):
    assert anthropic_runs(sent) == ()
