"""Literal answers of several providers, over a real socket, through litellm: one Reply however it was asked."""

from __future__ import annotations

import asyncio
import copy
import json
import struct
import zlib

import pytest

from harness.backend.completion import LiteLLMBackend, ModelConfig, acomplete, acompletion, complete, completion
from harness.core.chat import ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ContextWindowError,
    DuplicateToolError,
    NotFoundError,
    PermissionDeniedError,
    ProviderTimeoutError,
    RateLimitError,
    ServerError,
    StreamCutError,
    ToolCallError,
    UnreadableReplyError,
    UnsupportedError,
    UsageError,
)

# litellm pools its connections for the life of the process, and leaves an event loop behind on import.
# litellm leaves sockets and event loops behind.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"x": {}}}}}


TOOLS = [tool("text/translate"), tool("a__b")]
MESSAGES = [{"role": "user", "content": "Bonjour"}]


def sse(*events, names=False, end="\n"):
    lines = []
    for event in events:
        if names:
            lines.append(f"event: {event['type']}{end}")
        lines.append(f"data: {event if isinstance(event, str) else json.dumps(event)}{end}{end}")
    return "".join(lines).encode()


def frame(kind, payload):
    """One message of AWS' binary event stream."""
    fields = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in fields.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(head) + len(body), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + body
    return message + struct.pack(">I", zlib.crc32(message))


def openai_whole():
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "text__translate", "arguments": '{"x": "é"}'}},
        {"id": "call_2", "type": "function", "function": {"name": "a__b", "arguments": ""}},
    ]
    message = {"role": "assistant", "content": "Two.", "tool_calls": calls}
    return json.dumps(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        }
    ).encode()


def openai_stream():
    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

    def call(index, **more):
        return {"tool_calls": [{"index": index, **more}]}

    return sse(
        chunk({"role": "assistant", "content": "Two"}),
        chunk({"content": "."}),
        chunk(call(0, id="call_1", type="function", function={"name": "text__translate", "arguments": ""})),
        chunk(call(0, function={"arguments": '{"x": '})),
        chunk(call(1, id="call_2", type="function", function={"name": "a__b", "arguments": ""})),
        chunk(call(0, function={"arguments": '"é"}'})),
        chunk({}, "tool_calls"),
        "[DONE]",
    )


def anthropic_whole():
    content = [
        {"type": "text", "text": "Two."},
        {"type": "tool_use", "id": "call_1", "name": "text__translate", "input": {"x": "é"}},
        {"type": "tool_use", "id": "call_2", "name": "a__b", "input": {}},
    ]
    return json.dumps(
        {
            "id": "msg",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": content,
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 4},
        }
    ).encode()


def anthropic_stream():
    def start(index, block):
        return {"type": "content_block_start", "index": index, "content_block": block}

    def delta(index, **inner):
        return {"type": "content_block_delta", "index": index, "delta": inner}

    def stop(index):
        return {"type": "content_block_stop", "index": index}

    message = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    return sse(
        {"type": "message_start", "message": {**message, "usage": {"input_tokens": 3, "output_tokens": 1}}},
        start(0, {"type": "text", "text": ""}),
        delta(0, type="text_delta", text="Two."),
        stop(0),
        start(1, {"type": "tool_use", "id": "call_1", "name": "text__translate", "input": {}}),
        delta(1, type="input_json_delta", partial_json='{"x": '),
        delta(1, type="input_json_delta", partial_json='"é"}'),
        stop(1),
        start(2, {"type": "tool_use", "id": "call_2", "name": "a__b", "input": {}}),
        delta(2, type="input_json_delta", partial_json=""),
        stop(2),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
        names=True,
    )


def gemini_events():
    def event(parts, **more):
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, **more}]}

    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
    calls = [
        {"functionCall": {"name": "text__translate", "args": {"x": "é"}, "id": "call_1"}},
        {"functionCall": {"name": "a__b", "args": {}, "id": "call_2"}},
    ]
    return event([{"text": "Two."}]), {**event(calls, finishReason="STOP"), "usageMetadata": usage}


