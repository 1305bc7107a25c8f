"""Custom tools and namespaces in a request: as they are where the provider has them, as functions elsewhere."""

from __future__ import annotations

import asyncio
import copy
import json

import pytest

from harness.backend.completion import acomplete, complete
from harness.backend.request import json_options, prepare_request
from harness.core.chat import ToolCall
from harness.core.errors import DuplicateToolError, UnsupportedError, UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects.providers import PROFILES
from harness.interception.clients import answering

GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "a"'}}
PATCH = {"type": "custom", "custom": {"name": "a/patch", "description": "Patches.", "format": {"type": "text"}}}
PLAIN = {"type": "function", "function": {"name": "get_x", "description": "Gets.", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "custom", "custom": {"name": "a/patch", "input": '{"é'}}
MESSAGES = [{"role": "user", "content": "Hi"}]
PAST = [*MESSAGES, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
PAST += [{"role": "tool", "tool_call_id": "call_1", "content": "done"}]
MODELS = {"openai": "openai/gpt-4o", "azure": "azure/gpt-4o", "responses": "openai/gpt-5-codex"}
OTHERS = ["anthropic/m", "gemini/m", "groq/m", "hosted_vllm/m", "deepseek/m", "cohere_chat/m", "ollama_chat/m"]
OTHERS += ["bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0", "mistral/m", "xai/m", "openrouter/m"]


def arguments(model, tools=(PATCH, PLAIN), messages=PAST, **options):
    return prepare_request(model, messages, list(tools), options, stream=False).arguments


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_where_the_provider_has_them_custom_tools_go_out_as_they_are(model):
    sent = arguments(model, [{**PATCH, "custom": {**PATCH["custom"], "format": GRAMMAR}}, PLAIN])
    assert sent["tools"][0]["custom"] == {"name": "a__patch", "description": "Patches.", "format": GRAMMAR}
    assert sent["messages"][1]["tool_calls"][0]["custom"] == {"name": "a__patch", "input": '{"é'}


@pytest.mark.parametrize("model", OTHERS)
def test_elsewhere_they_are_functions_of_one_text(model):
    given = copy.deepcopy((PATCH, PAST))
    sent = arguments(model)
    patch, plain = sent["tools"]
    assert patch["function"]["parameters"]["properties"] == {"input": {"type": "string"}}
    assert (patch["type"], patch["function"]["description"]) == ("function", "Patches.")
    assert plain == PLAIN
    (call,) = sent["messages"][1]["tool_calls"]
    assert (call["type"], json.loads(call["function"]["arguments"])) == ("function", {"input": '{"é'})
    assert call["function"]["name"] == patch["function"]["name"]
    assert given == (PATCH, PAST)
    with pytest.raises(UnsupportedError, match=r"the custom tool 'a/patch' has a grammar"):
        arguments(model, [{**PATCH, "custom": {**PATCH["custom"], "format": GRAMMAR}}])


def test_a_choice_that_names_a_custom_tool_names_the_function_that_it_is_elsewhere():
    sent = arguments("anthropic/m", tool_choice={"type": "custom", "custom": {"name": "a/patch"}})
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "a__patch"}}
    with pytest.raises(UsageError, match="'nobody', which is not offered"):
        arguments("anthropic/m", tool_choice={"type": "custom", "custom": {"name": "nobody"}})
    with pytest.raises(UnsupportedError, match="has a grammar"):
        arguments("anthropic/m", [{**PATCH, "custom": {**PATCH["custom"], "format": "lark"}}])


def test_a_choice_that_names_a_custom_tool_is_refused_before_litellm_does():
    with pytest.raises(UnsupportedError, match="names a custom tool"):
        arguments("openai/gpt-4o", tool_choice={"type": "custom", "custom": {"name": "a/patch"}})


FLAT = {"type": "custom", "name": "a/patch", "description": "Patches."}
FLAT_GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}
NO_NAMESPACES = [MODELS["openai"], MODELS["azure"], *OTHERS]


def space(name, *tools, **more):
    inner = [{"type": "function", "name": one, "parameters": {"type": "object"}, **more} for one in tools]
    return {"type": "namespace", "name": name, "description": f"All of {name}.", "tools": inner}


