"""What an agent's command finds in its environment inside a tape: base URLs of ours, where the tape answers."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.errors import CassetteMiss
from harness.core.exchange import Exchange, HttpRequest
from harness.interception.context import played
from harness.server import planned_response
from harness.server.outgoing import perform
from harness.server.program import pretended, served_for
from harness.server.proxy import Proxy
from harness.server.replay import refusal
from harness.server.upstreams import upstreams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.core.chat import Json
    from harness.core.exchange import Failure, Headers
    from harness.interception.context import Answerer
    from harness.server.outgoing import Outgoing
    from harness.server.request_log import RequestLog


@contextlib.contextmanager
def environment(answer: Answerer, *, replaying: bool) -> Iterator[dict[str, str]]:
    """The variables for a program whose requests ``answer`` answers or records."""
    chosen = upstreams(os.environ)
    with served_for(chosen, lambda origins: _Tape(answer if replaying else None, origins)) as ours:
        yield {**(pretended() if replaying else {}), **ours}


class _Tape:
    """A source for the application: the open tape, asked with the URLs that the requests stand for.

    Without ``answer`` a request goes on to its provider, by a client of this process, where the tape records it.
    """

    def __init__(self, answer: Answerer | None, origins: Mapping[int, str]) -> None:
        self._answer, self._origins = answer, origins

    def loaded(self) -> list[dict[str, Json]]:
        return []

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None:
        url = urlsplit(request.url)
        where = self._origins[url.port or 80]
        if self._answer is None:
            await Proxy(where, _Nobody()).serve(request, out, ledger, shut)
            return
        target = f"{where}{url.path}" + (f"?{url.query}" if url.query else "")
        asked = HttpRequest(request.method, target, request.headers, request.body)
        try:
            got = self._answer(asked)
        except CassetteMiss as miss:  # the tape has counted it
            ledger.miss(str(miss))
            await out.whole(refusal(404, str(miss), url.path), (("x-should-retry", "false"),))
            return
        response, failure = played(got) or (None, None)
        complete = got.complete if isinstance(got, Exchange) else True
        exchange = Exchange(asked, response, failure, complete=complete)
        await perform(planned_response.of(exchange), out)


class _Nobody:
    """Stands for a recorder where the tape is one already."""

    exchanges: tuple[Exchange, ...] = ()

    def passing(self, request: HttpRequest) -> _Nobody:
        del request
        return self

    def head(self, status: int, headers: Headers) -> None: ...

    def chunk(self, data: bytes) -> None: ...

    def end(self, failure: Failure | None, *, complete: bool = True) -> None: ...
