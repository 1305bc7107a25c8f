from __future__ import annotations

import json

from harness.backend.repairs.omissions import code_runs, generated_text, ollama_ids, unreadable_call
from harness.core.chat import CallError, ToolCall


def lines(*events):
    return "\n".join(json.dumps(event, ensure_ascii=False) for event in events)


def gemini(*parts, **more):
    return {"candidates": [{"content": {"parts": list(parts)}, **more}]}


def test_code_that_gemini_ran_is_found_whole_and_streamed():
    part = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    run = ToolCall("code_execution", {"language": "PYTHON", "code": "print(1)"}, "")
    assert code_runs(json.dumps(gemini({"text": "a\u2028b"}, part))) == (run,)
    assert code_runs(lines(gemini({"text": "a\u2028b"}), gemini(part))) == (run,)
    assert code_runs("") == code_runs("not json") == code_runs(lines(gemini({"text": "x"}))) == ()


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
