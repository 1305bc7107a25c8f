"""What differs between two recorded answers, by what follows from it: one of each kind in the table."""

import json
from dataclasses import replace

import pytest

from harness.cassette import Cassette
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, Exchange, Failure, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS, OPENAI
from harness.drift.consequences import CONSEQUENCES
from harness.drift.grading import between, cassettes
from harness.drift.verify import judged
from harness.laws.values import ending_in

URL = "https://api.openai.com/v1/chat/completions"
ASKED = HttpRequest("POST", URL, (), b'{"model":"m","messages":[]}')
PARIS = ToolCall("weather", {"city": "Paris"}, "call_1")
CALLED = Reply(calls=(PARIS,), finish="tool_calls", usage=Usage(3, 2, 5), raw_finish="tool_calls")
SAID = Reply(text="Hello there.", finish="stop", usage=Usage(3, 2, 5), raw_finish="stop")
BROKEN = replace(CALLED, calls=(), errors=(CallError("arguments", "", '{"city": ', "weather", "call_1"),))


def answered(reply, *, stream=False, quirks=(), **more):
    response = OPENAI.render(reply, stream=stream, quirks=frozenset(quirks))
    return Exchange(ASKED, replace(response, **more))


def raw(text, status=200, kind="application/json", headers=()):
    return Exchange(ASKED, HttpResponse(status, (("content-type", kind), *headers), (Chunk(text.encode()),)))


def ran(parameters, name="web_search", result=None, *, dialect="anthropic", stream=False):
    """An answer with a call that the provider ran itself."""
    known = DIALECTS[dialect].facts
    call = replace(known.runs, parameters={**known.runs.parameters, **parameters}, name=name)
    reply = replace(SAID, provider_calls=(replace(call, result=result or call.result),))
    quirks = frozenset({known.runs_under} - {""})
    return Exchange(replace(ASKED, url=URLS[dialect]), DIALECTS[dialect].render(reply, stream=stream, quirks=quirks))


URLS = {"openai": URL, "anthropic": "https://api.anthropic.com/v1/messages"}
LONG = replace(SAID, text="Hello there, and good morning to all of you.", finish="length")
KINDS = {
    "failure": (answered(SAID), Exchange(ASKED, None, Failure("refused"))),
    "status": (raw('{"error": {}}', 500), raw('{"error": {}}', 400)),
    "error": (raw('{"error": {"code": "a"}}', 400), raw('{"error": {"code": "b"}}', 400)),
    "unreadable": (answered(SAID), raw("<html>")),
    "empty": (answered(SAID), answered(replace(SAID, text=""))),
    "called": (answered(CALLED), answered(SAID)),
    "calls": (answered(CALLED), answered(replace(CALLED, calls=(replace(PARIS, parameters={"city": "Rome"}),)))),
    "call_errors": (answered(CALLED), answered(BROKEN)),
    "ran": (ran({}), ran({}, name="mcp_list_tools")),
    "ran_with": (ran({}), ran({"query": "y"})),
    "finish": (answered(SAID), answered(replace(SAID, finish="content_filter"))),
    "refusal": (answered(SAID), answered(replace(SAID, text="", refusal="No."))),
    "usage": (answered(SAID), answered(SAID, quirks=["no_usage"])),
    "text": (answered(SAID), answered(replace(SAID, text="Hello."))),
    "value": (raw('{"id": "a"}'), raw('{"id": "b"}')),
    "field_gone": (raw('{"id": "a", "x": 1}'), raw('{"id": "a"}')),
    "field_new": (raw('{"id": "a"}'), raw('{"id": "a", "x": 1}')),
    "field_type": (raw('{"id": "a"}'), raw('{"id": 1}')),
    "not_json": (raw("{}"), raw("ok")),
    "header": (raw("{}"), raw("{}", headers=(("retry-after", "3"),))),
}


