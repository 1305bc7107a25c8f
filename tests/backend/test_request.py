"""Custom tools in a request: as they are where the provider has them, as functions of one text elsewhere."""

from __future__ import annotations

import copy
import json

import pytest

from harness.backend.completion import complete
from harness.backend.request import prepare_request
from harness.core.chat import ToolCall
from harness.core.errors import UnsupportedError, UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.interception.clients import answering

GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "a"'}}
PATCH = {"type": "custom", "custom": {"name": "a/patch", "description": "Patches.", "format": {"type": "text"}}}
PLAIN = {"type": "function", "function": {"name": "get_x", "description": "Gets.", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "custom", "custom": {"name": "a/patch", "input": '{"é'}}
ASKED = [{"role": "user", "content": "Hi"}]
PAST = [*ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
PAST += [{"role": "tool", "tool_call_id": "call_1", "content": "done"}]
MODELS = {"openai": "openai/gpt-4o", "azure": "azure/gpt-4o", "responses": "openai/gpt-5-codex"}
OTHERS = ["anthropic/m", "gemini/m", "groq/m", "hosted_vllm/m", "deepseek/m", "cohere_chat/m", "ollama_chat/m"]
OTHERS += ["bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0", "mistral/m", "xai/m", "openrouter/m"]


def arguments(model, tools=(PATCH, PLAIN), messages=PAST, **options):
    return prepare_request(model, messages, list(tools), options, stream=False).arguments


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_where_the_provider_has_them_custom_tools_go_out_as_they_are(model):
    sent = arguments(model, [{**PATCH, "custom": {**PATCH["custom"], "format": GRAMMAR}}, PLAIN])
    assert sent["tools"][0]["custom"] == {"name": "a__patch", "description": "Patches.", "format": GRAMMAR}
    assert sent["messages"][1]["tool_calls"][0]["custom"] == {"name": "a__patch", "input": '{"é'}


@pytest.mark.parametrize("model", OTHERS)
def test_elsewhere_they_are_functions_of_one_text(model):
    given = copy.deepcopy((PATCH, PAST))
    sent = arguments(model)
    patch, plain = sent["tools"]
    assert patch["function"]["parameters"]["properties"] == {"input": {"type": "string"}}
    assert (patch["type"], patch["function"]["description"]) == ("function", "Patches.")
    assert plain == PLAIN
    (call,) = sent["messages"][1]["tool_calls"]
    assert (call["type"], json.loads(call["function"]["arguments"])) == ("function", {"input": '{"é'})
    assert call["function"]["name"] == patch["function"]["name"]
    assert given == (PATCH, PAST)
    with pytest.raises(UnsupportedError, match=r"the custom tool 'a/patch' has a grammar"):
        arguments(model, [{**PATCH, "custom": {**PATCH["custom"], "format": GRAMMAR}}])


def test_a_choice_that_names_a_custom_tool_names_the_function_that_it_is_elsewhere():
    sent = arguments("anthropic/m", tool_choice={"type": "custom", "custom": {"name": "a/patch"}})
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "a__patch"}}
    with pytest.raises(UsageError, match="'nobody', which is not offered"):
        arguments("anthropic/m", tool_choice={"type": "custom", "custom": {"name": "nobody"}})
    with pytest.raises(UnsupportedError, match="has a grammar"):
        arguments("anthropic/m", [{**PATCH, "custom": {**PATCH["custom"], "format": "lark"}}])


def test_a_choice_that_names_a_custom_tool_is_refused_before_litellm_does():
    with pytest.raises(UnsupportedError, match="names a custom tool"):
        arguments("openai/gpt-4o", tool_choice={"type": "custom", "custom": {"name": "a/patch"}})


def answered(body):
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(body).encode()),))


CHAT = {"role": "assistant", "content": None}
ANSWERS = {
    "openai": {
        "id": "c",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {**CHAT, "tool_calls": [{**CALL, "custom": {"name": "a__patch", "input": '{"é'}}]},
            }
        ],
    },
    "responses": {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {"type": "custom_tool_call", "id": "ctc", "call_id": "call_1", "name": "a__patch", "input": '{"é'},
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    },
}


@pytest.mark.parametrize("wire", ANSWERS)
def test_the_message_of_a_custom_call_goes_back_as_one(wire):
    sent = []

    def answer(request):
        sent.append(json.loads(request.body))
        return answered(ANSWERS[wire])

    with answering(answer):
        reply = complete(MODELS[wire], ASKED, tools=[PATCH, PLAIN], api_key="k")
        assert reply.calls == (ToolCall("a/patch", {"input": '{"é'}, "call_1"),)
        history = [*ASKED, reply.message, {"role": "tool", "tool_call_id": "call_1", "content": "done"}]
        complete(MODELS[wire], history, tools=[PATCH, PLAIN], api_key="k")
    if wire == "openai":
        assert sent[1]["messages"][1]["tool_calls"] == [{**CALL, "custom": {"name": "a__patch", "input": '{"é'}}]
        return
    _, call, result = sent[1]["input"]
    assert (call["type"], call["call_id"], call["name"], call["input"]) == (
        "custom_tool_call",
        "call_1",
        "a__patch",
        '{"é',
    )
    assert (result["type"], result["call_id"]) == ("custom_tool_call_output", "call_1")
