"""`harness run` and `harness record` with workers: the same report, one rate and one budget."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from harness.__main__ import main
from tests.children import python
from tests.loopback import serving

CASES = 12
SUITE = """
name: shop
models: [{name: m, backend: openai, hostname: "http://127.0.0.1:PORT/v1", api_key_env: SHOP_KEY}]
defaults: {temperature: 0, max_tokens: 20}
cases:
"""
CASE = "  - {id: c%d, messages: [{user: Say %d.}], expect: {text: {contains: 'said %d'}}}\n"


@pytest.fixture
def server():
    def answer(body, _headers):
        made.asked.append(time.monotonic())
        number = re.search(r"\d+", json.loads(body)["messages"][0]["content"])[0]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"said {number}"}}
        usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
        said = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        return 200, "application/json", json.dumps(said).encode()

    with serving(answer, asked=[]) as made:
        yield made


@pytest.fixture
def project(server, tmp_path, monkeypatch):
    text = SUITE.replace("PORT", str(server.server_port)) + "".join(CASE % (n, n, n) for n in range(CASES))
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "shop.yaml").write_text(text)
    monkeypatch.setenv("SHOP_KEY", "sk-planted-0123456789abcdef")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def harness(*words):
    done = python("harness", *words, cwd=Path.cwd())
    return done.returncode, done.stdout + done.stderr


def report(name):
    with Path(name).open() as file:
        return re.sub(r'"seconds": [\d.]+', '"seconds": 0', file.read())


def test_recorded_by_two_within_one_rate_and_budget_and_replayed_by_two(project, server):
    words = ("record", "--workers", "2", "--json", "recorded.json")
    code, told = harness(*words, "--max-requests", str(CASES - 2), "--per-minute", "1200")
    assert code == 2, told
    assert len(server.asked) == CASES - 2
    assert server.asked[-1] - server.asked[0] > 0.05 * (CASES - 6), "one rate over both"
    assert f"{CASES - 2} of {CASES} cases recorded" in told
    assert f"the budget of {CASES - 2} requests is spent" in told
    assert len(list((project / "cassettes").rglob("*.json"))) == CASES - 2

    code, told = harness(*words, "--missing")
    assert (code, len(server.asked)) == (0, CASES), told
    assert "2 of 2 cases recorded" in told

    code, told = harness("run", "--workers", "2", "--json", "two.json", "--jsonl", "two.jsonl")
    assert code == 0, told
    assert main(["run", "--json", "one.json", "--jsonl", "one.jsonl"]) == 0
    assert report("two.json") == report("one.json")
    assert report("two.jsonl") == report("one.jsonl")
    assert len(server.asked) == CASES, "a replay asks nobody"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "--workers", "0"), "--workers is 0; give 1 or more"),
        (("run", "--address", "127.0.0.1:1"), "--address is where a Ray cluster is; give --executor ray with it"),
        (("record", "--max-dollars", "-1"), "--max-dollars is -1; give more than 0"),
    ],
)
def test_wrong_words_are_a_sentence(project, capsys, words, sentence):
    assert main(list(words)) == 2
    assert sentence in capsys.readouterr().err


def test_a_budget_in_dollars_needs_a_price(project, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    assert main(["record", "--model", "openai/no-such-model", "--max-dollars", "1"]) == 2
    assert "litellm knows no price for openai/no-such-model" in capsys.readouterr().err
