from __future__ import annotations

import asyncio
import json

import pytest

from harness.backend.completion import acomplete, complete
from harness.backend.repairs import (
    anthropic_runs,
    events,
    executed_tools,
    gemini_runs,
    ollama_ids,
    unreadable_call,
    with_bedrocks_results,
    with_call_ids,
    with_partial_calls,
)
from harness.backend.repairs.raw_answer import generated_text
from harness.core.chat import CallError, ProviderCall
from harness.core.errors import UnreadableReplyError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.interception.clients import answering

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def lines(*events):
    return "\n".join(json.dumps(event, ensure_ascii=False) for event in events)


def gemini(*parts, **more):
    return {"candidates": [{"content": {"parts": list(parts)}, **more}]}


def test_code_that_gemini_ran_is_found_whole_and_streamed():
    part = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    came = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}
    run = ProviderCall("code_execution", {"language": "PYTHON", "code": "print(1)"}, "", came["codeExecutionResult"])
    assert gemini_runs(json.dumps(gemini({"text": "a\u2028b"}, part, came))) == (run,)
    assert gemini_runs(lines(gemini({"text": "a\u2028b"}), gemini(part), gemini(came))) == (run,)
    assert gemini_runs("") == gemini_runs("not json") == gemini_runs(lines(gemini({"text": "x"}))) == ()


def test_geminis_other_tools_have_their_answers_by_id():
    uses = [{"toolCall": {"toolType": "SEARCH", "id": one, "args": {"q": one}}} for one in ("a", "b")]
    told = [{"toolResponse": {"toolType": "SEARCH", "id": one, "response": {"of": one}}} for one in ("b", "a")]
    found = gemini_runs(lines(gemini(*uses), gemini(*told)))
    assert found == tuple(ProviderCall("SEARCH", {"q": one}, one, {"response": {"of": one}}) for one in ("a", "b"))


def test_results_without_ids_come_in_the_order_of_their_calls():
    code = [{"executableCode": {"language": "PYTHON", "code": one}} for one in "ab"]
    came = [{"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": one}} for one in "ab"]
    joined = [{**call, **result} for call, result in zip(code, came, strict=True)]
    for parts in ([*code, *came], joined):
        sent = [*(gemini(one) for one in parts), gemini(finishReason="STOP")]
        reply = DIALECTS["gemini"].read(answer(sent, stream=True))
        for found in (gemini_runs(lines(*sent)), reply.provider_calls):
            assert [(one.parameters["code"], one.result["output"]) for one in found] == [("a", "a"), ("b", "b")]


def test_a_result_of_bedrocks_without_an_id_stands_alone():
    told = {"type": "nova_result", "content": [{"text": "a"}]}
    body = {"output": {"message": {"content": [{"toolResult": told}]}}, "stopReason": "end_turn"}
    response = HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(body).encode()),))
    alone = (ProviderCall("nova", {}, "", told),)
    assert DIALECTS["bedrock"].read(response).provider_calls == alone
    assert with_bedrocks_results((), json.dumps(body)) == alone


def test_bedrocks_results_are_found_whole_and_streamed():
    ran = (ProviderCall("nova", {}, "t_1"),)
    told = {"toolUseId": "t_1", "type": "nova_result", "status": "success"}
    content = [{"text": "a"}, {"json": {"n": 1}}]
    done = (ProviderCall("nova", {}, "t_1", {"type": "nova_result", "status": "success", "content": content}),)
    block = {"toolResult": {**told, "content": content}}
    assert with_bedrocks_results(ran, json.dumps({"output": {"message": {"content": [block]}}})) == done
    opened = {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolResult": told}}}
    pieces = [{"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolResult": [one]}}} for one in content]
    assert with_bedrocks_results(ran, lines(opened, *pieces)) == done
    assert with_bedrocks_results(ran, lines(*pieces)) == ran


