"""One live exchange as it passes on its way to the caller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from harness.cassette.format import encodings
from harness.core.exchange import Chunk, Exchange, Failure, HttpResponse
from harness.dialects.framing.sse import ends_stream
from harness.dialects.mcp.messages import answered, listens, waited_for
from harness.interception import context

if TYPE_CHECKING:
    from harness.core.exchange import Headers, HttpRequest

_TAIL = 64


class Journalled(Protocol):
    """The recording that an exchange becomes part of."""

    longest: int | None

    def met(self, headers: Headers) -> None:
        """The response's headers came."""

    def keep(self, number: int, exchange: Exchange) -> None:
        """The exchange is whole, or as whole as it gets."""

    def over(self, number: int) -> None:
        """Its client wants no more of it."""


class ExchangeRecorder:
    """One live exchange as it passes."""

    def __init__(self, recorder: Journalled, number: int, request: HttpRequest) -> None:
        self._recorder, self._number, self._request = recorder, number, request
        self._status = 0
        self._headers: Headers = ()
        self._chunks: list[Chunk] = []
        self._start = time.monotonic()
        self._size = 0
        self._over = False
        self._waited_for = waited_for(request)
        self._whole = False

    def head(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers
        self._recorder.met(headers)
        # It lasts as long as its session: what is asked meanwhile is not asked together with it.
        if listens(self._request, HttpResponse(status, headers)):
            self._keep(None, complete=False)

    def chunk(self, data: bytes) -> None:
        if self._over or not data:
            return
        self._chunks.append(Chunk(data, round(time.monotonic() - self._start, 3)))
        self._size += len(data)
        if self._recorder.longest is not None and self._size > self._recorder.longest:
            raise context.TooLongError(f"the answer is longer than {self._recorder.longest:,} bytes: it was broken off")
        if self._done() or self._answered(data):
            self._keep(None, complete=True)  # the client has all of it now, and may read no further

    def end(self, failure: Failure | None, *, complete: bool = True) -> None:
        if self._over:
            return
        self._over = True
        self._recorder.over(self._number)
        if self._whole or self._done():
            if failure is not None:
                self._keep(failure, complete=complete)
            return
        nothing_due = self._waited_for == set() and not self._chunks
        self._keep(failure, complete=complete or nothing_due)

    def _answered(self, data: bytes) -> bool:
        """Whether each MCP message of the request has its answer."""
        if self._waited_for and not self._whole and b'"id"' in data:
            self._whole = self._waited_for <= answered(b"".join(one.data for one in self._chunks))
            return self._whole
        return False

    def _done(self) -> bool:
        return ends_stream(b"".join(chunk.data[-_TAIL:] for chunk in self._chunks[-_TAIL:])[-_TAIL:])

    def _keep(self, failure: Failure | None, *, complete: bool) -> None:
        if not self._status and failure is None:
            return  # left before anything was known
        response = None
        if self._status:
            response = HttpResponse(self._status, self._headers, tuple(self._chunks))
            if complete and failure is None:
                response = encodings.decoded(response)
            if failure is not None and failure.kind == "protocol":
                failure = Failure("cut", failure.detail)
        self._recorder.keep(self._number, Exchange(self._request, response, failure, complete=complete))