@pytest.mark.parametrize("what", KINDS)
def test_each_kind_of_change_has_its_grade(what):
    grade = next(one.grade for one in CONSEQUENCES if one.what == what)
    found = {(one.what, one.grade) for one in between(*KINDS[what])}
    assert (what, grade) in found
    graver = {"cosmetic": {"shape", "contract"}, "shape": {"contract"}, "contract": set()}[grade]
    assert not [one for one in found if one[1] in graver and what != "not_json"]


def test_the_same_answer_again_is_no_change_but_for_ids_and_times():
    again = answered(replace(CALLED, calls=(replace(PARIS, id="call_other"),)))
    assert {one.grade for one in between(answered(CALLED), again)} <= {"cosmetic"}
    assert not between(answered(CALLED), answered(CALLED))
    assert not between(answered(CALLED, stream=True), answered(CALLED, stream=True))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_provider_ran_is_compared_in_every_dialect(dialect, stream):
    known = DIALECTS[dialect].facts.runs
    (*_, last), result = known.parameters, ending_in(known.result, "another")
    url = next(url for name, url, _ in ASKS_JSON if name == dialect)
    URLS.setdefault(dialect, url)
    try:
        was, given, came = (
            ran(parameters, known.name, told, dialect=dialect, stream=stream)
            for parameters, told in (({}, None), ({last: "another"}, None), ({}, result))
        )
    except UsageError as error:
        assert "no place for tools that the provider ran" in str(error)  # noqa: PT017 - the one reason to end here
        return
    assert not between(was, was)
    for now, path in ((given, "provider_calls.parameters"), (came, "provider_calls.result")):
        assert ("ran_with", path) in [(one.what, one.path) for one in between(was, now)]
    without = Exchange(was.request, DIALECTS[dialect].render(SAID, stream=stream))
    assert ("contract", "ran") in [(one.grade, one.what) for one in between(was, without)]


def test_all_that_the_laws_compare_is_compared_in_streams_too():
    first = replace(SAID, reasoning="So.", refusal="No.", model="m-1")
    for name in ("text", "reasoning", "refusal", "model"):
        other = answered(replace(first, **{name: "Other."}), stream=True)
        assert name in [one.path for one in between(answered(first, stream=True), other)], name
    moved = [replace(CALLED, errors=(replace(BROKEN.errors[0], index=n),)) for n in (0, 1)]
    assert ("contract", "calls") in [
        (one.grade, one.what) for one in between(*(answered(one, stream=True) for one in moved))
    ]


def test_another_text_that_reached_its_limit_is_another_text():
    assert {one.grade for one in between(answered(SAID), answered(LONG))} == {"cosmetic"}
    cut = answered(replace(SAID, finish="length"))
    assert "contract" in {one.grade for one in between(answered(SAID), cut)}


def test_both_decoded_sides_and_the_place_are_told():
    made = Provenance("synthetic", "2026-01-01T00:00:00+00:00")
    before, after = (Cassette(made, (answered(SAID), one)) for one in KINDS["calls"])
    (change,) = [one for one in cassettes(before, after, "c.json") if one.what == "calls"]
    assert change.path == "exchange 1.calls"
    assert change.before["calls"] == [{"name": "weather", "parameters": {"city": "Paris"}}]
    assert change.after["calls"] == [{"name": "weather", "parameters": {"city": "Rome"}}]
    assert (change.evidence[0].cassette, change.evidence[0].exchanges) == ("c.json", (1,))


def test_another_question_and_fewer_answers_are_told():
    made = Provenance("synthetic", "2026-01-01T00:00:00+00:00")
    other = replace(answered(SAID), request=replace(ASKED, body=b'{"model":"n","messages":[]}'))
    found = cassettes(Cassette(made, (answered(SAID), answered(SAID))), Cassette(made, (other,)))
    assert {one.what for one in found} == {"request", "exchanges"}


