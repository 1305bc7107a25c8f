"""Drift of an MCP server: a tool that is gone breaks agents, another description doesn't, a narrower schema does."""

from __future__ import annotations

import json

import pytest

from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.drift.grading import between
from harness.drift.tool_changes import narrowed

LIST = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
CALL = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "w", "arguments": {}}}'
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def exchange(body, **answer):
    text = json.dumps({"jsonrpc": "2.0", "id": answer.pop("id", 1), **answer})
    return Exchange(HttpRequest("POST", "https://x/mcp", (), body), HttpResponse(200, (), (Chunk(text.encode()),)))


def tool(schema=None, name="w", **more):
    return {"name": name, "description": "Weather.", "inputSchema": schema or CITY, **more}


def listed(*tools):
    return exchange(LIST, result={"tools": list(tools)})


def schema(**city):
    return {**CITY, "properties": {"city": {"type": "string", **city}}}


@pytest.mark.parametrize(
    ("before", "after", "what", "grade"),
    [
        (listed(tool(), tool(name="x")), listed(tool()), "tool_gone", "contract"),
        (listed(tool()), listed(tool(), tool(name="x")), "tool_new", "cosmetic"),
        (listed(tool()), listed(tool(description="The weather.")), "tool_text", "cosmetic"),
        (listed(tool()), listed(tool(schema(description="a city"))), "tool_text", "cosmetic"),
        (listed(tool()), listed(tool({**CITY, "required": ["city", "day"]})), "schema_narrowed", "contract"),
        (listed(tool()), listed(tool(schema(enum=["Paris"]))), "schema_narrowed", "contract"),
        (listed(tool()), listed(tool({**CITY, "required": []})), "schema_widened", "shape"),
        (listed(tool()), listed(tool(outputSchema={"type": "object"})), "output_schema", "shape"),
        (exchange(CALL, result={"content": []}), exchange(CALL, error={"code": 1}), "tool_error", "contract"),
        (exchange(CALL, error={"code": 2}), exchange(CALL, error={"code": 1}), "tool_error", "contract"),
        (exchange(CALL, result={}), exchange(CALL, result={"isError": True}), "tool_error", "contract"),
        (exchange(CALL, result={"content": [{"text": "a"}]}), exchange(CALL, result={"content": [{"text": "b"}]}), "text", "cosmetic"),
    ],
)  # fmt: skip
def test_each_change_has_its_grade(before, after, what, grade):
    assert [(one.what, one.grade) for one in between(before, after)] == [(what, grade)]


def test_the_same_answer_under_another_id_is_no_change():
    assert between(listed(tool()), exchange(LIST, id=9, result={"tools": [tool()]})) == ()


@pytest.mark.parametrize(
    ("was", "now", "narrower"),
    [
        ({}, {"type": "string"}, True),
        ({"type": "string"}, {}, False),
        ({"type": ["string", "null"]}, {"type": "string"}, True),
        ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
        ({"type": "integer"}, {"type": "number"}, False),
        ({"type": "number"}, {"type": "integer"}, True),
        ({"maxLength": 5}, {"maxLength": 4}, True),
        ({"maxLength": 4}, {"maxLength": 5}, False),
        ({}, {"minimum": 0}, True),
        ({"enum": [1, 2]}, {"enum": [2, 1, 3]}, False),
        ({"pattern": "a"}, {"pattern": "b"}, True),
        ({"properties": {"a": {}, "b": {}}}, {"properties": {"a": {}}}, True),
        ({"properties": {"a": {}}}, {"properties": {"a": {}, "b": {}}}, False),
        ({"items": {"type": "string"}}, {"items": {"type": "integer"}}, True),
        ({}, {"additionalProperties": False}, True),
        (None, None, False),
    ],
)
def test_what_is_narrower(was, now, narrower):
    assert bool(list(narrowed(was, now))) is narrower
