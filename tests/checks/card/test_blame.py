"""Whose doing it is: what may not be held against a model, and what may, in every dialect and mode."""

import json
from dataclasses import replace

import pytest

from harness.cards.build import CardBuilder
from harness.checks.card import BY_ID
from harness.checks.card.blame import lost
from harness.core.card import Card
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.expectation import Expectation
from tests.checks.card.looking import CALLED, CITY, PARIS, SAID, called, seen, tool

FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "required": ["city"]}}}
ANSWER = {"response_format": FORM}
REQUIRED = {"tool_choice": "required"}
NAMED = {"tool_choice": {"type": "function", "function": {"name": "weather"}}}
UNFIT = called(replace(PARIS, parameters={}))
CUT = replace(SAID, text='{"city": "Par', finish="length", raw_finish="length")
ALONE = Reply(reasoning="hm", finish="stop", raw_finish="stop", usage=Usage(1, 2, 3))
LIMIT = {"max_tokens": 5}
STOP = {"stop": ["\n"]}


def card(*all_seen, own=False) -> Card:
    sitting = CardBuilder("openai/m")
    for one in all_seen:
        sitting.add(one.observation, one.expect, own=own)
    return sitting.card({})


def accused(*all_seen, own=False):
    """The checks that fail, and those whose findings say that the model or the provider failed."""
    made = card(*all_seen, own=own)
    blamed = {
        one.check
        for cell in made.cells
        for one in cell.findings
        if one.verdict == "fail" and one.blame in {"model", "provider"}
    }
    return {cell.check for cell in made.cells if cell.verdict == "fail"}, blamed


def of(wire, reply=None, **more):
    return seen(wire, reply, own=False, **more)


