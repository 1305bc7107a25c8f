"""What libraries send for their own ends stays out of a tape, by the real clients of this environment."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading

import httpx
import pytest

from harness.cassette import Cassette, load, open_tape, save
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from harness.interception.traffic import SIDE_TRAFFIC, hosts, known_side_traffic
from tests.loopback import serving

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00")
TRACES = "https://api.openai.com/v1/traces/ingest"


@pytest.mark.parametrize(
    ("given", "host", "port", "holds"),
    [
        (["localhost"], "127.0.0.1", 80, True),
        (["127.0.0.1"], "localhost", None, True),
        (["[::1]:80"], "::1", 80, True),
        (["[::1]:80"], "::1", 81, False),
        (["::1"], "127.0.0.53", 53, True),
        (["localhost:5432"], "localhost", 5432, True),
        (["localhost:5432"], "localhost", 5433, False),
        (["localhost:5432"], "localhost", None, True),
        (["localhost"], "localhost.evil.test", 80, False),
        (["localhost"], "127.evil.test", 80, False),
        (["*.test"], "a.b.TEST", 1, True),
        (["*.test"], "test", 1, False),
        (["db.test"], "db.test.", 1, True),
        (["/run/pg"], "/run/pg", None, True),
        (["2001:db8::2"], "2001:db8::2", 443, True),
        ([], "localhost", 80, False),
        ("db.test", "db.test", 80, True),
    ],
)
def test_which_hosts_are_meant(given, host, port, holds):
    assert hosts(given).holds(host, port) is holds


@pytest.mark.parametrize("given", ["", "http://a.test", "a.test:x", "a.test:70000", "a/b"])
def test_what_is_no_host_is_one_sentence(given):
    with pytest.raises(UsageError, match="is no host; give a name"):
        hosts([given])


@pytest.fixture
def empty(tmp_path):
    save(tmp_path / "a.json", Cassette(FROM))
    return tmp_path / "a.json"


@pytest.fixture
def server():
    with serving(lambda *_: (200, "application/json", b"{}")) as made:
        made.url = f"http://127.0.0.1:{made.server_port}"
        yield made


@pytest.mark.parametrize(
    "url",
    [
        TRACES,
        "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
        "https://api.smith.langchain.com/runs/batch",
        "https://eu.api.smith.langchain.com/runs/multipart",
        "https://us.cloud.langfuse.com/api/public/otel/v1/traces",
        "https://eu.i.posthog.com/batch/",
        "https://o1.ingest.us.sentry.io/api/2/envelope/",
        "https://api.segment.io/v1/batch",
        "http://localhost:4318/v1/traces",
        "https://logfire-eu.pydantic.dev/v1/traces",
    ],
)
def test_known_telemetry(url, empty):
    assert known_side_traffic(HttpRequest("POST", url))
    with open_tape(empty) as tape, pytest.raises(httpx.ConnectError, match="side traffic"):
        httpx.post(url, json={})
    assert (tape.misses, tape.requests, sum(tape.traffic.side.values())) == ([], (), 1)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1/chat/completions",
        "https://cloud.langfuse.com/api/public/v2/prompts/x",
        "https://raw.githubusercontent.com/someone/else/main/x.json",
        "https://api.test/v1/traces",
        "https://notapi.segment.io.evil.test/v1/batch",
        "http://[::1/v1/traces",
    ],
)
def test_what_a_test_may_well_be_about(url):
    try:
        assert known_side_traffic(HttpRequest("POST", url)) is None
    except ValueError:
        assert "[" in url


def test_every_row_has_its_source():
    assert [row for row in SIDE_TRAFFIC if not row.source] == []


def test_it_is_not_recorded_either(tmp_path, server):
    with open_tape(tmp_path / "a.json", mode="record", provenance=FROM, ignore_hosts=["stats.test"]) as tape:
        httpx.post(f"{server.url}/x", json={})
        for url in (TRACES, "https://stats.test/count"):
            with pytest.raises(httpx.ConnectError):
                httpx.post(url, json={})
    assert tape.traffic.side == {"api.openai.com": 1, "stats.test": 1}
    assert [one.request.url for one in load(tmp_path / "a.json").exchanges] == [f"{server.url}/x"]


def test_a_recording_that_holds_some_answers_it_and_misses_none(tmp_path):
    asked = Exchange(HttpRequest("POST", TRACES, (), b"{}"), HttpResponse(204, (), (Chunk(b""),)))
    save(tmp_path / "a.json", Cassette(FROM, (asked,)))
    with open_tape(tmp_path / "a.json") as tape:
        assert tape.unused == ()
        assert httpx.post(TRACES, content=b"{}").status_code == 204


def older_thread():
    """A thread with a queue, as an exporter of traces has: what is put there is called, and what came of it given."""
    work, came = queue.Queue(), queue.Queue()

    def run():
        while (call := work.get()) is not None:
            try:
                came.put(call())
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                came.put(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return work, came


@pytest.mark.parametrize("mode", ["none", "record"])
def test_a_thread_older_than_the_tape_is_quietly_refused(mode, tmp_path, server):
    path = tmp_path / "a.json"
    save(path, Cassette(FROM))
    work, came = older_thread()
    with open_tape(path, mode=mode, provenance=FROM) as tape:
        work.put(lambda: httpx.post(f"{server.url}/x", json={}))
        assert isinstance(came.get(timeout=20), httpx.ConnectError)
    assert tape.traffic.side == {"127.0.0.1": 1}
    assert (tape.misses, tape.taken, tape.requests) == ([], [], ())
    work.put(lambda: httpx.post(f"{server.url}/x", json={}).status_code)
    assert came.get(timeout=20) == 200, "with no tape open it goes out as before"
    work.put(None)


def test_a_thread_left_over_from_another_tape_is_no_concern_of_this_one(tmp_path, server):
    save(tmp_path / "a.json", Cassette(FROM))
    with open_tape(tmp_path / "a.json"):
        work, came = older_thread()
    with open_tape(tmp_path / "b.json", mode="record", provenance=FROM) as tape:
        work.put(lambda: httpx.post(f"{server.url}/x", json={}))
        assert isinstance(came.get(timeout=20), httpx.ConnectError)
        assert tape.traffic.side == {"127.0.0.1": 1}
    work.put(None)
    assert not (tmp_path / "b.json").exists()


def test_all_threads_can_be_asked_for(tmp_path, server):
    work, came = older_thread()
    with open_tape(tmp_path / "a.json", mode="record", provenance=FROM, every_thread=True):
        work.put(lambda: httpx.post(f"{server.url}/x", json={}).status_code)
        assert came.get(timeout=20) == 200
    work.put(None)
    assert len(load(tmp_path / "a.json").exchanges) == 1


def test_an_older_threads_own_socket_is_refused_as_if_nobody_were_there(empty, server):
    import socket

    work, came = older_thread()
    with open_tape(empty) as tape:
        work.put(lambda: socket.create_connection(("127.0.0.1", server.server_port)))
        assert isinstance(came.get(timeout=20), ConnectionRefusedError)
    work.put(None)
    assert tape.traffic.refused == []


LITELLM = """
import json, sys
from harness.cassette import open_tape
from harness.core.errors import CassetteMiss
messages = [{"role": "user", "content": "hi"}]
parameters = {"type": "object", "properties": {}}
try:
    with open_tape(sys.argv[1]) as tape:
        import litellm
        litellm.completion("anthropic/claude-sonnet-4-5-20250929", messages, api_key="k", tools=[
            {"type": "function", "function": {"name": "f", "parameters": parameters}}])
except CassetteMiss as miss:
    pass
print(json.dumps([one.url for one in tape.misses]), flush=True)
"""


def test_what_litellm_fetches_for_itself_is_never_seen_by_a_tape(empty, clean_environment):
    done = subprocess.run(
        [sys.executable, "-c", LITELLM, str(empty)],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
        env=clean_environment,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["https://api.anthropic.com/v1/messages"]


@pytest.fixture
def clean_environment():
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM", "HF_"))}


def test_a_miss_of_the_tests_own_stays_a_miss(empty):
    with open_tape(empty) as tape, pytest.raises(CassetteMiss, match="no unused exchange answers"):
        httpx.post("https://api.openai.com/v1/chat/completions", json={})
    assert len(tape.misses) == 1
