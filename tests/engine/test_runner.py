"""The engine with a real suite, a tape in memory and a model that is a function."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.core.chat import CallError, Reply, ToolCall
from harness.core.errors import (
    BadRequestError,
    CassetteMiss,
    CassetteMissingError,
    ConnectionFailedError,
    DuplicateToolError,
    LeakError,
    ProviderError,
    RateLimitError,
    StreamCutError,
    ToolCallError,
)
from harness.core.exchange import Exchange, HttpRequest, HttpResponse
from harness.core.finding import Evidence, Finding, Observation
from harness.engine.events import CaseFinished, CaseResult, CaseStarted, Job, Problem, RunStarted, Scorecard
from harness.engine.runner import play, run_events, scrubbed, timed
from harness.suite import load_suites

SUITE = """
name: some
models: [openai/m]
tools: [{name: a/b, parameters: {type: object}}, {name: c}]
defaults: {temperature: 0, max_tokens: 9}
cases:
  - id: plain
    messages: [{system: be kind}, {user: hi}]
    expect: {text: {exact: hello}}
  - id: turns
    messages: [{user: hi}]
    tools: [a/b, c]
    tool_choice: required
    expect: {call_count: 2}
    then:
      - results: {a/b: {t: 1}, "*": none}
        messages: [{user: go on}]
        tool_choice: {name: c}
        stream: true
        expect: {finish: stop}
  - id: listed
    messages: [{user: hi}]
    tools: [a/b, c]
    then: [{results: [one, [2]], expect: {text: {exact: done}}}]
  - id: key
    messages: [{user: hi}]
    wrong_key: true
    options: {seed: 1, temperature: 5}
    expect: {error: {type: BadRequestError, status: 400}}
