"""One connection of the web server, with the limits it lacks, and known to the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MOST_HEADERS, MOST_HEADER_BYTES = 256, 65_536
SECONDS_TO_ASK = 30.0


class TooLargeError(Exception):
    """The head of a request is over the limits."""


class Connection(HttpToolsProtocol):
    """uvicorn's own, but: a head may have ``MOST_HEADERS`` headers, a request must be whole in ``SECONDS_TO_ASK``, and
    the application finds the transport in the request's state, to break it on purpose.
    """

    _late: asyncio.TimerHandle | None = None
    _head = 0
    _too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._head = 0
        self._wait()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if len(self.headers) >= MOST_HEADERS:
            self._too_large = True
            raise TooLargeError
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self._too_large:
            super().send_400_response(msg)
            return
        text = f"the head is over {MOST_HEADERS} headers or {MOST_HEADER_BYTES} bytes".encode()
        head = STATUS_LINE[431] + b"content-type: text/plain\r\nconnection: close\r\ncontent-length: "
        self.transport.write(head + b"%d\r\n\r\n" % len(text) + text)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEADER_BYTES:
            self._too_large = True
            raise TooLargeError

    def _wait(self) -> None:
        self._stop_waiting()
        self._late = self.loop.call_later(SECONDS_TO_ASK, self._gone)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _gone(self, *_: Any) -> None:
        self.transport.abort()