def gemini_whole():
    first, last = gemini_events()
    parts = [event["candidates"][0]["content"]["parts"] for event in (first, last)]
    content = {"role": "model", "parts": parts[0] + parts[1]}
    return json.dumps({**last, "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}]}).encode()


def ollama_events():
    calls = [
        {"function": {"name": "text__translate", "arguments": {"x": "é"}}},
        {"function": {"name": "a__b", "arguments": {}}},
    ]
    return [
        {"model": "m", "message": {"role": "assistant", "content": "Two."}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": calls}, "done": False},
        {
            "model": "m",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 3,
            "eval_count": 4,
        },
    ]


def ollama_whole():
    first, middle, last = ollama_events()
    message = {**middle["message"], "content": first["message"]["content"]}
    return json.dumps({**last, "message": message}).encode()


def bedrock_whole():
    content = [
        {"text": "Two."},
        {"toolUse": {"toolUseId": "call_1", "name": "text__translate", "input": {"x": "é"}}},
        {"toolUse": {"toolUseId": "call_2", "name": "a__b", "input": {}}},
    ]
    return json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "tool_use",
            "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7},
            "metrics": {"latencyMs": 1},
        }
    ).encode()


def bedrock_stream():
    def use(index, id_, name, *pieces):
        start = {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id_, "name": name}}}
        deltas = [{"contentBlockIndex": index, "delta": {"toolUse": {"input": piece}}} for piece in pieces]
        return (
            frame("contentBlockStart", start)
            + b"".join(frame("contentBlockDelta", delta) for delta in deltas)
            + frame("contentBlockStop", {"contentBlockIndex": index})
        )

    usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
    return (
        frame("messageStart", {"role": "assistant"})
        + frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Two."}})
        + frame("contentBlockStop", {"contentBlockIndex": 0})
        + use(1, "call_1", "text__translate", '{"x": ', '"é"}')
        + use(2, "call_2", "a__b", "")
        + frame("messageStop", {"stopReason": "tool_use"})
        + frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})
    )


def cohere_stream():
    def start(index, id_, name):
        call = {"id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
        return {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": call}}}

    def delta(index, piece):
        call = {"function": {"arguments": piece}}
        return {"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": call}}}

    usage = {"tokens": {"input_tokens": 3, "output_tokens": 4}}
    return sse(
        {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Two."}}}},
        start(0, "call_1", "text__translate"),
        delta(0, '{"x": '),
        delta(0, '"é"}'),
        {"type": "tool-call-end", "index": 0},
        start(1, "call_2", "a__b"),
        {"type": "tool-call-end", "index": 1},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}},
        names=True,
    )


EVENT_STREAM = {"content-type": "text/event-stream"}
AWS = {
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
    "aws_region_name": "us-east-1",
}
# provider: model, options (given the base URL), whole bytes, streamed bytes, header of the stream
WIRES = {
    "openai": (
        "openai/m",
        lambda url: {"api_base": f"{url}/v1", "api_key": "k"},
        openai_whole,
        openai_stream,
        EVENT_STREAM,
    ),
    "groq": (
        "groq/m",
        lambda url: {"api_base": f"{url}/v1", "api_key": "k"},
        openai_whole,
        openai_stream,
        EVENT_STREAM,
    ),
    "hosted_vllm": (
        "hosted_vllm/m",
        lambda url: {"api_base": f"{url}/v1", "api_key": "k"},
        openai_whole,
        openai_stream,
        EVENT_STREAM,
    ),
    "mistral": (
        "mistral/m",
        lambda url: {"api_base": f"{url}/v1", "api_key": "k"},
        openai_whole,
        openai_stream,
        EVENT_STREAM,
    ),
    "anthropic": (
        "anthropic/m",
        lambda url: {"api_base": url, "api_key": "k"},
        anthropic_whole,
        anthropic_stream,
        EVENT_STREAM,
    ),
    "gemini": (
        "google/m",
        lambda url: {"api_base": url, "api_key": "k"},
        gemini_whole,
        lambda: sse(*gemini_events(), end="\r\n"),
        EVENT_STREAM,
    ),
    "ollama_chat": (
        "ollama_chat/m",
        lambda url: {"api_base": url},
        ollama_whole,
        lambda: b"".join(json.dumps(event).encode() + b"\n" for event in ollama_events()),
        {"content-type": "application/x-ndjson"},
    ),
    "bedrock": (
        "bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0",
        lambda url: {**AWS, "aws_bedrock_runtime_endpoint": url},
        bedrock_whole,
        bedrock_stream,
        {"content-type": "application/vnd.amazon.eventstream"},
    ),
}
# Ollama's calls carry no ids: these are made here.
MADE = {"ollama_chat": ("call_0_0", "call_0_1")}
FINISH = {"gemini": "stop", "ollama_chat": "stop"}


