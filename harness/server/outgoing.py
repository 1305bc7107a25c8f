"""The way out to one client: what ASGI can send, and what it can't (a reset, a dropped or a stalled connection); and
what is sent there: a response, and how it ends. Faults are functions from one such plan to another.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.interception.context import stays_open

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from harness.core.exchange import Exchange, FailureKind, Headers, HttpResponse
    from harness.server.connection import Transport

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]

_LISTENING = 3600.0
SLOWEST = 60.0
"""Seconds that a client may take to accept one chunk."""

_NO_BODY = frozenset({204, 304})
# What belongs to one connection or says a length is never replayed: both are worked out again.
_RECOMPUTED = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade"}
)
# A transport that holds fewer bytes than this takes more without waiting: no timer is needed then.
_NEVER_WAITS = 32_768
_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class PlannedResponse:
    """``response`` is None where the connection fails before one; ``ending`` is None where it ends as it should.

    ``pace``: None for no waiting, 1 for the recorded times, 10 for ten times as fast. ``seconds`` is how long a
    stall (``timeout``) holds the connection before it is dropped.
    """

    response: HttpResponse | None
    ending: FailureKind | None = None
    pace: float | None = None
    seconds: float = 30.0


def planned(exchange: Exchange, pace: float | None = None) -> PlannedResponse:
    """A recorded exchange as it went. Where its client stopped reading early the rest is unknown: it breaks off, but
    for a stream that was only listened to.
    """
    ending = exchange.failure.kind if exchange.failure else None
    if stays_open(exchange):
        return PlannedResponse(exchange.response, "timeout", pace, seconds=_LISTENING)
    return PlannedResponse(exchange.response, ending or (None if exchange.complete else "cut"), pace)


class ClientGoneError(Exception):
    """The client closed the connection, or took too long to read."""


class Outgoing:
    """One answer on its way, to a request of ``method``. ``transport`` is the connection itself."""

    def __init__(self, send: Send, transport: Transport, method: str) -> None:
        self._send, self._transport = send, transport
        self._raw = method != "HEAD"
        self.begun = False

    async def whole(self, response: HttpResponse, extra: Headers = ()) -> None:
        """A response in one piece, its length said."""
        body = response.body
        length = () if response.status in _NO_BODY else (("content-length", str(len(body))),)
        self._transport.hold()
        await self.head(response.status, response.headers, (*extra, *length))
        if len(body) > _NEVER_WAITS:
            self._transport.release()
        await self._written({"type": "http.response.body", "body": body})
        self._transport.release()

    async def head(self, status: int, headers: Headers, own: Headers = ()) -> None:
        """The status, ``headers`` without those that are worked out again, and ``own``."""
        self.begun = True
        await self._written({"type": "http.response.start", "status": status, "headers": list(_lines(headers, own))})

    async def at_once(self, response: HttpResponse, extra: Headers = ()) -> None:
        """The head and the chunks of a body, each a chunk on the wire too, with no pause.

        ASGI takes one chunk a message, which costs most of the time of a stream. A small one is written below it, in
        the same chunked encoding that the head announces.
        """
        pieces = [chunk.data for chunk in response.chunks if chunk.data]
        if not self._raw or response.status in _NO_BODY or sum(map(len, pieces)) > _NEVER_WAITS:
            await self.head(response.status, response.headers, extra)
            for piece in pieces:
                await self.chunk(piece)
            return
        self._transport.hold()
        await self.head(response.status, response.headers, extra)
        self._transport.write(b"".join([b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]))

    async def chunk(self, data: bytes) -> None:
        if data:
            await self._written({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._written({"type": "http.response.body", "body": b""})
        self._transport.release()

    def drop(self) -> None:
        """Close the connection as it is, so that the client sees an answer that broke off."""
        self._transport.close()

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        self._transport.release()
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

    async def stall(self, seconds: float) -> None:
        """Say nothing for ``seconds``, or until the client gives up; then drop the connection."""
        self._transport.release()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._transport.is_closing():  # noqa: ASYNC110 - transports tell nobody
            await asyncio.sleep(min(0.05, seconds))
        self.drop()

    async def _written(self, message: Message) -> None:
        transport = self._transport
        if transport.is_closing():
            raise ClientGoneError
        if transport.get_write_buffer_size() < _NEVER_WAITS:
            await self._send(message)
            return
        try:
            async with asyncio.timeout(SLOWEST):
                await self._send(message)
        except TimeoutError:
            transport.abort()
            raise ClientGoneError from None


async def perform(plan: PlannedResponse, out: Outgoing, extra: Headers = ()) -> None:
    """Send ``plan`` to the client, chunk by chunk as recorded, at its pace, and end it as it ended."""
    response = plan.response
    if response is not None:
        if plan.ending is None and len(response.chunks) < 2 and not plan.pace:  # noqa: PLR2004 - one piece or none
            await out.whole(response, extra)
            return
        await _chunks(response, plan.pace, out, extra)
    if plan.ending is None:
        await out.end()
    elif plan.ending == "timeout":
        await out.stall(plan.seconds)
    elif plan.ending in {"reset", "refused"}:
        out.reset()
    else:
        out.drop()


async def _chunks(response: HttpResponse, pace: float | None, out: Outgoing, extra: Headers) -> None:
    if not pace:
        await out.at_once(response, extra)
        return
    start = time.monotonic()
    await out.head(response.status, response.headers, extra)
    for chunk in response.chunks:
        if (wait := start + chunk.at / pace - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        await out.chunk(chunk.data)


@functools.lru_cache(1024)
def _lines(headers: Headers, own: Headers) -> tuple[tuple[bytes, bytes], ...]:
    passed_on = [(name, value) for name, value in headers if name.lower() not in _RECOMPUTED]
    lines = [(name.lower().encode("latin-1", "replace"), _clean(value)) for name, value in (*passed_on, *own)]
    return (*lines, (b"x-content-type-options", b"nosniff"))


def _clean(value: str) -> bytes:
    return value.replace("\r", " ").replace("\n", " ").replace("\0", " ").encode("latin-1", "replace")
