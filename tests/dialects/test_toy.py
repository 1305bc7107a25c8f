"""One more dialect, known to tests alone, goes through the whole house: nothing elsewhere knows dialects by name."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings

from harness.app import card_runs
from harness.backend.names import name_table
from harness.cassette import Cassette, save
from harness.core.chat import Reply, ToolCall, Usage
from harness.core.errors import ConnectionFailedError, StreamCutError, UsageError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS, dialect_at, registered
from harness.dialects import read_answer as decoded
from harness.dialects.facts import provider_error, retry_after
from harness.dialects.registry import read_chat_request
from harness.drift import grading
from harness.laws.prove import Effort, prove_one
from harness.laws.tested_backend import Backend
from harness.mutation.mutate import mutants
from harness.report.exchanges import whole
from harness.server.in_process import answering, replaying
from harness.strategies.wire import wire_replies
from tests.dialects.toy import ROW, TOY

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLED = Reply(
    text="I look.", calls=(ToolCall("weather", {"city": "Paris"}, "n1"),), finish="tool_calls", usage=Usage(3, 2, 5)
)


def asked(*, flow, city="Paris"):
    body = {
        "model": "one",
        "ask": [{"who": "user", "what": f"What is the weather in {city}?"}],
        "kit": [{"name": "weather", "about": "now", "takes": SCHEMA}],
        "flow": flow,
    }
    headers = (("content-type", "application/json"),)
    return HttpRequest("POST", "https://api.toy.test/toy/talk", headers, json.dumps(body).encode())


@pytest.fixture(autouse=True)
def known():
    with registered(TOY, replace(ROW, hosts=(r"api\.toy\.test",))):
        yield


def exchange(reply=CALLED, *, flow=False):
    return Exchange(asked(flow=flow), TOY.render(reply, stream=flow))


BOTH = pytest.mark.parametrize("flow", [False, True])


def test_it_is_forgotten_after_the_block():
    assert dialect_at("http://x/toy/talk") is TOY
    with pytest.raises(UsageError, match="toy already"), registered(TOY):
        pass
    assert DIALECTS["toy"] is TOY


@BOTH
def test_what_is_drawn_reads_back(flow):
    @settings(max_examples=50, deadline=None)
    @given(wire_replies("toy", stream=flow))
    def reads_back(made):
        expected = replace(made.reply, usage=None) if "no_cost" in made.quirks else made.reply
        assert TOY.read(made.response) == expected

    reads_back()


@BOTH
def test_it_is_asked_read_shown_and_recorded(flow, tmp_path):
    one = exchange(flow=flow)
    question = read_chat_request(one.request)
    assert (question.dialect, question.model, question.stream, list(question.schemas)) == (
        "toy",
        "one",
        flow,
        ["weather"],
    )
    assert decoded(one) == CALLED
    shown = whole(0, one)
    assert "weather" in shown
    assert '"city": "Paris"' in shown or '"city":"Paris"' in shown
    save(tmp_path / "toy.json", Cassette(FROM, (one,)))
    assert ('"calls"' in (tmp_path / "toy.json").read_text()) == flow  # a stream's own summary for its reviewer


@BOTH
def test_it_is_served_from_a_recording_and_made_up(flow, tmp_path):
    save(tmp_path / "toy.json", Cassette(FROM, (exchange(flow=flow),)))
    sent = asked(flow=flow)
    with replaying(tmp_path / "toy.json") as server:
        answer = httpx.post(f"{server.url}/toy/talk", content=sent.body, headers=dict(sent.headers))
        other = asked(flow=flow, city="Rome")
        missed = httpx.post(f"{server.url}/toy/talk", content=other.body, headers=dict(other.headers))
    assert answer.content == exchange(flow=flow).response.body
    assert missed.status_code == 404
    assert "Paris" in missed.json()["oops"]
    with answering() as server:
        made_up = httpx.post(f"{server.url}/toy/talk", content=sent.body, headers=dict(sent.headers))
    assert made_up.status_code == 200
    assert ("ndjson" in made_up.headers["content-type"]) == flow


def faulty(fault, tmp_path):
    save(tmp_path / "toy.json", Cassette(FROM, (exchange(flow=True),)))
    (tmp_path / "faults.yaml").write_text(f"faults:\n  - {fault}\n")
    sent = asked(flow=True)
    with replaying(tmp_path / "toy.json", faults=tmp_path / "faults.yaml") as server:
        return httpx.post(f"{server.url}/toy/talk", content=sent.body, headers=dict(sent.headers))


def test_it_is_refused_in_its_own_words(tmp_path):
    answer = faulty("{fault: status, status: 429, retry_after: 3}", tmp_path)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "oops" in answer.json()


def test_a_call_is_malformed_on_its_wire(tmp_path):
    answer = faulty("{fault: malformed_arguments, call: 0}", tmp_path)
    (error,) = TOY.read(HttpResponse(200, tuple(answer.headers.items()), (Chunk(answer.content),))).errors
    assert error.fault == "arguments"


def test_its_stream_is_left_without_its_end(tmp_path):
    answer = faulty("{fault: no_end}", tmp_path)
    with pytest.raises(StreamCutError):
        TOY.read(HttpResponse(200, tuple(answer.headers.items()), (Chunk(answer.content),)))


@BOTH
def test_it_is_mutated(flow):
    found = {one.mutator.name for one in mutants(exchange(flow=flow))}
    assert {"call dropped", "argument changed", "finish flipped", "word changed"} <= found


@BOTH
def test_it_is_compared_by_what_it_says(flow):
    other = replace(CALLED, calls=(ToolCall("weather", {"city": "Rome"}, "n1"),))
    changes = grading.between(exchange(flow=flow), exchange(other, flow=flow))
    assert any("Rome" in str(one) for one in changes)
    assert not list(grading.between(exchange(flow=flow), exchange(flow=flow)))


@BOTH
def test_it_is_judged_by_a_card(flow, tmp_path):
    wrong = replace(CALLED, calls=(ToolCall("weather", {"town": 1}, "n1"),))
    save(tmp_path / "toy.json", Cassette(FROM, (exchange(flow=flow), exchange(wrong, flow=flow))))
    (card,) = card_runs.from_recordings([tmp_path / "toy.json"])
    verdicts = {cell.check: cell.verdict for cell in card.cells if cell.verdict != "unseen"}
    assert card.model == "toy (synthetic)"
    assert verdicts["C6"] == "fail"
    assert verdicts["S5"] == "pass"


def complete(model, messages, *, tools=None, stream=False, **options):
    """A backend of the toy's own, which sends neither options nor a choice of tools, and no earlier calls."""
    table = name_table("toy", tools or (), messages)
    kit = [one["function"] for one in table.tools(tools or ())]
    body = {
        "model": model.partition("/")[2],
        "ask": [{"who": one["role"], "what": one.get("content")} for one in messages],
        "kit": [{"name": one["name"], "about": one.get("description"), "takes": one.get("parameters")} for one in kit],
        "flow": stream,
    }
    try:
        answer = httpx.post(f"{options['api_base']}/toy/talk", json=body)
    except httpx.TransportError as error:
        raise ConnectionFailedError(str(error), provider="toy") from error
    if answer.status_code >= 400:
        wait = retry_after(answer.headers.multi_items())
        raise provider_error(answer.text, status=answer.status_code, retry_after=wait, provider="toy")
    reply = TOY.read(HttpResponse(200, tuple(answer.headers.items()), (Chunk(answer.content),)))
    return replace(reply, calls=tuple(replace(one, name=table.own.get(one.name, one.name)) for one in reply.calls))


@BOTH
def test_a_backend_of_its_own_is_proven(flow):
    effort = Effort(examples=20, shrink=False)
    proof = prove_one(Backend(complete), "toy", "stream" if flow else "whole", effort=effort)
    assert {"Q3", "Q4", "Q5"} <= proof.broken.keys()
    assert not {"N1", "N2", "N3", "D1", "D2", "D3", "D5", "D6", "D7", "D13", "S6", "E1"} & proof.broken.keys()
