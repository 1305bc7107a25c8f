"""Calls that Gemini streams in pieces come back whole, and one whose end never came is cut off."""

from __future__ import annotations

import json

import pytest

from harness.core.chat import CallError, ToolCall
from harness.core.errors import UnreadableReplyError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS

START = {"name": "book", "willContinue": True}


def piece(path, *, more=True, **value):
    return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": more}


def read(*calls, finish="STOP"):
    events = [{"candidates": [{"content": {"parts": [{"functionCall": one}]}}]} for one in calls]
    events.append({"candidates": [{"content": {"parts": []}, "finishReason": finish}]})
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in events)
    return DIALECTS["gemini"].read(HttpResponse(200, (("content-type", "text/event-stream"),), (Chunk(body.encode()),)))


@pytest.mark.parametrize(
    ("pieces", "parameters"),
    [
        ([piece("$.city", stringValue="Par"), piece("$.city", stringValue="is"), {}], {"city": "Paris"}),
        (
            [piece("$.a", numberValue=5), piece("$.b", boolValue=False), piece("$.c", nullValue="NULL_VALUE"), {}],
            {"a": 5, "b": False, "c": None},
        ),
        (
            [piece("$.to[0].name", stringValue="x"), piece("$.to[1].name", stringValue="y", more=False)],
            {"to": [{"name": "x"}, {"name": "y"}]},
        ),
        ([piece("$['a.b']", stringValue="quoted"), {}], {"a.b": "quoted"}),
        ([{}], {}),
    ],
)
def test_pieces_make_one_call(pieces, parameters):
    assert read(START, *pieces).calls == (ToolCall("book", parameters, ""),)


def test_whole_calls_and_calls_in_pieces_stand_side_by_side():
    reply = read({"name": "one", "args": {"x": 1}}, START, piece("$.y", numberValue=2), {}, {"name": "two", "args": {}})
    assert [(one.name, one.parameters) for one in reply.calls] == [("one", {"x": 1}), ("book", {"y": 2}), ("two", {})]
    assert reply.errors == ()


@pytest.mark.parametrize("finish", ["STOP", "MAX_TOKENS", "SAFETY"])
def test_a_call_whose_end_never_came_is_cut_off(finish):
    reply = read(START, piece("$.city", stringValue="Par"), finish=finish)
    assert reply.calls == ()
    (error,) = reply.errors
    assert isinstance(error, CallError)
    assert (error.fault, error.name, error.raw) == ("cut_off", "book", '{"city": "Par"}')


@pytest.mark.parametrize("path", ["city", "$", "$.a[9]", "$.a[", "$..a"])
def test_a_piece_without_a_place_is_unreadable(path):
    with pytest.raises(UnreadableReplyError):
        read(START, piece(path, stringValue="x"), {})
