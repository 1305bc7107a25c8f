"""A tape from the outside: recorded over a real socket, replayed without one, and honest about what it can't answer."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests

from harness.cassette import Cassette, load, open_tape, partial
from harness.cassette.secrets.redaction import Redactor
from harness.cassette.tape import loaded
from harness.core.errors import CassetteDamagedError, CassetteMiss, CassetteMissingError, LeakError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
PIECES = (b"data: one\n\n", b"data: tw", b"o\n\n", b"data: [DONE]\n\n")


@contextlib.contextmanager
def provider(handed: threading.Event | None = None) -> Iterator[tuple[str, list[str]]]:
    """A server that answers with a count, streams in pieces, and remembers what it was asked. After the first piece it
    waits for ``handed``.
    """
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            asked.append(body)
            self.send_response(200)
            self.send_header("set-cookie", "session=abcdefgh")
            if '"made"' in body:
                self.send_header("x-harness-recording", "here.json (synthetic)")
            if '"stream"' in body:
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for piece in PIECES:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                    time.sleep(0.03)  # so that pieces have times of their own
                    assert handed is None or handed.wait(300)
                self.wfile.write(b"0\r\n\r\n")
                return
            answer = json.dumps({"count": len(asked)}).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/chat", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str, text: str = "hello", **headers: str) -> object:
    return httpx.post(url, json={"messages": [{"role": "user", "content": text}]}, headers=headers).json()


def recorded(path: Path, *texts: str) -> str:
    with provider() as (url, _), open_tape(path, mode="record", provenance=FROM):
        for text in texts:
            ask(url, text)
    return url


def test_the_same_answers_come_back_without_the_server(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "one", "two")
    with open_tape(file) as tape:
        assert ask(url, "two") == {"count": 2}
        assert tape.unused == (0,)
        assert ask(url, "one") == {"count": 1}
        assert [number for number, _ in tape.taken] == [1, 0]


def test_one_request_twice_is_answered_in_order_and_then_no_more(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "same", "same")
    with open_tape(file):
        assert [ask(url, "same"), ask(url, "same")] == [{"count": 1}, {"count": 2}]
        with pytest.raises(CassetteMiss, match="was used already"):
            ask(url, "same")


def test_a_miss_names_the_cassette_the_nearest_recording_and_the_leaf(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "good morning", "what is the time in the town of Zurich, please?")
    with open_tape(file) as tape:
        with pytest.raises(CassetteMiss) as told:
            ask(url, "good evening")
        assert len(tape.misses) == 1
    assert str(file) in str(told.value)
    assert told.value.nearest == 0
    assert told.value.differences == ('body.messages[0].content: recorded "good morning", requested "good evening"',)


def test_a_miss_is_not_caught_by_code_that_catches_every_exception(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "one")
    caught = []

    def careless() -> None:
        try:
            ask(url, "two")
        except Exception as error:  # noqa: BLE001 - as SDKs do
            caught.append(error)

    with open_tape(file), pytest.raises(CassetteMiss):
        careless()
    assert caught == []


def test_a_stream_keeps_its_pieces_for_both_clients(tmp_path: Path) -> None:
    file = tmp_path / "a.json"

    def sync(url: str) -> list[bytes]:
        with httpx.stream("POST", url, json={"stream": True}) as answer:
            return list(answer.iter_raw())

    async def awaited(url: str) -> list[bytes]:
        async with aiohttp.ClientSession() as session, session.post(url, json={"stream": True}) as answer:
            return [piece async for piece in answer.content.iter_any()]

    with provider() as (url, _), open_tape(file, mode="record", provenance=FROM):
        assert sync(url) == list(PIECES)
        assert asyncio.run(awaited(url)) == list(PIECES)
    with open_tape(file):
        assert asyncio.run(awaited(url)) == list(PIECES)
        assert sync(url) == list(PIECES)
    times = [chunk.at for chunk in load(file).exchanges[0].response.chunks]
    assert times == sorted(times)
    assert times[-1] > times[0]


def test_the_first_piece_is_handed_over_while_the_rest_is_still_to_come(tmp_path: Path) -> None:
    handed = threading.Event()
    with (
        provider(handed) as (url, _),
        open_tape(tmp_path / "a.json", mode="record", provenance=FROM),
        httpx.stream("POST", url, json={"stream": True}, timeout=60) as answer,
    ):
        pieces = answer.iter_raw()
        assert next(pieces) == PIECES[0]
        handed.set()
        assert b"".join(pieces) == b"".join(PIECES[1:])


def test_another_client_is_answered_too(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "one")
    with open_tape(file):
        assert requests.post(url, json={"messages": [{"role": "user", "content": "one"}]}, timeout=60).json() == {
            "count": 1
        }


def test_no_header_that_is_not_on_the_list_is_written_and_no_key_at_all(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    key = "sk-proj-abcdefghijklmnopqrstuvwx0123"
    with provider() as (url, _), open_tape(file, mode="record", provenance=FROM, secrets=(key,)):
        ask(url, f"my key is {key}", authorization=f"Bearer {key}", cookie="a=b")
    text = file.read_text()
    for part in (key, key[8:16], "abcdefgh", "authorization", "cookie"):
        assert part not in text.lower() if part.islower() else part not in text


def test_another_key_or_none_replays_as_well(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "one")
    with open_tape(file):
        assert ask(url, "one", authorization="Bearer another") == {"count": 1}


def test_a_key_of_a_known_shape_refuses_the_save(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    with (
        provider() as (url, _),
        pytest.raises(LeakError, match="it was not written"),
        open_tape(file, mode="record", provenance=FROM),
    ):
        ask(url, "is AKIAIOSFODNN7EXAMPLE a key?")
    assert not file.exists()


def test_what_was_recorded_before_a_failure_is_put_aside_and_the_old_cassette_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    recorded(file, "old")
    before = file.read_bytes()
    with (
        provider() as (url, _),
        contextlib.suppress(KeyboardInterrupt),
        open_tape(file, mode="record", provenance=FROM),
    ):
        ask(url, "new")
        raise KeyboardInterrupt
    assert file.read_bytes() == before
    kept = load(partial(file))
    assert kept.partial
    assert len(kept.exchanges) == 1


def test_once_records_where_there_is_nothing_and_replays_what_there_is(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    with provider() as (url, asked):
        for _ in range(2):
            with open_tape(file, mode="once", provenance=FROM):
                assert ask(url) == {"count": 1}
        assert len(asked) == 1
        with open_tape(file, mode="once", provenance=FROM), pytest.raises(CassetteMiss):
            ask(url, "something else")
        assert len(asked) == 1


def test_ci_never_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(CassetteMissingError), open_tape(tmp_path / "a.json", mode="record", provenance=FROM):
        pass
    assert "replayed, not recorded: CI is set" in caplog.text


def test_once_does_not_overwrite_what_it_could_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"")
    with pytest.raises(CassetteDamagedError, match="empty"), open_tape(file, mode="once", provenance=FROM):
        pass
    assert file.read_bytes() == b""


def test_nothing_recorded_nothing_written(tmp_path: Path) -> None:
    with open_tape(tmp_path / "a.json", mode="record", provenance=FROM):
        pass
    assert list(tmp_path.iterdir()) == []


def test_threads_and_tasks_on_tapes_of_their_own_never_cross(tmp_path: Path) -> None:
    names = [f"tape-{number}" for number in range(8)]
    urls = {}
    for name in names:
        with provider() as (url, asked), open_tape(tmp_path / name, mode="record", provenance=FROM):
            asked.extend([""] * names.index(name) * 100)
            for turn in range(20):
                ask(url, f"{turn}")
            urls[name] = url

    def in_thread(name: str) -> list[object]:
        with open_tape(tmp_path / name):
            return [ask(urls[name], f"{turn}") for turn in range(20)]

    async def in_task(name: str) -> list[object]:
        found = []
        with open_tape(tmp_path / name):
            async with aiohttp.ClientSession() as session:
                for turn in range(20):
                    body = {"messages": [{"role": "user", "content": f"{turn}"}]}
                    async with session.post(urls[name], json=body) as answer:
                        found.append(await answer.json())
                    await asyncio.sleep(0)
        return found

    async def all_tasks() -> list[list[object]]:
        return await asyncio.gather(*(in_task(name) for name in names))

    expected = [[{"count": names.index(name) * 100 + turn + 1} for turn in range(20)] for name in names]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(in_thread, names)) == expected
    assert asyncio.run(all_tasks()) == expected


def test_a_thread_belongs_to_the_tape_in_which_it_was_started(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    url = recorded(file, "one", "one")
    found: list[object] = []

    def run() -> None:
        thread = threading.Thread(target=lambda: found.append(ask(url, "one")))
        thread.start()
        thread.join()

    with open_tape(file) as outer:
        run()
        with open_tape(file) as inner:
            run()
    assert found == [{"count": 1}, {"count": 1}]
    assert len(outer.taken) == len(inner.taken) == 1


KEY = "zq7-lw2xv9rb4tn8km3yp6hd1"


def _asking(body, **headers):
    return HttpRequest("POST", "https://api.example.com/v1/x", tuple(headers.items()), body)


def test_a_secret_of_a_request_that_was_recorded_to_the_byte_is_known_when_another_holds_it(tmp_path):
    requests = [_asking(b'{"a":1}'), _asking(b'{"a":"=REDACTED-1"}')]
    answer = HttpResponse(200, (), (Chunk(b"{}"),))
    recorded = Redactor().exchange(
        Exchange(_asking(b'{"a":"' + KEY.encode() + b'"}', authorization=f"Bearer {KEY}"), answer)
    )
    cassette = Cassette(Provenance("synthetic", ""), (Exchange(requests[0], answer), recorded))
    tape = loaded(cassette, tmp_path / "c.json")
    assert tape.answer(_asking(b'{"a":1}', authorization=f"Bearer {KEY}")) is not None
    assert tape.answer(_asking(b'{"a":"' + KEY.encode() + b'"}')) is not None
    assert KEY not in str(tape.requests)


def test_what_a_test_puts_into_its_environment_while_a_tape_is_open_is_no_secret(tmp_path, monkeypatch):
    answer = HttpResponse(200, (), (Chunk(b"{}"),))
    cassette = Cassette(Provenance("synthetic", ""), (Exchange(_asking(b'{"a": "a-long-ordinary-value-1"}'), answer),))
    tape = loaded(cassette, tmp_path / "c.json")
    monkeypatch.setenv("SOME_API_KEY", "a-long-ordinary-value-1")
    assert tape.answer(_asking(b'{"a":"a-long-ordinary-value-1"}')) is not None  # other blanks: not the same bytes


def test_a_recording_of_made_up_answers_says_so_before_it_ends(tmp_path):
    from_live = Provenance("live", "2026-01-01T00:00:00+00:00", "a test")
    with provider() as (url, _), open_tape(tmp_path / "a.json", mode="record", provenance=from_live) as tape:
        httpx.post(f"{url}/x", json={})
        assert tape.provenance.kind == "live"
        httpx.post(f"{url}/x", json={"made": "up"})
        assert tape.provenance.kind == "synthetic"
    assert load(tmp_path / "a.json").provenance.kind == "synthetic"


@pytest.mark.parametrize(("url", "hint"), [("http://b.test/v1", True), ("http://a.test/v2", False)])
def test_a_miss_by_the_host_alone_says_how_to_give_the_server_again(tmp_path, url, hint):
    tape = loaded(
        Cassette(FROM, (Exchange(HttpRequest("POST", "http://a.test/v1"), HttpResponse(200)),)), tmp_path / "x.json"
    )
    with pytest.raises(CassetteMiss) as missed:
        tape.answer(HttpRequest("POST", url))
    assert ("`hostname:` in a suite" in str(missed.value)) is hint


@pytest.mark.parametrize(
    ("path", "variable"),
    [
        ("https://api.openai.com/v1/chat/completions", "OPENAI_BASE_URL=http://127.0.0.1:8913/v1 in a test"),
        ("https://api.anthropic.com/v1/messages", "ANTHROPIC_BASE_URL=http://127.0.0.1:8913 in a test"),
        ("https://other.test/v1/messages", "the variable of its base URL in a test"),
    ],
)
def test_a_miss_by_the_host_alone_names_the_variable_of_the_provider(tmp_path, path, variable):
    recorded = HttpRequest("POST", "http://127.0.0.1:8913/" + path.split("/", 3)[3])
    tape = loaded(Cassette(FROM, (Exchange(recorded, HttpResponse(200)),)), tmp_path / "x.json")
    with pytest.raises(CassetteMiss) as missed:
        tape.answer(HttpRequest("POST", path))
    assert str(missed.value).endswith(variable)
