"""Models that a provider serves over another dialect than its usual one, over a real socket, through litellm."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from harness.backend.completion import acomplete, complete
from harness.backend.request import prepare_request
from harness.backend.stream_watch import LineWatch
from harness.core.chat import ToolCall
from harness.core.errors import ProviderError, StreamCutError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.dialects import read_answer
from harness.dialects.name_rules import SAFE

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

TOOLS = [{"type": "function", "function": {"name": "text/translate", "parameters": {"type": "object"}}}]
MESSAGES = [{"role": "user", "content": "Bonjour"}]
CALL = ToolCall("text/translate", {"x": "é"}, "call_1")


def sse(*events):
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def anthropic_events():
    def block(index, start, *deltas):
        yield {"type": "content_block_start", "index": index, "content_block": start}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}

    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": {**head, "usage": {"input_tokens": 3, "output_tokens": 1}}}
    yield from block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "One."})
    use = {"type": "tool_use", "id": "call_1", "name": "text__translate", "input": {}}
    yield from block(1, use, {"type": "input_json_delta", "partial_json": '{"x": "é"}'})
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}}
    yield {"type": "message_stop"}


def responses_events():
    text = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
    part = {"type": "output_text", "text": "One.", "annotations": []}
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "text__translate",
        "status": "completed",
    }
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None, "tools": []}
    arguments = '{"x": "é"}'
    events = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**text, "content": []}},
        {
            "type": "response.output_text.delta",
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "delta": "One.",
        },
        {"type": "response.output_item.done", "output_index": 0, "item": {**text, "content": [part]}},
        {"type": "response.output_item.added", "output_index": 1, "item": {**call, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 1, "delta": arguments},
        {"type": "response.output_item.done", "output_index": 1, "item": {**call, "arguments": arguments}},
    ]
    output = [{**text, "content": [part]}, {**call, "arguments": arguments}]
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    events.append(
        {"type": "response.completed", "response": {**whole, "status": "completed", "output": output, "usage": usage}}
    )
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


WIRES = {
    "azure_ai/claude-sonnet-4-5": (lambda url: f"{url}/anthropic", anthropic_events),
    "openai/gpt-5-codex": (lambda url: f"{url}/v1", responses_events),
}


def send(model, base, how):
    options = {"tools": TOOLS, "stream": True, "api_base": base, "api_key": "k"}
    if how == "async":
        return asyncio.run(acomplete(model, MESSAGES, **options))
    return complete(model, MESSAGES, **options)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("model", list(WIRES))
def test_a_stream_over_another_wire_is_read_whole(loopback, model, how):
    base, events = WIRES[model]
    loopback.answers_with(sse(*events()), headers={"content-type": "text/event-stream"})
    reply = send(model, base(loopback.url), how)
    assert (reply.text, reply.finish, [(call.name, call.parameters) for call in reply.calls]) == (
        "One.",
        "tool_calls",
        [(CALL.name, CALL.parameters)],
    )


UNKNOWN = ["watsonx/ibm/granite-3-8b", "oci/x", "replicate/meta/llama", "bedrock/invoke/ai21.jamba", "cloudflare/@cf/m"]
UNUSUAL_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("a/b", "a__b", "日本", "1st", "n" * 70)
]


@pytest.mark.parametrize("model", UNKNOWN)
def test_over_an_unknown_wire_names_are_safe_and_nothing_is_watched(model):
    """Nothing is guessed: each name is one that every provider accepts, and each comes back."""
    asked = prepare_request(model, MESSAGES, UNUSUAL_TOOLS, {}, stream=True)
    assert asked.route.dialect == "unknown"
    sent = [tool["function"]["name"] for tool in asked.arguments["tools"]]
    assert all(map(SAFE.allows, sent))
    assert len(set(sent)) == len(UNUSUAL_TOOLS)
    assert [asked.names.own_offered(name) for name in sent] == [tool["function"]["name"] for tool in UNUSUAL_TOOLS]
    source = SimpleNamespace(streaming_response=iter(()))
    assert not LineWatch(asked.provider, asked.route.dialect).attach(SimpleNamespace(completion_stream=source))
    exchange = Exchange(HttpRequest("POST", "http://unknown.test/x", (), b"{}"), HttpResponse(200, (), (Chunk(b"{}"),)))
    assert read_answer(exchange) is None, "and its bytes are not judged"


@pytest.mark.parametrize("how", ["sync", "async"])
def test_an_answer_over_an_unknown_wire_is_what_litellm_makes_of_it(loopback, how):
    call = {"id": "call_1", "type": "function", "function": {"name": "text__translate", "arguments": '{"x": "é"}'}}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi", "tool_calls": [call]}}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    loopback.answers_with(json.dumps({**body, "choices": [{**choice, "finish_reason": "tool_calls"}]}).encode())
    options = {"api_base": f"{loopback.url}/", "api_key": "k", "tools": TOOLS}
    model = "cloudflare/@cf/m"
    reply = (
        asyncio.run(acomplete(model, MESSAGES, **options)) if how == "async" else complete(model, MESSAGES, **options)
    )
    assert (reply.text, reply.calls, reply.errors) == ("Hi", (CALL,), ())


def test_a_responses_stream_that_ends_before_any_item_is_cut(loopback):
    body = sse(*list(responses_events())[:1])
    loopback.answers_with(body, headers={"content-type": "text/event-stream"})
    with pytest.raises(StreamCutError):
        send("openai/gpt-5-codex", f"{loopback.url}/v1", "sync")


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("told", [{"code": "server_error", "message": "It broke"}, None])
def test_a_responses_stream_that_ends_in_failure_is_an_error(loopback, how, told):
    *events, last = responses_events()
    failed = {**last["response"], "status": "failed", "error": told}
    body = sse(*events, {**last, "type": "response.failed", "response": failed})
    loopback.answers_with(body, headers={"content-type": "text/event-stream"})
    with pytest.raises(ProviderError, match="It broke" if told else "the answer failed"):
        send("openai/gpt-5-codex", f"{loopback.url}/v1", how)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("model", list(WIRES))
def test_a_stream_over_another_wire_that_ends_early_is_cut(loopback, model, how):
    base, events = WIRES[model]
    body = sse(*list(events())[:-2])
    loopback.answers_with(body, headers={"content-type": "text/event-stream"})
    with pytest.raises(StreamCutError) as raised:
        send(model, base(loopback.url), how)
    assert raised.value.reply.text == "One."
    assert not raised.value.reply.calls
