"""Drawn exchanges are recorded and found again, and drawn suites and cassettes are read or refused in a sentence; a tape
and a loader that are wrong on purpose are caught by the same examples.
"""

from __future__ import annotations

import contextlib
import gzip
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.cassette import load, matching, open_tape, save
from harness.cassette.format import bodies
from harness.cassette.secrets import redaction
from harness.core.errors import CassetteMiss, HarnessError, SuiteError
from harness.core.exchange import Exchange, HttpResponse, Provenance, header
from harness.strategies import cassette_texts, exchanges, suite_texts
from harness.strategies.sample import sample
from harness.suite import collection, load_suites

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")


class Server(http.server.ThreadingHTTPServer):
    """Answers with ``response``."""

    response: HttpResponse

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        response = self.server.response
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def asked(exchange: Exchange) -> httpx.Response:
    request = exchange.request
    return httpx.post(request.url, headers=dict(request.headers), content=request.body, trust_env=False)


def repacked(exchange: Exchange) -> Exchange:
    """The same request, packed by another library at another time."""
    request = exchange.request
    if header(request.headers, "content-encoding") is None:
        return exchange
    body = gzip.compress(gzip.decompress(request.body), 1, mtime=7)
    return replace(exchange, request=replace(request, body=body))


def recorded_and_replayed(exchange: Exchange, path: Path, server: Server) -> None:
    """Fails where a recording is not what came, can't be saved again, or does not answer the same request."""
    assert exchange.response is not None
    server.response = exchange.response
    with open_tape(path, mode="record", provenance=FROM):
        live = asked(exchange)
    save(path, load(path))
    with open_tape(path) as tape:
        again = asked(repacked(exchange))
    assert (again.status_code, again.content) == (live.status_code, live.content)
    for name, value in exchange.response.headers:
        assert again.headers.get(name) == value, name
    assert tape.unused == ()


def all_replayed(drawn: list[Exchange], folder: Path, server: Server) -> None:
    for exchange in drawn:
        recorded_and_replayed(exchange, folder / "a.json", server)


@pytest.fixture
def drawn(server: Server) -> list[Exchange]:
    return sample(exchanges(server.origin), 24, 16)


def test_what_is_drawn_is_recorded_and_found_again(drawn: list[Exchange], tmp_path: Path, server: Server) -> None:
    all_replayed(drawn, tmp_path, server)


EIGHT = {"content-type", "content-encoding", "retry-after", "request-id", "x-request-id", "date", "location", "server"}


def few_headers(name: str, more: tuple[str, ...] = ()) -> bool:
    return name not in EIGHT


def as_text(body: bytes) -> dict[str, Any]:
    return {"text": body.decode(errors="replace")}


def types_hashed(value: Any, seen: dict[str, str], holder: str = "") -> Any:
    if isinstance(value, dict):
        assert hash(value.get("type")) is not None
        return {key: types_hashed(inner, seen, key) for key, inner in value.items()}
    return [types_hashed(inner, seen, holder) for inner in value] if isinstance(value, list) else value


TAPES: dict[str, tuple[Any, str, Any]] = {
    "eight headers are kept": (redaction.places, "dropped", few_headers),
    "packed requests are compared as they came": (matching.encodings, "expanded", lambda body, coding: b""),
    "bodies are text": (bodies, "written", as_text),
    "types are hashed": (matching, "_renamed", types_hashed),
}


@pytest.mark.parametrize("fault", TAPES)
def test_a_tape_that_is_wrong_is_caught(
    fault: str, drawn: list[Exchange], tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*TAPES[fault])
    with pytest.raises((AssertionError, CassetteMiss, TypeError, HarnessError)):
        all_replayed(drawn, tmp_path, server)


def opened(text: bytes, path: Path) -> None:
    """Fails for a cassette that is neither opened nor refused in a sentence."""
    path.write_bytes(text)
    with contextlib.suppress(HarnessError, CassetteMiss, httpx.RemoteProtocolError), open_tape(path):
        httpx.post("http://h/v1/chat/completions", json={"a": 1}, trust_env=False)


def test_a_drawn_cassette_is_opened_or_refused(tmp_path: Path) -> None:
    for text in sample(cassette_texts(), 40, 16):
        opened(text, tmp_path / "a.json")


def read(text: str, path: Path) -> None:
    """Fails for a suite that is neither loaded nor refused in a sentence."""
    path.write_text(text)
    with contextlib.suppress(SuiteError):
        load_suites([path])


def all_read(path: Path) -> None:
    for text in sample(suite_texts(), 60, 16):
        read(text, path)


def test_a_drawn_suite_is_loaded_or_refused(tmp_path: Path) -> None:
    all_read(tmp_path / "a.yaml")


def strict(path: Any, found: Any) -> str:
    """Where a fault stands, looked up as if every key of the path were there."""
    value = found and found.value
    for step in path:
        value = value[step]
    return f"{path}: "


def test_a_loader_that_is_wrong_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "_where", strict)
    with pytest.raises((LookupError, TypeError)):
        all_read(tmp_path / "a.yaml")