def send(how, model, *, stream, messages=MESSAGES, tools=TOOLS, **options):
    if how == "sync":
        return complete(model, messages, tools=tools, stream=stream, **options)
    return LOOP.run(acomplete(model, messages, tools=tools, stream=stream, **options))


LOOP = asyncio.Runner()


@pytest.fixture(scope="module", autouse=True)
def _one_event_loop(litellm_offline):
    """litellm keeps a client for each event loop: one loop, closed with its clients."""
    yield
    import litellm

    LOOP.run(litellm.close_litellm_async_clients())
    LOOP.close()


FOUR_WAYS = pytest.mark.parametrize(
    ("how", "stream"), [(how, stream) for how in ("sync", "async") for stream in (False, True)]
)


@FOUR_WAYS
@pytest.mark.parametrize("provider", list(WIRES))
def test_one_reply_for_all_four_ways(loopback, provider, how, stream):
    model, options, whole, streamed, header = WIRES[provider]
    data = streamed() if stream else whole()
    cuts = [data[: len(data) // 3], data[len(data) // 3 : -7], data[-7:]] if stream else [data]
    loopback.answers_with(*cuts, headers=header if stream else None)
    before = copy.deepcopy((MESSAGES, TOOLS))

    reply = send(how, model, stream=stream, **options(loopback.url))

    first, second = MADE.get(provider, ("call_1", "call_2"))
    assert reply == Reply(
        text="Two.",
        calls=(ToolCall("text/translate", {"x": "é"}, first), ToolCall("a__b", {}, second)),
        finish=FINISH.get(provider, "tool_calls"),
        usage=reply.usage,
    )
    assert reply.usage in (None, Usage(3, 4, 7))
    assert before == (MESSAGES, TOOLS)
    assert len(loopback.requests) == 1
    sent = json.dumps(json.loads(loopback.requests[0][2]))
    assert "text__translate" in sent
    assert "text/translate" not in sent


@pytest.mark.parametrize("how", ["sync", "async"])
def test_coheres_event_stream_is_read(loopback, how):
    loopback.answers_with(cohere_stream(), headers=EVENT_STREAM)
    reply = send(how, "cohere_chat/m", stream=True, api_base=loopback.url, api_key="k")
    assert reply.text == "Two."
    assert reply.calls == (ToolCall("text/translate", {"x": "é"}, "call_1"), ToolCall("a__b", {}, "call_2"))
    assert (reply.finish, reply.usage) == ("tool_calls", Usage(3, 4, 7))


def openai_at(loopback, **more):
    return {"api_base": f"{loopback.url}/v1", "api_key": "sk-planted-4711", **more}


def openai_message(content=None, finish="stop", **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    ).encode()


@FOUR_WAYS
@pytest.mark.parametrize("provider", list(WIRES))
def test_a_stream_that_breaks_off_or_just_ends_is_cut_and_gives_no_half_call(loopback, provider, how, stream):
    model, options, _, streamed, header = WIRES[provider]
    data = streamed()
    cut = stream  # whole/streamed doubles as broken connection/clean end here
    part = data[: data.index(b"toolUse\x00") if False else int(len(data) * 0.6)]
    loopback.answers_with(part[:50], part[50:], headers=header, cut=cut)
    with pytest.raises(StreamCutError) as raised:
        send(how, model, stream=True, **options(loopback.url))
    assert raised.value.reply.calls == ()
    assert raised.value.reply.finish is None
    assert all(error.fault == "cut_off" for error in raised.value.reply.errors)


def test_a_cut_stream_keeps_what_had_come(loopback):
    data = openai_stream()
    loopback.answers_with(data[: data.index(b'\\"\\u00e9')], headers=EVENT_STREAM)
    with pytest.raises(StreamCutError) as raised:
        send("sync", "hosted_vllm/m", stream=True, **openai_at(loopback))
    reply = raised.value.reply
    assert reply.text == "Two."
    assert [(error.name, error.raw, error.index) for error in reply.errors] == [
        ("text/translate", '{"x": ', 0),
        ("a__b", "", 1),
    ]


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm", "anthropic", "ollama_chat", "bedrock"])
def test_an_empty_stream_is_no_answer(loopback, provider):
    model, options, _, _, header = WIRES[provider]
    loopback.answers_with(b"", headers=header)
    with pytest.raises((StreamCutError, UnreadableReplyError)):
        send("sync", model, stream=True, **options(loopback.url))


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_line_in_the_middle_that_is_no_json_is_told_and_not_skipped(loopback, how):
    loopback.answers_with(
        openai_stream().replace(b'"delta": {"content"', b'"delta": {content', 1), headers=EVENT_STREAM
    )
    with pytest.raises(UnreadableReplyError) as raised:
        send(how, "hosted_vllm/m", stream=True, **openai_at(loopback))
    assert "delta" in raised.value.raw


ERRORS = [
    (400, BadRequestError),
    (401, AuthenticationError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (408, ProviderTimeoutError),
    (422, BadRequestError),
    (429, RateLimitError),
    (500, ServerError),
    (503, ServerError),
    (529, ServerError),
]


@pytest.mark.parametrize(("status", "kind"), ERRORS)
@pytest.mark.parametrize("provider", list(WIRES))
def test_a_refusal_is_told_by_its_status_with_retry_after_and_never_retried(loopback, provider, status, kind):
    model, options, *_ = WIRES[provider]
    body = json.dumps({"error": {"message": "no", "type": "x"}}).encode()
    for index, (how, stream) in enumerate([("sync", False), ("async", True), ("sync", True), ("async", False)]):
        loopback.answers[:] = [(status, {"retry-after": "7"}, (body,), False)]
        with pytest.raises(kind) as raised:
            send(how, model, stream=stream, **options(loopback.url))
        assert type(raised.value) is kind
        assert (raised.value.status, raised.value.retry_after) == (status, 7.0)
        assert len(loopback.requests) == index + 1


@FOUR_WAYS
@pytest.mark.parametrize("provider", list(WIRES))
def test_nobody_at_home_is_a_failed_connection(litellm_offline, provider, how, stream):
    model, options, *_ = WIRES[provider]
    with pytest.raises(ConnectionFailedError):
        send(how, model, stream=stream, **options("http://127.0.0.1:9"))


def test_a_conversation_too_long_is_told_apart(loopback):
    body = {
        "error": {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}
    }
    loopback.answers_with(json.dumps(body).encode(), status=400)
    with pytest.raises(ContextWindowError) as raised:
        send("sync", "openai/m", stream=False, **openai_at(loopback))
    assert raised.value.status == 400


@pytest.mark.parametrize("provider", list(WIRES))
@pytest.mark.parametrize("body", [b"", b"not json", b'{"id": 1', b"[]", b"{}", b"null", b"5", b'{"choices": []}'])
def test_an_answer_of_200_that_is_none_is_unreadable(loopback, provider, body):
    model, options, *_ = WIRES[provider]
    loopback.answers_with(body)
    with pytest.raises(UnreadableReplyError):
        send("sync", model, stream=False, **options(loopback.url))


def test_the_key_is_in_no_error(loopback):
    loopback.answers_with(b'{"error": {"message": "no"}}', status=401)
    with pytest.raises(AuthenticationError) as raised:
        send("sync", "openai/m", stream=False, **openai_at(loopback))
    assert "planted" not in f"{raised.value!r} {raised.value}"


def test_the_whole_conversation_speaks_wire_names_and_legal_ids(loopback):
    loopback.answers_with(openai_message("Done."))
    messages = [
        *MESSAGES,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "functions.x:0" * 9,
                    "type": "function",
                    "function": {"name": "text/translate", "arguments": ""},
                },
                {"id": "b", "type": "function", "function": {"name": "gone.tool", "arguments": {"y": 1}}},
            ],
        },
        {"role": "tool", "tool_call_id": "functions.x:0" * 9, "name": "text/translate", "content": "Hello"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]
    before = copy.deepcopy(messages)
    choice = {"type": "function", "function": {"name": "text/translate"}}
    complete("openai/m", messages, tools=TOOLS, tool_choice=choice, **openai_at(loopback))
    sent = json.loads(loopback.requests[0][2])
    calls = sent["messages"][1]["tool_calls"]
    assert [one["function"]["name"] for one in sent["tools"]] == ["text__translate", "a__b"]
    assert sent["tool_choice"]["function"]["name"] == "text__translate"
    assert calls[0]["function"] == {"name": "text__translate", "arguments": "{}"}
    assert calls[1]["function"]["arguments"] == '{"y": 1}'
    assert calls[1]["function"]["name"].startswith("gone_tool_")
    assert len(calls[0]["id"]) <= 40
    assert [sent["messages"][place]["tool_call_id"] for place in (2, 3)] == [calls[0]["id"], "b"]
    assert messages == before


def test_bedrocks_names_never_reach_litellms_own_renaming(loopback):
    """litellm renames Bedrock's tools through one table for the whole process: a/b of one request came back in the next."""
    model, options, *_ = WIRES["bedrock"]

    def answer(name):
        use = {"toolUse": {"toolUseId": "1", "name": name, "input": {}}}
        body = {"output": {"message": {"role": "assistant", "content": [use]}}, "stopReason": "tool_use"}
        usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        return json.dumps({**body, "usage": usage, "metrics": {"latencyMs": 1}}).encode()

    for own in ("a/b", "a.b", "a_b", "1b", "_b"):
        loopback.answers[:] = [(200, {}, (answer("placeholder"),), False)]
        with pytest.raises(ToolCallError):
            completion(model, MESSAGES, tools=[tool(own)], **options(loopback.url))
        wire = json.loads(loopback.requests[-1][2])["toolConfig"]["tools"][0]["toolSpec"]["name"]
        loopback.answers[:] = [(200, {}, (answer(wire),), False)]
        (call,), _ = completion(model, MESSAGES, tools=[tool(own)], **options(loopback.url))
        assert call["name"] == own


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_call_on_bedrock_has_its_own_name_whatever_another_request_of_the_process_sent(loopback, stream):
    import litellm

    model, options, whole, streamed, header = WIRES["bedrock"]
    loopback.answers_with(whole())
    litellm.completion(model, MESSAGES, tools=[tool("a/_b")], **options(loopback.url))
    assert litellm.bedrock_tool_name_mappings.cache_dict["a__b"] == "a/_b"
    loopback.answers[:] = []
    loopback.answers_with(streamed() if stream else whole(), headers=header if stream else None)
    reply = complete(model, MESSAGES, tools=TOOLS, stream=stream, **options(loopback.url))
    del litellm.bedrock_tool_name_mappings.cache_dict["a__b"]
    assert [call.name for call in reply.calls] == ["text/translate", "a__b"]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_null_for_the_arguments_of_the_old_function_call_is_nothing_yet(loopback, how):
    deltas = [{"function_call": {"name": "a__b", "arguments": None}}, {"function_call": {"arguments": "{}"}}]
    choices = [{"index": 0, "delta": one, "finish_reason": None} for one in deltas]
    choices[-1]["finish_reason"] = "function_call"
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    loopback.answers_with(sse(*({**head, "choices": [one]} for one in choices), "[DONE]"), headers=EVENT_STREAM)
    reply = send(how, "hosted_vllm/m", stream=True, **openai_at(loopback))
    assert [(call.name, call.parameters) for call in reply.calls] == [("a__b", {})]


def test_the_documented_tuple(loopback):
    loopback.answers_with(openai_message("Hello."))
    assert completion("openai/m", MESSAGES, 0.5, 10, **openai_at(loopback)) == ("Hello.", True)
    assert completion("openai/m", MESSAGES, tools=TOOLS, **openai_at(loopback)) == ("Hello.", True)
    sent = json.loads(loopback.requests[0][2])
    assert (sent["temperature"], sent["max_tokens"]) == (0.5, 10)
    loopback.answers[:] = [(200, {}, (openai_whole(),), False)]
    calls = [
        {"name": "text/translate", "parameters": {"x": "é"}, "id": "call_1"},
        {"name": "a__b", "parameters": {}, "id": "call_2"},
    ]
    assert completion("openai/m", MESSAGES, tools=TOOLS, **openai_at(loopback)) == (calls, True)
    assert LOOP.run(acompletion("openai/m", MESSAGES, tools=TOOLS, **openai_at(loopback))) == (calls, True)


def test_a_broken_call_is_raised_by_the_tuple_and_kept_by_the_reply(loopback):
    loopback.answers_with(openai_whole().replace(b'\\"}"', b'\\""', 1))
    reply = complete("openai/m", MESSAGES, tools=TOOLS, **openai_at(loopback))
    assert [call.name for call in reply.calls] == ["a__b"]
    assert (reply.errors[0].name, reply.errors[0].raw, reply.text) == ("text/translate", '{"x": "é"', "Two.")
    with pytest.raises(ToolCallError) as raised:
        completion("openai/m", MESSAGES, tools=TOOLS, **openai_at(loopback))
    assert (raised.value.calls, raised.value.errors, raised.value.text) == (reply.calls, reply.errors, "Two.")


def test_a_backend_knows_its_models(loopback):
    loopback.answers_with(openai_message("Hello."))
    backend = LiteLLMBackend(
        [
            ModelConfig(name="m", backend="openai", hostname=f"{loopback.url}/v1", api_key="sk-planted-4711"),
            {"name": "gemini-2.5-flash", "backend": "google"},
            "anthropic/claude",
        ]
    )
    assert backend.llms == ["openai/m", "gemini/gemini-2.5-flash", "anthropic/claude"]
    assert backend.completion("openai/m", MESSAGES, 0.1) == ("Hello.", True)
    assert LOOP.run(backend.acompletion("openai/m", MESSAGES)) == ("Hello.", True)
    assert backend.complete("openai/m", MESSAGES).text == "Hello."
    assert LOOP.run(backend.acomplete("openai/m", MESSAGES)).text == "Hello."
    assert loopback.requests[0][1]["authorization"] == "Bearer sk-planted-4711"
    with pytest.raises(UsageError, match="there are openai/m, gemini"):
        backend.complete("openai/other", MESSAGES)
    with pytest.raises(UsageError, match="two models share an id: openai/m"):
        LiteLLMBackend(["openai/m", {"name": "m", "backend": "openai"}])


def test_json_is_asked_for_as_the_provider_understands_it(loopback):
    loopback.answers_with(openai_message('{"name": "a__b", "arguments": {}}'))
    reply = complete("openai/m", MESSAGES, tools=TOOLS, message_return_type="json", **openai_at(loopback))
    assert reply.text == '{"name": "a__b", "arguments": {}}'
    assert reply.calls == ()
    sent = json.loads(loopback.requests[0][2])
    assert sent["response_format"] == {"type": "json_object"}
    assert "format" not in sent
    loopback.answers[:] = [(200, {}, (ollama_whole(),), False)]
    complete("ollama_chat/m", MESSAGES, message_return_type="json", api_base=loopback.url)
    assert json.loads(loopback.requests[1][2])["format"] == "json"
    with pytest.raises(UnsupportedError, match="anthropic has no JSON mode without a schema"):
        complete("anthropic/m", MESSAGES, message_return_type="json", api_base=loopback.url, api_key="k")
    with pytest.raises(UnsupportedError, match="can't ask cohere"):
        complete("cohere/m", MESSAGES, message_return_type="json", api_base=loopback.url, api_key="k")
    assert len(loopback.requests) == 2


def test_what_the_provider_ran_itself_is_never_the_clients(loopback):
    content = [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"title": "T"}]},
        {"type": "text", "text": "Found."},
    ]
    body = {**json.loads(anthropic_whole()), "content": content, "stop_reason": "end_turn"}
    loopback.answers_with(json.dumps(body).encode())
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    reply = complete("anthropic/m", MESSAGES, tools=tools, api_base=loopback.url, api_key="k")
    assert reply.calls == ()
    assert reply.errors == ()
    assert reply.provider_calls == (
        ProviderCall("web_search", {"query": "x"}, "srvtoolu_1", {"content": [{"title": "T"}]}),
    )
    assert reply.text == "Found."


