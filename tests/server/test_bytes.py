"""What the provider sent is what a client gets, recorded through the proxy and replayed: odd bytes, encodings, sizes."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from harness.server import outgoing
from harness.server.app import App
from harness.server.proxy import Proxy, recorder
from harness.server.recording_index import RecordedExchange, RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.web import serving

MADE = Provenance("synthetic", "")
PATH = "/v1/chat/completions"
REQUEST = HttpRequest("POST", f"https://api.openai.com{PATH}", (), b"{}")
SSE, JSON = ("content-type", "text/event-stream"), ("content-type", "application/json")


@contextmanager
def served(response: HttpResponse):
    with serving(
        App(Replay(RecordingIndex([RecordedExchange(Exchange(REQUEST, response), "a.json", 0, MADE)], repeat=True)))
    ) as door:
        yield door.url


def given(url: str) -> tuple[list[Any], list[bytes]]:
    with httpx.stream("POST", f"{url}{PATH}", content=b"{}") as answer:
        kept = [pair for pair in answer.headers.multi_items() if pair[0] in {"content-type", "content-encoding"}]
        return kept, list(answer.iter_raw())


ODD = {
    "events in each line end": (SSE, (b"data: 1\n\n", b"data: 2\r\n\r\n", b"data: 3\r\r")),
    "BOM, comments and no end": (SSE, (b"\xef\xbb\xbf: ping\n\ndata: 1", b"\n\ndata: unfinished")),
    "U+0085, U+2028 and NUL": (SSE, ("data: a\x85b\u2028c\x00d\n\n".encode(), b"data: [DONE]\n\n" * 2)),
    "bytes of no text": (SSE, (b"data: \xff\xfe\xc0\xaf\n\n", b"\x80")),
    "a character in two": (SSE, (b"data: \xf0\x9f", b"\x99\x82\n\n")),
    "one byte each": (SSE, tuple(bytes([byte]) for byte in b"data: hello\n\n")),
    "a line of a megabyte": (SSE, (b"data: " + b"x" * 2**20, b"\n\n")),
    "numbers that floats lose": (JSON, (b'{"a": 1.10, "b": 1e400, "c": 123456789012345678901234567890, "a": NaN}',)),
    "YAML for JSON": (JSON, (b"--- !!python/object:x {}\n",)),
}


@pytest.mark.parametrize(("kind", "chunks"), ODD.values(), ids=ODD)
def test_odd_bytes_come_as_they_were_sent_and_as_they_were_recorded(
    kind: tuple[str, str], chunks: tuple[bytes, ...], tmp_path: Path
) -> None:
    response = HttpResponse(200, (kind,), tuple(map(Chunk, chunks)))
    with (
        served(response) as provider,
        recorder(tmp_path / "a.json", MADE) as kept,
        serving(App(Proxy(provider, kept))) as door,
    ):
        assert b"".join(given(provider)[1]) == response.body
        first = given(door.url)
    with serving(App(Replay(RecordingIndex(gathered([tmp_path]))))) as door:
        headers, pieces = given(door.url)
    assert (headers, b"".join(pieces)) == (first[0], response.body) == ([kind], b"".join(first[1]))


PLAIN = b'{"choices": []}' * 400
ENCODED = {
    "gzip": gzip.compress(PLAIN),
    "deflate": zlib.compress(PLAIN),
    "br": brotli.compress(PLAIN),
    "zstd": zstandard.compress(PLAIN),
    "gzip, br": brotli.compress(gzip.compress(PLAIN)),
}


@pytest.mark.parametrize(("encoding", "body"), ENCODED.items(), ids=ENCODED)
def test_what_was_sent_compressed_is_read_as_what_it_says(encoding: str, body: bytes, tmp_path: Path) -> None:
    response = HttpResponse(200, (JSON, ("content-encoding", encoding)), (Chunk(body[:9]), Chunk(body[9:])))
    with (
        served(response) as provider,
        recorder(tmp_path / "a.json", MADE) as kept,
        serving(App(Proxy(provider, kept))) as door,
    ):
        assert httpx.post(f"{door.url}{PATH}", content=b"{}").content == PLAIN
    with serving(App(Replay(RecordingIndex(gathered([tmp_path]))))) as door:
        assert httpx.post(f"{door.url}{PATH}", content=b"{}").content == PLAIN


def test_a_hundred_thousand_events_come_in_order() -> None:
    events = tuple(Chunk(b"data: %d\n\n" % number) for number in range(100_000))
    response = HttpResponse(200, (SSE,), events)
    with served(response) as url:
        assert httpx.post(f"{url}{PATH}", content=b"{}", timeout=300).content == response.body


def test_a_client_that_does_not_read_is_dropped_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = threading.Event()

    class Gone(outgoing.ClientGoneError):
        def __init__(self) -> None:
            dropped.set()

    monkeypatch.setattr(outgoing, "SLOWEST", 2)
    monkeypatch.setattr(outgoing, "ClientGoneError", Gone)
    response = HttpResponse(200, (SSE,), tuple(Chunk(b"x" * 2**20) for _ in range(40)))
    with served(response) as url, socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        idle.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
        assert len(httpx.post(f"{url}{PATH}", content=b"{}", timeout=300).content) == 40 * 2**20
        assert dropped.wait(300)
        idle.settimeout(60)
        got = 0
        try:
            while piece := idle.recv(2**20):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < 40 * 2**20
