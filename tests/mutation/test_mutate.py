"""Mutants: each is another than its origin, a sharp suite notices them, a blunt one does not, and says what would."""

from dataclasses import replace

import pytest

from harness.cassette import Cassette, save
from harness.cassette.tape import loaded
from harness.core.chat import Reply, ToolCall, Usage
from harness.core.errors import CassetteMiss, HarnessError
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.core.expectation import CallExpectation, ErrorExpectation, Expectation, TextExpectation
from harness.core.finding import Finding, Observation
from harness.dialects import DIALECTS
from harness.dialects.registry import read_chat_request
from harness.engine.events import CaseResult, Problem
from harness.mutation.mutant import counted, score
from harness.mutation.mutate import (
    MUTATORS,
    MutantJudged,
    MutationStarted,
    RecordedTarget,
    Unmutated,
    hint,
    mutants,
    mutate,
)

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
URLS = {
    "openai": "https://api.openai.com/v1/chat/completions",
    "anthropic": "https://api.anthropic.com/v1/messages",
    "openai_responses": "https://api.openai.com/v1/responses",
}
TOOLS = {
    "openai": [
        {"type": "function", "function": {"name": name, "description": "Look up", "parameters": schema}}
        for name, schema in (("weather", {"type": "object", "properties": {"city": {"type": "string"}}}), ("clock", {}))
    ],
    "anthropic": [
        {"name": name, "description": "Look up", "input_schema": schema}
        for name, schema in (
            ("weather", {"type": "object", "properties": {"city": {"type": "string"}}}),
            ("clock", {"type": "object"}),
        )
    ],
}
TOOLS["openai_responses"] = [{"type": "function", **one["function"]} for one in TOOLS["openai"]]
CHOICE = {"openai": "required", "anthropic": {"type": "any"}, "openai_responses": "required"}
CALLED = Reply(
    text="Let me look that up.",
    calls=(ToolCall("weather", {"city": "Paris", "days": 3}, "c1"), ToolCall("clock", {"zone": "CET"}, "c2")),
    finish="tool_calls",
    usage=Usage(3, 2, 5),
)


def exchange(name, *, stream=False, reply=CALLED):
    import json

    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "What is the weather in Paris?"},
            {"role": "assistant", "content": "One moment."},
            {"role": "user", "content": "And now?"},
        ],
        "tools": TOOLS[name],
        "tool_choice": CHOICE[name],
        "temperature": 0,
        "max_tokens": 20,
        "stream": stream,
    }
    if name == "openai_responses":
        body["input"], body["max_output_tokens"] = body.pop("messages"), body.pop("max_tokens")
    text = json.dumps(body, separators=(",", ":"))
    return Exchange(HttpRequest("POST", URLS[name], (), text.encode()), DIALECTS[name].render(reply, stream=stream))


EVERY = [(name, stream) for name in URLS for stream in (False, True)]


@pytest.mark.parametrize(("name", "stream"), EVERY)
def test_a_mutant_is_another_than_its_origin_in_its_part_alone(name, stream):
    origin = exchange(name, stream=stream)
    seen = set()
    for one in mutants(origin):
        assert one.exchange != origin
        assert one.location
        kept = "response" if one.mutator.part == "request" else "request"
        assert getattr(one.exchange, kept) == getattr(origin, kept)
        seen.add((one.mutator.part, one.mutator.name))
    assert len(seen) > (20 if not stream else 22)


@pytest.mark.parametrize("stream", [False, True])
def test_output_items_are_mutated_in_every_way(stream):
    made = list(
        mutants(exchange("openai_responses", stream=stream), [one for one in MUTATORS if one.part == "response"])
    )
    assert len({one.mutator.name for one in made}) >= (27 if not stream else 33)
    read = {}
    for one in made:
        try:
            read[one.mutator.name] = DIALECTS["openai_responses"].read(one.exchange.response)
        except HarnessError as error:
            read[one.mutator.name] = error
    assert [call.name for call in read["item dropped"].calls] == ["weather"]
    assert [call.name for call in read["item run by the provider"].provider_calls] == ["weather", "clock"]
    assert read["answer incomplete"].finish == "length"
    assert read["answer filtered"].finish == "content_filter"
    assert isinstance(read["answer failed"], HarnessError)
    assert read["text refused"].refusal == CALLED.text
    assert not read["part dropped"].text


