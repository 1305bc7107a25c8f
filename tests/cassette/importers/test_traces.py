"""Production traces as cassettes: content only, marked as not the provider's bytes."""

import json

import pytest

from harness.cassette import load
from harness.cassette.importers import read
from harness.dialects import read_answer as decoded

CALL = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Paris"}}
ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]}]
OPENAI_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}


def attribute(key, value):
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def otlp(**more):
    known = {
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.input.messages": json.dumps(ASKED),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [CALL], "finish_reason": "tool_call"}]),
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        **more,
    }
    span = {"name": "chat", "attributes": [attribute(*pair) for pair in known.items()]}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span, {"name": "other", "attributes": []}]}]}]}


LANGFUSE = {
    "observations": [
        {
            "type": "GENERATION",
            "model": "gpt-4o-mini",
            "input": [{"role": "user", "content": "Weather in Paris?"}],
            "output": {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
            "usage": {"input": 3, "output": 4},
        },
        {"type": "SPAN"},
    ]
}
HUMAN = {"id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": "Weather in Paris?"}}
AI = {
    "id": ["langchain", "schema", "messages", "AIMessage"],
    "kwargs": {"content": "", "tool_calls": [{"id": "call_1", "name": "weather", "args": {"city": "Paris"}}]},
}
LANGSMITH = [
    {
        "run_type": "llm",
        "inputs": {"messages": [[HUMAN]]},
        "outputs": {"generations": [[{"message": AI}]]},
        "extra": {"invocation_params": {"model": "gpt-4o-mini"}},
    },
    {"run_type": "chain"},
]


@pytest.mark.parametrize(("name", "document"), [("otlp", otlp()), ("langfuse", LANGFUSE), ("langsmith", LANGSMITH)])
def test_a_trace_becomes_a_cassette_that_says_what_it_is(tmp_path, name, document):
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(document))
    found = read(file)
    assert found.format == name
    (cassette,) = found.cassettes.values()
    (exchange,) = cassette.exchanges
    assert json.loads(exchange.request.body)["messages"] == [{"role": "user", "content": "Weather in Paris?"}]
    reply = decoded(exchange)
    assert [(call.name, call.parameters, call.id) for call in reply.calls] == [("weather", {"city": "Paris"}, "call_1")]
    assert (reply.finish, json.loads(exchange.request.body)["model"]) == ("tool_calls", "gpt-4o-mini")
    assert cassette.provenance.kind == "imported"
    assert "not the provider's bytes" in cassette.provenance.source
    assert len(found.skipped) == (name == "otlp")


def test_a_span_without_content_says_what_to_turn_on(tmp_path):
    file = tmp_path / "trace.json"
    file.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": []}]}]}]}))
    assert "turn on the capture of content" in read(file).skipped[0].reason


def test_the_command_takes_lines_of_otlp(tmp_path, capfd):
    from harness.__main__ import main

    (tmp_path / "t.jsonl").write_text(json.dumps(otlp()) + "\n" + json.dumps(otlp()) + "\n")
    assert main(["cassettes", "import", str(tmp_path / "t.jsonl"), "--to", str(tmp_path / "out")]) == 0, (
        capfd.readouterr()
    )
    (file,) = (tmp_path / "out").rglob("*.json")
    assert len(load(file).exchanges) == 2
