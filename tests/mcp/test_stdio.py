"""MCP over stdio: a stand-in that records, one that answers, and both inside a recorded program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.cassette import load
from harness.interception import mcp_stdio
from harness.interception.mcp_stdio import MISSED, url_of

HERE = Path(__file__).parent
SERVER = [sys.executable, str(HERE / "plain_server.py")]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONPATH": str(HERE.parents[1])}


def call(number, name, **arguments):
    return {"id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def opening(first=0):
    return [{"id": first, "method": "initialize", "params": {}}, {"method": "notifications/initialized"}]


class Client:
    """Speaks line by line with a command; gives back what it said until the answer came."""

    def __init__(self, *words, cwd):
        self.run = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=ENVIRONMENT
        )

    def say(self, message, replies=None):
        self.run.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.run.stdin.flush()
        got = []
        while "id" in message and "method" in message:
            line = self.run.stdout.readline()
            if not line:
                return [*got, "ended"]
            got.append(json.loads(line))
            if "method" in got[-1] and "id" in got[-1]:
                self.say({"id": got[-1]["id"], "result": replies})
            elif got[-1].get("id") == message["id"]:
                break
        return got

    def end(self):
        out, err = self.run.communicate(timeout=60)
        return self.run.returncode, out, err.decode()


def told(tmp_path, command, messages, *options):
    client = Client(
        sys.executable, "-m", "harness", "mcp", command, "--cassette", "t.json", *options, "--", *SERVER, cwd=tmp_path
    )
    said = [client.say(message, "yes") for message in messages]
    return said, client.end()


def renumbered(said, by):
    return [
        [{**one, "id": one["id"] + by} if isinstance(one.get("id"), int) else one for one in lines] for lines in said
    ]


def test_a_server_is_recorded_and_replayed_without_it(tmp_path):
    messages = [
        *opening(),
        {"id": 1, "method": "tools/list"},
        call(2, "weather", city="Paris"),
        {"id": 3, "method": "x"},
    ]
    first, (code, _, err) = told(tmp_path, "record", messages)
    assert code == 0, err
    assert first[3][0]["result"]["content"][0]["text"] == "weather of Paris"
    cassette = load(tmp_path / "t.json")
    assert [json.loads(one.request.body)["method"] for one in cassette.exchanges] == [one["method"] for one in messages]
    (tmp_path / "plain_server.py").write_text("raise SystemExit")
    later = [{**one, "id": one["id"] + 10} if "id" in one else one for one in messages]
    again, (code, _, err) = told(tmp_path, "replay", later)
    assert code == 0, err
    # What the server said unasked comes with the next answer; all else as it came, by the ids of who asks.
    answers = [[one for one in lines if "method" not in one] for lines in again]
    assert answers == renumbered([[one for one in lines if "method" not in one] for lines in first], 10)
    unasked = [one for lines in again for one in lines if "method" in one]
    assert unasked == [{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}]


def test_a_miss_is_an_error_that_names_tool_and_leaf(tmp_path):
    told(tmp_path, "record", [*opening(), call(1, "weather", city="Paris")])
    said, (code, _, err) = told(tmp_path, "replay", [*opening(), call(1, "weather", city="Rome")])
    error = said[2][-1]["error"]
    assert (code, error["code"]) == (2, MISSED)
    for text in (error["message"], err):
        assert 'tools/call weather({"city": "Rome"})' in text
        assert 'params.arguments.city: recorded "Paris", requested "Rome"' in text


def test_a_server_that_asks_back_waits_for_its_client(tmp_path):
    first, _ = told(tmp_path, "record", [*opening(), call(1, "ask_back")])
    again, (code, _, err) = told(tmp_path, "replay", [*opening(), call(1, "ask_back")])
    assert code == 0, err
    assert first[2][-1]["result"]["content"][0]["text"] == "the client says yes"
    assert [one.get("method") for one in again[2]][-2:] == ["sampling/createMessage", None]
    assert again[2][-1] == first[2][-1]


def test_a_server_that_dies_is_recorded_and_ends_in_the_replay_too(tmp_path):
    first, (code, _, _) = told(tmp_path, "record", [*opening(), call(1, "die")])
    assert (first[2][-1], code) == ("ended", 3)
    assert load(tmp_path / "t.json").exchanges[-1].failure.kind == "closed"
    again, (code, _, _) = told(tmp_path, "replay", [*opening(), call(1, "die")])
    assert again[2][-1] == "ended"
    assert code == 1


def test_notifications_without_end_are_recorded_and_come_again(tmp_path):
    first, _ = told(tmp_path, "record", [*opening(), call(1, "flood", city="x")])
    again, (code, _, _) = told(tmp_path, "replay", [*opening(), call(1, "flood", city="x")])
    flood = [one for one in again[2] if one.get("method") == "notifications/message"]
    assert (code, len(flood)) == (0, 2000)
    assert flood == [one for one in first[2] if one.get("method") == "notifications/message"]


def test_a_server_that_never_answers_is_broken_off_in_the_recording(monkeypatch):
    monkeypatch.setattr(mcp_stdio, "MOST_UNREQUESTED", 500)
    told = []

    class Listener:
        def head(self, status, headers):
            told.append(status)

        def chunk(self, data):
            told.append(data)

        def end(self, failure, *, complete=True):
            told.append(failure and failure.kind)

    recorder = mcp_stdio.StdioRecorder("stdio://x/", lambda _: Listener())
    recorder.client(json.dumps({"jsonrpc": "2.0", **call(1, "flood")}).encode())
    for _ in range(100):
        recorder.server(b'{"jsonrpc": "2.0", "method": "notifications/message", "params": {}}\n')
    assert told[-1] == "cut"
    assert len(told) < 12


def test_a_client_that_sends_no_json_gets_no_traceback(tmp_path):
    client = Client(
        sys.executable,
        "-m",
        "harness",
        "mcp",
        "record",
        "--cassette",
        "t.json",
        "--",
        sys.executable,
        "-c",
        "import sys; sys.stdin.read()",
        cwd=tmp_path,
    )
    client.run.stdin.write(b"nonsense\n\xff\xfe\n")
    code, _, err = client.end()
    assert (code, err) == (0, "")
    assert [one.request.body for one in load(tmp_path / "t.json").exchanges] == [b"nonsense", b"\xff\xfe"]


def test_outside_of_a_run_the_command_runs_as_it_is(tmp_path):
    client = Client(sys.executable, "-m", "harness", "mcp", "--", *SERVER, cwd=tmp_path)
    (answer,) = client.say({"id": 5, "method": "tools/list"})
    assert answer["result"]["tools"][0]["name"] == "weather"
    assert client.end()[0] == 0


def test_a_program_and_its_server_share_a_cassette(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    # An environment as the official clients hand it on: PATH, and what a stand-in from a checkout needs.
    Path("agent.py").write_text(
        "import json, os, subprocess, sys\n"
        "env = {name: os.environ[name] for name in ('PATH', 'PYTHONPATH')}\n"
        f"words = [sys.executable, '-m', 'harness', 'mcp', '--', *{SERVER!r}]\n"
        "server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)\n"
        "def say(**message):\n"
        "    server.stdin.write(json.dumps({'jsonrpc': '2.0', **message}).encode() + b'\\n'); server.stdin.flush()\n"
        "    while 'id' in message:\n"
        "        got = json.loads(server.stdout.readline())\n"
        "        if got.get('id') == message['id']: return got\n"
        "say(id=0, method='initialize', params={})\n"
        "print(say(id=1, method='tools/call', params={'name': 'weather', 'arguments': {'city': sys.argv[1]}}))\n"
        "server.stdin.close(); server.wait()\n"
    )
    words = ["--cassette", "a.json", "--", sys.executable, "agent.py"]
    assert main(["record", *words, "Paris"]) == 0
    first = capfd.readouterr().out
    assert "weather of Paris" in first
    cassette = load("a.json")
    assert cassette.provenance.kind == "local"
    assert [one.request.url for one in cassette.exchanges] == ["stdio://python/plain_server.py"] * 2
    assert main(["replay", *words, "Paris"]) == 0
    assert capfd.readouterr().out == first
    assert main(["replay", *words, "Rome"]) == 2
    assert 'recorded "Paris", requested "Rome"' in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "url"),
    [
        (["/usr/bin/python3.12", "/home/me/server.py", "stdio"], "stdio://python/server.py%20stdio"),
        (["C:\\Python\\python.exe", "C:\\x\\server.py"], "stdio://python/server.py"),
        (["npx", "-y", "@modelcontextprotocol/server-everything"], "stdio://npx/-y%20server-everything"),
        (["uvx", "tool", "https://a.example/b?c=d"], "stdio://uvx/tool%20https:%2F%2Fa.example%2Fb%3Fc=d"),
    ],
)
def test_a_server_has_the_same_address_on_every_machine(words, url):
    assert url_of(words) == url


def test_bad_commands(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    for words in (
        ["mcp"],
        ["mcp", "--"],
        ["mcp", "record"],
        ["mcp", "replay", "--", "x"],
        ["mcp", "record", "--", "no-such"],
    ):
        assert main(words) == 2, words
        assert "Traceback" not in capfd.readouterr().err
