"""What a request asks, read off each provider's own words by hand-written bodies: all come to one value."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.core.exchange import HttpRequest
from harness.dialects import DIALECTS
from harness.dialects.registry import read_chat_request, read_request

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
CALL = {"id": "c1", "function": {"name": "get_x", "arguments": '{"x": 1}'}}
OPENAI = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ],
    "tools": [{"type": "function", "function": {"name": "get_x", "description": "Gets.", "parameters": SCHEMA}}],
    "tool_choice": "required",
}
TEXT = [{"type": "text", "text": "Hi"}]
BODIES = {
    "openai": (
        "https://api.openai.com/v1/chat/completions",
        {**OPENAI, "model": "m", "max_tokens": 5, "stop": ["x"], "parallel_tool_calls": False, "stream": True},
    ),
    "cohere": (
        "https://api.cohere.com/v2/chat",
        {**OPENAI, "model": "m", "max_tokens": 5, "stop_sequences": ["x"], "stream": True, "tool_choice": "REQUIRED"},
    ),
    "ollama": (
        "http://localhost:11434/api/chat",
        {**OPENAI, "model": "m", "options": {"num_predict": 5, "stop": ["x"]}},
    ),
    "anthropic": (
        "https://api.anthropic.com/v1/messages",
        {
            "model": "m",
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": "Hi"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "I look."},
                        {"type": "tool_use", "id": "c1", "name": "get_x", "input": {"x": 1}},
                    ],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "done"}]},
            ],
            "tools": [
                {"name": "get_x", "description": "Gets.", "input_schema": SCHEMA},
                {"type": "web_search_20250305", "name": "web_search"},
            ],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "max_tokens": 5,
            "stop_sequences": ["x"],
            "stream": True,
        },
    ),
    "bedrock": (
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream",
        {
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"text": "I look."},
                        {"toolUse": {"toolUseId": "c1", "name": "get_x", "input": {"x": 1}}},
                    ],
                },
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "done"}]}}]},
            ],
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "get_x", "description": "Gets.", "inputSchema": {"json": SCHEMA}}}],
                "toolChoice": {"any": {}},
            },
            "inferenceConfig": {"maxTokens": 5, "stopSequences": ["x"]},
        },
    ),
    "gemini": (
        "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "I look."},
                        {"functionCall": {"id": "c1", "name": "get_x", "args": {"x": 1}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"id": "c1", "name": "get_x", "response": {"content": "done"}}},
                    ],
                },
            ],
            "tools": [
                {
                    "functionDeclarations": [
                        {
                            "name": "get_x",
                            "description": "Gets.",
                            "parameters": {
                                "type": "OBJECT",
                                "properties": {"x": {"type": "INTEGER"}},
                                "required": ["x"],
                            },
                        }
                    ]
                }
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "generationConfig": {"maxOutputTokens": 5, "stopSequences": ["x"]},
        },
    ),
}


def request(name, **changed):
    url, body = BODIES[name]
    return HttpRequest("POST", url, (), json.dumps({**body, **changed}).encode())


def texts(content):
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@pytest.mark.parametrize("name", BODIES)
def test_every_api_says_the_same(name):
    found = read_chat_request(request(name))
    assert (found.dialect, found.model, found.stream, found.choice) == (name, "m", True, "required")
    assert found.tools == ({"type": "function", "function": OPENAI["tools"][0]["function"]},)
    assert found.options == {"max_tokens": 5, "stop": ["x"]}
    assert [(one["role"], texts(one["content"])) for one in found.messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "I look."),
        ("tool", "done"),
    ]
    (call,) = found.messages[2]["tool_calls"]
    assert (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) == (
        "c1",
        "get_x",
        {"x": 1},
    )
    assert found.messages[3]["tool_call_id"] == "c1"
    assert found.parallel is (False if name in {"openai", "anthropic"} else None)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages": 5, "tools": {"x": []}, "contents": [1]}'])
def test_what_is_of_another_shape_is_left_out(name, body):
    found = read_chat_request(HttpRequest("POST", BODIES[name][0], (), body))
    assert (found.messages, found.tools) == ((), ())


def test_a_prompt_is_one_message():
    sent = HttpRequest("POST", "http://x/api/generate", (), b'{"model": "m", "prompt": "Hi", "system": "S"}')
    found = read_request(sent, DIALECTS["ollama_generate"])
    assert [(one["role"], one["content"]) for one in found.messages] == [("system", "S"), ("user", "Hi")]
    assert read_chat_request(sent) is None


def test_where_nobody_reads_requests_that_is_said():
    assert read_request(request("openai"), replace(DIALECTS["openai"], request=None)) is None