@pytest.mark.parametrize(("name", "stream"), EVERY)
def test_each_mutated_request_is_a_miss_on_its_own_tape(name, stream, tmp_path):
    origin = exchange(name, stream=stream)
    for one in mutants(origin, [each for each in MUTATORS if each.part == "request"]):
        tape = loaded(Cassette(FROM, (origin,)), tmp_path / "c.json")
        with pytest.raises(CassetteMiss):
            tape.answer(one.exchange.request)


def subject(tmp_path, origin, says):
    """A recording that is judged by ``says``: what it finds in a decoded answer."""
    path = tmp_path / "c.json"
    save(path, Cassette(FROM, (origin,)))

    def judge(cassette):
        one = cassette.exchanges[0]
        question = read_chat_request(one.request)
        reply = error = None
        try:
            reply = DIALECTS[question.dialect].read(one.response)
        except Exception as came:  # noqa: BLE001 - whatever a mutant makes of it
            error = came
        found = tuple(Finding("said", "pass", told, told) for told in says(reply, error, one))
        seen = Observation("s", "c", "m", {}, reply=reply, error=error, exchanges=((0, one),))
        return CaseResult("s", "c", "m", str(path), found, (seen,))

    return RecordedTarget("s", "c", "m", path, judge)


def everything(reply, error, one):
    return [repr(reply), type(error).__name__, str(one.response.status)]


def nothing(_reply, _error, _one):
    return []


def outcomes(events):
    return [one.outcome for one in events if isinstance(one, MutantJudged)]


@pytest.mark.parametrize(("name", "stream"), EVERY)
def test_who_looks_at_everything_notices_and_who_looks_at_nothing_does_not(tmp_path, name, stream):
    origin = exchange(name, stream=stream)
    sharp = outcomes(mutate([subject(tmp_path, origin, everything)]))
    blunt = outcomes(mutate([subject(tmp_path, origin, nothing)]))
    assert score(sharp, "request").share == score(blunt, "request").share == 1.0
    assert score(sharp, "response").share > 0.95
    assert score(blunt, "response").held == 0
    assert [one.key for one in sharp] == [one.key for one in blunt]


def test_a_survivor_says_what_would_notice_it(tmp_path):
    names = subject(
        tmp_path, exchange("openai"), lambda reply, *_: [call.name for call in reply.calls] if reply else []
    )
    found = [one for one in outcomes(mutate([names], parts=("response",))) if one.status == "survived"]
    told = {one.mutator: one.why for one in found}
    assert '"city": "Paris"' in told["argument changed"]
    assert told["finish flipped"] == "finish: tool_calls"
    assert counted(found)["response", "argument changed"]["survived"] >= 1


def test_what_the_case_expects_already_is_not_proposed():
    expect = Expectation(
        finish="tool_calls", calls=tuple(CallExpectation(name=c.name, parameters=c.parameters) for c in CALLED.calls)
    )
    assert hint("finish", CALLED, None) == "finish: tool_calls"
    assert "already" in hint("finish", CALLED, None, expect)
    assert "already" in hint("parameters", CALLED, None, expect)
    assert hint("all", CALLED, None, expect) == 'text: {exact: "Let me look that up."}'
    assert "already" in hint("all", CALLED, None, replace(expect, text=TextExpectation(exact=CALLED.text)))
    refused = ErrorExpectation(type="CassetteMiss", contains="no")
    assert "already" in hint("status", None, CassetteMiss("no"), Expectation(error=refused))


def test_a_sample_is_the_same_each_time_and_another_for_another_seed(tmp_path):
    one = subject(tmp_path, exchange("openai"), everything)
    draws = [[each.key for each in outcomes(mutate([one], sample=12, seed=seed))] for seed in (1, 1, 2)]
    assert len(draws[0]) == 12
    assert draws[0] == draws[1] != draws[2]
    (started,) = [each for each in mutate([one], sample=12) if isinstance(each, MutationStarted)]
    assert started.total == 12


def test_a_recording_that_cannot_be_replayed_is_told_and_not_mutated(tmp_path):
    one = subject(tmp_path, exchange("openai"), everything)
    broken = replace(one, judge=lambda _: CaseResult("s", "c", "m", "", problem=Problem("CassetteMiss", "no", 2)))
    (told,) = [each for each in mutate([broken]) if isinstance(each, Unmutated)]
    assert told.problem.message == "no"
    one.path.write_text("{")
    (told,) = [each for each in mutate([one]) if isinstance(each, Unmutated)]
    assert told.problem.kind == "CassetteDamagedError"
