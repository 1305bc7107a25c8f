"""A tape: one cassette, and the requests that it answers or records."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.cassette import matching
from harness.core.errors import CassetteMiss
from harness.core.exchange import Failure, header
from harness.dialects.clients import redirected
from harness.dialects.mcp import readdressed, request_suffix
from harness.interception import context, network_block
from harness.interception.traffic import QUIET, WEBSOCKET, Traffic, known_side_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.cassette.format.document import Cassette
    from harness.cassette.matching import Matcher
    from harness.cassette.recording import Recorder
    from harness.cassette.secrets.redaction import Redactor
    from harness.core.exchange import Exchange, HttpRequest, Provenance

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Rules:
    """How a tape answers beside its matcher. ``prepare`` changes each request before it is looked up or recorded; None
    lets it pass unrecorded. With ``repeat`` the first recording that fits answers again when all were used. ``same``
    compares a recorded request with one that came, in the matcher's place: each is looked at, one by one.
    """

    prepare: Callable[[HttpRequest], HttpRequest | None] | None = None
    repeat: bool = False
    same: Callable[[HttpRequest, HttpRequest], bool] | None = None


class Tape:
    """An open cassette. ``taken`` are the exchanges handed out or recorded, in order, with their index in the
    cassette (while recording, in the order they ended); ``misses`` the requests that nothing answered,
    ``miss_messages`` the message of each; ``provenance`` is where the recording is from; ``traffic`` counts what
    went past the tape or was refused; ``why_empty`` is what a miss says of a cassette without exchanges.
    """

    why_empty = "it holds no exchange at all"

    def __init__(
        self,
        path: Path,
        redactor: Redactor | Callable[[], Redactor],
        miss: type[CassetteMiss] = CassetteMiss,
        matcher: Matcher | None = None,
        traffic: Traffic | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.path = path
        self._rules = rules or Rules()
        self._first: dict[bytes, int] = {}
        self.traffic = traffic or Traffic()
        self.taken: list[tuple[int, Exchange]] = []
        self.misses: list[HttpRequest] = []
        self.miss_messages: list[str] = []
        self._provenance: Provenance | None = None
        self._redactor_source = redactor
        self._to_learn: deque[HttpRequest] = deque()
        self._miss = miss
        self._matcher = matcher
        self._lock = threading.Lock()
        self._learning = threading.Lock()
        self._recorder: Recorder | None = None
        self._recorded: tuple[Exchange, ...] = ()
        self._requests: list[HttpRequest] = []
        self._used: set[int] = set()
        self._waiting: dict[bytes, deque[int]] = {}
        self._keys: dict[tuple[str, str, str | None, bytes], bytes] = {}

    def replay(self, cassette: Cassette) -> None:
        """Answer from ``cassette``. What it holds is made now, so that no request waits for it."""
        self._provenance = cassette.provenance
        cassette.make()
        self._answer_from(cassette.exchanges)

    def record(self, recorder: Recorder) -> None:
        """Let requests pass, and ``recorder`` record them."""
        self._recorder = recorder

    def resume(self, path: Path, provenance: Provenance) -> None:
        """Answer what an earlier recording of ``path`` can; only the rest is requested, and added."""
        from harness.cassette.storage.journal import answered, earlier  # noqa: PLC0415 - only a recording is resumed

        found = earlier(path, provenance)
        if found is not None and self._recorder is not None:
            cassette, file = found
            self._answer_from(answered(cassette))
            self._recorder.resume(cassette, self._recorded, file)

    def recorded(self, number: int, exchange: Exchange) -> None:
        """Called by a recorder with each exchange that has ended."""
        self.taken.append((number, exchange))

    @property
    def _redactor(self) -> Redactor:
        """Loaded for the first request that is not, byte for byte, a recorded one: to look for secrets takes longer to
        load than all else of a replay. It learns from every request that came until now.
        """
        with self._learning:
            if callable(self._redactor_source):
                self._redactor_source = self._redactor_source()
            while self._to_learn:
                self._redactor_source.learn(self._to_learn.popleft())
            return self._redactor_source

    @property
    def provenance(self) -> Provenance | None:
        """Where the recording is from; while it is made, as far as the answers have shown."""
        return self._recorder.provenance if self._recorder else self._provenance

    @property
    def replaying(self) -> bool:
        return self._recorder is None

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges of the cassette, or all recorded so far."""
        return self._recorded if self._recorder is None else self._recorder.exchanges

    @property
    def requests(self) -> tuple[HttpRequest, ...]:
        """The requests that came, in order, without their secrets; side traffic is none of them."""
        return tuple(map(self._redactor.request, self._requests))

    @property
    def unused(self) -> tuple[int, ...]:
        """The indices of recorded exchanges that no request has taken yet; side traffic need not come again."""
        left = [(number, one) for number, one in enumerate(self._recorded) if number not in self._used]
        return tuple(
            number for number, one in left if not (known_side_traffic(one.request) or context.received_nothing(one))
        )

    def answer(self, request: HttpRequest) -> context.Answer:
        """The interceptor's answer: a recorded exchange, or what records a new one. A miss raises ``CassetteMiss``."""
        if self._rules.prepare is not None:
            prepared = self._rules.prepare(request)
            if prepared is None:
                return context.Unrecorded()
            request = prepared
        if (header(request.headers, "upgrade") or "").lower() == "websocket":
            return self._websocket(request)
        found = self._recorded_answer(request)
        if found is not None:
            return found
        if side_answer := self._side_answer(request):
            return side_answer
        self._requests.append(request)
        if self._recorder is not None:
            return self._recorder.begin(request)
        redacted = self._redactor.request(request)
        self.misses.append(redacted)
        missed = self._missed(redacted)
        self.miss_messages.append(str(missed))
        raise missed

    def _websocket(self, request: HttpRequest) -> context.Answer:
        """A handshake goes past a recording, which counts it, and is refused in a replay."""
        if side_answer := self._side_answer(request):
            return side_answer
        who, where = network_block.client(), urlsplit(request.url).netloc.rpartition("@")[2]
        if self._recorder is not None:
            self.traffic.bypassed[where, f"a WebSocket of {who}"] += 1
            return context.Unrecorded()
        message = f"{self.path}: {who} requests {where}{urlsplit(request.url).path} as {WEBSOCKET}"
        self.traffic.refused.append(message)
        raise self._miss(message, cassette=str(self.path))

    def _recorded_answer(self, request: HttpRequest) -> Exchange | None:
        if not self._recorded:
            return None
        if self._recorder is None:
            self._to_learn.append(request)
        else:  # what is recorded beside it may hold what this one carries
            self._redactor.learn(request)
        with self._lock:
            number = self._match(request)
            if number is None:
                return None
            self._used.add(number)
            self._requests.append(request)
            self.taken.append((number, self._recorded[number]))
            return readdressed(self._recorded[number], request)

    def _side_answer(self, request: HttpRequest) -> context.Answer | None:
        """The answer to what is not part of the tape's: it goes on to a host that is allowed, or is quietly refused."""
        url = urlsplit(request.url)
        try:
            host, port = url.hostname or "", url.port or _PORTS.get(url.scheme)
        except ValueError:
            return None
        if self.traffic.allow.holds(host, port):
            return context.Unrecorded()
        if self.traffic.ignore.holds(host, port) or known_side_traffic(request):
            self.traffic.side[host] += 1
            return Failure("refused", QUIET)
        return None

    def _answer_from(self, exchanges: tuple[Exchange, ...]) -> None:
        self._recorded = exchanges
        for number, exchange in enumerate(exchanges):
            self._waiting.setdefault(self._key(exchange.request), deque()).append(number)

    def _match(self, request: HttpRequest) -> int | None:
        """The recording that answers ``request``: the first that was not used yet, or the first of all."""
        if self._rules.same is not None:
            return self._match_by_pairs(self._redactor.request(request), self._rules.same)
        # Most requests are, byte for byte, ones that were recorded: clean, and their keys are known.
        key = self._keys.get(_exact(request)) or self._key(self._redactor.request(request))
        left = self._waiting.get(key)
        if left:
            number = left.popleft()
            self._first.setdefault(key, number)
            return number
        return self._first.get(key) if self._rules.repeat else None

    def _match_by_pairs(self, request: HttpRequest, same: Callable[[HttpRequest, HttpRequest], bool]) -> int | None:
        found = [number for number, one in enumerate(self._recorded) if same(one.request, request)]
        fresh = next((number for number in found if number not in self._used), None)
        return fresh if fresh is not None or not (found and self._rules.repeat) else found[0]

    def _key(self, request: HttpRequest) -> bytes:
        """A digest of the canonical key."""
        exact = _exact(request)
        found = self._keys.get(exact)
        if found is None:
            found = blake2b(
                matching.key(request, self._matcher).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest()
            if len(self._keys) < len(self._recorded):
                self._keys[exact] = found
        return found

    def _missed(self, redacted: HttpRequest) -> CassetteMiss:
        from harness.cassette.secrets.leak_scan import LeakScan  # noqa: PLC0415 - as for the redactor

        nearest = matching.nearest(
            [one.request for one in self._recorded], redacted, used=self._used, matcher=self._matcher
        )
        if nearest is None:
            why, found = self.why_empty, []
        else:
            found = matching.differences(self._recorded[nearest].request, redacted, matcher=self._matcher)
            why = f"the nearest recording, exchange {nearest}, "
            why += f"differs at {'; '.join(found)}" if found else "is the same, but was used already"
            if len(found) == 1 and found[0].startswith("host: "):
                origin = "{0.scheme}://{0.netloc}".format(urlsplit(self._recorded[nearest].request.url))
                variable = redirected(redacted.url, origin) or "the variable of its base URL"
                why += f"; give the server again: `hostname:` in a suite, {variable} in a test"
        if any(map(LeakScan(self._redactor.secrets).holds, found)):
            found = []
            why = f"the nearest recording, exchange {nearest}, differs where a secret stands, which is not shown"
        request = f"{redacted.method} {redacted.url}{request_suffix(redacted.body)}"
        message = f"{self.path}: no unused exchange answers {request}: {why}"
        return self._miss(message, cassette=str(self.path), nearest=nearest, differences=found)


def _exact(request: HttpRequest) -> tuple[str, str, str | None, bytes]:
    return request.method, request.url, header(request.headers, "content-type"), request.body


def loaded(
    cassette: Cassette,
    path: Path,
    *,
    secrets: Iterable[str] = (),
    miss: type[CassetteMiss] = CassetteMiss,
    matcher: Matcher | None = None,
    traffic: Traffic | None = None,
    rules: Rules | None = None,
) -> Tape:
    """A tape that answers from ``cassette``; ``path`` is what its misses call it, and nothing there is looked at."""
    environment = dict(os.environ)  # as it is now: a test may set keys of its own while the tape is open

    def redactor() -> Redactor:
        from harness.cassette.secrets.redaction import Redactor  # noqa: PLC0415 - see Tape

        return Redactor(secrets, by_shape=True, environment=environment)

    tape = Tape(path, redactor, miss, matcher, traffic, rules)
    tape.replay(cassette)
    return tape
