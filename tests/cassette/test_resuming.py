"""A recording that goes on where an earlier one stopped: nothing is asked twice, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from harness.cassette import Cassette, load, open_tape, partial
from harness.cassette.storage.journal import answered
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from tests.loopback import serving

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
LATER = Provenance("synthetic", "2026-02-01T00:00:00+00:00", "a test")
ELSE = Provenance("synthetic", "2026-02-01T00:00:00+00:00", "another server")
RECORDER = """
import os, sys, httpx
from harness.cassette import open_tape
from harness.core.exchange import Provenance
path, url = sys.argv[1:]
with open_tape(path, mode="record", provenance=Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")):
    for number in range(1000):
        httpx.post(url, json={"number": number})
        print(number, flush=True)
"""


@pytest.fixture
def server(monkeypatch):

    def answer(body, _headers):
        number = json.loads(body)["number"]
        made.asked.append(number)
        return made.status, "application/json", json.dumps({"answer": made.says or number}).encode()

    with serving(answer, asked=[], status=200, says="") as made:
        made.url = f"http://127.0.0.1:{made.server_port}/v1/thing"
        yield made


def record(path, server, numbers, provenance=FROM, **more):
    with open_tape(path, mode="record", provenance=provenance, **more) as tape:
        for number in numbers:
            assert httpx.post(server.url, json={"number": number}).json() == {"answer": number}
    return tape


def interrupted(path, server, stop):
    with open_tape(path, mode="record", provenance=FROM, resume=True):
        for number in range(stop):
            httpx.post(server.url, json={"number": number})
        raise KeyboardInterrupt


def answers(path):
    return [json.loads(one.response.body)["answer"] for one in load(path).exchanges]


def test_a_key_that_came_with_a_replayed_request_is_not_recorded_beside_it(tmp_path, server):
    path, key = tmp_path / "a.json", "zebra-Lantern_4471-qq"
    with pytest.raises(KeyboardInterrupt):
        interrupted(path, server, 1)
    server.says = key
    with open_tape(path, mode="record", provenance=FROM, resume=True):
        httpx.post(server.url, json={"number": 0}, headers={"authorization": f"Bearer {key}"})
        httpx.post(server.url, json={"number": 0})
    assert key not in path.read_text()
    assert len(load(path).exchanges) == 2


def test_a_key_of_an_environment_put_in_the_place_of_the_own_is_not_recorded(tmp_path, server, monkeypatch):
    server.says = "internal-gateway-pass-Qz81"
    monkeypatch.setattr(os, "environ", {**os.environ, "GATEWAY_API_KEY": server.says})
    with open_tape(tmp_path / "a.json", mode="record", provenance=FROM):
        httpx.post(server.url, json={"number": 0})
    assert server.says not in (tmp_path / "a.json").read_text()


def test_what_a_killed_recording_had_is_not_asked_again(tmp_path, server):
    path = tmp_path / "c.json"
    child = subprocess.Popen([sys.executable, "-c", RECORDER, str(path), server.url], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) == 6:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.wait()
    child.stdout.close()
    had = len(server.asked)
    assert not path.exists()
    server.asked.clear()
    tape = record(path, server, range(20), LATER, resume=True)
    again = 20 - len(server.asked)
    assert 7 <= again <= had
    assert server.asked == list(range(again, 20))
    assert answers(path) == list(range(20))
    assert [number for number, _ in tape.taken] == list(range(20))
    assert load(path).provenance.recorded == FROM.recorded  # as old as its oldest answer
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c.json"]


def test_repeats_are_added_to_a_whole_cassette_first_recorded_first(tmp_path, server):
    path = tmp_path / "c.json"
    record(path, server, [1, 1])
    record(path, server, [1, 1, 1, 2], LATER, resume=True)
    assert server.asked == [1, 1, 1, 2]
    assert answers(path) == [1, 1, 1, 2]


def test_a_cassette_to_which_nothing_comes_stays_as_it_is(tmp_path, server):
    path = tmp_path / "c.json"
    record(path, server, [1, 2])
    before = path.read_bytes(), path.stat().st_mtime_ns
    record(path, server, [2, 1], LATER, resume=True)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert server.asked == [1, 2]


def test_a_recording_broken_off_twice_goes_on_twice(tmp_path, server):
    path = tmp_path / "c.json"
    for stop in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            interrupted(path, server, stop)
        assert answers(partial(path)) == list(range(stop))
        assert sorted(one.name for one in tmp_path.iterdir()) == ["c.partial.json"]
    record(path, server, range(6), resume=True)
    assert server.asked == list(range(6))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c.json"]


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_what_was_refused_for_now_is_asked_again(tmp_path, server, status):
    path = tmp_path / "c.json"
    record(path, server, [1])
    server.status = status
    record(path, server, [1, 2], resume=True)
    server.status = 200
    record(path, server, [1, 2], resume=True)
    assert server.asked == [1, 2, 2]
    assert [one.response.status for one in load(path).exchanges] == [200, 200]


def test_what_another_server_said_is_not_taken_for_its_own(tmp_path, server):
    path = tmp_path / "c.json"
    record(path, server, [1, 2])
    record(path, server, [1], ELSE, resume=True)
    assert server.asked == [1, 2, 1]
    assert load(path).provenance == ELSE


def test_what_is_not_asked_for_stays(tmp_path, server):
    path = tmp_path / "c.json"
    record(path, server, [1, 2])
    record(path, server, [3], LATER, resume=True)
    assert answers(path) == [1, 2, 3]


def test_without_resume_all_is_asked_anew(tmp_path, server):
    path = tmp_path / "c.json"
    record(path, server, [1])
    record(path, server, [1], LATER)
    assert server.asked == [1, 1]
    assert load(path).provenance == LATER


def test_an_answer_that_is_too_long_is_broken_off_and_told(tmp_path, server):
    server.answer = lambda _body, _headers: (200, "text/plain", b"word " * 100_000)
    path = tmp_path / "c.json"
    with (
        pytest.raises(httpx.ReadError, match="longer than 100,000 bytes: it was broken off"),
        open_tape(path, mode="record", provenance=FROM, longest=100_000),
    ):
        httpx.post(server.url, json={"number": 1})
    (kept,) = load(partial(path)).exchanges
    assert kept.failure.kind == "reset"
    assert 100_000 < len(kept.response.body) < 400_000


@pytest.mark.parametrize("status", [202, 204, 301, 307])
def test_a_status_that_is_no_chat_answer_is_an_answer_all_the_same(status):
    request = HttpRequest("POST", "https://api.openai.com/v1/chat/completions", (), b"{}")
    exchange = Exchange(request, HttpResponse(status, (), (Chunk(b"<html>"),)))
    assert answered(Cassette(FROM, (exchange,))) == (exchange,)