@pytest.mark.parametrize("model", NO_NAMESPACES)
def test_a_flat_tool_goes_out_as_a_nested_one(model):
    flat = {"type": "function", **PLAIN["function"]}
    nested = {"type": "custom", "custom": {key: FLAT[key] for key in ("name", "description")}}
    bare = PLAIN["function"]
    assert arguments(model, [FLAT, flat])["tools"] == arguments(model, [nested, PLAIN])["tools"]
    assert arguments(model, [FLAT, bare])["tools"] == arguments(model, [nested, PLAIN])["tools"]


def test_a_flat_grammar_is_a_nested_one_in_chat_completions_and_stays_in_responses():
    grammar = {**FLAT, "format": FLAT_GRAMMAR}
    sent = arguments(MODELS["openai"], [grammar])["tools"]
    assert sent == [{"type": "custom", "custom": {"name": "a__patch", "description": "Patches.", "format": GRAMMAR}}]
    assert arguments(MODELS["responses"], [grammar])["tools"] == [{**grammar, "name": "a__patch"}]


@pytest.mark.parametrize("model", NO_NAMESPACES)
def test_where_there_are_no_namespaces_their_tools_stand_among_the_others(model):
    tools = [space("crm", "a/b", strict=True), {**space("erp", "get_y"), "tools": [FLAT]}, PLAIN]
    given = copy.deepcopy(tools)
    sent = arguments(model, tools, MESSAGES)["tools"]
    slots = [one.get("function") or one["custom"] for one in sent]
    names = [arguments(model, [tool], MESSAGES)["tools"][0] for tool in ({**FLAT, "name": "a/b"}, FLAT)]
    assert [one["name"] for one in slots] == [*((n.get("function") or n["custom"])["name"] for n in names), "get_x"]
    assert [one["description"] for one in slots] == ["All of crm.", "All of erp.\n\nPatches.", "Gets."]
    assert (slots[0]["parameters"], slots[0]["strict"]) == ({"type": "object"}, True)
    assert tools == given
    assert arguments(MODELS["responses"], tools, MESSAGES)["tools"][0]["tools"][0]["name"] == "a__b"


@pytest.mark.parametrize("model", [*MODELS.values(), *OTHERS])
def test_what_can_not_be_offered_is_refused_before_it_is_sent(model):
    for tools in ([space("a", "t"), space("b", "t")], [space("a", "get_x"), PLAIN], [FLAT, PATCH]):
        with pytest.raises(DuplicateToolError):
            arguments(model, tools)
    for bad in ({}, {"custom": None}, {"name": None}, {"custom": {"name": 1}}, {"type": "function", "function": None}):
        with pytest.raises(UsageError, match=r"tool 1 is of type '.*' and has no name"):
            arguments(model, [PLAIN, {"type": "custom", **bad}])
    for other in (None, "t", {"type": ["function"]}):
        with pytest.raises(UsageError, match="tool 1 is no tool"):
            arguments(model, [PLAIN, other])
    for inner in (None, {}, [], ["t"], [None], [{"type": "mcp"}], [space("b", "t")]):
        with pytest.raises(UsageError, match="tool 0 is a namespace; its tools are a list"):
            arguments(model, [{"type": "namespace", "name": "a", "tools": inner}])
    for choice in ({"type": "custom"}, {"type": "custom", "custom": None}, {"type": "function", "function": {}}):
        with pytest.raises(UsageError, match="which names no tool"):
            arguments(model, tool_choice=choice)
    for kind in ("custom", "function"):
        with pytest.raises(UsageError, match="'nobody', which is not offered"):
            arguments(model, tool_choice={"type": kind, "name": "nobody"})


@pytest.mark.parametrize("model", [one for one in NO_NAMESPACES if not one.startswith("anthropic")])
def test_tools_that_a_search_loads_are_refused_where_there_is_none(model):
    with pytest.raises(UnsupportedError, match="has no tool_search"):
        arguments(model, [PLAIN, {"type": "tool_search"}])
    for tools in ([space("crm", "t", defer_loading=True)], [{**PLAIN, "defer_loading": True}]):
        with pytest.raises(UnsupportedError, match="has defer_loading"):
            arguments(model, tools)


