"""Answer from recordings: look up, break on purpose where a rule says so, play, and tell misses."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import dialect_at
from harness.server import listing, planned_response
from harness.server.outgoing import perform
from harness.server.rulebook import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.core.exchange import Headers, HttpRequest
    from harness.server.outgoing import Outgoing
    from harness.server.recording_index import RecordedExchange
    from harness.server.request_log import RequestLog
    from harness.server.rules import Rule


_LARGE = 2**18
"""A body of more bytes is looked up in a thread of its own: others are answered meanwhile."""


class Answers(Protocol):
    """Who knows the answers: recordings, a script, or replies made up."""

    @property
    def recorded(self) -> tuple[RecordedExchange, ...]: ...

    @property
    def given(self) -> list[int]: ...

    def answer(self, request: HttpRequest) -> RecordedExchange:
        """Raises ``CassetteMiss``."""
        ...


class Replay:
    """A source of answers for the application. ``say`` is told each miss; ``pace`` is that of ``play.Play``; with
    ``lists`` a list of models that was not recorded is made from the recordings.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        rules: Rules | None = None,
        pace: float | None = None,
        lists: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._answers, self._rules, self._pace, self._say = answers, rules or Rules(), pace, say
        self._lists = lists

    def loaded(self) -> list[dict[str, Json]]:
        """What there is to answer from, a row for each file."""
        rows: dict[str, dict[str, Json]] = {}
        for one, times in zip(self._answers.recorded, self._answers.given, strict=True):
            row = rows.setdefault(
                one.file, {"file": one.file, "provenance": one.provenance.kind, "exchanges": 0, "used": 0}
            )
            row["exchanges"] += 1
            row["used"] += times > 0
        return list(rows.values())

    async def serve(
        self, request: HttpRequest, out: Outgoing, ledger: RequestLog, shut: Callable[[float], None]
    ) -> None:
        url = urlsplit(request.url)
        try:
            rule = self._rules.rule(request)
            if len(request.body) > _LARGE:
                made, by = await asyncio.to_thread(self._made, request, rule)
            else:
                made, by = self._made(request, rule)
            fault = rule.fault if rule else ""
        except CassetteMiss as miss:
            await self._miss(str(miss), request, out, ledger)
            return
        except UsageError as error:
            await out.whole(refusal(400, str(error), url.path))
            ledger.note(request.method, url.path, "refused", status=400)
            return
        status = made.response.status if made.response else 0
        ledger.note(request.method, url.path, "answered", status=status, by=by, fault=fault)
        if rule is not None and rule.fault == "refused":
            shut(rule.seconds)
        await perform(made, out, _marked(by))

    def _made(self, request: HttpRequest, rule: Rule | None) -> tuple[planned_response.PlannedResponse, str]:
        path = urlsplit(request.url).path
        dialect = dialect_at(path)
        if rule is not None and dialect is None:
            raise UsageError(f"no dialect is spoken at {path}; a fault can't be played there")
        if rule is not None and dialect is not None and rule.instead:
            return rule.on(planned_response.PlannedResponse(None), dialect), ""
        try:
            found = self._answers.answer(request)
        except CassetteMiss:
            listed = listing.listed(request, self._answers.recorded) if self._lists else None
            if listed is None:
                raise
            return planned_response.PlannedResponse(listed), ""
        made = planned_response.of(found.exchange, self._pace)
        if rule is not None and dialect is not None:
            made = rule.on(made, dialect)
        return made, f"{found.label} ({found.provenance.kind})"

    async def _miss(self, why: str, request: HttpRequest, out: Outgoing, ledger: RequestLog) -> None:
        path = urlsplit(request.url).path
        self._say(why)
        ledger.miss(why)
        ledger.note(request.method, path, "missed", status=404)
        # The SDKs retry what they take for a passing fault; a miss is none.
        await out.whole(refusal(404, why, path), (("x-should-retry", "false"),))


@functools.lru_cache(1024)
def _marked(by: str) -> Headers:
    """The header that says which recording answers."""
    return (("x-harness-recording", quote(by, safe="/#:. +=@,()")),) if by else ()


def refusal(status: int, why: str, path: str) -> HttpResponse:
    """An error in the shape of the interceptor that answers at ``path``."""
    dialect = dialect_at(path)
    if dialect is not None:
        return dialect.error(status, why)
    body = json.dumps({"error": {"message": why, "type": "harness", "code": status}}).encode()
    return HttpResponse(status, (("content-type", "application/json"),), (Chunk(body),))
