"""The search of files, folders and what is staged: with real files, a real repository and a real hook."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cassette import Cassette
from harness.cassette.format.document import to_text
from harness.cli.entry import main
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance

KEY = "sk-proj-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1"
PASSWORD = "pQ8-rT5-uW2-yZ9-aB6"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in list(os.environ):
        if re.search("KEY|TOKEN|SECRET|PASSWORD", name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audit(capsys, *words):
    code = main(["cassettes", "audit", *words])
    out, err = capsys.readouterr()
    assert KEY[8:16] not in out + err
    assert PASSWORD[:8] not in out + err
    return code, out, err


def test_nothing_found(folder, capsys):
    (folder / "a.txt").write_text("total_tokens: 12, and a sk- that is none")
    assert audit(capsys, "a.txt") == (0, "1 file, 0.0 MB: no secrets found\n", "")


def test_each_is_told_with_file_and_line_and_never_shown(folder, capsys):
    (folder / "in" / ".git").mkdir(parents=True)
    (folder / "in" / ".git" / "config").write_text(KEY)
    (folder / "in" / "a.txt").write_text(f"one\n{KEY}\nthree {PASSWORD} and {PASSWORD}\n{PASSWORD[5:]}\n")
    (folder / "in" / "b.bin").write_bytes(b"\0\xff" + base64.b64encode(f"x{PASSWORD}".encode()))
    (folder / "in" / "c.json").write_text(
        json.dumps(json.dumps({"a": base64.b64encode(base64.b64encode(KEY.encode())).decode()}))
    )
    (folder / "in" / "link").symlink_to("a.txt")
    code, out, err = audit(capsys, "in")
    assert code == 3
    assert err.splitlines() == [
        "in/a.txt: line 2 holds what looks like an OpenAI-style key",
        "in/a.txt: line 3 holds a known secret",
        "in/a.txt: line 4 holds a piece of a known secret",
        "in/b.bin: line 1 holds a known secret",
        "in/c.json: line 1 holds what looks like an OpenAI-style key, in another writing",
    ]
    assert out == "3 files, 0.0 MB: 5 secrets found\n"


def test_a_file_that_two_paths_lead_to_counts_once(folder, capsys):
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("sk-ant-api03-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1")
    code, out, err = audit(capsys, "in/a.txt", ".", "in/../in")
    assert (code, err) == (3, "in/a.txt: line 1 holds what looks like an Anthropic key\n")
    assert out == "1 file, 0.0 MB: 1 secret found\n"


def test_a_secret_that_is_cut_over_chunks_of_a_cassette(folder, capsys):
    chunks = tuple(Chunk(PASSWORD[at : at + 5].encode(), at / 8) for at in range(0, len(PASSWORD), 5))
    response = HttpResponse(200, (("content-type", "text/event-stream"),), chunks)
    provenance = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
    cassette = Cassette(provenance, (Exchange(HttpRequest("GET", "http://a.test/"), response),))
    (folder / "a.json").write_text(to_text(cassette))
    code, _, err = audit(capsys, "a.json")
    assert (code, err) == (3, "a.json: exchange 0 holds a secret, put together from its pieces\n")


def git(*words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *who, *words], capture_output=True, text=True, timeout=300, check=False)


def test_what_is_staged_counts_not_what_lies_in_the_folder(folder, capsys):
    git("init", "-q")
    (folder / "a b\u00e9.txt").write_text(KEY)
    (folder / "c.txt").write_text("clean")
    git("add", ".")
    (folder / "a b\u00e9.txt").write_text("clean by now")
    (folder / "c.txt").write_text(KEY)
    code, _, err = audit(capsys, "--staged")
    assert (code, err) == (3, "a bé.txt: line 1 holds what looks like an OpenAI-style key\n")
    git("add", ".")
    git("rm", "-q", "--cached", "c.txt")
    assert audit(capsys, "--staged")[0] == 0
    git("commit", "-qm", "x")
    assert audit(capsys, "--staged") == (0, "0 files, 0.0 MB: no secrets found\n", "")


def test_the_hook_of_the_documentation_stops_a_commit(folder):
    (hook,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", (ROOT / "docs" / "cassettes.md").read_text(), re.DOTALL)
    git("init", "-q")
    path = folder / ".git" / "hooks" / "pre-commit"
    path.write_text(hook.replace("harness ", f"{sys.executable} -m harness "))
    path.chmod(0o755)
    (folder / "a.txt").write_text(PASSWORD)
    git("add", ".")
    refused = git("commit", "-m", "x")
    assert refused.returncode == 1
    assert "a.txt: line 1 holds a known secret" in refused.stderr
    (folder / "a.txt").write_text("clean")
    git("add", ".")
    assert git("commit", "-m", "x").returncode == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nowhere",), "nowhere: no such file"),
        ((), "nothing to search"),
        (("--staged",), "not a git repository"),
        (("--staged", "a"), "not both"),
    ],
)
def test_mistakes_are_told_in_a_line(folder, capsys, monkeypatch, words, why):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    code, _, err = audit(capsys, *words)
    assert code == 2
    assert why in err
    assert err.count("\n") == 1


def test_a_pasted_env_file_is_found_line_by_line(folder, capsys):
    pasted = f"A=1\nOPENAI={KEY}\n{KEY}\n\t{KEY}"
    (folder / "a.json").write_text(json.dumps(["x", {"prompt": f"see:\n{KEY}"}], indent=1))
    (folder / "b.json").write_text(json.dumps(json.dumps({"prompt": pasted[4:].replace("=", "\n")})))
    code, _, err = audit(capsys, "a.json", "b.json")
    assert code == 3
    assert err.splitlines() == [
        "a.json: line 4 holds what looks like an OpenAI-style key",
        "b.json: line 1 holds what looks like an OpenAI-style key",
    ]


def test_a_folder_that_cant_be_read_is_named_and_nothing_is_called_clean(folder, capsys, monkeypatch):
    (folder / "in" / "locked").mkdir(parents=True)
    (folder / "in" / "a.txt").write_text("clean")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert audit(capsys, "in") == (2, "", "harness: in/locked: can't be read: Permission denied\n")
    for command in (["cassettes", "check", "in"], ["cassettes", "import", "in", "--to", "out"]):
        assert main(command) == 2
        assert capsys.readouterr().err == "harness: in/locked: can't be read: Permission denied\n"
