"""Responses streams that are not as they should be, through litellm: cut, doubled, out of order, of kinds nobody knows."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace

import pytest

from harness.backend.completion import acomplete, complete
from harness.backend.repairs.responses import as_response, completed, loaded_tools, output_of
from harness.core.chat import ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import BackendError, StreamCutError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.interception.clients import answering

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

RESPONSES = DIALECTS["openai_responses"]
CALLS = (ToolCall("get_x", {"city": "Zürich 🙂", "n": 2**63}, "call_1"), ToolCall("clock", {}, "call_2"))
RICH = Reply("Let me see.", CALLS, finish="tool_calls", usage=Usage(3, 4, 7), reasoning="because")
TOOLS = [{"type": "function", "function": {"name": call.name, "parameters": {"type": "object"}}} for call in CALLS]
HOWS = pytest.mark.parametrize("how", ["sync", "async"])


def asked(response, *, how="sync", stream=True):
    """What the backend makes of ``response``."""
    given = {"tools": TOOLS, "stream": stream, "api_key": "k"}
    messages = [{"role": "user", "content": "Hi"}]
    with answering(lambda _: response):
        if how == "async":
            return asyncio.run(acomplete("openai/gpt-5-codex", messages, **given))
        return complete("openai/gpt-5-codex", messages, **given)


def streamed(*events):
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()
    return HttpResponse(200, (("content-type", "text/event-stream"),), (Chunk(body),))


def with_chunks(response, chunks):
    return replace(response, chunks=tuple(chunks))


def ended(*items, status="completed"):
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "tools": []}
    return {"type": f"response.{status}", "response": {**whole, "output": list(items)}}


@HOWS
def test_a_stream_cut_anywhere_is_cut_and_has_no_half_call(how):
    sent = RESPONSES.render(RICH, stream=True)
    whole = asked(sent, how=how)
    for index in range(0, len(sent.body), len(sent.body) // 12):
        with pytest.raises(StreamCutError) as raised:
            asked(with_chunks(sent, [Chunk(sent.body[:index])]), how=how)
        came = raised.value.reply
        assert came is None or (not came.calls and whole.text.startswith(came.text))


@HOWS
@pytest.mark.parametrize("seed", range(9))
def test_doubled_lost_and_swapped_events_never_change_a_call(seed, how):
    chance = random.Random(seed)
    sent = RESPONSES.render(RICH, stream=True, quirks=frozenset({"output_empty"} if seed % 2 else ()))
    *chunks, last = sent.chunks
    index = chance.randrange(len(chunks) - 1)
    if seed % 3 == 0:
        chunks.insert(index, chunks[index])
    elif seed % 3 == 1:
        chunks[index], chunks[index + 1] = chunks[index + 1], chunks[index]
    elif b"output_item.done" not in chunks[index].data:
        del chunks[index]
    try:
        reply = asked(with_chunks(sent, [*chunks, last]), how=how)
    except BackendError:
        assert seed % 3, "an event that comes twice is no reason to fail"
        return
    assert (reply.calls, reply.errors) == (CALLS, ())


@HOWS
def test_items_out_of_order_stand_in_the_order_of_the_answer(how):
    calls = [
        {"type": "function_call", "id": f"fc_{n}", "call_id": call.id, "name": call.name, "status": "completed"}
        | {"arguments": json.dumps(call.parameters)}
        for n, call in enumerate(CALLS)
    ]
    done = [{"type": "response.output_item.done", "output_index": n, "item": one} for n, one in enumerate(calls)]
    head = {"type": "response.created", "response": ended(status="in_progress")["response"]}
    reply = asked(streamed(head, done[1], done[0], ended()), how=how)
    assert (reply.calls, reply.errors) == (CALLS, ())


@HOWS
def test_pieces_of_an_item_that_never_started_are_that_item(how):
    pieces = [
        {"type": "response.function_call_arguments.delta", "output_index": 1, "item_id": "fc_1", "delta": '{"x'},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "m", "delta": "Hi"},
    ]
    reply = asked(streamed(*pieces, ended()), how=how)
    assert (reply.text, reply.calls) == ("Hi", ())
    assert [(one.fault, one.raw) for one in reply.errors] == [("name", '{"x')]


UNKNOWN = {"type": "quantum_call", "id": "q_1", "status": "completed", "depth": 3, "output": "up"}
RAN = (ProviderCall("quantum_call", {"depth": 3}, "q_1", {"output": "up"}),)
TEXT = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
TEXT |= {"content": [{"type": "output_text", "text": "Hi", "annotations": []}]}


@HOWS
def test_items_of_an_unknown_kind_are_kept_by_name(how):
    body = json.dumps(ended(UNKNOWN, TEXT)["response"]).encode()
    whole = HttpResponse(200, (("content-type", "application/json"),), (Chunk(body),))
    done = [
        {"type": "response.output_item.done", "output_index": n, "item": one} for n, one in enumerate((UNKNOWN, TEXT))
    ]
    for response, stream in ((whole, False), (streamed(*done, ended()), True), (streamed(ended(UNKNOWN, TEXT)), True)):
        reply = asked(response, how=how, stream=stream)
        assert (reply.text, reply.calls, reply.errors, reply.provider_calls) == ("Hi", (), (), RAN)


def test_openais_own_tools_that_the_client_runs_are_calls_and_a_search_loads_tools():
    action = {"type": "click", "x": 1}
    items = [
        {"type": "tool_search_output", "tools": [{"name": "a"}, {"name": "space", "tools": [{"name": "b"}]}]},
        {"type": "computer_call", "call_id": "c_1", "action": action},
        {"type": "tool_search_call", "execution": "client", "call_id": "c_2", "arguments": {"goal": "x"}},
    ]
    output = output_of([{"status": "completed", "output": items}])
    reply = completed(Reply(), output)
    assert loaded_tools(items) == {"a", "space", "b"}
    assert reply.calls == (
        ToolCall("computer", {"action": action}, "c_1"),
        ToolCall("tool_search", {"goal": "x"}, "c_2"),
    )
    assert (reply.finish, as_response(output)["choices"][0]["finish_reason"]) == ("tool_calls", "tool_calls")
