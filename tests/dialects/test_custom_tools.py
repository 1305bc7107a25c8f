"""The free text of OpenAI's custom tools is read as it is, whole and streamed, over both of its APIs."""

from __future__ import annotations

import json

import pytest

from harness.core.chat import ToolCall
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS

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


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("text", TEXTS)
def test_free_text_is_the_input(text: str, stream: bool) -> None:
    reply = DIALECTS["openai"].read(chat(text, stream=stream))
    assert reply.calls == (ToolCall("patch", {"input": text}, "call_1"),)
    assert reply.errors == ()