"""
BAD = CallError("arguments", "holds KEY", "KEY{", "KEY", "KEY", 0)
REPLY = Reply(text="a KEY", calls=(ToolCall("KEY", {"KEY": ["KEY", 1, {"x": "KEY"}]}, "KEY"),), errors=(BAD,))


@dataclass
class TapeInMemory:
    taken: list = field(default_factory=list)
    unused: list = field(default_factory=list)
    miss_messages: list = field(default_factory=list)
    provenance: None = None
    closed_by: type | None = None


@dataclass
class Model:
    """Answers with its script, one item a question, and remembers what it was asked."""

    script: list
    tape: TapeInMemory = field(default_factory=TapeInMemory)
    asked: list = field(default_factory=list)

    def ask(self, model, words, *, wrong_key):
        self.asked.append((model.id, json.loads(json.dumps(words)), wrong_key))
        self.tape.taken.append((len(self.tape.taken), Exchange(HttpRequest("POST", "http://x"), HttpResponse(200))))
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @contextlib.contextmanager
    def open_tape(self, job):
        try:
            yield self.tape
        except BaseException as error:  # how the tape was left is what the test asks
            self.tape.closed_by = type(error)
            raise


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    file = tmp_path_factory.mktemp("suites") / "some.yaml"
    file.write_text(SUITE)
    (suite,) = load_suites([file])
    return {case.id: Job(suite.name, case, suite.models[0], Path(f"{case.id}.json")) for case in suite.cases}


CALLS = (ToolCall("a/b", {"x": "é"}, "id1"), ToolCall("c", {}, "id2"))


def test_one_question(jobs):
    model = Model([Reply(text="hello")])
    result = play(jobs["plain"], ask=model.ask, open_tape=model.open_tape)
    assert (result.verdict, result.problem, result.kept) == ("pass", None, True)
    assert model.asked == [
        (
            "openai/m",
            {
                "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
                "stream": False,
                "temperature": 0,
                "max_tokens": 9,
            },
            False,
        )
    ]


def test_results_go_back_with_their_calls_and_a_turn_has_its_own_options(jobs):
    model = Model([Reply(text="wait", calls=CALLS), Reply(finish="stop")])
    result = play(jobs["turns"], ask=model.ask, open_tape=model.open_tape)
    assert result.verdict == "pass"
    first, second = (words for _, words, _ in model.asked)
    assert first["tool_choice"] == "required"
    assert first["stream"] is False
    assert (second["tool_choice"], second["stream"]) == ({"type": "function", "function": {"name": "c"}}, True)
    assert second["messages"] == [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "wait",
            "tool_calls": [
                {"id": "id1", "type": "function", "function": {"name": "a/b", "arguments": '{"x": "\\u00e9"}'}},
                {"id": "id2", "type": "function", "function": {"name": "c", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "id1", "content": '{"t": 1}'},
        {"role": "tool", "tool_call_id": "id2", "content": "none"},
        {"role": "user", "content": "go on"},
    ]
    assert [len(one.exchanges) for one in result.observations] == [1, 1]
    assert [one.evidence.exchanges for one in result.findings] == [(0,), (1,)]


def test_results_in_the_order_of_the_calls(jobs):
    model = Model([Reply(calls=CALLS), Reply(text="done")])
    assert play(jobs["listed"], ask=model.ask, open_tape=model.open_tape).verdict == "pass"
    assert [message["content"] for message in model.asked[1][1]["messages"][2:]] == ["one", "[2]"]


@pytest.mark.parametrize(
    ("case", "reply", "sentence"),
    [
        ("listed", Reply(calls=CALLS[:1]), "the model made 1 call, and this turn has 2 results"),
        ("listed", Reply(text="no"), "the model made 0 calls, and this turn has 2 results"),
    ],
)
def test_a_turn_that_can_not_go_out_is_a_finding(jobs, case, reply, sentence):
    model = Model([reply])
    result = play(jobs[case], ask=model.ask, open_tape=model.open_tape)
    assert result.verdict == "fail"
    assert [(one.check, one.message) for one in result.findings] == [("turn", sentence)]


def test_an_expected_error_passes_and_is_kept(jobs):
    model = Model([BadRequestError("no", status=400)])
    result = play(jobs["key"], ask=model.ask, open_tape=model.open_tape, recording=True)
    assert (result.verdict, result.kept, model.tape.closed_by) == ("pass", True, None)
    _, words, wrong_key = model.asked[0]
    assert wrong_key
    assert (words["seed"], words["temperature"]) == (1, 0), "the case's own word goes before a further option"


def test_an_unexpected_error_ends_the_case_and_is_not_kept_while_recording(jobs):
    for recording, kept in ((False, True), (True, False)):
        model = Model([ConnectionFailedError("refused")])
        result = play(jobs["turns"], ask=model.ask, open_tape=model.open_tape, recording=recording)
        assert (result.verdict, result.kept, len(result.observations)) == ("infra", kept, 1)
        assert (model.tape.closed_by is None) is kept


def test_what_the_model_got_wrong_is_kept_while_recording(jobs):
    model = Model([Reply(text="goodbye")])
    result = play(jobs["plain"], ask=model.ask, open_tape=model.open_tape, recording=True)
    assert (result.verdict, result.kept, model.tape.closed_by) == ("fail", True, None)


def test_unused_recordings_fail_a_replay_but_not_a_recording(jobs):
    for recording, verdict in ((False, "fail"), (True, "pass")):
        model = Model([Reply(text="hello")], TapeInMemory(unused=[1, 2]))
        result = play(jobs["plain"], ask=model.ask, open_tape=model.open_tape, recording=recording)
        assert result.verdict == verdict
    (finding,) = [one for one in play_unused(jobs).findings if one.check == "H2"]
    assert finding.evidence.exchanges == (1, 2)


def play_unused(jobs):
    model = Model([Reply(text="hello")], TapeInMemory(unused=[1, 2]))
    return play(jobs["plain"], ask=model.ask, open_tape=model.open_tape)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (CassetteMiss("no such request", differences=("a is b",)), 2),
        (LeakError("a key"), 3),
        (CassetteMissingError("none"), 2),
    ],
)
def test_problems_of_the_tape_are_told_apart_from_checks(jobs, error, exit_code):
    model = Model([error])
    result = play(jobs["plain"], ask=model.ask, open_tape=model.open_tape)
    assert (result.verdict, result.problem.kind, result.problem.exit_code) == ("fail", type(error).__name__, exit_code)
    assert result.problem.details == getattr(error, "differences", ())
    assert Scorecard((result,)).exit_code == exit_code
    assert Scorecard((result,)).counts == {"unusable": 1}


def test_a_miss_that_was_swallowed_on_the_way_is_told_all_the_same(jobs):
    model = Model(
        [Reply(text="hello")], TapeInMemory(miss_messages=["a.json: no unused exchange answers POST http://x/y"])
    )
    problem = play(jobs["plain"], ask=model.ask, open_tape=model.open_tape).problem
    assert (problem.kind, problem.exit_code) == ("CassetteMiss", 2)
    assert problem.message == "a.json: no unused exchange answers POST http://x/y; the backend went on all the same"


def test_a_subclass_of_the_miss_is_called_by_our_name(jobs):
    class PytestsOwn(CassetteMiss):
        pass

    model = Model([PytestsOwn("x")])
    assert play(jobs["plain"], ask=model.ask, open_tape=model.open_tape).problem.kind == "CassetteMiss"


def run(jobs, model, clock):
    return run_events(jobs, timed(lambda job: play(job, ask=model.ask, open_tape=model.open_tape), clock))


def test_events_come_in_order_and_only_seconds_know_the_clock(jobs):
    model = Model([Reply(text="hello"), BadRequestError("no", status=400)])
    ticks = itertools.count()
    events = list(run([jobs["plain"], jobs["key"]], model, lambda: float(next(ticks))))
    assert [type(event) for event in events] == [RunStarted, CaseStarted, CaseFinished, CaseStarted, CaseFinished]
    results = tuple(event.result for event in events if isinstance(event, CaseFinished))
    assert [result.seconds for result in results] == [1.0, 1.0]
    assert Scorecard(results).exit_code == 0


def test_an_interruption_ends_the_run_after_what_was_told(jobs):
    model = Model([Reply(text="hello"), KeyboardInterrupt()])
    told = []
    with contextlib.suppress(KeyboardInterrupt):
        for event in run([jobs["plain"], jobs["key"]], model, lambda: 0.0):
            told.append(type(event).__name__)  # noqa: PERF401 - kept up to the interruption
    assert told == ["RunStarted", "CaseStarted", "CaseFinished", "CaseStarted"]


def test_exit_codes(jobs):
    good = play(jobs["plain"], ask=(m := Model([Reply(text="hello")])).ask, open_tape=m.open_tape)
    bad = play(jobs["plain"], ask=(m := Model([Reply(text="bye")])).ask, open_tape=m.open_tape)
    assert Scorecard(()).exit_code == 2
    assert Scorecard((good,)).exit_code == 0
    assert Scorecard((good, bad)).exit_code == 1
    assert Scorecard((good,), orphans=("x.json",)).exit_code == 1
    assert Scorecard((good, bad)).counts == {"fail": 1, "pass": 1}


def clean(text: str) -> str:
    return text.replace("KEY", "gone")


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("KEY", status=429, retry_after=2.5, provider="KEY"),
        StreamCutError("KEY", REPLY),
        ToolCallError([BAD], [], "KEY"),
        DuplicateToolError(["KEY"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_but_exchanges_is_scrubbed(error):
    exchange = Exchange(HttpRequest("POST", "http://KEY"), None)
    seen = Observation("KEY", "KEY", "KEY", {"messages": ["KEY"]}, REPLY, error, 0, "KEY", ((0, exchange),))
    finding = Finding("KEY", "fail", "KEY", "KEY", Evidence("KEY", (1,)))
    problem = Problem("X", "KEY", 2, ("KEY",))
    made = scrubbed(CaseResult("KEY", "KEY", "KEY", "KEY", (finding,), (seen,), problem), clean)
    (observation,) = made.observations
    assert observation.exchanges == seen.exchanges
    without = dataclasses.replace(made, observations=(dataclasses.replace(observation, exchanges=()),))
    assert "KEY" not in repr(without)
    assert type(observation.error) is type(error)
    assert "KEY" not in f"{observation.error} {vars(observation.error)}"
    if isinstance(error, ProviderError):
        assert (observation.error.status, observation.error.retry_after) == (429, 2.5)


def test_what_was_given_stays_as_it_was():
    result = CaseResult("KEY", "c", "m", "")
    assert scrubbed(result, clean).suite == "gone"
    assert result.suite == "KEY"
