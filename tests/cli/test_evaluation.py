"""`harness eval` over the recordings that come with the project, and over broken ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.__main__ import main
from harness.app.assembly import plan_evaluation
from harness.app.settings import Settings
from harness.suite import shared_models
from harness.suite.packs import FOLDER, THINKING, pack

ROOT = Path(__file__).parents[2]
SUITE = """
kind: evaluation
models: [openai/m]
cases: [{id: one, messages: [{user: hi}], expect: {no_calls: true}}]
"""


@pytest.fixture
def told(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words):
        code = main(["eval", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.slow
def test_worlds_in_worker_processes_come_to_the_same(told, tmp_path):
    for name, more in (("one.json", ()), ("two.json", ("--workers", "2"))):
        assert told("--pack", "worlds", "scripted", "--json", str(tmp_path / name), *more)[0] == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_shipped_evaluations_are_many_and_recorded():
    suites = pack("tools", [one for one in shared_models([ROOT / "suites"]) if not one.named_only])
    assert sum(len(suite.cases) for suite in suites) >= 80
    for suite in suites:
        for case in suite.cases:
            for model in suite.models:
                found = list((ROOT / "cassettes" / suite.name / case.id).glob(f"{model.called.split('/')[0]}+*.json"))
                assert found, f"{suite.name} / {case.id} / {model.called} is not recorded"
                assert json.loads(found[0].read_text())["provenance"]["kind"] == "local"


def test_scores_are_the_same_each_time_in_all_forms(told, tmp_path):
    code, out, _ = told("--category", "forced", "--json", str(tmp_path / "a"), "--markdown", str(tmp_path / "m"))
    assert code == 0
    assert "schema accuracy of calls" in out
    assert told("--category", "forced", "--json", str(tmp_path / "b"))[0] == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    whole = json.loads((tmp_path / "a").read_text())
    assert (whole["format"], whole["categories"]) == ("harness-evaluation", ["forced"])
    assert len(whole["scores"]) == 20
    assert {one["outcome"] for one in whole["scores"]} == {"right", "wrong"}
    assert (tmp_path / "m").read_text().startswith("| right | openai/smollm2-135m | anthropic/smollm2-135m |")


def test_what_is_wrong_says_why_and_where_to_look(told):
    code, out, _ = told("openai/*", "--category", "forced", "-k", "door", "--wrong")
    assert code == 0
    assert 'value (turn 0[0].door): door is "front", not "back"' in out
    assert "harness cassettes show cassettes/eval-forced/door/openai+smollm2-135m.json 0" in out


@pytest.mark.parametrize(("share", "code"), [("0", 0), ("1", 1)])
def test_a_gate(told, share, code):
    assert told("openai/*", "--category", "forced", "-k", "door", "--at-least", share)[0] == code


def test_a_scoring_that_changes_scores_the_same_recording_anew(told, tmp_path):
    words = (FOLDER / "tools/eval-forced.yaml").read_text().replace("models: [openai/evaluated]\n", "")
    assert words.count("door: [back]") == 1
    (tmp_path / "eval-forced.yaml").write_text(words.replace("door: [back]", "door: [back, front]"))
    shutil.copy(ROOT / "suites/models.yaml", tmp_path)
    asked = ("openai/*", "-k", "door", "--at-least", "1")
    assert told("--category", "forced", *asked)[0] == 1
    assert told("--suites", str(tmp_path), *asked)[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--category", "nope"], "there is no category 'nope'"),
        (["--at-least", "2"], "give a number from 0 to 1"),
        (["--at-least", "nan"], "give a number from 0 to 1"),
        (["--local"], "only means something with --record"),
        (["nobody"], "no model is called 'nobody'"),
        (["--pack", "nope"], "there is no pack 'nope'; there are tools"),
        (["openai/never-asked"], "nothing is recorded of openai/never-asked"),
        (["--suites", "suites/text.yaml"], "there is no evaluation here"),
        (["--suites", "nowhere"], "no such file or folder"),
        (["--json", "-", "--markdown", "-"], "can't both go to standard output"),
        (["--json", "nowhere/x.json"], "the folder for this report does not exist"),
    ],
)
def test_wrong_usage_is_one_sentence(told, words, says):
    code, out, err = told(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_recordings_that_are_missing_or_damaged_are_told_and_left_out(told, tmp_path):
    shutil.copytree(ROOT / "cassettes/eval-forced", tmp_path / "eval-forced")
    (tmp_path / "eval-forced/door/openai+smollm2-135m.json").unlink()
    (tmp_path / "eval-forced/oven/openai+smollm2-135m.json").write_text("{")
    report = tmp_path / "report.json"
    asked = ("openai/*", "--category", "forced", "--cassettes", str(tmp_path), "--json", str(report))
    code, out, _ = told(*asked)
    assert code == 2
    assert "1 of 10 answers are not recorded" in out
    total = json.loads(report.read_text())["tallies"][-1]
    assert (total["right"]["n"], total["unseen"]) == (8, 2)


def test_the_pack_needs_no_suites_and_leaves_a_thinking_model_room(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["eval"]) == 2
    assert "name a model, as provider/model" in capsys.readouterr().err
    assert main(["eval", "openai/gpt-4o-mini"]) == 2
    assert "nothing is recorded of openai/gpt-4o-mini; record with" in capsys.readouterr().err
    jobs = plan_evaluation(Settings(), models=["openai/gpt-4o-mini"])
    assert len(jobs) == sum(len(suite.cases) for suite in pack("tools", ()))
    assert all(job.case.max_tokens > THINKING for job in jobs)
    local = plan_evaluation(Settings((ROOT / "suites",)), models=["openai/smollm2-135m"])
    assert all(job.case.max_tokens < THINKING for job in local)


def test_own_evaluations_go_before_the_pack_and_beside_it_where_it_is_named(tmp_path):
    (tmp_path / "eval-mine.yaml").write_text(SUITE)
    chosen = Settings((tmp_path,))
    assert {job.suite for job in plan_evaluation(chosen)} == {"eval-mine"}
    (tmp_path / "models.yaml").write_text("models: [{name: m, backend: openai}]\n")
    assert {"eval-mine", "eval-long"} <= {job.suite for job in plan_evaluation(chosen, packs=["tools"])}


def test_cases_are_shown_as_junit(told, tmp_path):
    code, _, _ = told("openai/*", "--category", "forced", "--junit", str(tmp_path / "e.xml"), "--workers", "2")
    assert code == 0
    root = ET.fromstring((tmp_path / "e.xml").read_text())
    (suite,) = root.findall("testsuite")
    assert (suite.get("name"), suite.get("tests")) == ("forced", "10")
    wrong = [case for case in suite.findall("testcase") if case.find("failure") is not None]
    assert str(len(wrong)) == suite.get("failures") == root.get("failures")
    assert "value" in wrong[0].find("failure").text or "harness cassettes show" in wrong[0].find("failure").text


def test_a_run_passes_over_evaluations_unless_named(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("suites").mkdir()
    Path("suites/eval-mine.yaml").write_text(SUITE)
    assert main(["run"]) == 2
    assert "there are only evaluations; `harness eval` scores them" in capsys.readouterr().err
    Path("suites/other.yaml").write_text(SUITE.replace("kind: evaluation", "kind: regression"))
    main(["run"])
    out = capsys.readouterr().out
    assert "1 evaluation is left to `harness eval`" in out
    assert "eval-mine" not in out
    main(["run", "--suite", "eval-*"])
    assert "eval-mine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("text: {contains: hi}", "an evaluation scores calls; give"),
        ("no_calls: true, text: {contains: hi}", "`text` would go unseen"),
        ("no_calls: true, any_of: [{finish: stop}]", "`any_of` would go unseen"),
    ],
)
def test_an_evaluation_expects_what_can_be_scored_and_nothing_else(monkeypatch, capsys, tmp_path, expect, says):
    monkeypatch.chdir(tmp_path)
    Path("eval-mine.yaml").write_text(SUITE.replace("no_calls: true", expect))
    assert main(["eval", "--suites", "eval-mine.yaml"]) == 2
    assert says in capsys.readouterr().err


def test_mutating_passes_over_evaluations(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("eval-mine.yaml").write_text(SUITE)
    assert main(["mutate", "."]) == 2
    assert "there are only evaluations" in capsys.readouterr().err


def test_the_scores_in_the_documentation_are_those_of_the_recordings(told):
    code, out, _ = told("--markdown", "-")
    assert code == 0
    tables = out[: out.index("\nopenai/")].strip()
    assert tables in (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