INNOCENT = {
    "JSON cut by the caller's limit": of(CUT, offered=(), body={**ANSWER, **LIMIT}, asked=ANSWER),
    "JSON cut by a limit that the finish hides": of(
        replace(CUT, finish="stop", raw_finish="stop", usage=Usage(9, 5, 14)), offered=(), body={**ANSWER, **LIMIT}, asked=ANSWER
    ),
    "JSON cut by a stop sequence": of(
        replace(SAID, text='{"city": '), offered=(), body={**ANSWER, **STOP}, asked=ANSWER
    ),
    "nothing at all, cut by a stop sequence": of(replace(SAID, text=""), body=STOP),
    "no call, cut by the limit": of(replace(SAID, finish="length", raw_finish="length"), asked=REQUIRED, body=LIMIT),
    "no named call, cut by a stop sequence": of(SAID, asked=NAMED, body=STOP),
    "thinking alone, cut by the limit": of(replace(ALONE, finish="length", raw_finish="length"), body=LIMIT),
    "thinking alone, at the provider's limit": of(replace(ALONE, finish="length", raw_finish="length")),
    "a call cut by the limit": of(
        replace(CALLED, calls=(), errors=(CallError("cut_off", "ended", '{"ci', "weather", "call_1"),), finish="length", raw_finish="length"),
        body=LIMIT,
    ),
    "a call cut by a stop sequence, with the finish of calls": of(
        replace(CALLED, calls=(), errors=(CallError("arguments", "no JSON", '{"ci', "weather", "call_1"),)), body=STOP
    ),
    "a marker that ends what the caller began": of(
        replace(SAID, text='{"name": "get"}</tool_call>'),
        body={"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<tool"}]},
    ),
    "an unfit call in an answer cut by the limit": of(replace(UNFIT, finish="length", raw_finish="length"), body=LIMIT),
    "an unfit call in an answer that ended with stop": of(replace(UNFIT, finish="stop", raw_finish="stop")),
    "a refusal of JSON": of(replace(SAID, text="", refusal="I can't."), offered=(), body=ANSWER, asked=ANSWER),
    "a refusal of a call": of(replace(SAID, text="", refusal="I can't."), asked=REQUIRED),
    "a filter": of(replace(SAID, text="", finish="content_filter", raw_finish="content_filter"), asked=REQUIRED),
    "no tools were offered": of(called(ToolCall("other", {}, "call_1")), offered=(), sent=()),
    "no finish reason": of(replace(SAID, finish=None, raw_finish=None), asked=REQUIRED),
    "a type that no draft has": of(UNFIT, schema={"type": "object", "properties": {"city": {"type": "TEXTUAL"}}, "required": ["city"]}),
    "a reference that leads nowhere": of(called(PARIS), schema={"properties": {"city": {"$ref": "#/$defs/none"}}}),
    "a reference to itself": of(called(PARIS), schema={"$ref": "#"}),
    "a schema that no value fits": of(called(PARIS), schema={"not": {}}),
    "bounds of an old draft": of(
        called(replace(PARIS, parameters={"city": 6})), schema={"properties": {"city": {"minimum": 5, "exclusiveMinimum": True}}}
    ),
    "tuples of an old draft": of(
        called(replace(PARIS, parameters={"city": [1, "a"]})),
        schema={"properties": {"city": {"items": [{"type": "integer"}, {"type": "string"}]}}},
    ),
    "an unknown $schema": of(UNFIT, schema={**CITY, "$schema": "https://example.org/own"}),
    "a nullable": of(
        called(replace(PARIS, parameters={"city": None})), schema={"properties": {"city": {"type": "string", "nullable": True}}}
    ),
    "types in capitals": of(
        called(replace(PARIS, parameters={"city": None})), schema={"type": "OBJECT", "properties": {"city": {"type": ["STRING", "NULL"]}}}
    ),
    "a property called nullable": of(
        called(replace(PARIS, parameters={"nullable": True})),
        schema={"type": "object", "properties": {"nullable": {"type": "boolean"}}, "additionalProperties": False},
    ),
    "a multiple of a hundredth": of(
        called(replace(PARIS, parameters={"city": 0.07})), schema={"properties": {"city": {"multipleOf": 0.01}}}
    ),
    "a tool whose schema a search loads": of(
        UNFIT, body={"tools": [{**tool("weather"), "defer_loading": True}]}
    ),
    "a provider's own tool beside": of(
        SAID, asked=REQUIRED, body={"tools": [tool("weather"), {"type": "web_search"}]}
    ),
    "a call to what a search loaded": of(
        called(ToolCall("loaded", {}, "call_1")), SAID, body={"tools": [tool("weather"), {"type": "tool_search"}]}
    ),
    "a choice in words of tomorrow": of(SAID, body={"tool_choice": {"type": "allowed_tools", "tools": []}}),
    "a choice of a tool that was not offered": of(
        SAID, asked={"tool_choice": {"type": "function", "function": {"name": "gone"}}}
    ),
    "several answers at once": of(SAID, asked=REQUIRED, body={"n": 3}),
    "a beginning to go on from": of(
        replace(SAID, text='"city": 1}'), offered=(), asked=ANSWER,
        body={**ANSWER, "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "{"}]},
    ),
    "calls that litellm lost": of(CALLED, SAID, asked=REQUIRED),
    "a text that litellm lost": of(SAID, replace(SAID, text=""), asked=REQUIRED),
    "markers that the caller wrote of": of(
        replace(SAID, text="You write <tool_call>{}</tool_call>."),
        body={"messages": [{"role": "user", "content": "What does <tool_call> mean?"}]},
    ),
    "tokens that are not there": of(replace(SAID, text="", usage=Usage(10, 50, 60))),
    "a limit of nothing, and a finish that hides it": of(replace(SAID, text=""), body={"max_tokens": 0}),
    "a limit of nothing, without counts": of(replace(SAID, text="", usage=None), body={"max_tokens": "0"}),
    "nothing to add to the caller's own beginning": of(
        replace(SAID, text=""), body={"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "Done."}]},
    ),
    "thinking alone on the caller's own beginning": of(
        ALONE, body={"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": [{"type": "thinking"}]}]},
    ),
    "nothing to say to a call without a result": of(
        replace(SAID, text=""),
        body={"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "weather"}}]},
                           {"role": "user", "content": "?"}]},
    ),
    "nothing to say to a result without a call": of(
        replace(SAID, text=""), asked=REQUIRED, body={"messages": [{"role": "tool", "content": "18", "tool_call_id": "c"}]},
    ),
    "nothing to say to no question": of(replace(SAID, text=""), body={"messages": [{"role": "user", "content": " "}]}),
    "two tools of one name": of(UNFIT, body={"tools": [tool("weather", {}), tool("weather")]}),
    "a schema that contradicts itself": of(
        UNFIT, schema={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 3}}}
    ),
    "arguments that can be no object": of(UNFIT, schema={"type": "string"}),
    "JSON of a schema that contradicts itself": of(
        replace(SAID, text="{}"), offered=(), asked=ANSWER, body={"response_format": {"type": "json_schema", "json_schema": {
            "name": "a", "schema": {"type": "object", "required": ["x"], "additionalProperties": False}}}},
    ),
    "JSON where a call was required too": of(replace(SAID, text='{"city": "Paris"}'), asked={**REQUIRED, **ANSWER}),
    "no JSON by a bias of the caller's": of(SAID, offered=(), asked=ANSWER, body={**ANSWER, "logit_bias": {"90": -100}}),
    "a marker by a grammar of the caller's": of(replace(SAID, text="<tool_call>"), body={"grammar": 'root ::= "<tool_call>"'}),
    "a marker of a family that the caller wrote of": of(
        replace(SAID, text="<｜tool▁calls▁begin｜>"), body={"messages": [{"role": "user", "content": "Answer in <tool_call>."}]}
    ),
    "a marker in a tool's description": of(
        replace(SAID, text="<tool_call>"), body={"tools": [{**tool("weather"), "description": "As <tool_call>."}]}
    ),
    "an unfit call by a grammar": of(UNFIT, body={"guided_grammar": "root ::= x"}),
    "a call by a grammar though none was wanted": of(CALLED, asked={"tool_choice": "none"}, body={"guided_json": CITY}),
    "broken arguments of an answer that may not end": of(
        replace(CALLED, calls=(), errors=(CallError("arguments", "no JSON", '{"ci', "weather", "call_1"),)), body={"ignore_eos": True}
    ),
    "no call by a bias of the caller's": of(SAID, asked=REQUIRED, body={"logit_bias": {"90": -100}}),
    "nothing at all by a bias of the caller's": of(replace(SAID, text=""), body={"bad_words": ["a"]}),
    "markers in code": of(replace(SAID, text="Qwen writes `<tool_call>` here.")),
}  # fmt: skip

