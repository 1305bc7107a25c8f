"""A replayed stream at its recorded pace, faster, at once, or in other pieces."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request

import aiohttp
import httpx
import pytest

from harness.backend.completion import complete
from harness.cassette import Cassette, open_tape, save
from harness.core.chat import Reply
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS
from harness.interception.context import paced, pacing

MADE = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
URL = "http://a.test/x"
PIECES = (Chunk(b"one", 0.2), Chunk(b"two", 0.2), Chunk(b"three", 0.6))


@pytest.fixture
def file(tmp_path):
    response = HttpResponse(200, (("content-type", "text/event-stream"),), PIECES)
    save(tmp_path / "a.json", Cassette(MADE, (Exchange(HttpRequest("GET", URL, (), b""), response),)))
    return tmp_path / "a.json"


def with_httpx():
    with httpx.stream("GET", URL) as got:
        return [(time.monotonic(), piece) for piece in got.iter_raw()]


def with_urllib():
    with urllib.request.urlopen(URL) as got:
        return [(time.monotonic(), piece) for piece in iter(lambda: got.read1(100), b"")]


async def _async_httpx():
    async with httpx.AsyncClient() as client, client.stream("GET", URL) as got:
        return [(time.monotonic(), piece) async for piece in got.aiter_raw()]


async def _aiohttp():
    async with aiohttp.ClientSession() as session, session.get(URL) as got:
        return [(time.monotonic(), piece) async for piece in got.content.iter_any()]


CLIENTS = {
    "httpx": with_httpx,
    "async httpx": lambda: asyncio.run(_async_httpx()),
    "aiohttp": lambda: asyncio.run(_aiohttp()),
    "urllib": with_urllib,
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("pace", "took"), [(None, 0.0), ("realtime", 0.6), ("x10", 0.06), (2, 0.3)])
def test_the_pieces_come_at_the_pace_that_was_asked_for(file, client, pace, took):
    for _ in range(10):  # a busy machine may hold the first piece up, but not each time
        with open_tape(file, pace=pace):
            start = time.monotonic()
            found = CLIENTS[client]()
        assert b"".join(piece for _, piece in found) == b"onetwothree"
        last = found[-1][0] - start
        assert last >= took * 0.98
        if not took or found[0][0] - start < last - took / 2:
            return
    pytest.fail("the first piece came no sooner than the last was due")


def test_by_default_nothing_is_waited_for():
    assert list(paced(PIECES)) == [(0.0, b"one"), (0.0, b"two"), (0.0, b"three")]
    with pacing(2.0):
        assert [wait for wait, _ in paced(PIECES)] == pytest.approx([0.1, 0.0, 0.2])


def test_a_loop_is_not_held_up_while_a_stream_waits(file):
    async def both():
        ticks = 0
        asked = asyncio.create_task(_aiohttp())
        while not asked.done():
            await asyncio.sleep(0.02)
            ticks += 1
        return ticks

    with open_tape(file, pace="realtime"):
        assert asyncio.run(both()) > 5


def test_other_pieces_are_the_same_answer(tmp_path):
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    reply = Reply(text="Zürich 👩‍👩‍👧 said", finish="stop")
    request = HttpRequest("POST", "http://a.test/v1/chat/completions", (), json.dumps(asked).encode())
    save(tmp_path / "a.json", Cassette(MADE, (Exchange(request, DIALECTS["openai"].render(reply, stream=True)),)))
    for size in (1, 3, 10_000):
        with open_tape(
            tmp_path / "a.json", rechunk=lambda body, size=size: [body[n : n + size] for n in range(0, len(body), size)]
        ):
            found = complete("openai/m", asked["messages"], stream=True, api_base="http://a.test/v1", api_key="k")
        assert found.text == reply.text


@pytest.mark.parametrize("pace", ["fast", "x0", "-1", "nan", "inf"])
def test_what_is_no_pace_is_told(file, pace):
    with pytest.raises(UsageError, match="is no pace; give realtime, or x10"), open_tape(file, pace=pace):
        pass


def test_a_cut_that_changes_the_body_is_refused(file):
    with (
        pytest.raises(UsageError, match="rechunk must give back the body"),
        open_tape(file, rechunk=lambda body: [body[1:]]),
    ):
        pass