def test_a_call_that_gemini_could_not_read_is_an_error_with_what_it_said():
    told = gemini(finishReason="MALFORMED_FUNCTION_CALL", finishMessage="Malformed: print(f(")
    error = unreadable_call(json.dumps(told), 2)
    assert isinstance(error, CallError)
    assert (error.fault, error.raw, error.index) == ("arguments", "Malformed: print(f(", 2)
    assert unreadable_call(json.dumps(gemini(finishReason="STOP")), 0) is None


def test_ollamas_ids_are_found_in_order():
    events = [{"message": {"content": "a\u2028"}}, {"message": {"tool_calls": [{"id": "a"}, {"function": {}}]}}]
    assert ollama_ids(lines(*events)) == ["a", None]


def test_ids_of_earlier_calls_are_put_into_a_request_to_ollama():
    made = [{"id": f"call_{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(3)]
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": made[:2]},
        {"tool_calls": made[2:]},
    ]
    bare = [{"function": {"name": "f", "arguments": {}}} for _ in made]
    sent = {"messages": [{"role": "user"}, {"role": "assistant", "tool_calls": bare[:2]}, {"tool_calls": bare[2:]}]}
    body = with_call_ids(json.dumps(sent), messages)
    found = [call["id"] for one in json.loads(body)["messages"] for call in one.get("tool_calls", ())]
    assert found == ["call_0", "call_1", "call_2"]
    assert with_call_ids(body, messages) == body, "litellm 1.109.1 sends them"
    assert with_call_ids(json.dumps(sent), messages[:2]) == json.dumps(sent), "which call is which is not known"
    odd = [{"content": "x"}], None, {"tool_calls": []}, [["tool_calls"]], [{"tool_calls": "x"}]
    for other in ('"tool_calls"', '["tool_calls"]', '{"tool_calls"', *(json.dumps({"messages": one}) for one in odd)):
        assert with_call_ids(other, messages) == other
    own = [{"tool_calls": [{"function": {"name": "f"}}, made[1]]}]
    body = with_call_ids(json.dumps({"messages": [{"tool_calls": bare[:2]}]}), own)
    assert [call.get("id") for call in json.loads(body)["messages"][0]["tool_calls"]] == [None, "call_1"]


@pytest.mark.parametrize("kind", ["tool-call-start", "tool-call-delta"])
def test_a_piece_of_coheres_call_stands_where_each_litellm_looks_for_it(kind):
    function = {"name": "f", "arguments": '{"x"'}
    call = {"id": "c_1", "type": "function", "function": function}
    event = {"type": kind, "index": 1, "delta": {"message": {"tool_calls": call}}}
    shown = events.cohere(event)
    assert shown["type"] == "tool-call-delta", "1.106.2 passes over the start"
    assert shown["delta"] == {**event["delta"], "tool_calls": [{**call, **function}]}
    strange = {"type": kind, "delta": {"message": {"tool_calls": [1]}}}
    assert events.cohere(strange) == strange


def test_generated_text_is_put_together():
    assert generated_text(lines({"response": "a\u2028"}, {"response": "b", "done": True})) == "a\u2028b"
    assert generated_text("") == ""


def call_of(*told):
    """The calls that an assembled stream has after what was streamed of them in pieces is put in."""
    whole = {"id": "call_w", "type": "function", "function": {"name": "whole", "arguments": "{}"}}
    response = {"choices": [{"message": {"tool_calls": [whole]}}]}
    response = with_partial_calls(response, lines(*(gemini(one) for one in told)))
    return [(one["id"], one["function"]) for one in response["choices"][0]["message"]["tool_calls"]]


def test_calls_in_pieces_are_put_among_the_others_in_order():
    start = {"functionCall": {"name": "f", "id": "c_1", "willContinue": True}, "thoughtSignature": "c2ln"}
    piece = {"functionCall": {"partialArgs": [{"jsonPath": "$.x", "numberValue": 1}], "willContinue": True}}
    end, whole = {"functionCall": {}}, {"functionCall": {"name": "whole", "args": {}}}
    first = ("c_1__thought__c2ln", {"name": "f", "arguments": '{"x": 1}'})
    assert call_of(start, piece, end, whole)[0] == first
    assert call_of(whole, start, piece, end)[1] == first
    assert call_of(whole, start, piece)[1] == ("c_1__thought__c2ln", {"name": "f", "arguments": '{"x": 1'})
    assert call_of(whole, piece, end)[1][1] == {"name": None, "arguments": '{"x": 1}'}, "a piece of no call has no name"


def answer(sent, *, stream):
    made = [{**one, "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1}} for one in sent]
    body = "".join(f"data: {json.dumps(one)}\r\n\r\n" for one in made) if stream else json.dumps(made[0])
    kind = "text/event-stream" if stream else "application/json"
    return HttpResponse(200, (("content-type", kind),), (Chunk(body.encode()),))


def readings(calls, *, stream, finish="STOP"):
    """What the reader, ``complete`` and ``acomplete`` make of the same calls."""
    parts = [{"functionCall": one} for one in calls]
    rest = {"finishReason": finish, "index": 0}
    sent = [*(gemini(one) for one in parts[:-1]), gemini(parts[-1], **rest)] if stream else [gemini(*parts, **rest)]
    response = answer(sent, stream=stream)
    tools = [{"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}]
    asked = ("gemini/gemini-2.5-flash", [{"role": "user", "content": "Hi"}])
    yield lambda: DIALECTS["gemini"].read(response)
    with answering(lambda _request: response):
        yield lambda: complete(*asked, tools=tools, stream=stream, api_key="k")
        yield lambda: asyncio.run(acomplete(*asked, tools=tools, stream=stream, api_key="k"))


def piece(path, more=True, **value):
    return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": more}


START, X = {"name": "book", "willContinue": True}, piece("$.x", stringValue="a")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "broken",
    [
        {"partialArgs": [{"stringValue": "b"}], "willContinue": True},
        {"partialArgs": 5, "willContinue": True},
        piece("$.*..", stringValue="b"),
        piece("$.y", structValue={"a": 1}),
        piece("$.y[1]", stringValue="b"),
        piece("$.x.y", stringValue="b"),
        piece("$.x[0]", stringValue="b"),
        piece("$" + ".a" * 1500, numberValue=1),
    ],
    ids=["no path", "no list", "bad path", "no value", "out of order", "in a text", "item of a text", "too deep"],
)
def test_a_broken_piece_of_a_call_makes_the_answer_unreadable(broken, stream):
    for reading in readings([START, X, broken, {}], stream=stream):
        with pytest.raises(UnreadableReplyError):
            reading()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("finish", ["STOP", "SAFETY"])
@pytest.mark.parametrize(
    "calls",
    [
        [START, X, {}],
        [START, piece("$.x", more=False, stringValue="a")],
        [{"name": "book", "args": {"x": "a"}, "willContinue": False}],
        [{"name": "book", "partialArgs": X["partialArgs"]}],
    ],
    ids=["pieces", "a last piece", "one that is whole", "without willContinue"],
)
def test_a_call_in_pieces_is_read_by_all_alike(calls, finish, stream):
    for reading in readings(calls, stream=stream, finish=finish):
        reply = reading()
        assert [(one.name, one.parameters) for one in reply.calls] == [("book", {"x": "a"})]
        assert reply.errors == ()
        assert reply.finish == ("stop" if finish == "STOP" else "content_filter")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("call", "raw"),
    [({}, ""), ({"partialArgs": X["partialArgs"]}, '{"x": "a"}'), ({"args": {"x": 1}}, '{"x": 1}')],
    ids=["nothing", "a piece", "arguments"],
)
def test_a_call_without_a_name_is_an_error_for_all(call, raw, stream):
    good = {"name": "book", "args": {}}
    for reading in readings([good, call], stream=stream):
        reply = reading()
        assert [one.name for one in reply.calls] == ["book"]
        assert [(one.fault, one.raw, one.index) for one in reply.errors] == [("name", raw, 1)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("pieces", [[START], [START, X], [{**START, "args": ""}]], ids=["bare", "begun", "a text"])
def test_a_call_whose_last_piece_never_came_is_no_good_call(pieces, stream):
    for reading in readings(pieces, stream=stream):
        reply = reading()
        assert reply.calls == ()
        assert [one.name for one in reply.errors] == ["book"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_blocked_prompt_without_counts_is_read(stream):
    body = json.dumps({"promptFeedback": {"blockReason": "SAFETY"}})
    text = f"data: {body}\n\n" if stream else body
    kind = "text/event-stream" if stream else "application/json"
    response = HttpResponse(200, (("content-type", kind),), (Chunk(text.encode()),))
    with answering(lambda _request: response):
        reply = complete("gemini/gemini-2.5-flash", [{"role": "user", "content": "Hi"}], stream=stream, api_key="k")
    assert (reply.finish, reply.calls, reply.errors) == ("content_filter", (), ())


BLOCKS = [
    {"type": "text", "text": "So."},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "server_name": "s", "input": {"m": 1}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"title": "T"}], "caller": {}},
    {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_0", "content": {"stdout": "1"}},
    {"type": "tool_use", "id": "toolu_1", "name": "get_x", "input": {}},
]
RAN = (
    ProviderCall("web_search", {"query": "x"}, "srvtoolu_1", {"content": [{"title": "T"}]}),
    ProviderCall("echo", {"m": 1}, "mcptoolu_1"),
    ProviderCall("code_execution", {}, "srvtoolu_0", {"content": {"stdout": "1"}}),  # of a call of an earlier turn
)


def streamed():
    for index, block in enumerate(BLOCKS):
        yield {
            "type": "content_block_start",
            "index": index,
            "content_block": {**block, "input": {}} if "input" in block else block,
        }
        for piece in (json.dumps(block.get("input"))[:4], json.dumps(block.get("input"))[4:]):
            yield {"type": "content_block_delta", "index": index, "delta": {"partial_json": piece}}


@pytest.mark.parametrize(
    "sent", [json.dumps({"content": BLOCKS}), "\n".join(map(json.dumps, streamed()))], ids=["whole", "stream"]
)
def test_its_own_tools_and_those_of_mcp_are_found_in_order(sent):
    assert anthropic_runs(sent) == RAN


def test_arguments_that_broke_off_are_none():
    event = {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"qu'}}
    sent = "\n".join([json.dumps(next(one for one in streamed() if one["index"] == 1)), json.dumps(event)])
    assert anthropic_runs(sent) == (ProviderCall("web_search", {}, "srvtoolu_1"),)


SEARCHED = {"index": 0, "type": "search", "arguments": '{"query": "weather"}'}
PYTHON = {"index": 1, "type": "python", "arguments": '{"code": "1"}', "output": "1"}
EXECUTED = (
    ProviderCall("search", {"query": "weather"}, "", {"output": "rain"}),
    ProviderCall("python", {"code": "1"}, "", {"output": "1"}),
)


def test_what_groq_ran_is_found_whole():
    message = {"content": "So.", "executed_tools": [{**SEARCHED, "output": "rain"}, PYTHON]}
    assert executed_tools(json.dumps({"choices": [{"message": message}]})) == EXECUTED


def test_what_groq_ran_comes_twice_in_a_stream_and_counts_once():
    told = [[SEARCHED], [{**SEARCHED, "output": "rain"}], [PYTHON]]
    lines = [json.dumps({"choices": [{"delta": {"executed_tools": one}}]}) for one in told]
    assert executed_tools("\n".join(lines)) == EXECUTED


@pytest.mark.parametrize("ran", [5, None, [], [5], {}])
def test_executed_tools_of_another_shape_ran_nothing(ran):
    assert executed_tools(json.dumps({"choices": [{"message": {"executed_tools": ran}}]})) == ()


@pytest.mark.parametrize("sent", ["", "no JSON", "5", "[1]", '{"content": 5}', '{"type": "content_block_start"}'])
def test_anything_else_ran_nothing(sent):
    assert anthropic_runs(sent) == ()
