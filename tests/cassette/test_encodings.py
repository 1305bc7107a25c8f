"""Compressed answers over real sockets: they stand in plain in the cassette, and mean the same live and replayed."""

from __future__ import annotations

import gzip
import subprocess
import sys
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


BOMB = """
import resource, sys, zlib, brotli, zstandard
from harness.cassette.format import encodings
from harness.core.exchange import Chunk, HttpResponse
from harness.cassette.importers import values
name = sys.argv[1]
if name == "zstd":
    packer = zstandard.ZstdCompressor().compressobj()
    data = b"".join([packer.compress(bytes(2**20)) for _ in range(1024)]) + packer.flush()
elif name == "br":
    packer = brotli.Compressor(quality=3)
    data = b"".join([packer.process(bytes(2**20)) for _ in range(1024)]) + packer.finish()
else:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    data = b"".join([packer.compress(bytes(2**20)) for _ in range(1024)]) + packer.flush()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
headers = (("content-encoding", name),)
for made in (encodings.decoded(HttpResponse(200, headers, (Chunk(data),))), values.response(200, headers, data)):
    assert made.body == data
print(len(data), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_f45_a_gigabyte_in_a_small_body_is_kept_as_it_came_and_takes_bounded_memory(name):
    done = subprocess.run([sys.executable, "-c", BOMB, name], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    size, grown = map(int, done.stdout.split())
    print(f"{name}: {size} bytes that stand for a gigabyte took {grown / 1024:.0f} MB more")
    assert grown < 200 * 1024


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
