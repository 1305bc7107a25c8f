from __future__ import annotations

import json

import pytest

from harness.backend.names import name_table
from harness.backend.tool_calls import calls_in_text

NAMES = name_table("openai", [{"function": {"name": name}} for name in ("get_weather", "text/translate")])
CALL = {"name": "get_weather", "arguments": {"city": "Paris"}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CALL),
        f"  {json.dumps(CALL)}\n",
        json.dumps([CALL]),
        f"```json\n{json.dumps(CALL)}\n```",
        f"```\n{json.dumps(CALL, indent=2)}\n```",
        '{"function_name": "get_weather", "parameters": {"city": "Paris"}}',
        '{"tool_name": "get_weather", "arguments": {"city": "Paris"}}',
        '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}',
    ],
)
def test_content_that_wholly_is_a_call_is_one(text):
    assert calls_in_text(text, NAMES) == [("get_weather", {"city": "Paris"}, None)]


def test_wire_names_and_own_names_both_come_home():
    for written in ("text/translate", "text__translate"):
        assert calls_in_text(json.dumps({"name": written, "parameters": {}}), NAMES) == [("text/translate", {}, None)]


def test_a_list_of_calls_keeps_order_and_ids():
    text = json.dumps([{**CALL, "id": "7"}, {"name": "text__translate", "arguments": "{}"}])
    assert calls_in_text(text, NAMES) == [("get_weather", {"city": "Paris"}, "7"), ("text/translate", "{}", None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris",
        f"Here you are: {json.dumps(CALL)}",
        f"{json.dumps(CALL)} is what I would call.",
        f"```json\n{json.dumps(CALL)}\n```\nDone.",
        json.dumps({"name": "Ada", "arguments": "x"}),
        json.dumps({"name": "unknown_tool", "arguments": {}}),
        json.dumps({"city": "Paris"}),
        json.dumps({"name": "get_weather"}),
        json.dumps({**CALL, "note": "more than a call"}),
        json.dumps({**CALL, "parameters": {}}),
        json.dumps({**CALL, "type": "answer"}),
        json.dumps({"name": ["get_weather"], "arguments": {}}),
        json.dumps([CALL, 5, CALL]),
        json.dumps([[CALL]]),
        "[]",
        "{}",
        json.dumps(CALL)[:-1],
        '{"name": "get_weather", "arguments": {"x": NaN}}',
        "[" * 100_000,
        "5",
    ],
)
def test_everything_else_stays_text(text):
    assert calls_in_text(text, NAMES) == []
