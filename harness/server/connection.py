"""One connection of the web server, with the limits it lacks, and known to the application; its transport can hold what
is written to it, so that a small answer goes out in one system call, not in three.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol


class Transport(asyncio.Transport):
    """Another transport, ``under`` it. Between ``hold`` and ``release`` nothing that is written goes out."""

    def __init__(self, under: asyncio.Transport) -> None:
        super().__init__()
        self._under = under
        self._buffered: list[bytes] | None = None
        # Called for each answer, and the same there as here.
        self.is_closing = under.is_closing  # type: ignore[method-assign]  # as above
        self.get_extra_info = under.get_extra_info  # type: ignore[method-assign]  # as above
        self.get_write_buffer_size = under.get_write_buffer_size  # type: ignore[method-assign]  # as above
        self.pause_reading = under.pause_reading  # type: ignore[method-assign]  # as above
        self.resume_reading = under.resume_reading  # type: ignore[method-assign]  # as above

    def hold(self) -> None:
        self._buffered = []

    def release(self) -> None:
        buffered, self._buffered = self._buffered, None
        if buffered and not self._under.is_closing():
            self._under.write(b"".join(buffered))

    def write(self, data: Any) -> None:
        if self._buffered is None:
            self._under.write(data)
        else:
            self._buffered.append(data)

    def close(self) -> None:
        self.release()
        self._under.close()

    def abort(self) -> None:
        self._buffered = None
        self._under.abort()


# Providers and their proxies answer with numbers that no standard names, such as 600 or 999.
STATUS_LINE.update({status: b"HTTP/1.1 %d Unknown\r\n" % status for status in range(600, 1000)})

MOST_HEADERS, MOST_HEADER_BYTES = 256, 65_536
SECONDS_TO_ASK = 30.0


class TooLargeError(Exception):
    """The head of a request is over the limits."""


class Connection(HttpToolsProtocol):
    """uvicorn's own, but: a head may have ``MOST_HEADERS`` headers, a request must be whole in ``SECONDS_TO_ASK``, and
    the application finds the transport in the request's state, to break it on purpose.
    """

    _watch: asyncio.TimerHandle | None = None
    _since: float | None = None
    _head: int | None = None
    _new = False
    _read = 0
    _too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        own = Transport(transport)
        self.app_state = {**self.app_state, "transport": own}
        super().connection_made(own)
        self._since = self.loop.time()
        self._watched()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._new, self._read = False, len(data)
        super().data_received(data)
        # What a head began in may hold the end of another request, too; its exact size is known when it is whole.
        if self._head is not None and not self._new and not self.transport.is_closing():
            self._head += len(data)
            if self._head > MOST_HEADER_BYTES:
                self._too_large = True
                self.send_400_response("")

    def on_message_begin(self) -> None:
        self._head, self._new, self._since = 0, True, self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        small = self._new and self._read <= MOST_HEADER_BYTES  # it came in one read, which is no larger
        if len(self.headers) > MOST_HEADERS or not (small or self._size() <= MOST_HEADER_BYTES):
            self._too_large = True
            raise TooLargeError
        self._head = None
        super().on_headers_complete()

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def on_message_complete(self) -> None:
        self._since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self._too_large:
            super().send_400_response(msg)
            return
        text = f"the head is over {MOST_HEADERS} headers or {MOST_HEADER_BYTES} bytes".encode()
        head = STATUS_LINE[431] + b"content-type: text/plain\r\nconnection: close\r\ncontent-length: "
        self.transport.write(head + b"%d\r\n\r\n" % len(text) + text)
        self.transport.close()

    def _watched(self) -> None:
        """Look now and then whether the client still owes the rest of a request: cheaper than a timer for each."""
        if self._since is not None and self.loop.time() - self._since > SECONDS_TO_ASK:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(SECONDS_TO_ASK / 2, self._watched)
