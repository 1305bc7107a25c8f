"""The recording proxy: nothing held back, nothing lost, no key written; and what it recorded replays alike."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.cassette import load, partial
from harness.cassette.storage.paths import journal
from harness.core.chat import Reply, ToolCall
from harness.core.errors import UsageError
from harness.core.exchange import Exchange, HttpResponse, Provenance
from harness.dialects import DIALECTS
from harness.server.app import App
from harness.server.proxy import Proxy, recorder
from harness.server.recording_index import RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.web import serving
from tests.loopback import nobody

KEY = "sk-proj-Zq81kdLw02mPx7uVb3Tn9RcY5hGf"
MADE = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
OPENAI = DIALECTS["openai"]


@contextmanager
def provider(*answers: bytes, hold: threading.Event | None = None):
    """A provider on a plain socket: literal bytes for each connection; after the first piece it waits for ``hold``."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        seen: list[bytes] = []

        def answer() -> None:
            for one in answers:
                try:
                    client, _ = sock.accept()
                except OSError:
                    return
                with client:
                    asked = b""
                    while b"\r\n\r\n" not in asked or not asked.endswith(b"}"):
                        asked += client.recv(65536)
                    seen.append(asked)
                    first, _, rest = one.partition(b"<wait>")
                    client.sendall(first)
                    if rest:
                        assert hold is None or hold.wait(300)
                        with contextlib.suppress(ConnectionError):  # a client that has left
                            client.sendall(rest.replace(b"<wait>", b""))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}", seen


@contextmanager
def proxied(upstream: str, path: Path):
    with recorder(path, MADE) as kept, serving(App(Proxy(upstream, kept))) as door:
        yield door, kept


def http(response: HttpResponse, *, close: bool = True) -> bytes:
    head = f"HTTP/1.1 {response.status} x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    body = response.body
    return f"{head}content-length: {len(body)}\r\n{'connection: close' if close else 'x: y'}\r\n\r\n".encode() + body


def chunked(*pieces: bytes, kind: str = "text/event-stream") -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    return head.encode() + b"<wait>".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"


def test_the_first_chunk_is_passed_on_while_the_provider_still_writes(tmp_path: Path) -> None:
    hold = threading.Event()
    with (
        provider(chunked(b"data: 1\n\n", b"data: 2\n\n"), hold=hold) as (upstream, _),
        proxied(upstream, tmp_path / "a.json") as (door, _),
        httpx.stream("POST", f"{door.url}/v1/chat/completions", json=ASKED) as answer,
    ):
        chunks = answer.iter_raw()
        assert next(chunks) == b"data: 1\n\n"
        hold.set()
        assert list(chunks) == [b"data: 2\n\n"]
    (exchange,) = load(tmp_path / "a.json").exchanges
    assert [chunk.data for chunk in exchange.response.chunks] == [b"data: 1\n\n", b"data: 2\n\n"]
    assert exchange.request.url == f"{upstream}/v1/chat/completions"


def test_no_key_is_written_though_the_provider_echoes_it(tmp_path: Path) -> None:
    echo = OPENAI.error(401, f"Incorrect API key provided: {KEY}")
    with provider(http(echo)) as (upstream, seen), proxied(upstream, tmp_path / "a.json") as (door, _):
        given = httpx.post(f"{door.url}/v1/chat/completions", json=ASKED, headers={"authorization": f"Bearer {KEY}"})
        assert KEY in given.text  # the live answer is as it came
        assert KEY.encode() in seen[0]
        assert KEY not in journal(tmp_path / "a.json").read_text()
    assert KEY not in (tmp_path / "a.json").read_text()
    assert load(tmp_path / "a.json").exchanges[0].response.status == 401


def test_others_are_answered_while_an_answer_is_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = (http(OPENAI.error(500, "first")), http(OPENAI.error(500, "second")))
    begun, held = threading.Event(), threading.Event()
    with provider(*answers) as (upstream, _), proxied(upstream, tmp_path / "a.json") as (door, kept):
        keep = kept.keep

        def slow(number: int, exchange: Exchange) -> None:
            if number == 1:
                begun.set()
                assert held.wait(300)
            keep(number, exchange)

        monkeypatch.setattr(kept, "keep", slow)
        url = f"{door.url}/v1/chat/completions"
        first = threading.Thread(target=httpx.post, args=(url,), kwargs={"json": ASKED, "timeout": 300})
        first.start()
        try:
            assert begun.wait(300)
            assert "second" in httpx.post(url, json=ASKED, timeout=60).text
        finally:
            held.set()
            first.join()
    assert len(load(tmp_path / "a.json").exchanges) == 2


