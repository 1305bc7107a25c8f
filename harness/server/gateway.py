"""Every provider at once: a port of this machine for each, and behind them one recording that grows or that answers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.exchange import Exchange, Failure, HttpRequest
from harness.server.proxy import Proxy
from harness.server.recording_index import RecordedExchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.cassette import Tape
    from harness.cassette.recording import Recorder
    from harness.core.chat import Json
    from harness.core.exchange import Provenance
    from harness.server.outgoing import Outgoing
    from harness.server.request_log import RequestLog


class Recording:
    """A source for the application that passes each request on to the provider whose port it came to."""

    def __init__(self, origins: Mapping[int, str], kept: Recorder, *, say: Callable[[str], None]) -> None:
        self._kept = kept
        self._proxies = {port: Proxy(where, kept, say=say) for port, where in origins.items()}

    def loaded(self) -> list[dict[str, Json]]:
        return [row for proxy in self._proxies.values() for row in proxy.loaded()]

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None:
        await self._proxies[_port(request)].serve(request, out, ledger, shut)


class TapeAnswers:
    """What a ``Replay`` answers from: an open tape, asked with the URLs that the requests stand for."""

    def __init__(self, tape: Tape, provenance: Provenance, origins: Mapping[int, str]) -> None:
        self._tape, self._provenance, self._origins = tape, provenance, origins
        self.recorded = tuple(
            RecordedExchange(one, str(tape.path), number, provenance) for number, one in enumerate(tape.exchanges)
        )
        self.given = [0] * len(self.recorded)
        self._lock = threading.Lock()

    def answer(self, request: HttpRequest) -> RecordedExchange:
        """Raises ``CassetteMiss``."""
        url = urlsplit(request.url)
        target = self._origins[_port(request)] + url.path + (f"?{url.query}" if url.query else "")
        asked = HttpRequest(request.method, target, request.headers, request.body)
        exchange = self._tape.answer(asked)
        if isinstance(exchange, Failure):  # side traffic: refused, and no miss
            return RecordedExchange(Exchange(asked, None, exchange), "side traffic", 0, self._provenance)
        number = self._tape.taken[-1][0]
        self.given[number] += 1
        assert isinstance(exchange, Exchange)  # a tape that replays has no witness
        return RecordedExchange(exchange, str(self._tape.path), number, self._provenance)


def _port(request: HttpRequest) -> int:
    return urlsplit(request.url).port or 80
