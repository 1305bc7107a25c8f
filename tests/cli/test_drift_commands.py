"""`harness diff`, `verify` and `bisect` from the outside: a real server that changes, ages, interruptions, mistakes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects import OPENAI
from tests.loopback import serving

KEY = "sk-planted-0123456789abcdef"
SUITE = """
name: shop
models: [{name: m, backend: openai, hostname: "http://127.0.0.1:PORT/v1", api_key_env: SHOP_KEY}]
tools: [{name: text/translate, parameters: {type: object, properties: {text: {type: string}}}}]
defaults: {temperature: 0, max_tokens: 20}
cases:
  - {id: hello, messages: [{user: Say hello.}]}
  - {id: call, messages: [{user: Translate.}], tools: [text/translate], tool_choice: required}
  - {id: again, messages: [{user: Say goodbye.}]}
"""
SAID = Reply(text="Hello.", finish="stop", usage=Usage(3, 2, 5))
CALLED = Reply(calls=(ToolCall("text__translate", {"text": "x"}, "c1"),), finish="tool_calls", usage=Usage(3, 2, 5))


def same(asked, _=0):
    return 200, OPENAI.render(CALLED if asked.get("tools") else SAID, model="m").body


def cosmetic(asked, _):
    return 200, OPENAI.render(CALLED if asked.get("tools") else replace(SAID, text="Hi."), model="m").body


def shape(asked, _):
    body = json.loads(same(asked)[1])
    body["usage"]["prompt_tokens_details"] = {"cached_tokens": 0}
    return 200, json.dumps(body, separators=(",", ":")).encode()


def contract(asked, _):
    return 200, OPENAI.render(SAID, model="m").body


def down_after_one(asked, number):
    return same(asked) if number <= 1 else (503, b'{"error": {"message": "overloaded"}}')


@pytest.fixture(scope="module")
def server():
    def answer(body, headers):
        asked = json.loads(body)
        made.asked.append(asked)
        status, said = made.says(asked, len(made.asked))
        if headers.get("authorization") != f"Bearer {KEY}":
            status, said = 401, b'{"error": {"message": "no"}}'
        return status, "application/json", said

    with serving(answer, asked=[], says=same) as made:
        yield made


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("drift")


@pytest.fixture
def project(tmp_path, kept, server, run, monkeypatch):
    """A suite recorded from the server, once for all tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_KEY", KEY)
    server.asked, server.says = [], same
    if not any(kept.iterdir()):
        (tmp_path / "suites").mkdir()
        (tmp_path / "suites" / "shop.yaml").write_text(SUITE.replace("PORT", str(server.server_port)))
        code, out, err = run("record")
        assert code == 0, out + err
        shutil.copytree(tmp_path, kept, dirs_exist_ok=True)
        server.asked = []
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path


def tape(case="hello"):
    return Path("cassettes") / "shop" / case / "openai+m.json"


def test_an_unchanged_provider_is_found_unchanged(project, run, server):
    code, out, _ = run("verify")
    assert code == 0
    assert len(server.asked) == 3
    assert "3 cassettes verified by 3 answers" in out
    assert KEY not in out


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (cosmetic, 0, "2 cosmetic"),
        (shape, 0, "usage.prompt_tokens_details is new"),
        (contract, 1, "text came where a call did"),
    ],
)
def test_a_drift_of_each_grade_is_found(project, run, server, answer, code, told):
    server.says = answer
    found, out, _ = run("verify", "--all")
    assert found == code
    assert told in out
    server.asked = []
    assert run("verify", "--fail-on", "shape")[0] == (0 if answer is cosmetic else 1)
    assert run("verify", "--fail-on", "never")[0] == 0


def test_a_part_is_verified_within_a_budget_and_goes_on_later(project, run, server):
    code, out, _ = run("verify", "--max-requests", "2")
    assert code == 2
    assert "the budget of 2 requests is spent" in out
    assert Path(".harness/verify.jsonl").exists()
    code, out, _ = run("verify")
    assert code == 0
    assert "2 answers are there" in out
    assert len(server.asked) == 3
    assert not Path(".harness/verify.jsonl").exists()
    server.asked = []
    assert run("verify", "--sample", "1")[0] == 0
    assert len(server.asked) == 1


def test_a_provider_that_goes_down_stops_it_and_loses_nothing(project, run, server):
    before = tape().read_bytes()
    server.says = down_after_one
    code, out, _ = run("verify", "--repeats", "2")
    assert code == 2
    assert "HTTP 503 again and again" in out
    assert tape().read_bytes() == before
    server.says = same
    assert run("verify", "--repeats", "2")[0] == 0


