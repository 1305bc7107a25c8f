"""Recording in several processes: killed ones, several at once, forked ones."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from harness.cassette import load, open_tape, partial
from harness.cassette.storage.journal import journal, read
from harness.core.exchange import Provenance

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
START = """
import asyncio, os, sys, aiohttp, httpx, requests
from harness.cassette import open_tape
from harness.core.errors import CassetteMiss, CassetteWriteError
from harness.core.exchange import Provenance
FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
path, url, *words = sys.argv[1:]
"""


def program(text, *words):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", START + text, *map(str, words)], text=True, **pipes)


# Records for ever, and says each number once it has its answer whole; in a fork for each line that it reads.
RECORDER = """
async def fetched(address):
    async with aiohttp.ClientSession() as session, session.post(address, data=b"{}") as answer:
        await answer.read()

def record():
    number = 0
    with open_tape(path, mode="record", provenance=FROM):
        while True:
            for ask in (
                lambda address: httpx.post(address, content=b"{}"),
                lambda address: httpx.post(address.replace("plain", "stream"), content=b"{}"),
                lambda address: requests.post(address, data=b"{}"),
                lambda address: asyncio.run(fetched(address)),
            ):
                ask(f"{url}/plain?{number}")
                os.write(1, b"%d\\n" % number)  # at once, or not at all
                number += 1

for line in sys.stdin:
    child = os.fork()
    if not child:
        record()
    print(child, flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


def recorded(cassette):
    return {int(urlsplit(exchange.request.url).query) for exchange in cassette.exchanges}


def killed_while_recording(running, chance):
    """What the caller of a recording had received when it was killed."""
    running.stdin.write("go\n")
    running.stdin.flush()
    child = int(running.stdout.readline())
    received = {int(running.stdout.readline()) for _ in range(chance.randrange(2, 9))}
    time.sleep(chance.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    while (line := running.stdout.readline()) != "over\n":
        received.add(int(line))
    return received


def test_journals_that_cant_be_read_are_each_put_aside_by_the_next_recording(tmp_path, caplog):
    path = tmp_path / "a.json"
    head = '{"format": 2, "provenance": {"kind": "live", "recorded": "2026-01-01T00:00:00+00:00"}}\n'
    broken = [f'{head}{{"n": {number}, broken\n' for number in (1, 2)]
    for one in broken:
        journal(path).write_text(one)
        with open_tape(path, mode="record", provenance=FROM):
            pass
    assert caplog.text.count("damaged at line 2") == 2
    assert [file.read_text() for file in sorted(tmp_path.iterdir(), reverse=True)] == broken


def test_p2_f2_what_the_caller_had_received_survives_kill_9(tmp_path, served, caplog):
    served.go.set()
    path = tmp_path / "a.json"
    chance = random.Random(1)
    with program(RECORDER, path, served.url) as running:
        for _ in range(12):
            received = killed_while_recording(running, chance)
            left, torn = read(journal(path))
            assert received <= recorded(left)
            assert not torn
            assert not path.exists()
            with open_tape(path, mode="record", provenance=FROM):
                pass
            assert f"{len(left.exchanges)} exchanges of a recording that was killed are saved in" in caplog.text
            assert load(partial(path)) == left
            assert [file.name for file in tmp_path.iterdir()] == [partial(path).name]
            partial(path).unlink()


def test_p2_a_torn_last_line_costs_one_exchange_and_is_told(tmp_path, served, caplog):
    path = tmp_path / "a.json"
    with program(RECORDER, path, served.url) as running:
        served.go.set()
        received = killed_while_recording(running, random.Random(2))
    data = journal(path).read_bytes()
    journal(path).write_bytes(data[:-7])  # as a power failure leaves it
    with open_tape(path, mode="record", provenance=FROM):
        pass
    assert "its last line was torn" in caplog.text
    assert len(received - recorded(load(partial(path)))) <= 1


# Each writer is a process of its own; all start to write when the first line comes.
WRITERS = """
mode, count = words[0], int(words[1])
wait, go = os.pipe()
for writer in range(count):
    if os.fork():
        continue
    os.close(go)
    if mode == "once":
        os.read(wait, 1)
    try:
        with open_tape(path, mode=mode, provenance=FROM) as tape:
            if mode == "record":
                os.write(1, b"open %d\\n" % writer)
                os.read(wait, 1)
            for number in range(5):
                httpx.post(f"{url}/plain?{number}", content=b'{"writer":%d}' % (writer if mode == "record" else 0))
            if mode == "once":
                os.write(1, b"replayed\\n" if tape.replaying else b"recorded\\n")
    except CassetteWriteError as error:
        os.write(1, f"{error}\\n".encode())
    sys.exit()
sys.stdin.readline()
os.close(go)
for _ in range(count):
    os.wait()
"""


@pytest.mark.parametrize("count", [2, 4])
def test_p3_f5_of_several_recordings_at_once_one_is_whole_and_the_others_are_refused(count, tmp_path, served):
    path = tmp_path / "a.json"
    with program(WRITERS, path, served.url, "record", count) as running:
        said = [running.stdout.readline().strip() for _ in range(count)]
        running.communicate("go\n", timeout=300)
    (winner,) = (int(line.removeprefix("open ")) for line in said if line.startswith("open "))
    refused = f"{path}: another recording of it is under way"
    assert sum(line.startswith(refused) for line in said) == count - 1
    bodies = [json.loads(exchange.request.body) for exchange in load(path).exchanges]
    assert bodies == [{"writer": winner}] * 5
    assert len(served.hits) == 5
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_p3_several_that_record_once_at_the_same_time_record_it_once(tmp_path, served):
    for turn in range(3):
        served.hits.clear()
        path = tmp_path / f"{turn}.json"
        with program(WRITERS, path, served.url, "once", 4) as running:
            said = running.communicate("go\n", timeout=300)[0].splitlines()
        assert said.count("recorded") == 1
        assert all(line in {"recorded", "replayed"} or "another recording of it is under way" in line for line in said)
        assert len(said) == 4
        assert len(served.hits) == len(load(path).exchanges) == 5


FORKED = """
with open_tape(path, mode="record", provenance=FROM):
    httpx.post(f"{url}/plain?0", content=b"{}")
    if not (child := os.fork()):
        try:
            httpx.post(f"{url}/plain?1", content=b"{}")
        except CassetteMiss as miss:
            print(miss, flush=True)
        sys.exit()
    os.waitpid(child, 0)
    httpx.post(f"{url}/plain?2", content=b"{}")
"""


def test_f29_a_forked_process_adds_nothing_to_a_recording_and_does_not_end_it(tmp_path, served):
    with program(FORKED, tmp_path / "a.json", served.url) as running:
        said = running.communicate(timeout=300)[0]
    assert "a forked process made a request" in said
    assert recorded(load(tmp_path / "a.json")) == {0, 2}