def test_a_provider_that_dies_is_recorded_and_replayed_as_it_died(tmp_path: Path) -> None:
    torn = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
    with (
        provider(torn) as (upstream, _),
        proxied(upstream, tmp_path / "a.json") as (door, _),
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.post(f"{door.url}/v1/chat/completions", json=ASKED)
    (exchange,) = load(tmp_path / "a.json").exchanges
    assert (exchange.failure.kind, exchange.response.body) == ("cut", b"abc")
    with serving(App(Replay(RecordingIndex(gathered([tmp_path]))))) as door, pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{door.url}/v1/chat/completions", json=ASKED)


def test_a_client_that_leaves_early_leaves_what_it_saw(tmp_path: Path) -> None:
    hold = threading.Event()
    more_than_sockets_hold = (b"data: %d\n\n" % n * 20_000 for n in range(40))
    pieces = [b"data: 1\n\n", *more_than_sockets_hold]
    with provider(chunked(*pieces), hold=hold) as (upstream, _), proxied(upstream, tmp_path / "a.json") as (door, kept):
        with httpx.stream("POST", f"{door.url}/v1/chat/completions", json=ASKED) as answer:
            next(answer.iter_raw())
        hold.set()
        while not kept.exchanges:
            time.sleep(0.01)
    (exchange,) = load(tmp_path / "a.json").exchanges
    assert not exchange.complete
    assert exchange.response.body.startswith(b"data: 1\n\n")


def test_a_provider_that_is_not_there_is_a_502_in_its_own_shape(tmp_path: Path) -> None:
    with nobody() as upstream, proxied(upstream, tmp_path / "a.json") as (door, _):
        answer = httpx.post(f"{door.url}/v1/chat/completions", json=ASKED)
    assert answer.status_code == 502
    assert "can't be reached" in answer.json()["error"]["message"]
    assert load(tmp_path / "a.json").exchanges[0].failure.kind == "refused"


def test_a_cassette_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("mine")
    with pytest.raises(UsageError, match="exists"), recorder(tmp_path / "a.json", MADE):
        pass
    assert (tmp_path / "a.json").read_text() == "mine"


def test_nothing_asked_leaves_nothing(tmp_path: Path) -> None:
    with recorder(tmp_path / "a.json", MADE):
        pass
    assert list(tmp_path.iterdir()) == []


def started(words: list[str]) -> tuple[subprocess.Popen[str], str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "serve", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    for line in process.stdout:
        if line.startswith("base URLs"):
            return process, line.split()[2].removesuffix("/v1")
    raise AssertionError(process.stderr.read())


def test_killed_in_the_middle_what_was_answered_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    answer = http(OPENAI.render(Reply(text="hello", finish="stop")))
    with provider(*[answer] * 5) as (upstream, _):
        process, url = started(["--record", "--upstream", upstream, str(path)])
        try:
            for number in range(5):
                asked = {**ASKED, "seed": number}
                assert httpx.post(f"{url}/v1/chat/completions", json=asked).json()["choices"]
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.communicate()
    assert not path.exists()
    with recorder(path, MADE):  # the next recording puts aside what the killed one left
        pass
    assert [json.loads(one.request.body)["seed"] for one in load(partial(path)).exchanges] == list(range(5))


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
def test_the_command_records_and_ends_in_good_order(tmp_path: Path, way: signal.Signals) -> None:
    path = tmp_path / "a.json"
    call = ToolCall("get_weather", {"city": "Paris"}, "call_abc1234")
    stream = OPENAI.render(Reply(calls=(call,), finish="tool_calls"), stream=True)
    with provider(chunked(*(one.data for one in stream.chunks))) as (upstream, _):
        process, url = started(["--record", "--upstream", f"{upstream}/v1", str(path)])
        first = asked_openai(url)
        process.send_signal(way)
        told, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    assert f"exchanges in {path}: 1" in told
    process, url = started([str(path)])
    try:
        assert asked_openai(url) == first
    finally:
        process.terminate()
        process.communicate(timeout=300)


def asked_openai(url: str) -> Any:
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    return [one.model_dump() for one in client.chat.completions.create(**ASKED, stream=True)]