def test_a_new_answer_is_accepted_and_dated_anew_and_others_stay(project, run, server):
    before = {case: tape(case).read_bytes() for case in ("hello", "call", "again")}
    server.says = contract
    code, out, _ = run("verify", "--accept", "--yes")
    assert code == 1
    assert "recorded again" in out
    assert tape("call").read_bytes() != before["call"]
    assert tape("hello").read_bytes() == before["hello"]
    assert run("verify")[0] == 0


def test_a_suite_that_has_changed_since_is_asked_as_it_was_recorded(project, run):
    run("verify", "--max-requests", "1")
    file = tape("again")
    file.write_text(file.read_text().replace("Hello.", "Hello!"))
    code, out, _ = run("verify", "--all")
    assert code == 0
    assert "other text" in out


def test_recordings_expire_by_the_day_they_were_made(project, run):
    hurt = tape()
    made = json.loads(hurt.read_text())
    made["provenance"]["recorded"] = "2020-01-01T00:00:00+00:00"
    hurt.write_text(json.dumps(made))
    Path("pyproject.toml").write_text('[tool.harness.expiry]\nwarn = "30d"\nfail = "365d"\n')
    code, out, _ = run("verify", "--ages")
    assert code == 1
    assert "3 recordings: 2 fresh, 1 expired" in out
    Path("pyproject.toml").write_text('[tool.harness.expiry]\nwarn = "30d"\n')
    assert run("verify", "--ages")[0] == 0
    Path("pyproject.toml").write_text('[tool.harness.expiry]\nwarn = "soon"\n')
    code, _, err = run("verify", "--ages")
    assert code == 2
    assert 'must be a number of days, such as "90d"' in err


MISTAKES = [
    (("verify", "--sample", "0"), "--sample 0 asks nothing"),
    (("verify", "--accept"), "there is no terminal to agree at"),
    *((("verify", "--max-dollars", word), f"--max-dollars is {word}; give more than 0") for word in ("nan", "0", "-1")),
    (("verify", "--hostname", "ftp://x"), "--hostname ftp://x is no base URL"),
    (("verify", "--ages", "--json", "no/such/folder.json"), "the folder for this report does not exist"),
    (("verify", "--max-requests", "-1"), "--max-requests is -1; give more than 0"),
    (("verify", "--per-minute", "nan"), "--per-minute is nan; give more than 0"),
    (("diff", "cassettes", "cassettes", "--json", "no/such/folder.json"), "the folder for this report does not exist"),
    (("verify", "--cassette", "nowhere.json"), "nowhere.json"),
    (("verify", "-k", "none"), "none"),
    (("diff", "cassettes", "nowhere.json"), "nowhere.json"),
    (("diff", "suites", "cassettes"), "nothing was compared"),
    (("bisect",), "give --oldest and --newest, or --versions"),
    (("bisect", "--versions", "1.109.1"), "give at least two versions"),
    (("bisect", "--versions", "1.109.1", "newest"), "write them as 1.109.1"),
    (("bisect", "--versions", "1.1", "1.2", "--oldest", "1.1"), "not both"),
    (("bisect", "--versions", "1.1", "1.2", "--provider", "nobody"), "no provider nobody to prove"),
    (("bisect", "--versions", "1.1", "1.2", "--json", "-", "--markdown", "-"), "can't both go to standard output"),
]


@pytest.mark.parametrize(("words", "told"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_sentence(project, run, words, told):
    code, _, err = run(*words)
    assert code == 2
    assert told in err


def test_a_missing_key_is_told_before_anything_is_sent(project, run, server, monkeypatch):
    monkeypatch.delenv("SHOP_KEY")
    code, _, err = run("verify")
    assert (code, server.asked) == (2, [])
    assert "SHOP_KEY, which is not set" in err


def test_a_refused_key_stops_it_at_once(project, run, server, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "another-key-0123456789")
    code, out, _ = run("verify")
    assert (code, len(server.asked)) == (2, 1)
    assert "the key was refused (401)" in out


def test_two_cassettes_are_compared_by_consequence(project, run):
    shutil.copytree("cassettes", "later")
    assert run("diff", "cassettes", "later")[0] == 0
    other = Path("later/shop/call/openai+m.json")
    other.write_text(other.read_text().replace('"text__translate"', '"text__other"'))
    code, out, _ = run("diff", "cassettes", "later")
    assert code == 1
    assert "contract" in out
    code, out, _ = run("diff", str(tape("call")), str(other), "--json", "-")
    assert json.loads(out)["counts"]["contract"] >= 1
    assert run("diff", "cassettes", "later", "--fail-on", "never")[0] == 0


def test_versions_that_cannot_be_installed_are_named(project, run, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, out, _ = run("bisect", "--versions", "1.107.0", "1.107.1")
    assert code == 2
    assert "litellm 1.107.0: is a compromised release, and never installed" in out
    assert "0 of 2 versions looked at" in out
