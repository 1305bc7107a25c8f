"""What a caller set in a request, and schemas in the words of JSON Schema, whichever API they were written for."""

from __future__ import annotations

import pytest

from harness.dialects.chat_request import ChatRequest, limits
from harness.dialects.schemas import plain


@pytest.mark.parametrize(
    ("written", "schema"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["STRING"], "nullable": True}, {"type": ["string", "null"]}),
        ({"anyOf": [{"type": "STRING"}], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "string", "enum": ["NULLABLE"], "nullable": True}, {"type": ["string", "null"], "enum": ["NULLABLE", None]}),
        ({"properties": {"nullable": {"type": "STRING"}}}, {"properties": {"nullable": {"type": "string"}}}),
        ({"type": "array", "min_items": "2"}, {"type": "array", "minItems": 2}),
    ],
)  # fmt: skip
def test_a_schema_of_any_api_is_json_schema(written, schema):
    assert plain(written) == schema


@pytest.mark.parametrize(
    ("body", "messages", "broken"),
    [
        ({}, [], "no question"),
        ({}, [{"role": "user", "content": "Hi"}], ""),
        ({}, [{"role": "tool", "tool_call_id": "a", "content": "1"}], "a result without a call"),
        ({"previous_response_id": "r"}, [{"role": "tool", "tool_call_id": "a", "content": "1"}], ""),
        ({}, [{"role": "assistant", "tool_calls": [{"id": "a"}]}, {"role": "user"}], "a call without a result"),
    ],
)
def test_a_conversation_is_whole_or_goes_on_from_elsewhere(body, messages, broken):
    assert limits(ChatRequest(body=body, messages=tuple(messages))).broken == broken
