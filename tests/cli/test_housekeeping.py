"""Looking after cassettes: listed, explained, pruned when asked to, and recorded anew with what changed told."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from harness.__main__ import main
from harness.cassette import load
from harness.server.in_process import answering

SUITE = """
name: shop
models: [{name: m, backend: openai, hostname: "URL", api_key_env: SHOP_KEY}]
tools: [{name: shop/find, parameters: {type: object, properties: {what: {type: string}}}}]
cases:
  - {id: hello, messages: [{user: Say hello.}]}
  - {id: find, messages: [{user: Find socks.}], tools: [shop/find]}
"""
FIRST = "replies:\n  - {text: Hello!}\n  - {calls: [{name: shop__find, parameters: {what: socks}}]}\n"
SECOND = "replies:\n  - {text: Good day!}\n  - {calls: [{name: shop__find, parameters: {what: shoes}}]}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_KEY", "sk-planted-0123456789")
    (tmp_path / "suites").mkdir()
    record(tmp_path, FIRST, "record")
    return tmp_path


def record(folder, script, *words):
    """Record from a real server that answers by ``script``, always at another port."""
    (folder / "script.yaml").write_text(script)
    with answering(folder / "script.yaml") as served:
        (folder / "suites" / "shop.yaml").write_text(SUITE.replace("URL", served.openai))
        return main(words)


def tape(project, case="hello"):
    return project / "cassettes" / "shop" / case / "openai+m.json"


def test_cassettes_are_listed_with_what_is_wrong(project, run):
    orphan = project / "cassettes" / "shop" / "gone" / "openai+m.json"
    orphan.parent.mkdir(parents=True)
    orphan.write_text(tape(project).read_text())
    tape(project).with_name("openai+m.partial.json").write_text(tape(project).read_text())
    tape(project, "find").write_text("{")
    (project / "cassettes" / "programs").mkdir()
    (project / "cassettes" / "programs" / "agent.json").write_text(tape(project).read_text())
    imported = project / "cassettes" / "imported" / "theirs" / "a.json"
    imported.parent.mkdir(parents=True)
    imported.write_text(tape(project).read_text().replace('"synthetic"', '"imported"', 1))
    code, out, _ = run("cassettes", "list", "--json", "-")
    assert code == 2
    found = {one["path"]: one for one in json.loads(out)}
    assert {path: one["use"] for path, one in found.items()} == {
        "cassettes/shop/gone/openai+m.json": "orphan",
        "cassettes/imported/theirs/a.json": "other",
        "cassettes/programs/agent.json": "other",
        "cassettes/shop/find/openai+m.json": "unreadable",
        "cassettes/shop/hello/openai+m.json": "used",
        "cassettes/shop/hello/openai+m.partial.json": "left over",
    }
    assert found["cassettes/shop/hello/openai+m.json"]["kind"] == "synthetic"  # the server says so of its answers
    assert found["cassettes/shop/hello/openai+m.json"]["days"] == 0
    assert found["cassettes/shop/hello/openai+m.json"]["exchanges"] == 1
    code, out, _ = run("cassettes", "list", "--orphans")
    assert "6 cassettes" not in out
    assert "1 orphan, 1 left over, 1 unreadable" in " ".join(out.split())
    assert "cassettes/shop/find/openai+m.json: is no JSON" in " ".join(out.split())
    assert run("cassettes", "prune", "--yes")[0] == 0
    assert {str(file.relative_to(project)) for file in (project / "cassettes").rglob("*.json")} == found.keys() - {
        "cassettes/shop/gone/openai+m.json",
        "cassettes/shop/hello/openai+m.partial.json",
    }


def test_an_empty_folder_is_told(project, run, tmp_path):
    code, _, err = run("cassettes", "list", "--cassettes", str(tmp_path / "none"))
    assert code == 2
    assert "there is no cassette in it" in err


def test_cases_are_listed_before_anything_is_recorded(project, run):
    shutil.rmtree(project / "cassettes")
    code, out, _ = run("cassettes", "list")
    assert code == 0
    assert "0 cassettes, 0 KB: 2 missing" in out


def test_recordings_of_tests_and_programs_are_listed_without_suites_and_never_pruned(project, run):
    shutil.rmtree(project / "suites")
    code, out, _ = run("cassettes", "list")
    assert code == 0
    assert "2 cassettes" in out
    assert "orphan" not in out
    assert "nothing to remove" in run("cassettes", "prune", "--yes")[1]
    assert tape(project).exists()
    shutil.rmtree(project / "cassettes")
    code, _, err = run("cassettes", "list")
    assert code == 2
    assert "`harness init` writes a first suite" in err


def test_prune_takes_orphans_and_leftovers_alone_and_never_unasked(project, run):
    orphan = project / "cassettes" / "shop" / "gone" / "openai+m.json"
    elsewhere = project / "cassettes" / "another" / "case" / "openai+m.json"
    for file in (orphan, elsewhere):
        file.parent.mkdir(parents=True)
        file.write_text(tape(project).read_text())
    code, out, _ = run("cassettes", "prune", "--dry-run")
    assert (code, orphan.exists()) == (0, True)
    assert "cassettes/shop/gone/openai+m.json: orphan, 1 exchange, synthetic" in out
    code, _, err = run("cassettes", "prune")
    assert (code, orphan.exists()) == (2, True)
    assert "there is no terminal to answer at; nothing was removed" in err
    tape(project, "find").write_text("{")
    assert run("cassettes", "prune", "--yes")[0] == 0
    assert not (project / "cassettes" / "shop" / "gone").exists()
    assert elsewhere.exists(), "its suite was not read: it may lie in another folder"
    assert tape(project).exists()
    assert tape(project, "find").read_text() == "{"
    assert "nothing to remove" in run("cassettes", "prune")[1]


def test_what_is_left_of_a_suite_that_is_gone_is_listed_as_such(project, run):
    elsewhere = project / "cassettes" / "weather" / "case" / "openai+m.json"
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(tape(project), elsewhere)
    assert 'openai+m.json: other, no suite "weather" here, 1 exchange' in " ".join(run("cassettes", "list")[1].split())


@pytest.mark.parametrize(("answer", "stays"), [(b"n\n", True), (b"\n", True), (b"y\n", False)])
def test_prune_asks_at_a_terminal(project, answer, stays):
    orphan = tape(project).with_name("openai+other.json")
    orphan.write_text(tape(project).read_text())
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "harness", "cassettes", "prune"]
    process = subprocess.Popen(command, cwd=project, stdin=theirs, stdout=subprocess.PIPE, text=True)
    os.write(ours, answer)
    told = process.communicate(timeout=300)[0]
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "remove this 1? [y/N]" in told
    assert orphan.exists() == stays


def test_explain_tells_the_leaf_that_differs(project, run, monkeypatch):
    recorded = json.loads(load(tape(project)).exchanges[0].request.body)
    asked = project / "asked.json"
    asked.write_text(json.dumps(dict(reversed(recorded.items()))))
    code, out, _ = run("cassettes", "explain", str(tape(project)), str(asked))
    assert (code, "answers it with exchange 0" in out) == (0, True)
    recorded["messages"][0]["content"] = "Say goodbye."
    asked.write_text(json.dumps(recorded))
    code, out, _ = run("cassettes", "explain", str(tape(project)), str(asked))
    assert code == 1
    assert 'body.messages[0].content: recorded "Say hello.", requested "Say goodbye."' in out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(asked.read_bytes())))
    assert run("cassettes", "explain", str(tape(project)), "-")[0] == 1
    code, out, _ = run("cassettes", "explain", str(tape(project)), f"{tape(project, 'find')}#0")
    assert code == 1
    assert "body.tools" in out
    assert run("cassettes", "explain", str(tape(project)), f"{tape(project)}#0")[0] == 0


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ("nothing.json", "nothing.json: can't be read"),
        ("script.yaml", "script.yaml: is no JSON, and the recorded requests are"),
        ("script.yaml#0", "script.yaml"),
        ("TAPE#7", "there is no exchange 7; it holds 1"),
    ],
)
def test_a_request_that_is_none_is_told(project, run, request_, told):
    code, _, err = run("cassettes", "explain", str(tape(project)), request_.replace("TAPE", str(tape(project))))
    assert code == 2
    assert told in err


def test_recording_anew_tells_what_is_answered_otherwise(project, capsys):
    old = tape(project).read_text()
    capsys.readouterr()
    assert record(project, SECOND, "record") == 0
    err = capsys.readouterr().out
    assert "cassettes/shop/hello/openai+m.json: cosmetic text: exchange 0.text: other text (Hello! → Good day!)" in err
    assert "cassettes/shop/find/openai+m.json: contract calls: exchange 0.calls: other parameters" in err
    assert '{"what": "socks"}' in err
    assert '{"what": "shoes"}' in err
    assert "2 of 2 cassettes that were there changed" in err
    assert tape(project).read_text() != old


def test_what_cannot_be_recorded_anew_stays(project, run):
    old = tape(project).read_text()
    assert run("record")[0] == 2  # nobody answers there any more
    assert tape(project).read_text() == old


def test_a_case_whose_request_is_never_sent_needs_no_cassette(project, run):
    suite = project / "suites" / "shop.yaml"
    case = "  - {id: twice, messages: [{user: Hi.}], options: {n: 2}, expect: {error: UnsupportedError}}\n"
    suite.write_text(
        suite.read_text().replace("name: m, backend: openai,", "name: m, label: openai/m, backend: anthropic,") + case
    )
    code, out, _ = run("cassettes", "list", "-k", "twice")
    assert code == 0
    assert "0 cassettes, 0 KB: 1 unsent" in out
