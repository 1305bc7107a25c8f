"""Tasks in worlds: recorded once, replayed offline, scored again when the check changes; and all that may go wrong."""

import sys
from dataclasses import replace

import pytest

from harness.app import assembly
from harness.app.runner_factory import Origin
from harness.app.settings import settings
from harness.core.chat import CallError, Reply, ToolCall
from harness.core.errors import UsageError
from harness.engine.conversation import WorldTask
from harness.engine.events import ALL, CaseFinished
from harness.evaluation import evaluate
from harness.server.in_process import answering_by
from harness.server.scripted_model import ScriptedModel
from harness.server.synthetic import Synthetic
from harness.suite import load_suites

SUITE = """
kind: evaluation
models: [{name: scripted, backend: openai, hostname: "URL/v1", api_key_env: WORLD_KEY}]
world: WORLD
cases:
  - id: one
    messages: [{user: MESSAGE}]
    expect: {state: STATE}
"""
ASK = "Close the ticket about the printer."
OWN = '''
from harness.worlds import RefusedError, World

class Lamp(World):
    def begin(self, rng):
        return {"lamps": {"L1": {"on": False}}}

    def switch(self, lamp: str) -> str:
        """Switch a lamp"""
        if lamp == "L9":
            raise RuntimeError("no such lamp")
        if lamp not in self.state["lamps"]:
            raise RefusedError(f"there is no lamp {lamp}")
        self.state["lamps"][lamp]["on"] = True
        return "on"

def fine(state):
    return None

def crashing(state):
    return state["nothing"]
'''


def suite(folder, url="http://127.0.0.1:9", world="tickets", message=ASK, state="{tickets: {T1: {status: closed}}}"):
    text = SUITE.replace("URL", url).replace("MESSAGE", message).replace("STATE", state)
    file = folder / "eval-some.yaml"
    file.write_text(text.replace("WORLD\n", f"{world}\n"))
    return load_suites([file])


def results(events):
    return [event.result for event in events if isinstance(event, CaseFinished)]


@pytest.fixture
def played(tmp_path, monkeypatch):
    """Record a task from the scripted model with mistakes, then replay what a suite says of it."""
    monkeypatch.setenv("WORLD_KEY", "local-server-key")
    monkeypatch.delenv("CI", raising=False)
    chosen = replace(settings({"cassettes": str(tmp_path / "cassettes")}), ci=False)

    def record(rates=None, repeats=1, **how):
        with answering_by(Synthetic(ScriptedModel(rates or {}).choose)) as served:
            jobs = assembly.plan(suite(tmp_path, served.url, **how), chosen, ALL)
            jobs = [replace(job, repeats=repeats) for job in jobs]
            return served.url, results(assembly.record(jobs, chosen, Origin()))

    def replay(url, **how):
        jobs = [replace(job, repeats=0) for job in assembly.plan(suite(tmp_path, url, **how), chosen, ALL)]
        return jobs, results(assembly.replay(jobs, chosen))

    return record, replay


def test_a_task_is_recorded_replayed_and_scored_again_when_its_check_changes(played):
    record, replay = played
    url, (first,) = record()
    assert (first.verdict, len(first.observations)) == ("pass", 3)
    _, (again,) = replay(url)
    assert (again.verdict, again.provenance.kind) == ("pass", "synthetic")
    _, (changed,) = replay(url, state="{tickets: {T1: {status: open}}}")
    assert [one.message for one in changed.findings if one.verdict == "fail"] == ['status is "closed", not "open"']
    _, (strict,) = replay(url, state="{}")
    assert "it must be as at the start" in strict.findings[-1].message


def test_a_wrong_path_in_a_replay_is_a_miss_that_says_so(played):
    record, replay = played
    url, _ = record()
    _, (astray,) = replay(url, world="{name: tickets, seed: 5}", message="Close the ticket about the door.")
    assert astray.problem.kind == "CassetteMiss"
    assert "the task went another way than recorded at question 1" in astray.problem.message


def _shut(self, id: str) -> str:  # noqa: A002 - the tool's parameter is called so
    """Close an open ticket"""
    return f"{id} is shut"


def test_a_tool_that_answers_otherwise_is_a_wrong_path_at_its_question(played, monkeypatch):
    record, replay = played
    url, _ = record()
    monkeypatch.setattr("harness.worlds.tickets.Tickets.close_ticket", _shut)
    _, (astray,) = replay(url)
    assert "went another way than recorded at question 3" in astray.problem.message


def test_repeats_are_attempts_and_all_must_be_right(played):
    record, replay = played
    url, _ = record({"no_call": 0.25}, repeats=3)
    jobs, again = replay(url)
    assert [seen.repeat for seen in again[0].observations if seen.world] == [0, 1, 2]
    made = evaluate(zip(jobs, again, strict=True))
    (score,) = made.scores
    assert score.attempts == (True, False, True)
    total = made.total("openai/scripted")
    assert (total.right.held, total.any_attempt.held, score.mistakes[0].kind) == (0, 1, "task")


def task(folder, world="tickets"):
    (only,) = suite(folder, world=world, state="{}")
    return WorldTask(only.cases[0], only.cases[0].in_world)


def test_calls_of_what_does_not_exist_and_unreadable_ones_are_answered(tmp_path):
    one = task(tmp_path)
    calls = (ToolCall("find_tickets", {"txt": "x"}, "a"), ToolCall("close_ticket", {"id": "T9"}, "b"))
    assert one.take(Reply(calls=calls, errors=(CallError("unknown_tool", "", "{}", "burn", "c", 2),)))
    said = [message["content"] for message in one.messages[-3:]]
    assert said[0] == '{"error": "text is missing"}'
    assert said[1] == '{"error": "there is no ticket T9"}'
    assert said[2] == "Your call of burn could not be run: there is no such tool."


def test_an_endless_loop_ends_at_its_limit(tmp_path):
    one = task(tmp_path, "{name: tickets, steps: 3}")
    again = Reply(calls=(ToolCall("find_tickets", {"text": ""}, "a"),))
    assert [one.take(again) for _ in range(3)] == [True, True, False]
    assert one.outcome(again).stopped.startswith("the task had no end after 3 questions; the last calls were find_tic")


@pytest.fixture
def own(tmp_path, monkeypatch):
    name = "own_lamps_for_worlds"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("check", "complaint"),
    [("fine", ""), ("crashing", "the check {0}:crashing crashed: KeyError: 'nothing'")],
)
def test_a_world_of_ones_own_by_one_line(tmp_path, own, check, complaint):
    one = task(tmp_path, f"{{name: '{own}:Lamp', check: '{own}:{check}'}}")
    assert one.take(Reply(calls=(ToolCall("switch", {"lamp": "L1"}, "a"),)))
    ended = one.outcome(Reply(text="Done."))
    assert (ended.before, ended.after) == ({"lamps": {"L1": {"on": False}}}, {"lamps": {"L1": {"on": True}}})
    assert (ended.stopped, ended.complaint) == ("", complaint.format(own))


def test_a_tool_that_raises_is_a_fault_of_the_world(tmp_path, own):
    one = task(tmp_path, f"'{own}:Lamp'")
    with pytest.raises(UsageError, match="the tool switch failed: RuntimeError: no such lamp"):
        one.take(Reply(calls=(ToolCall("switch", {"lamp": "L9"}, "a"),)))


@pytest.mark.parametrize("name", ["nowhere_at_all:World", "json:dumps"])
def test_what_is_no_world_is_said(tmp_path, name):
    with pytest.raises(UsageError, match=r"there is no world at|is no world"):
        task(tmp_path, f"'{name}'")
