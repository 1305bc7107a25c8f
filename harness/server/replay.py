"""Answer from recordings: look up, break on purpose where a rule says so, play, and tell misses. Lists of models, for
clients that ask first, are made from what is recorded where the question itself is not.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import dialect_at
from harness.dialects.facts import MODEL_LISTS
from harness.server import outgoing
from harness.server.outgoing import perform
from harness.server.rules import Rules, model_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.chat import Json
    from harness.core.exchange import Headers, HttpRequest
    from harness.dialects.facts import ModelList
    from harness.server.app import RequestLog
    from harness.server.outgoing import Outgoing
    from harness.server.recording_index import RecordedExchange
    from harness.server.rules import Rule

_LARGE = 2**18
"""A body of more bytes is looked up in a thread of its own: others are answered meanwhile."""


class Answers(Protocol):
    """Who knows the answers: recordings, a script, or replies made up."""

    @property
    def recorded(self) -> tuple[RecordedExchange, ...]: ...

    @property
    def used(self) -> list[int]: ...

    def answer(self, request: HttpRequest) -> RecordedExchange:
        """Raises ``CassetteMiss``."""
        ...


class Replay:
    """A source of answers for the application. ``say`` is told each miss; ``pace`` is that of ``PlannedResponse``; with
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
        for one, times in zip(self._answers.recorded, self._answers.used, strict=True):
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

    def _made(self, request: HttpRequest, rule: Rule | None) -> tuple[outgoing.PlannedResponse, str]:
        path = urlsplit(request.url).path
        dialect = dialect_at(path)
        if rule is not None and dialect is None:
            raise UsageError(f"no dialect is spoken at {path}; a fault can't be played there")
        if rule is not None and dialect is not None and rule.instead:
            return rule.on(outgoing.PlannedResponse(None), dialect), ""
        try:
            found = self._answers.answer(request)
        except CassetteMiss:
            listed = _model_list(request, self._answers.recorded) if self._lists else None
            if listed is None:
                raise
            return outgoing.PlannedResponse(listed), ""
        made = outgoing.planned(found.exchange, self._pace)
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
    """An error in the shape of the dialect that is spoken at ``path``."""
    dialect = dialect_at(path)
    if dialect is not None:
        return dialect.error(status, why)
    body = json.dumps({"error": {"message": why, "type": "harness", "code": status}}).encode()
    return HttpResponse(status, (("content-type", "application/json"),), (Chunk(body),))


def _model_list(request: HttpRequest, recorded: Sequence[RecordedExchange]) -> HttpResponse | None:
    """The list that ``request`` asks for, of the models that recordings were made of; None if it asks for none."""
    path = urlsplit(request.url).path
    if request.method != "GET":
        return None
    kind = next((kind for kind in MODEL_LISTS if re.search(kind.path, path)), None)
    return None if kind is None else _json_answer(kind.body(_models(recorded, kind)))


def _models(recorded: Sequence[RecordedExchange], kind: ModelList) -> list[str]:
    requests = (one.exchange.request for one in recorded)
    spoken = ((dialect_at(one.url), one) for one in requests)
    return sorted({model_of(one) for dialect, one in spoken if dialect and dialect.facts.models is kind} - {""})


def _json_answer(value: Json) -> HttpResponse:
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(value).encode()),))
