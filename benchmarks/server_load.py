"""64 clients at once on `harness serve`: is each given its own answer, and does the server's memory stay as it was?

Each client asks, over its own connection, one of 320 recorded questions drawn at random, whole or streamed, and now and
then one that nobody recorded; the answer must be that question's own, byte for byte (the miss must name the question).
``python benchmarks/server_load.py [SECONDS]`` ends with 1 if an answer was another's, or if memory grew after the first
third by more than 2 %.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from server import PATH, free_port, running

from harness.cassette import Cassette, save
from harness.core.chat import Reply, Usage
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS

CLIENTS, QUESTIONS, MISSES = 64, 320, 50
GROWTH = 1.02
SLOWEST = 30


def question(text: str, stream: bool) -> bytes:
    words = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    return json.dumps({**words, "stream": True} if stream else words).encode()


def recordings() -> list[Exchange]:
    made = []
    for number in range(QUESTIONS):
        reply = Reply(
            text=f"the answer to {number}: " + f"{number} " * (number % 90), finish="stop", usage=Usage(1, 2, 3)
        )
        for stream in (False, True):
            request = HttpRequest("POST", f"https://api.openai.com{PATH}", (), question(f"question {number}", stream))
            made.append(Exchange(request, DIALECTS["openai"].render(reply, stream=stream, model="gpt-4o-mini")))
    return made


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and the body of one answer, its chunks joined."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    place = head.find(b"content-length:")
    if place >= 0:
        return status, await reader.readexactly(int(head[place + 15 : head.find(b"\r", place)]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return status, body


async def client(port: int, known: list[Exchange], until: float, dice: random.Random, found: dict[str, int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        miss = dice.randrange(MISSES) == 0
        one, strange = dice.choice(known), f"unheard of {dice.getrandbits(60)}"
        body = question(strange, stream=False) if miss else one.request.body
        head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        status, received = await asyncio.wait_for(answer(reader), SLOWEST)
        own = (
            (status == 404 and strange in received.decode()) if miss else (status, received) == (200, one.response.body)
        )
        found["missed" if miss else "answered"] += 1
        found["crossed"] += not own
    writer.close()


def resident(process: int) -> int:
    """Bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def load(port: int, process: int, known: list[Exchange], seconds: float) -> tuple[dict[str, int], list[int]]:
    found = {"answered": 0, "missed": 0, "crossed": 0}
    memory: list[int] = []
    until = time.monotonic() + seconds
    asking = [client(port, known, until, random.Random(number), found) for number in range(CLIENTS)]

    async def watch() -> None:
        while time.monotonic() < until:
            await asyncio.sleep(seconds / 30)
            memory.append(resident(process))

    await asyncio.gather(watch(), *asking)
    return found, memory


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    known = recordings()
    with tempfile.TemporaryDirectory() as name:
        file, port = Path(name) / "recorded.json", free_port()
        save(file, Cassette(Provenance("synthetic", ""), tuple(known)))
        words = [sys.executable, "-m", "harness", "serve", str(file), "--repeat", "--port", str(port)]
        with running(words, port) as process:
            found, memory = asyncio.run(load(port, process.pid, known, seconds))
    warm = memory[len(memory) // 3 :]
    early, late = max(warm[: len(warm) // 2]), max(warm[len(warm) // 2 :])
    summary = ", ".join(f"{number:,} {what}" for what, number in found.items())
    print(f"{CLIENTS} clients, {seconds:.0f} s: {summary}")
    print(
        f"memory: {memory[0] / 2**20:.1f} MiB at first, then at most {early / 2**20:.1f}, {late / 2**20:.1f} at the end"
    )
    return int(found["crossed"] > 0 or not found["answered"] or late > early * GROWTH)


if __name__ == "__main__":
    sys.exit(main())