GUILTY = {
    ("C3", "no call though required"): of(SAID, asked=REQUIRED),
    ("C4", "another tool than the named one"): of(
        called(ToolCall("add", {"city": "a"}, "c")), offered=("weather", "add"), asked=NAMED
    ),
    ("C2", "a call though none was wanted"): of(CALLED, asked={"tool_choice": "none"}),
    ("C6", "an unfit call"): of(UNFIT),
    ("C6", "an unfit call of a tool that is offered twice alike"): of(
        UNFIT, body={"tools": [tool("weather"), tool("weather")]}
    ),
    **{
        ("C6", f"an unfit call with {name}"): of(UNFIT, body={name: value})
        for name, value in {"min_tokens": 1, "ignore_eos": True, "bad_words": ["x"], "logit_bias": {"9": -100}}.items()
    },
    ("J2", "unfit JSON with a bias"): of(
        replace(SAID, text="{}"), offered=(), body={**ANSWER, "logit_bias": {"9": 1}}, asked=ANSWER
    ),
    ("C2", "a call though none was wanted, with a bias"): of(
        CALLED, asked={"tool_choice": "none"}, body={"logit_bias": {"9": 1}}
    ),
    ("C6", "a call against a pattern"): of(
        called(replace(PARIS, parameters={"city": "Paris"})),
        schema={
            "type": "object",
            "properties": {"city": {"type": "string", "pattern": "^[A-Z]{3}-\\d{2,}$"}},
            "required": ["city"],
        },
    ),
    ("C6", "a call with what a closed schema does not have"): of(
        called(PARIS), schema={"type": "object", "properties": {}, "additionalProperties": False}
    ),
    ("D3", "nothing at all after a result"): of(
        replace(SAID, text=""),
        body={
            "messages": [
                {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "weather"}}]},
                {"role": "tool", "content": "18", "tool_call_id": "c"},
            ]
        },
    ),
    ("J1", "no JSON"): of(SAID, offered=(), body=ANSWER, asked=ANSWER),
    ("J2", "unfit JSON"): of(replace(SAID, text="{}"), offered=(), body=ANSWER, asked=ANSWER),
    ("D3", "nothing at all"): of(replace(SAID, text="")),
    ("R3", "thinking alone"): of(ALONE),
    ("D11", "markers"): of(replace(SAID, text="<tool_call>{}</tool_call>")),
    ("D11", "markers as in an earlier answer"): of(
        replace(SAID, text="<tool_call>{}</tool_call>"),
        body={
            "messages": [
                {"role": "user", "content": "?"},
                {"role": "assistant", "content": "<tool_call>"},
                {"role": "user", "content": "?"},
            ]
        },
    ),
    ("C2", "a call though none was wanted, cut by the limit"): of(
        replace(CALLED, finish="length", raw_finish="length"), asked={"tool_choice": "none"}, body=LIMIT
    ),
}