def test_what_varies_is_no_change_of_the_providers():
    texts = [answered(replace(SAID, text=text)) for text in ("Hello.", "Hi.", "Hello there.")]
    assert not [one for one in judged(answered(SAID), texts) if one.steady and one.change.grade == "contract"]
    towns = [answered(replace(CALLED, calls=(replace(PARIS, parameters={"city": c}),))) for c in ("Rome", "Oslo", "Ur")]
    (calls,) = [one for one in judged(answered(CALLED), towns) if one.change.what == "calls"]
    assert not calls.steady
    (calls,) = [one for one in judged(answered(CALLED), towns[:1] * 3) if one.change.what == "calls"]
    assert calls.steady
    some = [answered(CALLED), answered(SAID), answered(CALLED)]
    (called,) = [one for one in judged(answered(CALLED), some) if one.change.what == "called"]
    assert (called.steady, called.agreed.held, called.agreed.n) == (False, 2, 3)


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"
ASKS_JSON = [
    ("openai", URL, {"response_format": {"type": "json_object"}}),
    ("openai", URL, {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}}),
    ("anthropic", "https://api.anthropic.com/v1/messages", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("anthropic", "https://api.anthropic.com/v1/messages", {"output_format": {"type": "json_schema", "schema": SCHEMA}}),
    ("gemini", GEMINI_URL, {"generationConfig": {"responseMimeType": "application/json"}}),
    ("gemini", GEMINI_URL, {"generation_config": {"response_mime_type": "application/json", "response_schema": SCHEMA}}),
    (
        "bedrock",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse",
        {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA)}}}}},
    ),
    ("cohere", "https://api.cohere.com/v2/chat", {"response_format": {"type": "json_object"}}),
    ("cohere", "https://api.cohere.com/v2/chat", {"response_format": {"type": "json_object", "schema": SCHEMA}}),
    ("ollama", "http://localhost:11434/api/chat", {"format": "json", "stream": False}),
    ("ollama", "http://localhost:11434/api/chat", {"format": SCHEMA, "stream": False}),
    ("ollama_generate", "http://localhost:11434/api/generate", {"format": "json", "stream": False}),
    ("openai_responses", "https://api.openai.com/v1/responses", {"text": {"format": {"type": "json_object"}}}),
    (
        "bedrock_invoke",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "url", "how"), ASKS_JSON)
def test_json_that_is_lost_breaks_a_contract_in_every_dialect(dialect, url, how):
    was, now = (
        Exchange(
            HttpRequest("POST", url, (), json.dumps(how).encode()), DIALECTS[dialect].render(replace(SAID, text=text))
        )
        for text in ('{"a": 1}', "Sorry, I can't do that.")
    )
    assert ("contract", "json") in [(one.grade, one.what) for one in between(was, now)]
    plain = replace(was, request=replace(was.request, body=b"{}"))
    assert "json" not in [one.what for one in between(plain, replace(now, request=plain.request))]


def test_every_dialect_is_asked_for_json_above():
    assert {dialect for dialect, _, _ in ASKS_JSON} >= set(DIALECTS)


def test_a_request_that_differs_in_many_leaves_is_told_with_their_number():
    old = answered(SAID)
    asked = replace(ASKED, url=f"{URL}?y=1", body=json.dumps(dict.fromkeys("abcdefg", 1)).encode())
    made = Provenance("synthetic", "2026-01-01T00:00:00Z")
    one, other = (Cassette(made, (exchange,)) for exchange in (old, replace(old, request=asked)))
    found = [change for change in cassettes(one, other) if change.what == "request"]
    assert found[-1].path.endswith("request")
    assert found[-1].message.startswith("and ")
    assert found[-1].message.endswith(" more leaves of it differ")


def test_a_request_that_changed_is_compared_with_the_new_one():
    old = answered(SAID)
    new = replace(old, request=replace(ASKED, body=b'{"model":"n","messages":[],"seed":1}'))
    before, after = (Cassette(Provenance("synthetic", ""), (one,)) for one in (old, new))
    found = [change.message for change in cassettes(before, after)]
    assert found == ['another request: recorded "m", now "n"', "another request: now 1, not in the old request"]
