"""Who is let in and how much: other names, other sites' pages, large and slow and broken requests."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager, suppress

import httpx
import pytest

from harness.server import app as application
from harness.server import connection
from harness.server.app import App
from harness.server.replay import Replay
from harness.server.synthetic import Script, scripted
from harness.server.web import serving


@contextmanager
def served(**known):
    script = Script.model_validate({"replies": [{"text": "hello"}]})
    with serving(App(Replay(scripted(script)), **known)) as door:
        yield door.url


def asked(text: str) -> dict[str, object]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


def post(url: str, text: str, **more) -> httpx.Response:
    return httpx.post(f"{url}/v1/chat/completions", json=asked(text), **more)


def raw(url: str, data: bytes, seconds: float = 60) -> bytes:
    """What the server answers to literal bytes, until it closes or ``seconds`` have passed."""
    host, port = url.removeprefix("http://").split(":")
    got = b""
    with socket.create_connection((host, int(port)), timeout=seconds) as sock:
        sock.sendall(data)
        while piece := sock.recv(65536):
            got += piece
    return got


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:80", "", "[::1].evil"])
def test_another_name_gets_nothing(host: str) -> None:
    with served() as url:
        for path in ("/", "/harness/state.json", "/v1/models"):
            assert httpx.get(f"{url}{path}", headers={"host": host}).status_code in {400, 403}
        assert post(url, "hi", headers={"host": host}).status_code in {400, 403}
        assert post(url, "hi").status_code == 200


def test_a_name_that_was_allowed_is_answered_and_pages_of_other_sites_are_not() -> None:
    with served(hosts=["docker.test"]) as url:
        assert httpx.get(f"{url}/v1/models", headers={"host": "docker.test:8788"}).status_code == 200
        assert httpx.get(f"{url}/v1/models", headers={"origin": "https://evil.test"}).status_code == 403
        assert httpx.get(f"{url}/v1/models", headers={"origin": url}).status_code == 200


def test_there_are_only_loopback_listeners_by_default() -> None:
    with served() as url:
        assert url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"x-%d: 1\r\n" % number for number in range(10_000)),
        b"x: " + b"a" * 100_000 + b"\r\n",
    ],
    ids=["10,000 headers", "a long one"],
)
def test_too_large_a_head_is_refused(head: bytes) -> None:
    with served() as url:
        try:
            answer = raw(url, b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n" + head + b"\r\n")
        except ConnectionResetError:
            answer = b"HTTP/1.1 431"  # it closed before it had read all of it
        assert answer.startswith(b"HTTP/1.1 431")
        assert post(url, "hi").status_code == 200


def test_many_requests_in_one_piece_are_no_large_head() -> None:
    body = json.dumps({**asked("hi"), "pad": "x" * 900}).encode()
    one_of = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    last = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    with served() as url:
        assert raw(url, one_of * 150 + last).count(b"HTTP/1.1 200") == 151


def test_too_large_a_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "LARGEST", 1000)
    with served() as url:
        assert post(url, "x" * 2000).status_code == 413
        pieces = (b"x" * 100 for _ in range(50))
        assert httpx.post(f"{url}/v1/chat/completions", content=pieces).status_code == 413
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        whole = head + b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n"
        assert raw(url, whole).startswith(b"HTTP/1.1 413")
        assert post(url, "hi").status_code == 200


@pytest.mark.parametrize(
    "begun", [b"", b"POST /v1/chat", b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nab"]
)
def test_a_client_that_never_finishes_is_dropped(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SECONDS_TO_ASK", 0.2)
    with served() as url, suppress(ConnectionResetError):
        assert raw(url, begun) == b""  # it is closed; a server that waits on has this end in a timeout


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\r\n\r\n\r\nx\r\n", b"POST / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_request_is_refused(junk: bytes) -> None:
    with served() as url:
        assert raw(url, junk + b"\r\n\r\n").startswith((b"HTTP/1.1 400", b""))
        assert post(url, "hi").status_code == 200


def test_nothing_is_listed_and_no_file_is_served() -> None:
    with served() as url:
        for path in ("/cassettes", "/../../etc/passwd", "/page.html", "/harness/", "/%2e%2e/", "/here.json"):
            assert httpx.get(f"{url}{path}").status_code == 404
