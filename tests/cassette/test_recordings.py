"""Recording, under the real fault: files that can't be read, streams left early, broken connections."""

from __future__ import annotations

import asyncio
import random
import re

import aiohttp
import httpx
import pytest
import requests

from harness.cassette import Cassette, load, open_tape, save
from harness.cassette.format.document import to_text
from harness.core.errors import CassetteDamagedError, CassetteTooNewError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
WHOLE = to_text(
    Cassette(FROM, (Exchange(HttpRequest("GET", "http://a.test/"), HttpResponse(200, (), (Chunk(b"{}"),))),))
)


UNREADABLE = {
    "empty": (b"", CassetteDamagedError, "the file is empty"),
    "blank": (b"\n", CassetteDamagedError, "the file is empty"),
    "cut": (WHOLE.encode()[:-9], CassetteDamagedError, "line "),
    "merged": (WHOLE.replace("{}", "<<<<<<< ours").encode(), CassetteDamagedError, "line "),
    "bad encoding": (WHOLE.replace("a test", "\xff").encode("latin-1"), CassetteDamagedError, "line "),
    "a page": (b"<html>", CassetteDamagedError, "line 1"),
    "another format": (b"interactions: []\nversion: 1\n", CassetteDamagedError, "line 1"),
    "newer": (WHOLE.replace('"format": 1', '"format": 9').encode(), CassetteTooNewError, "format 9"),
}


@pytest.mark.parametrize("mode", ["none", "once", "record"])
@pytest.mark.parametrize("how", UNREADABLE)
def test_p5_f32_a_file_that_can_not_be_read_stays_as_it_is_and_nobody_is_asked(how, mode, tmp_path, served):
    data, error, place = UNREADABLE[how]
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(error, match=place) as told, open_tape(path, mode=mode, provenance=FROM):
        httpx.post(f"{served.url}/plain", content=b"{}")
    assert str(path) in str(told.value)
    assert path.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert served.hits == []


def test_f13_that_nothing_was_recorded_is_said(tmp_path, caplog):
    with open_tape(tmp_path / "a.json", mode="record", provenance=FROM):
        pass
    assert "nothing was recorded, so nothing was written" in caplog.text


async def with_aiohttp(url, *, all_of_it=True):
    timeout = aiohttp.ClientTimeout(sock_read=patience(url))
    async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, data=b"{}") as answer:
        pieces = []
        async for piece in answer.content.iter_any():
            pieces.append(piece)
            if not all_of_it:
                return pieces
        return pieces


def patience(url):
    return 2 if url.endswith("/silent") else 120


def with_httpx(url, *, all_of_it=True):
    with httpx.stream("POST", url, content=b"{}", timeout=patience(url)) as answer:
        pieces = answer.iter_raw()
        return list(pieces) if all_of_it else [next(pieces)]


def with_requests(url, *, all_of_it=True):
    with requests.post(url, data=b"{}", timeout=patience(url), stream=True) as answer:
        pieces = answer.iter_content(None)
        return list(pieces) if all_of_it else [next(pieces)]


CLIENTS = {
    "httpx": with_httpx,
    "aiohttp": lambda *a, **k: asyncio.run(with_aiohttp(*a, **k)),
    "requests": with_requests,
}
every_client = pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS)


@every_client
def test_f16_of_a_stream_that_is_left_early_what_was_seen_is_kept_and_marked_so(ask, tmp_path, served):
    path = tmp_path / "a.json"
    with open_tape(path, mode="record", provenance=FROM):
        first = ask(f"{served.url}/stream", all_of_it=False)
    (kept,) = load(path).exchanges
    assert [chunk.data for chunk in kept.response.chunks] == first == [b"data: one\n\n"]
    assert not kept.complete
    with open_tape(path):
        assert ask(f"{served.url}/stream") == first


@every_client
@pytest.mark.parametrize("how", ["cut", "reset", "closed", "silent", "nonsense", "refused"])
def test_f17_a_broken_connection_replays_from_the_file_as_the_same_error(ask, how, tmp_path, served):
    path = tmp_path / "a.json"
    url = f"{served.url}/{how}" if how != "refused" else "http://127.0.0.1:9/"

    def failed():
        with pytest.raises((httpx.HTTPError, aiohttp.ClientError, requests.RequestException, TimeoutError)) as told:
            ask(url)
        return type(told.value)

    with open_tape(path, mode="record", provenance=FROM):
        live = failed()
    hits = len(served.hits)
    with open_tape(path):
        assert failed() is live
    assert len(served.hits) == hits
    (kept,) = load(path).exchanges
    assert kept.failure
    assert bool(kept.response) is (how == "cut")


def test_p12_f11_recording_the_same_twice_gives_the_same_bytes_but_for_times(tmp_path, served):
    served.go.set()
    texts = []

    async def at_once():
        numbers = [random.Random(len(texts)).sample(range(6), 6)]
        await asyncio.gather(*(with_aiohttp(f"{served.url}/plain?{number}") for number in numbers[0]))

    for name in ("a.json", "b.json"):
        with open_tape(tmp_path / name, mode="record", provenance=FROM):
            with_httpx(f"{served.url}/stream?10")
            asyncio.run(at_once())
            httpx.post(f"{served.url}/error?11", content=b"{}")
        texts.append((tmp_path / name).read_text())
    timeless = [re.sub(r'"at": [\d.]+|\d+ at [\d.]+|(?m:^ +"[\d.]+ )', "", text) for text in texts]
    assert timeless[0] == timeless[1]
    save(tmp_path / "a.json", load(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_text() == texts[0]