@pytest.mark.parametrize("one", INNOCENT.values(), ids=INNOCENT)
def test_what_is_not_the_models_doing_accuses_nobody_and_is_counted(one):
    assert accused(one) == (set(), set())
    made = card(one)
    assert not [found for cell in made.cells for found in cell.findings if "crashed" in found.message]


@pytest.mark.parametrize(
    ("check", "one"), [(key[0], one) for key, one in GUILTY.items()], ids=[key[1] for key in GUILTY]
)
def test_what_is_the_models_doing_makes_one_cell_fail(check, one):
    assert accused(one) == ({check}, {check})


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_the_limit_cut_is_judged_by_what_it_shows_in_every_dialect(dialect, stream):
    cut = replace(CALLED, finish="length", raw_finish=None)
    body = {"max_tokens": 5, "generationConfig": {"maxOutputTokens": 5}}
    one = seen(cut, dialect=dialect, model=f"{dialect}/m", stream=stream, own=False, asked=REQUIRED, body=body)
    made = card(one)
    mode = "stream" if stream else "whole"
    assert made.cell("C3", mode).verdict == "pass"
    assert made.cell("C6", mode).excluded == {"cut by the caller's limit": 1}
    assert not [cell for cell in made.cells if cell.verdict == "fail"]


ASKED = [("user", "?"), ("assistant", "The weather is")]
UNFITTABLE = {"type": "object", "required": ["city"], "properties": {}, "additionalProperties": False}


def _parts(role, text):
    return {"role": role, "content": [{"text": text}]}


def _openai(turns, tools, limit):
    question = {"model": "m", "messages": [{"role": role, "content": text} for role, text in turns]}
    return question | {"tools": [tool(*one) for one in tools], "max_tokens": limit}


def _responses(turns, tools, limit):
    question = {"model": "m", "input": [{"role": role, "content": text} for role, text in turns]}
    offered = [{"type": "function", "name": name, "parameters": schema} for name, schema in tools]
    return question | {"tools": offered, "max_output_tokens": limit}


def _anthropic(turns, tools, limit):
    question = _openai(turns, (), limit)
    return question | {"tools": [{"name": name, "input_schema": schema} for name, schema in tools]}


def _gemini(turns, tools, limit):
    contents = [{"role": "model" if role == "assistant" else role, "parts": [{"text": text}]} for role, text in turns]
    offered = [{"name": name, "parameters": schema} for name, schema in tools]
    config = {"generationConfig": {"maxOutputTokens": limit}}
    return {"contents": contents, "tools": [{"functionDeclarations": offered}], **config}


def _bedrock(turns, tools, limit):
    offered = [{"toolSpec": {"name": name, "inputSchema": {"json": schema}}} for name, schema in tools]
    messages = [_parts(role, text) for role, text in turns]
    return {"messages": messages, "toolConfig": {"tools": offered}, "inferenceConfig": {"maxTokens": limit}}


def _ollama(turns, tools, limit):
    return _openai(turns, tools, None) | {"options": {"num_predict": limit}}


