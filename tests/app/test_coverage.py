"""Which cells recordings cover, of what kind and how old, and which questions would fill the others."""

import json
from pathlib import Path

import pytest

from harness.app import card_runs, coverage
from harness.app.settings import settings
from harness.cassette import Cassette, save
from harness.core.chat import Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import OPENAI
from harness.suite import Model

ROOT = Path(__file__).parent.parent.parent
HOST = "https://api.openai.com"
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
CALL = Reply(calls=(ToolCall("add", {}, "call_1"),), finish="tool_calls", usage=Usage(3, 2, 5))


def record(path, kind="live", day="2026-02-01", *, host=HOST, stream=False, model="gpt-4o-mini"):
    asked = {"model": model, "stream": stream, "tools": [TOOL], "messages": [{"role": "user", "content": "Add."}]}
    request = HttpRequest("POST", f"{host}/v1/chat/completions", body=json.dumps(asked).encode())
    exchange = Exchange(request, OPENAI.render(CALL, stream=stream, model=model))
    save(path, Cassette(Provenance(kind, f"{day}T00:00:00Z"), (exchange,)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "recorded"


def cell(found, check, mode, provider="openai"):
    return found.cells[provider, check, mode]


def test_a_cell_has_its_kinds_and_its_newest_day(folder):
    record(folder / "a.json", day="2026-02-01")
    record(folder / "b.json", day="2026-03-01", model="gpt-4o")
    record(folder / "c.json", "imported", day="2026-01-01")
    found = coverage.covered([folder], settings({}))
    one = cell(found, "D1", "whole")
    assert (dict(one.recorded), one.newest, dict(one.uncounted)) == ({"live": 2, "imported": 1}, "2026-03-01", {})
    assert not cell(found, "D1", "stream").recorded
    assert found.providers == ["openai"]


@pytest.mark.parametrize("kind", ["gateway", "synthetic"])
def test_what_is_no_real_answer_is_counted_apart(folder, kind):
    record(folder / "a.json", kind)
    one = cell(coverage.covered([folder], settings({})), "D1", "whole")
    assert (dict(one.recorded), dict(one.uncounted), one.newest) == ({}, {kind: 1}, "")


def test_what_was_imported_counts_only_from_a_provider_that_is_known(folder):
    record(folder / "a.json", "imported", host="https://llm.example.org")
    one = cell(coverage.covered([folder], settings({})), "D1", "whole", "llm.example.org")
    assert (dict(one.recorded), dict(one.uncounted)) == ({}, {"imported": 1})


def test_a_stream_fills_the_cells_of_streams(folder):
    record(folder / "a.json", stream=True)
    found = coverage.covered([folder], settings({}))
    assert cell(found, "S1", "stream").recorded
    assert not cell(found, "D1", "whole").recorded


def test_a_folder_without_a_chat_is_refused(folder):
    with pytest.raises(UsageError, match="no such file or folder"):
        coverage.covered([folder], settings({}))
    folder.mkdir()
    with pytest.raises(UsageError, match="no cassettes there"):
        coverage.covered([folder], settings({}))
    request = HttpRequest("GET", f"{HOST}/v1/models")
    save(folder / "a.json", Cassette(Provenance("live", ""), (Exchange(request, OPENAI.error(404, "no")),)))
    with pytest.raises(UsageError, match="no chat exchange"):
        coverage.covered([folder], settings({}))


def test_a_damaged_cassette_is_named_and_the_others_count(folder):
    record(folder / "a.json")
    (folder / "b.json").write_text("{")
    found = coverage.covered([folder], settings({}))
    assert cell(found, "D1", "whole").recorded
    assert len(found.problems) == 1
    assert "b.json" in found.problems[0]


def planned(folder, **options):
    found = coverage.covered([folder], settings({}))
    return found, coverage.plan(found, coverage.askable(found, settings({})), settings({}), **options)


def test_the_questions_fill_only_empty_cells_and_each_cell_once(folder):
    record(folder / "a.json")
    found, plan = planned(folder)
    filled = [(one.provider, *fill) for one in plan.questions for fill in one.fills]
    assert len(filled) == len(set(filled)) > 40
    assert not any(found.cells[one].recorded for one in filled)
    assert {one.model for one in plan.questions} == {"openai/gpt-4o-mini"}
    empty = sum(not one.recorded for one in found.cells.values())
    assert len(filled) + sum(plan.unfilled["openai"].values()) == empty
    sizes = [len(one.fills) for one in plan.questions]
    assert sizes == sorted(sizes, reverse=True)
    assert plan.dollars == pytest.approx(sum(one.dollars for one in plan.questions))
    assert plan.dollars > 0


def test_the_plan_keeps_to_its_dollars(folder):
    record(folder / "a.json")
    _, whole = planned(folder)
    found, part = planned(folder, max_dollars=whole.dollars / 3)
    assert 0 < len(part.questions) < len(whole.questions)
    assert part.dollars <= whole.dollars / 3
    assert part.unfilled["openai"][coverage.OVER] > 0
    _, none = planned(folder, max_dollars=0)
    assert none.questions == []
    assert sum(none.unfilled["openai"].values()) == sum(not one.recorded for one in found.cells.values())


def test_repeats_are_in_the_price(folder):
    record(folder / "a.json")
    assert planned(folder, repeats=3)[1].dollars == pytest.approx(3 * planned(folder)[1].dollars)


def test_a_model_without_a_price_is_named_and_stays_out_of_a_budget(folder):
    record(folder / "a.json", model="nobody-knows-it")
    _, plan = planned(folder)
    assert plan.unpriced == ["openai/nobody-knows-it"]
    assert {one.dollars for one in plan.questions} == {None}
    _, plan = planned(folder, max_dollars=9)
    assert plan.questions == []
    assert plan.unfilled["openai"][coverage.NO_PRICE] > 0


def test_of_a_host_that_nobody_knows_nothing_can_be_asked(folder):
    record(folder / "a.json", host="https://llm.example.org")
    _, plan = planned(folder)
    assert plan.questions == []
    assert set(plan.unfilled["llm.example.org"]) == {coverage.NO_MODEL}


def test_a_question_shows_what_its_correct_answer_shows():
    shown = {case: cells for (_, case), cells in coverage.shown("openai").items()}
    assert {("D6", "whole"), ("D1", "whole")} <= shown["d6-text"]
    assert {("C3", "stream"), ("S3", "stream")} <= shown["c3-required-streamed"]
    assert {("E1", "whole"), ("E2", "whole")} <= shown["e1-wrong-key"]
    assert ("D1", "whole") not in shown["e1-wrong-key"]
    assert ("T1", "whole") in shown["t1-result-used"]
    assert not any(check == "T4" for check, _ in shown["t4-no-id"]), "it is refused before anything is sent"


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "bedrock", "cohere", "ollama"])
def test_each_dialect_can_be_rehearsed(folder, dialect):
    jobs = card_runs.plan([Model(name="m", backend="openai")], settings({}), repeats=1, only=["d5-values"])
    assert ("D5", "whole") in coverage.rehearse(jobs, dialect)["card-decoding", "d5-values"]


def test_the_shipped_cassettes_count_what_the_cards_own_questions_show(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = coverage.covered([ROOT / "cassettes" / "card-turns"], settings({}))
    one = cell(found, "T1", "whole", "local")
    assert one.recorded["local"] > 0
    assert one.newest
    plan = coverage.plan(found, coverage.askable(found, settings({})), settings({}))
    asked = {(one.suite, one.case) for one in plan.questions}
    assert asked
    assert not any(suite == "card-turns" and ("local", suite, case) in found.asked for suite, case in asked)
    assert ("local", "card-turns", "t1-result-used") in found.asked
