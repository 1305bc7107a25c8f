"""A scripted model behind each dialect's wire makes chosen mistakes: the card names exactly those, at their rates."""

import functools
from dataclasses import replace

import pytest

from harness import complete
from harness.cards.build import CardBuilder
from harness.cards.reread import backend_model
from harness.checks.card import BY_ID
from harness.core.chat import Reply, ToolCall, Usage
from harness.core.errors import HarnessError
from harness.core.exchange import Exchange
from harness.core.expectation import CallExpectation, Expectation
from harness.core.finding import Observation
from harness.dialects import DIALECTS
from harness.dialects.chat_request import ChatRequest
from harness.interception.clients import answering

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
    "required": ["city"],
}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": CITY}}
    for name in ("weather", "forecast")
]
USAGE = Usage(12, 7, 19)
DIALECT_NAMES = ["openai", "openai_responses", "anthropic", "gemini", "bedrock", "cohere"]
REPEATS, RIGHT = 4, 3
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
FORM = {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}}


def calling(*cities, tool="weather", **more):
    calls = tuple(ToolCall(tool, {"city": city, **more}, f"call_{n}") for n, city in enumerate(cities))
    return Reply(calls=calls, finish="tool_calls", usage=USAGE)


def saying(text, **more):
    return Reply(text=text, finish="stop", usage=USAGE, **more)


def needs(*cities):
    return Expectation(
        calls=tuple(CallExpectation(name="weather", parameters={"city": city}) for city in cities), any_order=True
    )


NONE = Expectation(no_calls=True)
# A question: what is asked, what is expected, what a good model answers, what the bad one does, and whose check it is.
QUESTIONS = {
    "calls nothing": ({}, needs("Oslo"), calling("Oslo"), saying("I can't look that up."), "A1"),
    "calls unasked": ({}, NONE, saying("Good morning."), calling("Oslo"), "A2"),
    "another value": ({}, needs("Rome"), calling("Rome"), calling("Lima"), "A3"),
    "one of two": ({}, needs("Rome", "Lima"), calling("Rome", "Lima"), calling("Rome"), "A4"),
    "text though required": ({"tool_choice": "required"}, Expectation(), calling("Oslo"), saying("Sunny."), "C3"),
    "another tool than named": (
        {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        Expectation(),
        calling("Oslo"),
        calling("Oslo", tool="forecast"),
        "C4",
    ),
    "an unknown unit": ({}, Expectation(), calling("Oslo"), calling("Oslo", unit="K"), "C6"),
    "nothing at all": ({}, Expectation(), saying("Hm."), Reply(finish="stop", usage=USAGE), "D3"),
    "a marker": ({}, Expectation(), saying("Hm."), saying('Look: <tool_call>{"a": 1}</tool_call>'), "D11"),
    "no JSON": ({"tools": None, **FORM}, Expectation(), saying('{"n": 1}'), saying("One."), "J1"),
}
# litellm writes no tool choice for these, or answers for the provider: what is not asked can't be broken.
LEFT_OUT = {
    "cohere": {"text though required", "another tool than named", "no JSON"},
    "bedrock": {"no JSON"},
}


@functools.cache
def asked(dialect, name, planted, stream):
    """One question, answered in the dialect's own bytes through litellm and the backend."""
    options, expect, good, bad, _ = QUESTIONS[name]
    model, more = backend_model(ChatRequest(dialect=dialect, provider=dialect))
    exchanges = []

    def respond(request):
        response = DIALECTS[dialect].render(bad if planted else good, stream=stream)
        exchanges.append((0, Exchange(request, response)))
        return response

    words = {"messages": [{"role": "user", "content": "?"}], "tools": TOOLS, "stream": stream, **options}
    reply, error = None, None
    with answering(respond):
        try:
            reply = complete(model, words["messages"], **{k: v for k, v in words.items() if k != "messages"}, **more)
        except HarnessError as came:
            error = came
    words = {key: value for key, value in words.items() if value is not None}
    provider = model.partition("/")[0]
    seen = Observation("planted", name, f"{provider}/m", words, reply, error, 0, "c.json", tuple(exchanges))
    return seen, expect


def card(dialect, planted, *, stream=False, repeats=1, right=0):
    builder = CardBuilder(f"{dialect}/scripted")
    for name in QUESTIONS.keys() - LEFT_OUT.get(dialect, set()):
        for repeat in range(repeats):
            wrong = name in planted and repeat >= right
            seen, expect = asked(dialect, name, wrong, stream)
            builder.add(replace(seen, repeat=repeat), expect)
    return builder.card({})


def failed(made):
    return {cell.check for cell in made.cells if cell.verdict == "fail"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_a_model_without_mistakes_fails_nothing(dialect, stream):
    made = card(dialect, set(), stream=stream)
    assert failed(made) == set(), [cell.findings for cell in made.cells if cell.verdict == "fail"]
    assert made.cell("A1", "stream" if stream else "whole").verdict == "pass"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_each_planted_mistake_is_named_and_no_other(dialect, stream):
    for name in QUESTIONS.keys() - LEFT_OUT.get(dialect, set()):
        made = card(dialect, {name}, stream=stream)
        assert failed(made) == {QUESTIONS[name][-1]}, (name, [c.findings for c in made.cells if c.verdict == "fail"])


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_all_of_them_together_are_named_at_their_rates(dialect):
    names = QUESTIONS.keys() - LEFT_OUT.get(dialect, set())
    made = card(dialect, names, repeats=REPEATS, right=RIGHT)
    for check in {QUESTIONS[name][-1] for name in names}:
        cell = made.cell(check, "whole")
        wrong = [one for one in cell.findings if one.verdict == "fail"]
        assert len(wrong) == cell.rate.n - cell.rate.held == REPEATS - RIGHT
        assert {one.blame for one in wrong} <= {"model", "provider"}
        assert (cell.verdict == "fail") == (cell.rate.share < BY_ID[check].threshold)
    assert failed(made) <= {QUESTIONS[name][-1] for name in names}
    for check in ("A2", "A4"):
        rate = made.cell(check, "whole").rate
        assert rate.low <= RIGHT / REPEATS <= rate.high