def test_groqs_whole_answers_without_a_tier_and_snowflakes_without_a_reason_are_read(loopback):
    loopback.answers_with(openai_message("Hi.", finish=""))
    for model in ("groq/m", "snowflake/m"):
        reply = complete(
            model, MESSAGES, **openai_at(loopback, account_id="x") if model == "snowflake/m" else openai_at(loopback)
        )
        assert (reply.text, reply.finish) == ("Hi.", None)


@pytest.mark.parametrize(
    "error_event",
    [
        {
            "error": {
                "message": "bad call",
                "type": "invalid_request_error",
                "code": "tool_use_failed",
                "status_code": 400,
            }
        },
    ],
)
def test_groqs_error_event_is_the_refusal_that_it_is(loopback, error_event):
    loopback.answers_with(sse(error_event), headers=EVENT_STREAM)
    with pytest.raises(BadRequestError) as raised:
        send("sync", "groq/m", stream=True, **openai_at(loopback))
    assert raised.value.status == 400


def test_anthropics_error_event_is_told(loopback):
    data = anthropic_stream()
    error = sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, names=True)
    loopback.answers_with(data[: data.index(b"event: content_block_stop")] + error, headers=EVENT_STREAM)
    with pytest.raises(ServerError):
        send("sync", "anthropic/m", stream=True, api_base=loopback.url, api_key="k")


