"""A tape: one cassette, open around the requests that it answers or records."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.matching import request_key
from harness.cassette.modes import RecordMode, record_mode
from harness.cassette.recording import Recorder
from harness.cassette.secrets.leak_scan import LeakScan
from harness.cassette.secrets.redaction import Redactor
from harness.cassette.storage.partial import partial
from harness.cassette.storage.resume import answered, earlier
from harness.cassette.storage.store import load
from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import Chunk, header
from harness.interception import clients, context
from harness.interception import pace as paces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.cassette.format.document import Cassette
    from harness.cassette.matching.matcher import Matcher
    from harness.core.exchange import Exchange, HttpRequest, Provenance

__all__ = ["RecordMode", "Tape", "open_tape", "partial", "record_mode"]


class Tape:
    """An open cassette. ``taken`` are the exchanges handed out or recorded, in order, with their index in the
    cassette (while recording, in the order they ended); ``misses`` the requests that nothing answered;
    ``provenance`` says where the recording is from.
    """

    def __init__(
        self, path: Path, redactor: Redactor, miss: type[CassetteMiss] = CassetteMiss, matcher: Matcher | None = None
    ) -> None:
        self.path = path
        self.taken: list[tuple[int, Exchange]] = []
        self.misses: list[HttpRequest] = []
        self.provenance: Provenance | None = None
        self._redactor = redactor
        self._miss = miss
        self._matcher = matcher
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None
        self._recorded: tuple[Exchange, ...] = ()
        self._given: set[int] = set()
        self._waiting: dict[bytes, deque[int]] = {}
        self._keys: dict[tuple[str, str, str | None, bytes], bytes] = {}

    def replay(self, cassette: Cassette) -> None:
        """Answer from ``cassette``. What it holds is made now, so that no request waits for it."""
        self.provenance = cassette.provenance
        cassette.make()
        self._answer_from(cassette.exchanges)

    def record(self, recorder: Recorder, provenance: Provenance) -> None:
        """Let requests pass, and ``recorder`` see them."""
        self.provenance, self._recorder = provenance, recorder

    def resume(self, path: Path, provenance: Provenance) -> None:
        """Answer what an earlier recording of ``path`` can; only the rest is asked, and added."""
        found = earlier(path, provenance)
        if found is not None and self._recorder is not None:
            cassette, file = found
            self._answer_from(answered(cassette))
            self._recorder.resume(cassette, self._recorded, file)

    def kept(self, number: int, exchange: Exchange) -> None:
        """What a recorder tells of an exchange that is over."""
        self.taken.append((number, exchange))

    @property
    def replaying(self) -> bool:
        return self._recorder is None

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges of the cassette, or all recorded so far."""
        return self._recorded if self._recorder is None else self._recorder.exchanges

    @property
    def unused(self) -> tuple[int, ...]:
        """The indices of recorded exchanges that no request has taken yet."""
        return tuple(number for number in range(len(self._recorded)) if number not in self._given)

    def answer(self, request: HttpRequest) -> context.Answer:
        """What the doors ask: a recorded exchange, or who records a new one. A miss raises ``CassetteMiss``."""
        if self._recorder is not None and not self._recorded:
            return self._recorder.passing(request)
        self._redactor.learn(request)
        with self._lock:
            left = self._left(request)
            if left:
                number = left.popleft()
                self._given.add(number)
                self.taken.append((number, self._recorded[number]))
                return self._recorded[number]
            if self._recorder is not None:
                return self._recorder.passing(request)
            asked = self._redactor.request(request)
            self.misses.append(asked)
        raise self._missed(asked)

    def _answer_from(self, exchanges: tuple[Exchange, ...]) -> None:
        self._recorded = exchanges
        for number, exchange in enumerate(exchanges):
            self._waiting.setdefault(self._key(exchange.request), deque()).append(number)

    def _left(self, request: HttpRequest) -> deque[int] | None:
        """The recordings that answer ``request`` and were not given yet, the first recorded first."""
        # Most requests are, byte for byte, ones that were recorded: clean, and their keys are known.
        key = self._keys.get(_exact(request))
        return self._waiting.get(key or self._key(self._redactor.request(request)))

    def _key(self, request: HttpRequest) -> bytes:
        """A digest of the canonical key."""
        exact = _exact(request)
        found = self._keys.get(exact)
        if found is None:
            found = blake2b(
                request_key.key(request, self._matcher).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest()
            if len(self._keys) < len(self._recorded):
                self._keys[exact] = found
        return found

    def _missed(self, asked: HttpRequest) -> CassetteMiss:
        nearest = request_key.nearest(
            [one.request for one in self._recorded], asked, used=self._given, matcher=self._matcher
        )
        if nearest is None:
            why, found = "it holds no exchange at all", []
        else:
            found = request_key.differences(self._recorded[nearest].request, asked, matcher=self._matcher)
            why = f"the nearest recording, exchange {nearest}, "
            why += f"differs at {'; '.join(found)}" if found else "is the same, but was used already"
        if any(map(LeakScan(self._redactor.secrets).holds, found)):
            found = []
            why = f"the nearest recording, exchange {nearest}, differs where a secret stands, which is not shown"
        message = f"{self.path}: no unused exchange answers {asked.method} {asked.url}: {why}"
        return self._miss(message, cassette=str(self.path), nearest=nearest, differences=found)


def _exact(request: HttpRequest) -> tuple[str, str, str | None, bytes]:
    return request.method, request.url, header(request.headers, "content-type"), request.body


@contextlib.contextmanager
def open_tape(
    path: Path | str,
    *,
    mode: RecordMode | str = RecordMode.NONE,
    provenance: Provenance | None = None,
    secrets: Iterable[str] = (),
    miss: type[CassetteMiss] = CassetteMiss,
    matcher: Matcher | None = None,
    pace: str | float | None = None,
    cut: Callable[[bytes], Sequence[bytes]] | None = None,
    resume: bool = False,
    longest: int | None = None,
) -> Iterator[Tape]:
    """Answer every HTTP request in this context from the cassette at ``path``, or record it there.

    A file that is there must be whole, in every mode: what can't be read is never overwritten. ``provenance`` is what a
    new recording says of itself. ``secrets`` are values that must never be written,
    beside those of the environment. ``matcher`` says what else does not count when requests are compared.
    Replayed streams come at once, or at ``pace``: ``"realtime"``, or ``"x10"`` for ten times as fast; in their recorded
    chunks, or in those that ``cut`` makes of the body.
    With ``resume`` a recording goes on from what an earlier one of the same source holds, the cassette itself or one
    that was broken off: what was answered then is replayed, first recorded first, and only the rest is asked and added.
    An answer of more than ``longest`` bytes is broken off while it is recorded: a model may never stop.
    A recording that ends by an exception is put beside the cassette as
    ``….partial.json``, and what stood there before stays. Raises the errors of ``load`` and ``save``, and
    ``CassetteWriteError`` where another process records the same cassette.
    """
    path, secrets = Path(path), tuple(secrets)
    mode = record_mode(mode)
    old = load(path) if mode is RecordMode.NONE or os.path.lexists(path) else None
    if mode is RecordMode.RECORD or old is None:
        if old is not None:
            old.make()
        if provenance is None:
            raise UsageError(f"{path}: a new recording needs its provenance: who answers, and when")
        redactor = Redactor(secrets)
        tape = Tape(path, redactor, miss)
        recorder = Recorder(path, provenance, redactor, secrets, tape.kept, longest)
        # Another process may have recorded it between our looking and our having it to ourselves.
        old = load(path) if mode is RecordMode.ONCE and _taken(recorder, path) else None
        if old is None:
            tape.record(recorder, provenance)
            if resume:
                tape.resume(path, provenance)
            with _recording(tape, recorder):
                yield tape
            return
    tape = loaded(old if cut is None else _recut(old, cut), path, secrets=secrets, miss=miss, matcher=matcher)
    with clients.answering(tape.answer), paces.pacing(paces.pace(pace)):
        yield tape


def loaded(
    cassette: Cassette,
    path: Path,
    *,
    secrets: Iterable[str] = (),
    miss: type[CassetteMiss] = CassetteMiss,
    matcher: Matcher | None = None,
) -> Tape:
    """A tape that answers from ``cassette``; ``path`` is what its misses call it, and nothing there is looked at."""
    tape = Tape(path, Redactor(secrets, by_shape=True), miss, matcher)
    tape.replay(cassette)
    return tape


def _recut(cassette: Cassette, cut: Callable[[bytes], Sequence[bytes]]) -> Cassette:
    """``cassette`` with the chunks that ``cut`` makes of each body. Raises ``UsageError`` if it changes the body."""
    made = []
    for exchange in cassette.exchanges:
        response = exchange.response
        if response is not None:
            pieces = tuple(cut(response.body))
            if b"".join(pieces) != response.body:
                raise UsageError("cut must give back the body, in pieces; it changed it")
            response = replace(response, chunks=tuple(Chunk(piece) for piece in pieces))
        made.append(replace(exchange, response=response))
    return replace(cassette, exchanges=tuple(made))


def _taken(recorder: Recorder, path: Path) -> bool:
    """Whether a cassette has come to ``path``; ``recorder`` is then of no more use."""
    taken = os.path.lexists(path)
    if taken:
        recorder.end(whole=False)
    return taken


@contextlib.contextmanager
def _recording(tape: Tape, recorder: Recorder) -> Iterator[None]:
    try:
        with clients.answering(tape.answer):
            yield
    except BaseException as broken:  # Ctrl-C too: what came by then is put aside
        try:
            recorder.end(whole=False)
        except Exception as error:  # noqa: BLE001 - what broke the recording off must come out; this is told beside it
            broken.add_note(f"of what was recorded: {error}")
        raise
    recorder.end(whole=True)
