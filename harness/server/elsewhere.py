"""What a program asks elsewhere: an HTTP proxy for it that notes each host, and passes on or refuses.

Inside TLS nothing can be seen without a certificate of our own, which nothing here makes: a host is all that is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.dialects.providers import provider_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_HEAD = 65_536
_SECONDS = 30.0
_REFUSED = b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
_BROKEN = b"HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_WHY = b"a replay must not go out; record the program again if it asks other servers now\n"


class Elsewhere:
    """``hosts`` counts the connections that were asked for, by ``host:port``; with ``let`` they are made."""

    def __init__(self, *, let: bool, say: Callable[[str], None] = lambda _: None) -> None:
        self.hosts: Counter[str] = Counter()
        self._let, self._say = let, say
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    @property
    def providers(self) -> tuple[str, ...]:
        """The hosts among them that are models' providers."""
        names = ((one, one.rpartition(":")[0]) for one in self.hosts)
        return tuple(one for one, host in names if provider_at(host) not in {host, "local"})

    @contextlib.contextmanager
    def listening(self) -> Iterator[str]:
        """Serve from a thread until the end of the ``with``; gives the proxy's URL."""
        ready = threading.Event()
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_LONGEST_HEAD)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            await stop.wait()
            server.close()
            for task in list(self._tasks):
                task.cancel()

        def run() -> None:
            with contextlib.closing(loop):
                loop.run_until_complete(serve())

        thread = threading.Thread(target=run, name="harness-elsewhere", daemon=True)
        thread.start()
        ready.wait(10)
        try:
            yield self.url
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SECONDS)
        except asyncio.LimitOverrunError:
            return
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].decode("latin-1")
        tunnel = method == b"CONNECT"
        url = urlsplit(f"//{target}" if tunnel else target)
        try:
            host, port = url.hostname, url.port or (443 if tunnel else 80)
        except ValueError:
            return
        if not host:
            return
        self._note(f"{host}:{port}")
        if not self._let:
            writer.write(_REFUSED % (len(_WHY), _WHY))
            await writer.drain()
            return
        await self._pass(reader, writer, (host, port), b"" if tunnel else head)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: tuple[str, int], head: bytes
    ) -> None:
        try:
            there, back = await asyncio.wait_for(asyncio.open_connection(*where), _SECONDS)
        except (OSError, TimeoutError):
            writer.write(_BROKEN)
            await writer.drain()
            return
        with contextlib.closing(back):
            if head:
                back.write(head)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, back), _pump(there, writer))

    def _note(self, where: str) -> None:
        self.hosts[where] += 1
        if self.hosts[where] == 1 and where in self.providers:
            self._say(f"the program asks {where} itself, and not through its base-URL variable: that is not recorded")


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
