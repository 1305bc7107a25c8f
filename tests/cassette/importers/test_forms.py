"""Forms of a body, a time and a message that recorders write now and then: each is read, or left out with its reason."""

from __future__ import annotations

import json

import pytest

from harness.cassette.importers import read, vcr

LINE = {"id": "a#0", "method": "GET", "url": "http://x.test/", "status": 200, "response_body": "aGk="}
HAR = {"method": "POST", "url": "http://x.test/", "headers": {"accept": "*/*"}}
WHEN = {"method": "GET", "host": "x.test", "path": "/"}


def of(tmp_path, document, name="a.json"):
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read(path)


def ruby(body):
    request = {"method": "get", "uri": "http://x.test/", "body": {"encoding": "UTF-8", "string": ""}}
    return {"http_interactions": [{"request": request, "response": {"status": {"code": 200}, "body": body}}]}


def har(request=(), content=()):
    response = {"status": 200, "headers": [], "content": dict(content)}
    return {"log": {"entries": [{"request": {**HAR, **dict(request)}, "response": response}]}}


BODIES = {
    "ruby": (ruby({"encoding": "ISO-8859-1", "string": "é"}), "a.json", b"\xe9"),
    "httpmock": ({"when": WHEN, "then": {"json_body": {"a": 1}}}, "a.yaml", b'{"a":1}'),
    "line": (json.dumps({**LINE, "response_encoding": "base64"}), "a.jsonl", b"hi"),
    "har": (har(content={"text": "hi"}), "a.har", b"hi"),
    "har, empty": (har(content={"size": 0}), "a.har", b""),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_read(tmp_path, name):
    document, file, body = BODIES[name]
    result = of(tmp_path, document, file)
    assert result.skipped == ()
    ((exchange,),) = [cassette.exchanges for cassette in result.cassettes.values()]
    assert exchange.response.body == body


REASONS = {
    "ruby": (ruby({"encoding": "no-such", "string": "é"}), "can't be written in 'no-such'"),
    "httpmock": ({"when": WHEN, "then": {"body_from_file": "b.txt"}}, "stands in another file"),
    "har, parameters": (har({"postData": {"params": [{"name": "a"}]}}), "stands as parameters alone"),
    "har, no content": (har(content={"size": 5}), "its response body was not recorded"),
    "har, pieces": (har(content={"text": "[1]", "encoding": "base64"}), "is no list of base64"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_is_left_out_has_its_reason(tmp_path, name):
    document, reason = REASONS[name]
    (skipped,) = of(tmp_path, document).skipped
    assert reason in skipped.reason


def test_a_duration_of_go_is_in_seconds_and_0_where_it_is_none():
    assert vcr.go_seconds("1m2.5s") == 62.5
    assert vcr.go_seconds("299.2ms") == pytest.approx(0.2992)
    assert (vcr.go_seconds("1.2.3s"), vcr.go_seconds(None)) == (0, 0)


def attribute(key, value):
    return {"key": key, "value": value}


def text(value):
    return {"stringValue": value}


def otlp(*attributes):
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": list(attributes)}]}]}]}


def test_a_span_has_tool_results_definitions_and_values_in_lists_and_maps(tmp_path):
    call = {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}}
    given = [
        {"role": "user", "parts": [{"type": "text", "content": "Paris?"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c0", "response": {"sky": "grey"}}]},
    ]
    parts = {"values": [attribute("type", text("text")), attribute("content", text("Be brief."))]}
    document = otlp(
        attribute("gen_ai.system_instructions", {"arrayValue": {"values": [{"kvlistValue": parts}]}}),
        attribute("gen_ai.input.messages", text(json.dumps(given))),
        attribute("gen_ai.output.messages", text(json.dumps([{"role": "assistant", "parts": [call]}]))),
        attribute("gen_ai.response.finish_reasons", {"arrayValue": {"values": [text("tool_call")]}}),
        attribute(
            "gen_ai.tool.definitions",
            text(json.dumps([{"name": "weather"}, {"type": "function", "function": {"name": "time"}}])),
        ),
        attribute("gen_ai.usage.input_tokens", {"intValue": "3"}),
        attribute("gen_ai.usage.output_tokens", {"intValue": "4"}),
    )
    result = of(tmp_path, document)
    assert result.skipped == ()
    ((exchange,),) = [cassette.exchanges for cassette in result.cassettes.values()]
    request, answer = json.loads(exchange.request.body), json.loads(exchange.response.body)
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    assert request["messages"][2] == {"role": "tool", "tool_call_id": "c0", "content": '{"sky": "grey"}'}
    assert [one["function"]["name"] for one in request["tools"]] == ["weather", "time"]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["usage"]["total_tokens"] == 7


def test_a_span_without_an_answer_is_left_out(tmp_path):
    (skipped,) = of(tmp_path, otlp(attribute("gen_ai.output.messages", text("[]")))).skipped
    assert skipped.reason == "it holds no question, or no answer"