@pytest.mark.parametrize("stream", [False, True])
def test_geminis_call_without_args_and_null_counts_are_read(loopback, stream):
    event = gemini_events()[1]
    event["candidates"][0]["content"]["parts"] = [{"functionCall": {"name": "a__b"}}]
    event["usageMetadata"]["totalTokenCount"] = None
    data = sse(event) if stream else json.dumps(event).encode()
    loopback.answers_with(data, headers=EVENT_STREAM if stream else None)
    reply = send("sync", "gemini/m", stream=stream, api_base=loopback.url, api_key="k")
    assert reply.calls == (ToolCall("a__b", {}, "call_0_0"),)


def test_made_ids_are_the_same_on_each_replay_and_count_the_turns(loopback):
    event = gemini_events()[1]
    for part in event["candidates"][0]["content"]["parts"]:
        del part["functionCall"]["id"]
    messages = [*MESSAGES, {"role": "assistant", "content": "Yes?"}, *MESSAGES]
    for stream in (False, True):
        loopback.answers[:] = [
            (200, EVENT_STREAM if stream else {}, (sse(event) if stream else json.dumps(event).encode(),), False)
        ]
        reply = send("sync", "gemini/m", stream=stream, messages=messages, api_base=loopback.url, api_key="k")
        assert [call.id for call in reply.calls] == ["call_1_0", "call_1_1"]