def test_a_custom_tool_with_a_schema_is_refused_and_a_deferred_one_stays_so():
    with pytest.raises(UsageError, match="the custom tool 'a/patch' has a schema"):
        arguments("gemini/m", [{**FLAT, "input_schema": {"type": "object"}}])
    deferred = arguments("anthropic/m", [space("crm", "t", defer_loading=True), {"type": "tool_search"}])["tools"]
    assert (deferred[0]["defer_loading"], deferred[0]["function"]["name"]) == (True, "t")


@pytest.mark.parametrize("model", OTHERS)
def test_a_flat_choice_is_a_nested_one(model):
    sent = arguments(model, tool_choice={"type": "custom", "name": "a/patch"})
    assert (
        sent["tool_choice"]
        == arguments(model, tool_choice={"type": "custom", "custom": {"name": "a/patch"}})["tool_choice"]
    )
    assert sent["tool_choice"]["function"]["name"] == sent["tools"][0]["function"]["name"]


@pytest.mark.parametrize("call", [{"id": "c", "function": PLAIN["function"]}, {"id": "c", "custom": CALL["custom"]}])
@pytest.mark.parametrize("model", [*MODELS.values(), *OTHERS])
def test_an_earlier_call_without_a_type_is_given_one(model, call):
    past = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]
    (sent,) = arguments(model, messages=past)["messages"][1]["tool_calls"]
    assert isinstance(sent[sent["type"]], dict)


@pytest.mark.parametrize("call", [{"id": "c"}, {"id": "c", "type": "function", "function": None}])
@pytest.mark.parametrize("model", [*MODELS.values(), *OTHERS])
def test_an_earlier_call_of_nothing_is_refused(model, call):
    past = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]
    with pytest.raises(UsageError, match="call 0 of message 1 names no function"):
        arguments(model, messages=past)


def answered(body):
    if isinstance(body, list):
        text = "".join(f"data: {json.dumps(one)}\n\n" for one in body) + "data: [DONE]\n\n"
        return HttpResponse(200, (("content-type", "text/event-stream"),), (Chunk(text.encode()),))
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(body).encode()),))


CHAT = {"role": "assistant", "content": None}
ANSWERS = {
    "openai": {
        "id": "c",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {**CHAT, "tool_calls": [{**CALL, "custom": {"name": "a__patch", "input": '{"é'}}]},
            }
        ],
    },
    "responses": {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {"type": "custom_tool_call", "id": "ctc", "call_id": "call_1", "name": "a__patch", "input": '{"é'},
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    },
}


@pytest.mark.parametrize("wire", ANSWERS)
def test_the_message_of_a_custom_call_goes_back_as_one(wire):
    sent = []

    def answer(request):
        sent.append(json.loads(request.body))
        return answered(ANSWERS[wire])

    with answering(answer):
        reply = complete(MODELS[wire], MESSAGES, tools=[PATCH, PLAIN], api_key="k")
        assert reply.calls == (ToolCall("a/patch", {"input": '{"é'}, "call_1"),)
        history = [*MESSAGES, reply.message, {"role": "tool", "tool_call_id": "call_1", "content": "done"}]
        complete(MODELS[wire], history, tools=[PATCH, PLAIN], api_key="k")
    if wire == "openai":
        assert sent[1]["messages"][1]["tool_calls"] == [{**CALL, "custom": {"name": "a__patch", "input": '{"é'}}]
        return
    _, call, result = sent[1]["input"]
    assert (call["type"], call["call_id"], call["name"], call["input"]) == (
        "custom_tool_call",
        "call_1",
        "a__patch",
        '{"é',
    )
    assert (result["type"], result["call_id"]) == ("custom_tool_call_output", "call_1")


