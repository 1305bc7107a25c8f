"""One case scored: how a mistake is counted, what is left out of the rates, and names told apart from skill."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks.structure import Mistake
from harness.core.chat import CallError, Reply, ToolCall
from harness.core.errors import ServerError
from harness.core.finding import Finding, Observation
from harness.engine.events import CaseResult, Job, Problem
from harness.evaluation import EVERY, Score, Trigger, Turn, category, respell, scored, tally, wants_call
from harness.suite import load_suites

SUITE = """
name: eval-some
kind: evaluation
models: [openai/m]
tools:
  - {name: text/translate, parameters: {type: object, properties: {text: {type: string}}, required: [text]}}
cases:
  - id: one
    messages: [{user: translate hi}]
    tools: [text/translate]
    expect: {calls: [{name: text/translate, accepts: {text: [hi, Hi]}}]}
  - id: none
    messages: [{user: hi}]
    tools: [text/translate]
    expect: {no_calls: true}
  - id: turns
    messages: [{user: translate hi}]
    tools: [text/translate]
    expect: {call_count: {min: 1}}
    then: [{results: {"*": salut}, expect: {no_calls: true}}]
"""
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "text/translate",
            "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        },
    }
]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    file = tmp_path_factory.mktemp("suites") / "eval-some.yaml"
    file.write_text(SUITE)
    (suite,) = load_suites([file])
    return {case.id: Job(suite.name, case, suite.models[0], Path("c.json")) for case in suite.cases}


def result(*replies, findings=(), problem=None, choice=None):
    asked = {"tools": TOOLS, **({"tool_choice": choice} if choice else {})}
    seen = tuple(
        Observation("eval-some", "c", "m", asked, **{"error" if isinstance(one, Exception) else "reply": one})
        for one in replies
    )
    return CaseResult("eval-some", "c", "openai/m", "c.json", tuple(findings), seen, problem)


def called(name="text/translate", **parameters):
    return Reply(calls=(ToolCall(name, parameters or {"text": "hi"}, "1"),))


def unknown(name, raw='{"text": "hi"}'):
    return Reply(errors=(CallError("unknown_tool", f"{name} was not offered", raw, name, "1", 0),))


def test_a_right_answer(jobs):
    score = scored(jobs["one"], result(called()))
    assert (score.category, score.outcome, score.skilled, score.mistakes) == ("some", "right", True, ())
    (turn,) = score.turns
    assert (turn.wants, turn.called, turn.free, turn.calls, turn.valid, turn.renamed) == (True, True, True, 1, 1, 1)


def test_a_wrong_value_fits_the_schema_all_the_same(jobs):
    score = scored(jobs["one"], result(called(text="no")))
    assert (score.outcome, score.skilled, score.turns[0].valid) == ("wrong", False, 1)
    assert [(one.kind, one.path) for one in score.mistakes] == [("value", "turn 0[0].text")]


def test_a_call_that_does_not_fit_its_schema_is_counted_as_such(jobs):
    (turn,) = scored(jobs["one"], result(called(text=1))).turns
    assert (turn.calls, turn.valid) == (1, 0)


def test_a_name_written_otherwise_is_wrong_and_no_lack_of_skill(jobs):
    score = scored(jobs["one"], result(unknown("text.translate")))
    assert (score.outcome, score.skilled, score.turns[0].respelt) == ("wrong", True, 1)
    assert [one.kind for one in score.mistakes] == ["name"]


def test_repairing_the_name_does_not_repair_the_value(jobs):
    score = scored(jobs["one"], result(unknown("text-translate", '{"text": "no"}')))
    assert (score.outcome, score.skilled) == ("wrong", False)
    assert [one.kind for one in score.turns[0].unskilled] == ["value"]


def test_another_name_is_not_repaired(jobs):
    score = scored(jobs["one"], result(unknown("translate")))
    assert (score.skilled, score.turns[0].respelt, [one.kind for one in score.mistakes]) == (False, 0, ["name"])


def test_arguments_that_can_not_be_read_are_a_mistake_of_their_own(jobs):
    cut = Reply(errors=(CallError("bad_json", "cut", '{"text": ', "text/translate", "1", 0),))
    score = scored(jobs["one"], result(cut))
    assert [one.kind for one in score.mistakes] == ["unreadable"]
    assert (score.turns[0].called, score.turns[0].calls, score.turns[0].valid) == (True, 1, 0)


def test_an_error_of_decoding_is_unreadable(jobs):
    score = scored(jobs["one"], result(ServerError("no answer in it")))
    assert (score.outcome, [one.kind for one in score.mistakes]) == ("wrong", ["unreadable"])


@pytest.mark.parametrize("verdict", ["infra", "unsupported"])
def test_what_the_provider_did_not_answer_is_left_out(jobs, verdict):
    finding = Finding(check="error", verdict=verdict, message="429")
    score = scored(jobs["one"], result(ServerError("busy"), findings=[finding]))
    assert (score.outcome, score.note, score.turns) == (verdict, "429", ())


def test_what_is_not_recorded_is_left_out_and_says_why(jobs):
    score = scored(jobs["one"], result(problem=Problem("CassetteMissing", "c.json is missing", 2)))
    assert (score.outcome, score.note) == ("unseen", "c.json is missing")


def test_a_case_is_right_to_the_last_turn_or_not_at_all(jobs):
    assert scored(jobs["turns"], result(called(), Reply(text="salut"))).outcome == "right"
    score = scored(jobs["turns"], result(called(), called()))
    assert (score.outcome, [one.path for one in score.mistakes]) == ("wrong", ["turn 1"])


def test_a_conversation_that_ended_early_is_wrong(jobs):
    score = scored(jobs["turns"], result(called()))
    assert (score.outcome, [one.kind for one in score.mistakes]) == ("wrong", ["count"])
    assert "1 of 2" in score.mistakes[0].message


def test_a_forced_call_is_no_choice(jobs):
    (turn,) = scored(jobs["one"], result(called(), choice="required")).turns
    assert not turn.free


def test_whether_a_call_is_wanted(jobs):
    assert wants_call(jobs["one"].case.expect) is True
    assert wants_call(jobs["none"].case.expect) is False
    assert wants_call(jobs["turns"].case.expect) is True


def test_two_names_that_could_be_meant_are_not_repaired():
    offered = {"a/b": "a/b", "a.b": "a.b"}
    assert respell(unknown("a-b"), offered)[1] == 0


def test_a_repaired_call_stands_where_it_stood():
    first, last = ToolCall("c", {"n": 1}, "1"), ToolCall("c", {"n": 3}, "3")
    bad = CallError("unknown_tool", "no such tool", '{"n": 2}', "a-b", "2", 1)
    reply, count = respell(Reply(calls=(first, last), errors=(bad,)), {"a/b": "a/b", "c": "c"})
    assert ([call.parameters["n"] for call in reply.calls], reply.errors, count) == ([1, 2, 3], (), 1)
    assert reply.calls[1].name == "a/b"


def test_a_category_is_the_suite_without_its_prefix():
    assert (category("eval-long"), category("mine")) == ("long", "mine")


def score(outcome="right", *turns, skilled=None):
    return Score("c", "id", "m", outcome, outcome == "right" if skilled is None else skilled, turns)


def turn(**more):
    return Turn(**{"wants": True, "called": True, "free": True, **more})


def test_rates_come_with_n_and_wilsons_interval():
    made = tally("c", "m", [score()] * 8 + [score("wrong")] * 2)
    assert (made.right.held, made.right.n) == (8, 10)
    assert (made.right.low, made.right.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_what_could_not_be_judged_is_in_no_rate():
    made = tally("c", "m", [score(), score("infra"), score("unsupported"), score("unseen"), score("unseen")])
    assert (made.right.n, made.infra, made.unsupported, made.unseen) == (1, 1, 1, 2)


def test_names_repaired_are_counted_apart():
    made = tally("c", "m", [score("wrong", turn(respelt=1, renamed=2), skilled=True), score("wrong")])
    assert (made.right.held, made.skill.held, made.respelt, made.renamed) == (0, 1, 1, 2)


def test_trigger_counts_only_free_choices_with_one_right_answer():
    turns = [
        turn(wants=True, called=True),
        turn(wants=True, called=False),
        turn(wants=False, called=True),
        turn(wants=False, called=False),
        turn(wants=None, called=True),
        turn(wants=True, called=True, free=False),
    ]
    assert tally("c", "m", [score("wrong", *turns)]).trigger == Trigger(hits=1, false=1, missed=1, quiet=1)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    one = Trigger(hits=6, false=2, missed=4, quiet=9)
    precision, recall = one.precision.share, one.recall.share
    assert (precision, recall, one.n) == (0.75, 0.6, 12)
    assert one.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    low, high = one.interval
    assert 0 < low < one.f1 < high < 1


def test_f1_of_more_answers_has_a_narrower_interval():
    few, many = Trigger(3, 1, 1), Trigger(300, 100, 100)
    assert few.f1 == many.f1
    assert many.interval[0] > few.interval[0]
    assert many.interval[1] < few.interval[1]


def test_f1_of_nothing_is_not_known():
    assert Trigger(quiet=5).f1 is None


def test_schema_accuracy_is_of_calls_not_of_cases():
    made = tally(EVERY, "m", [score("right", turn(calls=3, valid=2)), score("wrong", turn(calls=1, valid=0))])
    assert (made.schema.held, made.schema.n) == (2, 4)


def test_a_case_with_two_mistakes_of_a_kind_counts_once():
    wrong = turn(mistakes=(Mistake("value", "a"), Mistake("value", "b"), Mistake("type", "c")))
    made = tally("c", "m", [score("wrong", wrong)])
    assert (made.mistakes["value"], made.mistakes["type"], made.mistakes["count"]) == (1, 1, 0)


def test_no_cases_have_no_share():
    made = tally("c", "m", [])
    assert (made.right.share, made.schema.share, made.trigger.f1) == (None, None, None)
