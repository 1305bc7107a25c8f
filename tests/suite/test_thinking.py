"""The suite of a model that thinks: its recordings are synthetic, and each second request holds the state of the first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cassette import load

ROOT = Path(__file__).parents[2]
CASES = ("thinks-and-calls", "streamed")


def requests(case, label):
    cassette = load(ROOT / "cassettes" / "thinking" / case / f"{label}.json")
    assert cassette.provenance.kind == "synthetic"
    first, second = cassette.exchanges
    return first.response.body.decode(), json.loads(second.request.body)


@pytest.mark.parametrize("case", CASES)
def test_the_second_request_holds_the_signed_thinking_before_the_call(case):
    answer, second = requests(case, "signed-thinking")
    thinking, redacted, call = second["messages"][1]["content"]
    assert thinking["thinking"] == "The user wants the weather.\nI look it up."
    assert thinking["signature"].startswith("EqQBCkYIBRgCIkD")
    assert thinking["signature"] in answer
    assert redacted == {"type": "redacted_thinking", "data": "EmwKAhgBsyntheticRedacted+data=="}
    assert call["type"] == "tool_use"
    assert second["messages"][2]["content"][0]["tool_use_id"] == call["id"] == "call_weather"


@pytest.mark.parametrize("case", CASES)
def test_the_second_request_holds_the_reasoning_item_before_the_call(case):
    answer, second = requests(case, "reasoning-items")
    _, reasoning, call, result = second["input"]
    assert reasoning["type"] == "reasoning"
    assert reasoning["encrypted_content"] == "gAAAAABsynthetic+encrypted/one=="
    assert reasoning["encrypted_content"] in answer
    assert (call["type"], result["type"]) == ("function_call", "function_call_output")
    assert call["call_id"] == result["call_id"] == "call_weather"
