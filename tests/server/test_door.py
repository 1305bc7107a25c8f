"""The server from the outside: who is answered, what is too much, and what a miss says."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from harness.core.chat import Reply
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, Exchange, Failure, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS
from harness.server.app import App
from harness.server.recording_index import RecordedExchange, RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.rules import Rules, from_file, from_text
from harness.server.web import bound, serving

URL = "https://api.openai.com/v1/chat/completions"


def asked(text: str) -> dict[str, object]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


def one(
    text: str, response: HttpResponse | None = None, failure: Failure | None = None, url: str = URL
) -> RecordedExchange:
    request = HttpRequest("POST", url, (("content-type", "application/json"),), json.dumps(asked(text)).encode())
    if response is None and failure is None:
        response = DIALECTS["openai"].render(Reply(text=f"said {text}", finish="stop"))
    return RecordedExchange(Exchange(request, response, failure), "here.json", 0, Provenance("synthetic", ""))


@contextmanager
def served(*recorded: RecordedExchange, repeat: bool = False, pace: float | None = None, **known):
    said: list[str] = []
    app = App(Replay(RecordingIndex(recorded or [one("hi")], repeat=repeat), pace=pace, say=said.append), **known)
    with serving(app) as door:
        yield door.url, app, said


def post(url: str, text: str, path: str = "/v1/chat/completions", **more) -> httpx.Response:
    return httpx.post(f"{url}{path}", json=asked(text), **more)


def raw(url: str, data: bytes, seconds: float = 60) -> bytes:
    """What the server answers to literal bytes, until it closes or ``seconds`` have passed."""
    host, port = url.removeprefix("http://").split(":")
    got = b""
    with socket.create_connection((host, int(port)), timeout=seconds) as sock:
        sock.sendall(data)
        while piece := sock.recv(65536):
            got += piece
    return got


def test_the_path_may_begin_otherwise_than_it_was_recorded() -> None:
    with served(repeat=True) as (url, _, _):
        for path in ("/v1/chat/completions", "/chat/completions", "/openai/v1/chat/completions"):
            assert post(url, "hi", path).status_code == 200


def test_an_answer_is_given_once_then_the_miss_says_so() -> None:
    second = DIALECTS["openai"].render(Reply(text="second", finish="stop"))
    others = [one(f"{number:02}") for number in range(50)]
    with served(one("hi"), one("hi", second), *others) as (url, _, _):
        texts = [post(url, "hi").json()["choices"][0]["message"]["content"] for _ in range(2)]
        assert texts == ["said hi", "second"]
        third = post(url, "hi")
    assert third.status_code == 404
    assert "--repeat" in third.json()["error"]["message"]


def test_with_repeat_the_answers_begin_again() -> None:
    second = DIALECTS["openai"].render(Reply(text="second", finish="stop"))
    with served(one("hi"), one("hi", second), repeat=True) as (url, _, _):
        texts = [post(url, "hi").json()["choices"][0]["message"]["content"] for _ in range(4)]
    assert texts == ["said hi", "second"] * 2


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/chat/completions", ("error", "message")),
        ("/v1/messages", ("error", "message")),
        ("/v1beta/models/m:generateContent", ("error", "message")),
        ("/api/chat", ("error",)),
        ("/v2/chat", ("message",)),
        ("/model/m/converse", ("message",)),
        ("/no/such/path", ("error", "message")),
    ],
)
def test_a_miss_is_a_404_in_the_providers_own_shape(path: str, where: tuple[str, ...]) -> None:
    with served() as (url, app, said):
        answer = post(url, "other", path)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (404, "false")
    message = answer.json()
    for step in where:
        message = message[step]
    assert message == said[0] == app.ledger.misses[0][1]
    assert "no recording answers POST" in message
    if path == "/v1/chat/completions":
        assert 'here.json#0, differs at body.messages[0].content: recorded "hi", requested "other"' in message


def test_headers_are_kept_and_lengths_and_hops_recomputed() -> None:
    lying = HttpResponse(
        200,
        (
            ("content-type", "application/json"),
            ("content-length", "999"),
            ("transfer-encoding", "chunked"),
            ("connection", "x-hop"),
            ("x-ratelimit-limit", "7"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ),
        (Chunk(b'{"a": 1}'),),
    )
    with served(one("hi", lying)) as (url, _, _):
        answer = post(url, "hi")
    assert answer.json() == {"a": 1}
    assert answer.headers["content-length"] == "8"
    assert "transfer-encoding" not in answer.headers
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-content-type-options"]) == ("7", "nosniff")


def test_chunks_come_as_recorded_and_at_their_times_when_asked() -> None:
    pieces = (b"data: 1\n", b"\ndata: \xf0\x9f", b"\x99\x82\n\n")
    # At once, a recording of an hour is over before the client's patience is.
    for pace, times in ((None, (600, 1800, 3600)), (1.0, (0.05, 0.15, 0.3))):
        chunks = tuple(map(Chunk, pieces, times))
        stream = HttpResponse(200, (("content-type", "text/event-stream"),), chunks)
        with served(one("hi", stream), pace=pace) as (url, _, _):
            start = time.monotonic()
            with httpx.stream("POST", f"{url}/v1/chat/completions", json=asked("hi"), timeout=60) as answer:
                assert list(answer.iter_raw()) == list(pieces)
            assert pace is None or time.monotonic() - start >= times[-1]


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_have_none(status: int) -> None:
    with served(one("hi", HttpResponse(status))) as (url, _, _):
        answer = post(url, "hi")
    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize("kind", ["reset", "cut", "protocol", "refused"])
def test_a_connection_that_failed_fails_again(kind: str) -> None:
    with served(one("hi", failure=Failure(kind))) as (url, _, _), pytest.raises(httpx.TransportError):
        post(url, "hi")


def test_a_taken_port_is_one_sentence() -> None:
    with served() as (url, _, _), pytest.raises(UsageError, match="choose another with --port"):
        bound("127.0.0.1", int(url.rpartition(":")[2]))
    with pytest.raises(UsageError):
        bound("127.0.0.1", 70000)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_a_body_has_none_though_chunks_are_recorded(method: str, status: int) -> None:
    request = HttpRequest(method, "https://api.openai.com/v1/models/m")
    response = HttpResponse(status, (("content-type", "text/event-stream"),), (Chunk(b"a"), Chunk(b"b")))
    recorded = RecordedExchange(Exchange(request, response), "here.json", 0, Provenance("synthetic", ""))
    ask = f"{method} /v1/models/m HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
    with served(recorded) as (url, _, _):
        given = raw(url, ask)
    assert given.startswith(b"HTTP/1.1 %d" % status)
    assert given.endswith(b"\r\n\r\n")


def test_models_are_listed_where_a_client_asks_first() -> None:
    gemini = one("hi", url="https://x.test/v1beta/models/gemini-m:generateContent")
    ollama = one("hi", url="http://x.test/api/chat")
    with served(one("hi"), gemini, ollama) as (url, _, _):
        assert [row["id"] for row in httpx.get(f"{url}/v1/models").json()["data"]] == ["gpt-4o-mini"]
        assert httpx.get(f"{url}/v1beta/models").json()["models"] == [{"name": "models/gemini-m"}]
        assert httpx.get(f"{url}/api/tags").json()["models"][0]["name"] == "gpt-4o-mini"


HOSTILE = "</script><img src=x onerror=alert(1)>\u2028\u202e\x1b]8;;http://evil.test\x07"


def test_the_page_runs_nothing_but_its_own_script_and_makes_text_of_text() -> None:
    with served() as (url, _, _):
        post(url, HOSTILE)
        page, state = httpx.get(url), httpx.get(f"{url}/harness/state.json")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "http://", "https://", "onclick"):
        assert word not in page.text.partition("<script>")[2], word
    assert "color-scheme" in page.text
    assert state.headers["content-type"] == "application/json"
    assert "onerror" in state.json()["missed"][0]["why"]
    assert "<script" not in page.text.replace("<script>", "", 1)


def test_the_page_tells_what_is_loaded_asked_and_missed() -> None:
    with served(one("hi"), one("ho")) as (url, _, _):
        post(url, "hi")
        post(url, "hu")
        assert httpx.get(f"{url}/favicon.ico").status_code == 204
        state = httpx.get(f"{url}/harness/state.json").json()
    assert state["loaded"] == [{"file": "here.json", "provenance": "synthetic", "exchanges": 2, "used": 1}]
    assert state["counts"] == {"answered": 1, "missed": 1}
    assert [line["outcome"] for line in state["asked"]] == ["missed", "answered"]
    assert state["asked"][1]["by"] == "here.json#0 (synthetic)"


def test_a_folder_without_cassettes_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no cassettes in this folder"):
        gathered([tmp_path])


def test_rules_are_read_from_a_file_all_mistakes_at_once(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n  - {fault: status, status: 429, retry_after: 1}\n  - fault: cut\n    after: 7\n")
    assert [rule.fault for rule in from_file(file)] == ["status", "cut"]
    file.write_text("faults:\n  - fault: nonsense\n  - fault: cut\n  - fault: drip\n    size: 0\n    colour: red\n")
    with pytest.raises(UsageError) as caught:
        from_file(file)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["2", "3", "5", "6"]
    assert all("faults.yaml" in line for line in lines)


def test_a_rule_counts_the_requests_that_fit_it() -> None:
    rules = Rules([from_text("{fault: status, status: 503, skip: 1, times: 2, model: 'gpt-*'}")])
    request = one("hi").exchange.request
    other = HttpRequest("POST", URL, (), b'{"model": "claude"}')
    given = [rules.rule(one) is not None for one in (request, other, request, request, request)]
    assert given == [False, False, True, True, False]


@pytest.mark.parametrize(
    "rule", ["nonsense", "{fault: cut}", "{fault: cut, after: -1}", "[1]", "{", "{fault: status, status: 200}"]
)
def test_a_header_that_is_no_rule_is_refused(rule: str) -> None:
    with served() as (url, _, _):
        answer = post(url, "hi", headers={"x-harness-fault": rule})
    assert answer.status_code == 400
    assert "x-harness-fault" in answer.json()["error"]["message"]


def test_a_fault_that_the_recording_has_no_place_for_is_told() -> None:
    with served() as (url, _, _):
        answer = post(url, "hi", headers={"x-harness-fault": "{fault: cut, call: 1}"})
    assert answer.status_code == 400
    assert "has 0 calls" in answer.json()["error"]["message"]
