"""The recordings that a server holds, and which of them answers a request.

The same redaction and the same canonical keys as in-process replay: a recorded answer is given once, in the order
recorded, and the next request for it is a miss; ``repeat`` begins again with the first instead.

A recording knows the provider's host and base path; a client of this server knows only ours. Both are brought to the
end of the path that the dialect itself fixes, and matching compares those.
"""

from __future__ import annotations

import functools
import re
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from harness.cassette import matching
from harness.cassette.secrets.redaction import Redactor
from harness.cassette.storage.paths import journal, recordings
from harness.cassette.storage.store import load
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import HttpRequest, header
from harness.dialects.mcp import readdressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.cassette.matching import Matcher
    from harness.core.exchange import Exchange, Headers, Provenance

HERE = "http://served"
"""Stands for every host in the addresses that are compared."""

_TAIL = re.compile(
    r"(?:/openai/deployments/[^/]+)?/chat/completions|/v1/messages|/v2/chat|/api/(?:chat|generate|tags)"
    r"|/models/[^/]+:(?:generateContent|streamGenerateContent)|/model/[^/]+/converse(?:-stream)?"
)
_REMEMBERED, _LARGEST_REMEMBERED = 1024, 16_384


def served(request: HttpRequest) -> HttpRequest:
    """``request`` as it is compared: no host, no base path, and one way to escape the path."""
    url = urlsplit(request.url)
    found = next((one for one in _TAIL.finditer(url.path) if one.end() == len(url.path)), None)
    path = quote(unquote(found[0] if found else url.path or "/"), safe="/:@")
    return replace(request, url=f"{HERE}{path}" + (f"?{url.query}" if url.query else ""))


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """One exchange, and where it is from: its file, and its place in it."""

    exchange: Exchange
    file: str
    number: int
    provenance: Provenance

    @property
    def label(self) -> str:
        return f"{self.file}#{self.number}"


def gathered(paths: Iterable[Path | str]) -> tuple[RecordedExchange, ...]:
    """All exchanges of the cassettes at ``paths``: files, or folders searched for ``.json``.

    Raises ``UsageError`` for a folder without any, and the errors of ``load``.
    """
    found: list[RecordedExchange] = []
    for path in map(Path, paths):
        if not path.exists() and not journal(path).exists():
            raise UsageError(f"{path}: there is no such file or folder; name cassettes, or try --synthetic")
        files = recordings(path)
        if not files:
            raise UsageError(f"{path}: there are no cassettes in this folder; record some, or try --synthetic")
        for file in files:
            cassette = load(file)
            found += [
                RecordedExchange(one, str(file), n, cassette.provenance) for n, one in enumerate(cassette.exchanges)
            ]
    return tuple(found)


class RecordingIndex:
    """Recordings to answer from. ``used`` counts how often each was handed out, by its place."""

    def __init__(
        self,
        recorded: Sequence[RecordedExchange],
        *,
        repeat: bool = False,
        redactor: Redactor | None = None,
        matcher: Matcher | None = None,
    ) -> None:
        self.recorded = tuple(recorded)
        self.used = [0] * len(self.recorded)
        self._repeat = repeat
        self._matcher = matcher
        self._redactor = redactor or Redactor(by_shape=True)
        self._requests = [served(one.exchange.request) for one in self.recorded]
        self._waiting: dict[str, deque[int]] = {}
        for index, request in enumerate(self._requests):
            self._waiting.setdefault(matching.key(request, matcher), deque()).append(index)
        self._last = {key: waiting[-1] for key, waiting in self._waiting.items()}
        self._remembered = functools.lru_cache(_REMEMBERED)(self._key)

    def answer(self, request: HttpRequest) -> RecordedExchange:
        """The recording that answers ``request``. Raises ``CassetteMiss``."""
        key = self._key_of(request)
        left = self._waiting.get(key)
        if not left:
            raise self._missed(request, self._last.get(key))
        index = left.popleft()
        if self._repeat:
            left.append(index)
        self.used[index] += 1
        found = self.recorded[index]
        exchange = readdressed(found.exchange, request)
        return found if exchange is found.exchange else replace(found, exchange=exchange)

    def _key_of(self, request: HttpRequest) -> str:
        # Key and redaction rest on these four alone; a client under load sends the same few again and again.
        parts = request.method, request.url, header(request.headers, "content-type"), request.body
        return self._remembered(*parts) if len(request.body) <= _LARGEST_REMEMBERED else self._key(*parts)

    def _key(self, method: str, url: str, kind: str | None, body: bytes) -> str:
        return matching.key(self._compared(HttpRequest(method, url, _kind(kind), body)), self._matcher)

    def _compared(self, request: HttpRequest) -> HttpRequest:
        return served(self._redactor.request(request))

    def _missed(self, request: HttpRequest, last: int | None) -> CassetteMiss:
        """Why ``request`` isn't answered; ``last`` is the last recording that did answer it."""
        compared = self._compared(replace(request, headers=_kind(header(request.headers, "content-type"))))
        what = f"no recording answers {compared.method} {compared.url.removeprefix(HERE)}"
        if last is not None:
            label = self.recorded[last].label
            message = f"{what} any more: {label} was given already; start with --repeat to have it given again"
            return CassetteMiss(message, cassette=label, nearest=last)
        taken = () if self._repeat else {index for index, times in enumerate(self.used) if times}
        nearest = matching.nearest(self._requests, compared, used=taken, matcher=self._matcher)
        if nearest is None:
            return CassetteMiss(f"{what}: no recording is loaded")
        found = matching.differences(self._requests[nearest], compared, matcher=self._matcher)
        label = self.recorded[nearest].label
        message = f"{what}: the nearest, {label}, differs at {'; '.join(found)}"
        return CassetteMiss(message, cassette=label, nearest=nearest, differences=found)


def _kind(content_type: str | None) -> Headers:
    """The one header that counts. The others would only teach the redactor a new key with every signed request."""
    return () if content_type is None else (("content-type", content_type),)
