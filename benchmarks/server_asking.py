"""A load client for HTTP/1.1 servers on the loopback: N connections, each asks again when its answer is whole.

It parses only what it must, so that it is not the thing measured: the length or the last chunk, and the first byte of
the body. ``python benchmarks/server_asking.py URL BODY-FILE CLIENTS SECONDS`` prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Tally:
    answers: int = 0
    failed: int = 0
    firsts: list[float] = field(default_factory=list)


class Asking(asyncio.Protocol):
    """One connection that asks ``request`` again and again until ``until``."""

    def __init__(self, request: bytes, tally: Tally, until: float, over: asyncio.Future[None]) -> None:
        self.request, self.tally, self.until, self.over = request, tally, until, over
        self.received = bytearray()
        self.head = -1
        self.length: int | None = None
        self.first = 0.0
        self.begun = 0.0

    def connection_made(self, transport: Any) -> None:  # uvloop's is no subclass of asyncio's
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.received.clear()
        self.head, self.length, self.first = -1, None, 0.0
        self.begun = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.head < 0:
            self.head = self.received.find(b"\r\n\r\n") + 4
            if self.head < 4:
                self.head = -1
                return
            head = bytes(self.received[: self.head]).lower()
            if not head.startswith(b"http/1.1 200"):
                self.tally.failed += 1
            place = head.find(b"content-length:")
            if place >= 0:
                self.length = int(head[place + 15 : head.find(b"\r", place)])
        if not self.first and len(self.received) > self.head:
            self.first = time.perf_counter() - self.begun
        if (
            len(self.received) >= self.head + self.length
            if self.length is not None
            else self.received.endswith(b"0\r\n\r\n")
        ):
            self.tally.answers += 1
            self.tally.firsts.append(self.first)
            if time.perf_counter() < self.until:
                self.ask()
            else:
                self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def load(url: str, body: bytes, clients: int, seconds: float) -> dict[str, float]:
    where = urlsplit(url)
    path = where.path + (f"?{where.query}" if where.query else "")
    head = f"POST {path} HTTP/1.1\r\nhost: {where.netloc}\r\ncontent-type: application/json\r\n"
    request = f"{head}authorization: Bearer none\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    loop, tally = asyncio.get_running_loop(), Tally()
    start = time.perf_counter()
    ends = [loop.create_future() for _ in range(clients)]
    for end in ends:
        await loop.create_connection(
            lambda end=end: Asking(request, tally, start + seconds, end), where.hostname, where.port
        )
    await asyncio.wait_for(asyncio.gather(*ends), seconds + 30)
    took = time.perf_counter() - start
    firsts = sorted(tally.firsts) or [0.0]
    return {
        "per_second": round(tally.answers / took, 1),
        "first_ms": round(statistics.median(firsts) * 1000, 3),
        "first_p99_ms": round(firsts[int(len(firsts) * 0.99)] * 1000, 3),
        "answers": tally.answers,
        "failed": tally.failed,
    }


if __name__ == "__main__":
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    url, file, clients, seconds = sys.argv[1:]
    print(json.dumps(run(load(url, Path(file).read_bytes(), int(clients), float(seconds)))))
