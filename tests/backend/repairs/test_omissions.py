from __future__ import annotations

import json

from harness.backend.repairs.omissions import (
    gemini_runs,
    generated_text,
    ollama_ids,
    put_partial_calls,
    unreadable_call,
    with_bedrocks_results,
)
from harness.core.chat import CallError, ProviderCall


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


def test_generated_text_is_put_together():
    assert generated_text(lines({"response": "a\u2028"}, {"response": "b", "done": True})) == "a\u2028b"
    assert generated_text("") == ""


def call_of(*told):
    """The calls that an assembled stream has after what was streamed of them in pieces is put in."""
    whole = {"id": "call_w", "type": "function", "function": {"name": "whole", "arguments": "{}"}}
    response = {"choices": [{"message": {"tool_calls": [whole]}}]}
    put_partial_calls(response, lines(*(gemini(one) for one in told)))
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