def of_chat(calls, *, stream):
    made = [
        {"id": i, "type": "custom", "custom": {"name": "a__patch", "input": "x"}}
        if custom
        else {"id": i, "type": "function", "function": {"name": "get_x", "arguments": '{"x": 1}'}}
        for i, custom in calls
    ]
    made = [{key: one for key, one in call.items() if one != "left out"} for call in made]
    whole = ANSWERS["openai"]
    if not stream:
        choice = {**whole["choices"][0], "message": {**CHAT, "tool_calls": made}}
        return {**whole, "choices": [choice]}
    deltas = [{"role": "assistant", "tool_calls": [{**call, "index": place}]} for place, call in enumerate(made)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    return [{**whole, "object": "chat.completion.chunk", "choices": [one]} for one in choices]


def of_responses(calls, *, stream):
    made = [
        {"type": "custom_tool_call", "call_id": i, "name": "a__patch", "input": "x"}
        if custom
        else {"type": "function_call", "call_id": i, "name": "get_x", "arguments": '{"x": 1}'}
        for i, custom in calls
    ]
    made = [{key: one for key, one in call.items() if one != "left out"} for call in made]
    whole = {**ANSWERS["responses"], "output": made}
    return [{"type": "response.completed", "response": whole}] if stream else whole


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "calls",
    [
        [("c", False), ("c", True)],
        [("c", True), ("c", False)],
        [("c", True), ("c", True)],
        *([("c", False), (one, True), (one, True)] for one in (None, "", "left out")),
    ],
    ids=["one id", "one id, custom first", "one id, both custom", "null", "empty", "missing"],
)
@pytest.mark.parametrize(("wire", "written"), [("openai", of_chat), ("responses", of_responses)])
def test_a_custom_call_goes_back_as_one_whatever_its_id(wire, written, calls, stream, awaited):
    def send(messages):
        options = {"tools": [PATCH, PLAIN], "stream": stream, "api_key": "k"}
        if awaited:
            return asyncio.run(acomplete(MODELS[wire], messages, **options))
        return complete(MODELS[wire], messages, **options)

    sent = []

    def answer(request):
        sent.append(json.loads(request.body))
        return answered(written(calls, stream=stream))

    with answering(answer):
        reply = send(MESSAGES)
        message = reply.message
        assert [call["type"] == "custom" for call in message["tool_calls"]] == [custom for _, custom in calls]
        ids = [call.id for call in reply.calls]
        assert [call["id"] for call in message["tool_calls"]] == ids
        assert len({*ids, ""}) == len(calls) + 1
        send([*MESSAGES, message, *({"role": "tool", "tool_call_id": i, "content": "r"} for i in ids)])
    if wire == "openai":
        kinds = [call["type"] for call in sent[1]["messages"][1]["tool_calls"]]
    else:
        kinds = [item["type"].removesuffix("_tool_call").removesuffix("_call") for item in sent[1]["input"]]
        kinds = [kind for kind in kinds if kind in ("custom", "function")]
    assert kinds == ["custom" if custom else "function" for _, custom in calls]


SILENT = [name for name, row in PROFILES.items() if row.json in {"schema_only", "none"}]
OBJECT = {"type": "json_object"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.mark.parametrize("provider", [*PROFILES, "somebody_new"])
def test_nothing_is_sent_where_nothing_is_asked(provider):
    assert json_options(provider, requested=False) == {}


@pytest.mark.parametrize("provider", [name for name in (*PROFILES, "somebody_new") if name not in SILENT])
def test_format_goes_only_where_it_is_understood(provider):
    expected = {"format": "json"} if provider.startswith("ollama") else {"response_format": OBJECT}
    assert json_options(provider, requested=True) == expected


@pytest.mark.parametrize("provider", SILENT)
def test_where_nothing_would_be_sent_the_wish_is_refused(provider):
    with pytest.raises(UnsupportedError, match=provider):
        json_options(provider, requested=True)


@pytest.mark.parametrize("provider", [name for name, row in PROFILES.items() if row.json != "none"])
def test_a_schema_goes_out_as_given(provider):
    assert json_options(provider, requested=True, response_format=SCHEMA) == {"response_format": SCHEMA}


def test_what_litellm_would_drop_in_silence_is_refused_unless_dropping_is_asked_for():
    with pytest.raises(UnsupportedError, match="anthropic has no JSON mode without a schema"):
        json_options("anthropic", requested=False, response_format=OBJECT)
    with pytest.raises(UnsupportedError, match="can't ask cohere for JSON"):
        json_options("cohere", requested=False, response_format=SCHEMA)
    assert json_options("cohere", requested=True, drop=True) == {"response_format": OBJECT}


def test_text_is_no_json():
    assert json_options("cohere", requested=False, response_format={"type": "text"}) == {
        "response_format": {"type": "text"}
    }
