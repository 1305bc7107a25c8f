"""What a provider wants back goes back byte for byte with the next turn, and to no other model."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from harness.backend.completion import acomplete, complete
from harness.backend.repairs import anthropic_runs, executed_tools, gemini_runs
from harness.backend.repairs import responses as bridge
from harness.backend.repairs.raw_answer import json_values, own_usage, state_of
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.framing import eventstream
from harness.dialects.providers import PROFILES
from harness.interception.clients import answering

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

TOOLS = [{"type": "function", "function": {"name": "get/x", "parameters": {"type": "object"}}}]
MESSAGES = [{"role": "user", "content": "Hi"}]
SIGNED = "EqQB+/sig=="
SECRET = "gAAAA/+secret=="


def events(*made, named=True):
    lines = (f"event: {one['type']}\n" if named and "type" in one else "" for one in made)
    return "".join(f"{head}data: {json.dumps(one)}\n\n" for head, one in zip(lines, made, strict=True)).encode()


THINKING = {"type": "thinking", "thinking": "Let me\nsee é.", "signature": SIGNED}
REDACTED = {"type": "redacted_thinking", "data": SECRET}


def anthropic(stream):
    use = {"type": "tool_use", "id": "toolu_1", "name": "get__x", "input": {}}
    text = {"type": "text", "text": "So."}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    if not stream:
        content = [THINKING, REDACTED, text, use]
        return json.dumps({**head, "content": content, "stop_reason": "tool_use", "usage": usage}).encode()
    made = [{"type": "message_start", "message": {**head, "content": [], "stop_reason": None, "usage": usage}}]
    started = {**THINKING, "thinking": "", "signature": ""}, REDACTED, {**text, "text": ""}, use
    deltas = (
        [{"type": "thinking_delta", "thinking": one} for one in ("Let me\ns", "ee é.")]
        + [{"type": "signature_delta", "signature": one} for one in (SIGNED[:5], SIGNED[5:])],
        [],
        [{"type": "text_delta", "text": "So."}],
        [{"type": "input_json_delta", "partial_json": "{}"}],
    )
    for index, (block, pieces) in enumerate(zip(started, deltas, strict=True)):
        made.append({"type": "content_block_start", "index": index, "content_block": block})
        made += [{"type": "content_block_delta", "index": index, "delta": one} for one in pieces]
        made.append({"type": "content_block_stop", "index": index})
    made += [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage}, {"type": "message_stop"}]
    return events(*made)


def invoke(stream):
    body = anthropic(stream)
    if not stream:
        return body
    head = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    data = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    frames = [json.dumps({"bytes": base64.b64encode(one).decode()}).encode() for one in data]
    return b"".join(eventstream.write(head, one) for one in frames)


def bedrock(stream):
    thought = {"reasoningText": {"text": "Let me\nsee é.", "signature": SIGNED}}
    use = {"toolUseId": "toolu_1", "name": "get__x"}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    if not stream:
        blocks = [{"reasoningContent": thought}, {"text": "So."}, {"toolUse": {**use, "input": {}}}]
        message = {"role": "assistant", "content": blocks}
        return json.dumps({"output": {"message": message}, "stopReason": "tool_use", "usage": usage}).encode()
    pieces = [{"text": "Let me\ns"}, {"text": "ee é."}, {"signature": SIGNED}]
    made = [("messageStart", {"role": "assistant"})]
    made += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": one}}) for one in pieces]
    made += [("contentBlockStop", {"contentBlockIndex": 0})]
    made += [("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "So."}})]
    made += [("contentBlockStop", {"contentBlockIndex": 1})]
    made += [("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": use}})]
    made += [("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{}"}}})]
    made += [("contentBlockStop", {"contentBlockIndex": 2}), ("messageStop", {"stopReason": "tool_use"})]
    made += [("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})]
    head = {":content-type": "application/json", ":message-type": "event"}
    return b"".join(eventstream.write({":event-type": kind, **head}, json.dumps(one).encode()) for kind, one in made)


def chat(message, pieces, **extra):
    def body(stream):
        head = {"id": "c", "created": 1, "model": "m"}
        function = {"name": "get__x", "arguments": "{}"}
        call = {"id": "call_1", "type": "function", "function": function, **extra}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        if not stream:
            whole = {"role": "assistant", "content": "So.", **message, "tool_calls": [call]}
            choice = {"index": 0, "message": whole, "finish_reason": "tool_calls"}
            return json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        deltas = [*pieces, {"content": "So."}, {"tool_calls": [{"index": 0, **call}]}]
        choices = [{"index": 0, "delta": one, "finish_reason": None} for one in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
        made = [{**head, "object": "chat.completion.chunk", "choices": [one]} for one in choices]
        return events(*made) + b"data: [DONE]\n\n"

    return body


DETAILS = [
    {"type": "reasoning.text", "text": "Let me see.", "signature": SIGNED, "format": "x", "index": 0},
    {"type": "reasoning.encrypted", "data": SECRET, "format": "x", "id": "call_1", "index": 1},
]
DETAIL_PIECES = [
    {"reasoning_details": [{"type": "reasoning.text", "text": "Let me ", "format": "x", "index": 0}]},
    {"reasoning_details": [{"type": "reasoning.text", "text": "see.", "signature": SIGNED, "index": 0}]},
    {"reasoning_details": [DETAILS[1]]},
]
EXTRA = {"extra_content": {"google": {"thought_signature": SIGNED}}}


def gemini(stream):
    parts = [
        {"text": "So.", "thoughtSignature": SECRET},
        {"functionCall": {"name": "get__x", "args": {}}, "thoughtSignature": SIGNED},
    ]
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}]}
    answer |= {"usageMetadata": usage, "modelVersion": "m"}
    return events(answer, named=False) if stream else json.dumps(answer).encode()


REASONING = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": SECRET,
    },
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": SIGNED},
]


def responses(stream):
    text = {"type": "output_text", "text": "So.", "annotations": []}
    items = [
        REASONING[0],
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]},
        REASONING[1],
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get__x", "arguments": "{}"},
    ]
    body = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": items}
    if not stream:
        return json.dumps(body).encode()
    made = [{"type": "response.output_item.done", "output_index": n, "item": one} for n, one in enumerate(items)]
    begun = {"type": "response.created", "response": {**body, "status": "in_progress", "output": []}}
    return events(begun, *made, {"type": "response.completed", "response": {**body, "output": []}})


def at(*path):
    def find(body):
        for step in path:
            body = body[step]
        return body

    return find


def of_anthropic(body):
    return [one for one in body["messages"][1]["content"] if "thinking" in one["type"]]


CASES = {
    "anthropic": (anthropic, of_anthropic, [THINKING, REDACTED]),
    "bedrock/invoke": (invoke, of_anthropic, [THINKING, REDACTED]),
    "bedrock": (
        bedrock,
        at("messages", 1, "content", 0),
        {"reasoningContent": {"reasoningText": {"text": "Let me\nsee é.", "signature": SIGNED}}},
    ),
    "deepseek": (
        chat(
            {"reasoning_content": "Let me\nsee é."},
            [{"reasoning_content": "Let me\ns"}, {"reasoning_content": "ee é."}],
        ),
        at("messages", 1, "reasoning_content"),
        "Let me\nsee é.",
    ),
    "openrouter": (
        chat({"reasoning_details": DETAILS}, DETAIL_PIECES),
        at("messages", 1, "reasoning_details"),
        DETAILS,
    ),
    "openai": (chat({}, [], **EXTRA), at("messages", 1, "tool_calls", 0, "extra_content"), EXTRA["extra_content"]),
    "gemini": (
        gemini,
        lambda body: [part["thoughtSignature"] for part in body["contents"][1]["parts"] if "thoughtSignature" in part],
        [SECRET, SIGNED],
    ),
    "openai/responses": (
        responses,
        lambda body: [item for item in body["input"] if item.get("type") == "reasoning"],
        REASONING,
    ),
}
KINDS = {"bedrock": "application/vnd.amazon.eventstream", "bedrock/invoke": "application/vnd.amazon.eventstream"}


def send(provider, messages, answers, *, stream=False, how="sync", model=""):
    """The replies to a question and what was sent for it."""
    row = PROFILES[provider]
    sent = []

    def answer(request):
        sent.append(json.loads(request.body))
        kind = KINDS.get(provider, "text/event-stream") if stream else "application/json"
        return HttpResponse(200, (("content-type", kind),), (Chunk(answers),))

    options = {"tools": TOOLS, "stream": stream, **row.options}
    with answering(answer):
        if how == "async":
            reply = asyncio.run(acomplete(model or row.model, messages, **options))
        else:
            reply = complete(model or row.model, messages, **options)
    return reply, sent[-1]


def next_turn(reply):
    results = [{"role": "tool", "tool_call_id": call.id, "content": "done"} for call in reply.calls]
    return [*MESSAGES, reply.message, *results]


@pytest.mark.parametrize(("stream", "how"), [(False, "sync"), (True, "sync"), (True, "async")])
@pytest.mark.parametrize("provider", CASES)
def test_state_goes_back_as_it_came(provider, stream, how):
    answer, find, expected = CASES[provider]
    reply, _ = send(provider, MESSAGES, answer(stream), stream=stream, how=how)
    assert [call.name for call in reply.calls] == ["get/x"]
    assert [call["function"]["name"] for call in reply.message["tool_calls"]] == ["get/x"]
    assert (reply.message["role"], reply.message["content"]) == ("assistant", "So.")
    _, body = send(provider, next_turn(reply), answer(stream=False))
    assert find(body) == expected
    assert "state_of" not in json.dumps(body)


@pytest.mark.parametrize("other", ["openai", "anthropic", "gemini", "mistral", "bedrock", "openai/responses"])
@pytest.mark.parametrize("provider", CASES)
def test_state_goes_to_no_other_model_and_nothing_else_is_lost(provider, other):
    answer, _, _ = CASES[provider]
    reply, _ = send(provider, MESSAGES, answer(stream=False))
    another = "openai/responses/another" if other == "openai/responses" else f"{PROFILES[other].model}-2"
    model = another if other == provider else ""
    _, body = send(other, next_turn(reply), CASES.get(other, CASES["openai"])[0](stream=False), model=model)
    sent = json.dumps(body, ensure_ascii=False)
    assert SIGNED not in sent
    assert SECRET not in sent
    assert "Let me" not in sent
    assert "So." in sent
    assert "done" in sent
    assert sent.count("get__x") >= 2


def test_reasoning_items_keep_their_places_between_text_and_calls():
    reply, _ = send("openai/responses", MESSAGES, responses(stream=True), stream=True)
    _, body = send("openai/responses", next_turn(reply), responses(stream=False))
    kinds = [item.get("type") for item in body["input"]]
    assert kinds[1:] == ["reasoning", "message", "reasoning", "function_call", "function_call_output"]


def test_state_takes_no_part_in_equality():
    one, _ = send("anthropic", MESSAGES, anthropic(stream=False))
    other, _ = send("anthropic", MESSAGES, anthropic(stream=False).replace(SIGNED.encode(), b"other"))
    assert one == other
    assert one.message != other.message


@pytest.mark.parametrize("provider", CASES)
def test_state_that_was_tampered_with_goes_as_it_is(provider):
    answer, find, expected = CASES[provider]
    reply, _ = send(provider, MESSAGES, answer(stream=False))
    told = json.dumps(next_turn(reply))
    opaque = SIGNED if SIGNED in told else SECRET if SECRET in told else "Let me"
    assert opaque in told
    _, body = send(provider, json.loads(told.replace(opaque, "dGFtcGVyZWQ=")), answer(stream=False))
    assert find(body) == json.loads(json.dumps(expected).replace(opaque, "dGFtcGVyZWQ="))


UNUSUAL = (None, True, 5, "x", [], {}, [5], [[]], {"x": 5})


def altered(value):
    """``value`` with one thing of it after another of another kind."""
    yield from UNUSUAL
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for index, inner in places:
        for other in altered(inner):
            yield {**value, index: other} if isinstance(value, dict) else [*value[:index], other, *value[index + 1 :]]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", CASES)
def test_a_value_of_another_kind_is_no_state_and_no_error(provider, stream):
    if stream and provider.startswith("bedrock"):
        pytest.skip("frames are no lines of text; what they hold is altered above, whole")
    text = CASES[provider][0](stream).decode()
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith(("data: {", "{"))]
    for index, line in enumerate(lines):
        for other in altered(json.loads(line)):
            sent = "\n".join([*lines[:index], json.dumps(other), *lines[index + 1 :]])
            state_of(sent, PROFILES[provider].dialect, "m")
            for read in (
                anthropic_runs,
                executed_tools,
                gemini_runs,
                own_usage,
            ):
                read(sent)
            output = bridge.output_of(json_values(sent))
            assert output is None or all(isinstance(one, dict) for one in output.items)
