"""`harness serve` as a newcomer meets it: every mistake is one sentence and an exit code."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.__main__ import main
from harness.cassette import Cassette, save
from harness.core.chat import Reply
from harness.core.errors import CassetteMiss
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS
from harness.dialects.registry import read_chat_request
from harness.dialects.wire_profile import Miner, profiles_at
from harness.server.app import App
from harness.server.replay import Replay
from harness.server.synthetic import Script, made_like, made_up, scripted
from harness.server.web import serving
from tests.loopback import nobody
from tests.loopback import serving as loopback

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-proj-Zq81kdLw02mPx7uVb3Tn9RcY5hGf"


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    request = HttpRequest("POST", "https://x.test/v1/chat/completions", (), body)
    answer = DIALECTS["openai"].render(Reply(text="hello", finish="stop"))
    save(tmp_path / "a.json", Cassette(Provenance("synthetic", ""), (Exchange(request, answer),)))
    return tmp_path / "a.json"


FILES = {
    "damaged.json": '{"format": 1, "exch',
    "newer.json": '{"format": 99}',
    "faults.yaml": "faults:\n  - {fault: cutt}\n",
    "tagged.yaml": "faults:\n  - {fault: status, status: 429, retr_after: 3}\n",
    "empty.yaml": "replies: []",
    "reply.yaml": "replies: [{when: hi}]",
    "unknown.yaml": "replies: [{txt: hello}]",
    "state.yaml": "replies: [{state: {thinking_blocks: 3}}]",
}
MISTAKES = {
    "an empty folder": (["."], "there are no cassettes in this folder"),
    "no folder": (["nowhere"], "there is no such file or folder"),
    "damaged": (["damaged.json"], "damaged.json: is no JSON"),
    "newer": (["newer.json"], "written in format 99"),
    "port": (["a.json", "--port", "99999"], "port must be 0-65535"),
    "host": (["a.json", "--host", "203.0.113.9"], "can't serve at 203.0.113.9"),
    "timing": (["a.json", "--timing", "fast"], "'fast' is no pace; give realtime, or x10"),
    "fault": (["a.json", "--faults", "faults.yaml"], 'faults.yaml:2: faults[0]: "cutt" is no fault; there are status'),
    "a key beside one that is called like the fault": (
        ["a.json", "--faults", "tagged.yaml"],
        'tagged.yaml:2: faults[0].retr_after: unknown key "retr_after"; did you mean "retry_after"?',
    ),
    "no faults": (["a.json", "--faults", "no.yaml"], "no.yaml: can't be read"),
    "no script": (["--synthetic", "no.yaml"], "no.yaml: can't be read"),
    "an empty script": (["--synthetic", "empty.yaml"], "empty.yaml:1: replies"),
    "an empty reply": (["--synthetic", "reply.yaml"], "reply.yaml:1: replies[0]: this reply is empty; give `text`"),
    "a state that is none": (["--synthetic", "state.yaml"], "state.thinking_blocks: must be a list, not 3"),
    "a strange word": (["--synthetic", "unknown.yaml"], "txt"),
    "a script and a cassette": (["a.json", "--synthetic"], "name a script, or none, and no cassette"),
    "a script that repeats": (["--synthetic", "--repeat"], "--synthetic has no use for --repeat"),
    "like without made-up answers": (["a.json", "--like", "groq"], "--like is about made-up answers; give --synthetic"),
    "like a script": (
        ["--synthetic", "empty.yaml", "--like", "groq"],
        "--like is about made-up answers; give --synthetic",
    ),
    "like nobody": (["--synthetic", "--like", "nobody"], "no provider with a profile; there are anthropic"),
    "like a cassette": (["--synthetic", "--like", "a.json"], "a.json is no profile: provider: Field required"),
    "nothing to record": (["--record", "new.json"], "give --record, --upstream URL and one cassette file"),
    "no record": (["--upstream", "http://127.0.0.1:1", "new.json"], "give --record, --upstream URL"),
    "no upstream": (["--record", "--upstream", "nonsense", "new.json"], "nonsense is no base URL"),
    "another scheme": (["--record", "--upstream", "ftp://x.test", "new.json"], "ftp://x.test is no base URL"),
    "record over": (["--record", "--upstream", "http://127.0.0.1:1", "a.json"], "a recording never replaces one"),
    "no cassette's name": (["--record", "--upstream", "http://127.0.0.1:1", "new.txt"], "ends in .json"),
    "record and break": (
        ["--record", "--upstream", "http://127.0.0.1:1", "new.json", "--faults", "faults.yaml", "--timing", "x2"],
        "--record has no use for --faults and --timing",
    ),
}


@pytest.mark.parametrize(("words", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence(
    words: list[str], told: str, cassette: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(cassette.parent)
    for name, text in FILES.items():
        if name in words:
            Path(name).write_text(text)
    if words == ["."]:
        cassette.unlink()
    before = sorted(Path().iterdir())
    assert main(["serve", "--port", "0", *words]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert (out, err.count("\n")) == ("", 1), err
    assert sorted(Path().iterdir()) == before


def test_answers_like_a_providers_are_its_quirks_and_the_same_for_the_same_request() -> None:
    (profile,) = profiles_at("groq")
    source, shown = made_like([profile]), set()
    tool = {"type": "function", "function": {"name": "get_x", "parameters": {"type": "object"}}}
    for number in range(40):
        body = json.dumps({**ASKED, "seed": number, "tools": [tool], "stream": bool(number % 2)}).encode()
        request = HttpRequest("POST", "https://x.test/v1/chat/completions", (), body)
        first, again = source.answer(request), source.answer(request)
        assert first.exchange == again.exchange
        assert first.provenance.kind == "synthetic"
        question = read_chat_request(request)
        assert first.exchange.response is not None
        assert question is not None
        miner = Miner("groq", "openai")
        assert miner.add(first.exchange.response, question)
        shown |= miner.profile().shown()
    assert {"plain", "content_missing", "call_in_one_chunk"} <= shown <= profile.shown()
    with pytest.raises(CassetteMiss, match="no answers like these in the dialect anthropic: the profile is of openai"):
        source.answer(HttpRequest("POST", "https://x.test/v1/messages", (), b"{}"))


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"\xff\x00"])
def test_nothing_is_made_up_for_what_is_no_json(body: bytes) -> None:
    for path in ("chat/completions", "messages", "responses"):
        with pytest.raises(CassetteMiss, match="no JSON object"):
            made_up().answer(HttpRequest("POST", f"https://x.test/v1/{path}", (), body))


def test_a_taken_port_is_one_sentence(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["serve", str(cassette), "--port", port]) == 2
    err = capsys.readouterr().err
    assert (
        err
        == f"harness: can't serve at 127.0.0.1, port {port}: Address already in use; choose another with --port or --host\n"
    )


@pytest.mark.parametrize("words", [["--nonsense"], ["--port", "abc"]])
def test_a_strange_flag_is_a_sentence_that_names_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *words]) == 2
    err = capsys.readouterr().err
    assert words[0] in err
    assert "see `harness serve --help`" in err
    assert err.count("\n") == 1


def test_ci_never_records(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CI", "true")
    assert main(["serve", "--record", "--upstream", "http://127.0.0.1:1", "new.json"]) == 2
    assert "nothing is recorded in CI" in capsys.readouterr().err


class Running:
    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.code, self.out, self.err = None, "", ""

    def end(self, way: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(way)
        self.out, self.err = self.process.communicate(timeout=300)
        self.code = self.process.returncode


@contextlib.contextmanager
def running(*words: str) -> Iterator[Running]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "harness", "serve", "--port", "0", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        try:
            line = next(line for line in process.stdout if line.startswith("base URLs"))
            yield Running(process, line.split()[2].removesuffix("/v1"))
        finally:
            process.kill()


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_good_order_and_says_what_was_asked(cassette: Path, way: signal.Signals) -> None:
    with running(str(cassette)) as server:
        assert httpx.post(f"{server.url}/v1/chat/completions", json=ASKED).status_code == 200
        server.end(way)
    assert (server.code, server.err) == (0, "")
    assert server.out.endswith("1 answered, 0 missed\n")


def test_a_miss_is_printed_once_and_the_end_is_1(cassette: Path) -> None:
    with running(str(cassette)) as server:
        assert httpx.post(f"{server.url}/v1/chat/completions", json={**ASKED, "seed": 1}).status_code == 404
        server.end()
    assert server.code == 1
    assert server.err.count("\n") == 1
    assert "a.json#0, differs at body.seed: requested 1, not in the recording" in server.err
    assert server.out.endswith("0 answered, 1 missed\n")


def test_a_door_open_to_others_is_told(cassette: Path) -> None:
    with running(str(cassette), "--host", "0.0.0.0") as server:
        base = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{base}/v1/models").status_code == 200
        assert httpx.get(f"{base}/v1/models", headers={"host": "docker.test"}).status_code == 403
        server.end()
    assert (
        server.err == "harness: anyone who reaches this machine may ask; other names than 0.0.0.0 need --allow-host\n"
    )


def test_an_upstream_that_is_down_is_told_to_both(tmp_path: Path) -> None:
    with nobody() as upstream, running("--record", "--upstream", upstream, str(tmp_path / "a.json")) as server:
        answer = httpx.post(f"{server.url}/v1/messages", json=ASKED)
        server.end()
    assert answer.status_code == 502
    assert "can't be reached" in answer.json()["error"]["message"]
    assert server.code == 1
    assert server.err.splitlines()[0].startswith(f"harness: POST {upstream}/v1/messages: ConnectError")
    assert "could not be asked" in server.err.splitlines()[1]


def test_nothing_asked_is_nothing_recorded(tmp_path: Path) -> None:
    with nobody() as upstream, running("--record", "--upstream", upstream, str(tmp_path / "a.json")) as server:
        server.end()
    assert (server.code, server.err.count("\n")) == (2, 1)
    assert "nothing was recorded" in server.err
    assert list(tmp_path.iterdir()) == []


def test_a_secret_in_a_prompt_is_not_written(tmp_path: Path) -> None:
    upstream = App(Replay(scripted(Script.model_validate({"replies": [{"text": "ok"}]}))))
    path = tmp_path / "a.json"
    with serving(upstream) as door, running("--record", "--upstream", door.url, str(path)) as server:
        asked = {**ASKED, "messages": [{"role": "user", "content": f"my key is {KEY}"}]}
        assert httpx.post(f"{server.url}/v1/chat/completions", json=asked).status_code == 200
        server.end()
    assert server.code == 3, server.err
    assert KEY not in server.out + server.err
    assert all(KEY not in file.read_text() for file in tmp_path.rglob("*") if file.is_file())


def test_an_upstream_with_a_password_is_asked_with_it_and_shows_it_nowhere(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(body: bytes, headers: Any) -> tuple[int, str, bytes]:
        seen.append(headers["authorization"])
        return 200, "application/json", b'{"choices": []}'

    path = tmp_path / "a.json"
    with loopback(answer) as provider:
        upstream = f"http://bob:hunter2-Xq7@127.0.0.1:{provider.server_port}"
        with running("--record", "--upstream", upstream, str(path)) as server:
            assert httpx.post(f"{server.url}/v1/chat/completions", json=ASKED).status_code == 200
            state = httpx.get(f"{server.url}/harness/state.json").text + httpx.get(server.url).text
            server.end()
    assert seen == ["Basic " + base64.b64encode(b"bob:hunter2-Xq7").decode()]
    assert (server.code, server.err) == (0, "")
    assert "hunter2" not in state + server.out + path.read_text()
    assert f"127.0.0.1:{provider.server_port}" in path.read_text()


@pytest.mark.parametrize("status", [600, 799, 999])
def test_a_status_that_no_standard_names_is_passed_on_recorded_and_replayed(tmp_path: Path, status: int) -> None:
    path = tmp_path / "a.json"
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(loopback(lambda *_: (status, "application/json", b'{"odd": 1}')))
        upstream = f"http://127.0.0.1:{provider.server_port}"
        server = stack.enter_context(running("--record", "--upstream", upstream, str(path)))
        live = httpx.post(f"{server.url}/v1/chat/completions", json=ASKED)
        server.end()
    with running(str(path)) as server:
        again = httpx.post(f"{server.url}/v1/chat/completions", json=ASKED)
    assert (live.status_code, live.json()) == (again.status_code, again.json()) == (status, {"odd": 1})


def test_others_are_answered_while_a_large_body_is_looked_up(cassette: Path) -> None:
    large = {**ASKED, "more": [{"text": f"{number} of many"} for number in range(600_000)]}
    body = json.dumps(large).encode()
    with running(str(cassette), "--repeat") as server:

        def ask_large() -> None:
            over.append((httpx.post(f"{server.url}/v1/chat/completions", content=body, timeout=100), time.monotonic()))

        over: list[tuple[httpx.Response, float]] = []
        thread = threading.Thread(target=ask_large)
        answered = []
        with httpx.Client(timeout=100) as client:
            client.post(f"{server.url}/v1/chat/completions", json=ASKED)
            thread.start()
            while not over:
                assert client.post(f"{server.url}/v1/chat/completions", json=ASKED).status_code == 200
                answered.append(time.monotonic())
        thread.join()
        server.end()
    assert over[0][0].status_code == 404
    print(f"{len(answered)} answered meanwhile")
    assert len(answered) > 5
