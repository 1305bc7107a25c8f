"""Compressed answers over real sockets: they stand in plain in the cassette, and mean the same live and replayed."""

from __future__ import annotations

import gzip
import zlib

import brotli
import httpx
import pytest
import requests
import zstandard

from harness.cassette import load, open_tape
from harness.core.exchange import Provenance, header

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
PLAIN = b'{"answer": "' + b"word " * 200 + b'"}'
WRITERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "gzip+br": lambda data: brotli.compress(gzip.compress(data)),
}


@pytest.fixture(autouse=True)
def not_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize("name", WRITERS)
def test_f21_what_was_compressed_stands_in_plain_and_replays_to_every_client(name, tmp_path, served):
    sent, path = WRITERS[name](PLAIN), tmp_path / "a.json"
    with open_tape(path, mode="record", provenance=FROM):
        assert httpx.post(f"{served.url}/echo/coded-{name}", content=sent).content == PLAIN
    (kept,) = load(path).exchanges
    assert kept.response.body == PLAIN
    assert header(kept.response.headers, "content-encoding") is None
    with open_tape(path):
        assert httpx.post(f"{served.url}/echo/coded-{name}", content=sent).content == PLAIN
    with open_tape(path):
        assert requests.post(f"{served.url}/echo/coded-{name}", data=sent).content == PLAIN


@pytest.mark.parametrize(
    "sent", [PLAIN, gzip.compress(PLAIN)[:-9], gzip.compress(PLAIN) + b"more", b""], ids=["not", "cut", "more", "empty"]
)
def test_f21_what_is_wrongly_called_gzip_is_kept_as_it_came(sent, tmp_path, served):
    path = tmp_path / "a.json"

    def ask():
        try:
            with httpx.stream("POST", f"{served.url}/echo/gzip", content=sent) as answer:
                return b"".join(answer.iter_raw()), answer.headers.get("content-encoding")
        except httpx.HTTPError as error:
            return type(error)

    with open_tape(path, mode="record", provenance=FROM):
        live = ask()
    with open_tape(path):
        assert ask() == live == (sent, "gzip")