def test_what_cannot_be_asked_is_refused_before_anything_is_sent(loopback):
    loopback.answers_with(openai_message("Hi."))
    at = openai_at(loopback)
    with pytest.raises(UsageError, match="names no provider"):
        complete("gpt-4o", MESSAGES, **at)
    with pytest.raises(UsageError, match="nosuch"):
        complete("nosuch/m", MESSAGES, **at)
    with pytest.raises(DuplicateToolError, match="'a__b'"):
        complete("openai/m", MESSAGES, tools=[*TOOLS, tool("a__b")], **at)
    with pytest.raises(UsageError, match="no tools are offered"):
        complete("openai/m", MESSAGES, tool_choice="required", **at)
    with pytest.raises(UsageError, match="'other', which is not offered"):
        complete(
            "openai/m", MESSAGES, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "other"}}, **at
        )
    with pytest.raises(UsageError, match="message 1 is a tool's result without tool_call_id"):
        complete("openai/m", [*MESSAGES, {"role": "tool", "content": "x"}], **at)
    with pytest.raises(UsageError, match="message 0 is no message"):
        complete("openai/m", ["Hi"], **at)
    with pytest.raises(UsageError, match="message_return_type"):
        complete("openai/m", MESSAGES, message_return_type="xml", **at)
    assert loopback.requests == []