# How each dialect asks: where, and a request of these turns, tools and limit.
ASKING = {
    "openai": ("https://api.openai.com/v1/chat/completions", _openai),
    "openai_responses": ("https://api.openai.com/v1/responses", _responses),
    "anthropic": ("https://api.anthropic.com/v1/messages", _anthropic),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/models/m:generateContent", _gemini),
    "bedrock": ("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", _bedrock),
    "cohere": ("https://api.cohere.com/v2/chat", _openai),
    "ollama": ("http://localhost:11434/api/chat", _ollama),
}
STREAMED_AT = {"gemini": ("generateContent", "streamGenerateContent"), "bedrock": ("converse", "converse-stream")}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ASKING)
@pytest.mark.parametrize(
    "what", ["nothing to add", "a limit of nothing", "two of one name", "what nothing fits", "the model's"]
)
def test_the_callers_doing_is_the_callers_in_every_dialect(dialect, stream, what):
    nothing, unfit = replace(SAID, text="", raw_finish=None), replace(UNFIT, raw_finish=None)
    turns, tools, limit, answer = {
        "nothing to add": (ASKED, [("weather", CITY)], 50, nothing),
        "a limit of nothing": (ASKED[:1], [("weather", CITY)], 0, nothing),
        "two of one name": (ASKED[:1], [("weather", {"type": "object"}), ("weather", CITY)], 50, unfit),
        "what nothing fits": (ASKED[:1], [("weather", UNFITTABLE)], 50, unfit),
        "the model's": (ASKED[:1], [("weather", CITY)], 50, unfit),
    }[what]
    url, write = ASKING[dialect]
    url = url.replace(*STREAMED_AT[dialect]) if stream and dialect in STREAMED_AT else url
    body = write(turns, tools, limit) | {"stream": stream}
    model = f"{dialect.partition('_')[0]}/m"
    one = seen(answer, dialect=dialect, model=model, stream=stream, own=False, body=body, url=url)
    assert one.request.dialect == dialect
    guilty = {"C6"} if what == "the model's" else set()
    assert accused(one) == (guilty, guilty)
    assert not [found for cell in card(one).cells for found in cell.findings if "crashed" in found.message]


def test_an_answer_that_is_not_judged_says_why():
    made = card(of(CUT, offered=(), body={**ANSWER, **LIMIT}, asked=ANSWER))
    cell = made.cell("J1", "whole")
    assert (cell.verdict, cell.note) == ("unseen", "not judged: 1 cut by the caller's limit")
    assert (cell.findings[0].verdict, cell.findings[0].blame) == ("unseen", "caller")


def test_a_schema_that_litellm_thinned_out_is_not_held_against_the_model():
    strict = {"type": "object", "properties": {}, "additionalProperties": False}
    sent = {"tools": [tool("weather", {"type": "object", "properties": {}})]}
    found = list(BY_ID["C6"].judge(seen(called(PARIS), schema=strict, body=sent)))
    assert [(one.verdict, one.blame) for one in found] == [("unseen", "litellm")]


def test_requests_of_others_that_break_rules_are_the_callers_doing():
    made = card(seen(SAID, offered=("weather",), sent=("weather", "weather"), own=False))
    (found,) = [one for one in made.cell("N2", "whole").findings if one.verdict == "fail"]
    assert found.blame == "caller"
    assert made.cell("N2", "whole").verdict == "unseen"


def test_a_body_of_any_shape_ends_no_card():
    named = {"tools": [tool("weather"), {"type": "function", "function": {"name": ["a"]}}], "tool_choice": {"type": 3}}
    for body in (
        named,
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": [1]}}]}]},
        {"tools": {"a": 1}},
        {"tools": [1, None, "x"]},
        {"toolConfig": [1]},
        {"stop": 3},
        {"n": "two"},
    ):
        one = seen(SAID, own=False, body=body)
        assert json.dumps(sorted(card(one).cells[0].excluded)) is not None
        assert accused(one) == (set(), set())
    assert Expectation() == seen().expect


def test_a_call_that_the_wire_and_the_reply_both_hold_is_not_lost():
    search = called(replace(PARIS, name="tool_search"))
    one = seen(search, stream=True, own=False)
    assert {found.verdict for check in ("S1", "S3") for found in BY_ID[check].judge(one)} == {"pass"}
    gone = seen(search, SAID, stream=True)
    assert lost(gone) is None  # a call to what was not offered is an error of the backend's, which N9 judges
    assert lost(seen(called(PARIS), SAID, stream=True))
