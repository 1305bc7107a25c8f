"""The free text of OpenAI's custom tools is read as it is, whole and streamed, over both of its APIs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.core.chat import Reply, ToolCall
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, HttpRequest, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.registry import read_chat_request

TEXTS = ["*** Begin {\n", '{"x": 1}', "null", "[1]", " "]


def sent(body: bytes, kind: str) -> HttpResponse:
    return HttpResponse(200, (("content-type", kind),), (Chunk(body),))


def chat(text: str, *, stream: bool) -> HttpResponse:
    call = {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": text}}
    if not stream:
        choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}
        return sent(json.dumps({"choices": [choice]}).encode(), "application/json")
    first = {**call, "index": 0, "custom": {"name": "patch", "input": ""}}
    deltas = [first, *({"index": 0, "custom": {"input": piece}} for piece in (text[:2], text[2:]))]
    choices = [{"index": 0, "delta": {"tool_calls": [one]}, "finish_reason": None} for one in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    events = "".join(f"data: {json.dumps({'choices': [one]})}\n\n" for one in choices)
    return sent(f"{events}data: [DONE]\n\n".encode(), "text/event-stream")


FORM = {"type": "grammar", "syntax": "lark", "definition": "start: A"}
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
CALLED = [{"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": "{"}}]
REQUESTS = {
    "https://api.openai.com/v1/chat/completions": {
        "tools": [
            {"type": "custom", "custom": {"name": "patch", "description": "Patches.", "format": GRAMMAR}},
            {"type": "custom", "custom": {"name": "say"}},
        ],
        "messages": [{"role": "assistant", "tool_calls": CALLED}],
    },
    "https://api.openai.com/v1/responses": {
        "tools": [
            {"type": "custom", "name": "patch", "description": "Patches.", "format": FORM},
            {"type": "namespace", "name": "crm", "tools": [{"type": "custom", "name": "say"}]},
        ],
        "input": [{"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "{"}],
    },
}


@pytest.mark.parametrize("url", REQUESTS)
def test_requests_with_custom_tools_are_read_alike(url: str) -> None:
    chat = read_chat_request(HttpRequest("POST", url, (), json.dumps(REQUESTS[url]).encode()))
    assert chat is not None
    patch, say = chat.tools
    assert (patch["function"]["description"], patch["custom"]) == ("Patches.", FORM)
    assert (say["custom"], say.get("namespace")) == ({"type": "text"}, "crm" if "responses" in url else None)
    (call,) = chat.messages[0]["tool_calls"]
    assert (call["type"], json.loads(call["function"]["arguments"])) == ("custom", {"input": "{"})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("wire", ["openai", "openai_responses"])
def test_a_custom_call_beside_a_function_is_written_and_read_back(wire: str, text: str, stream: bool) -> None:
    calls = (ToolCall("patch", {"input": text}, "call_1"), ToolCall("get_x", {"input": "1"}, "call_2"))
    reply = Reply(calls=calls, finish="tool_calls", state={"custom_calls": ["call_1"]})
    response = DIALECTS[wire].render(reply, stream=stream)
    assert DIALECTS[wire].read(response).calls == calls
    assert (b'"custom_tool_call"' if wire == "openai_responses" else b'"custom":{') in response.body
    with pytest.raises(UsageError, match="takes one text"):
        DIALECTS[wire].render(replace(reply, calls=(replace(calls[0], parameters={"x": 1}),)), stream=stream)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("text", TEXTS)
def test_free_text_is_the_input(text: str, stream: bool) -> None:
    reply = DIALECTS["openai"].read(chat(text, stream=stream))
    assert reply.calls == (ToolCall("patch", {"input": text}, "call_1"),)
    assert reply.errors == ()
