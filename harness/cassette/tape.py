"""A tape: one cassette, open around the requests that it answers or records."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette import doors, matching
from harness.cassette.document import Cassette
from harness.cassette.redaction import Redactor, known_secrets
from harness.cassette.store import load, save
from harness.errors import CassetteMiss, UsageError
from harness.exchange import Chunk, Exchange, Failure, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.exchange import Headers, Provenance

_CANDIDATES = 40


class RecordMode(StrEnum):
    """``none``: replay only, a miss is an error. ``once``: replay what is there, record where there is no
    cassette. ``record``: ask anew and put the new recording in the old one's place.
    """

    NONE = "none"
    ONCE = "once"
    RECORD = "record"


def record_mode(word: str) -> RecordMode:
    """``word`` as a record mode; ``replay`` is another word for ``none``. With ``CI`` set it is always ``none``."""
    try:
        mode = RecordMode.NONE if word == "replay" else RecordMode(word)
    except ValueError:
        raise UsageError(f"{word!r} is no record mode; choose none, once or record") from None
    return RecordMode.NONE if os.environ.get("CI", "").lower() not in {"", "0", "false"} else mode


class Tape:
    """An open cassette. ``taken`` are the exchanges handed out or recorded, in order, with their index in the
    cassette; ``misses`` the requests that nothing answered; ``provenance`` says where the recording is from.
    """

    def __init__(
        self, path: Path, cassette: Cassette | None, redactor: Redactor, miss: type[CassetteMiss] = CassetteMiss
    ) -> None:
        self.path = path
        self.taken: list[tuple[int, Exchange]] = []
        self.misses: list[HttpRequest] = []
        self.provenance: Provenance | None = cassette.provenance if cassette else None
        self._recorded = list(cassette.exchanges) if cassette else []
        self._replaying = cassette is not None
        self._redactor = redactor
        self._miss = miss
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[int]] = {}
        for number, exchange in enumerate(self._recorded):
            self._waiting.setdefault(matching.key(exchange.request), deque()).append(number)

    @property
    def replaying(self) -> bool:
        return self._replaying

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges of the cassette, or all recorded so far."""
        return tuple(self._recorded)

    @property
    def unused(self) -> tuple[int, ...]:
        """The indices of recorded exchanges that no request has taken yet."""
        return tuple(sorted(number for left in self._waiting.values() for number in left)) if self._replaying else ()

    def answer(self, request: HttpRequest) -> doors.Answer:
        """What the doors ask: a recorded exchange, or who records a new one. A miss raises ``CassetteMiss``."""
        asked = self._redactor.request(request)
        if not self._replaying:
            return _Recording(self, asked)
        with self._lock:
            left = self._waiting.get(matching.key(asked))
            if left:
                number = left.popleft()
                self.taken.append((number, self._recorded[number]))
                return self._recorded[number]
            self.misses.append(asked)
        raise self._missed(asked)

    def keep(self, exchange: Exchange) -> None:
        """Take a finished exchange into the recording."""
        with self._lock:
            self.taken.append((len(self._recorded), exchange))
            self._recorded.append(exchange)

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    def _missed(self, asked: HttpRequest) -> CassetteMiss:
        nearest = self._nearest(asked)
        if nearest is None:
            why, found = "it holds no exchange at all", []
        else:
            found = matching.differences(self._recorded[nearest].request, asked)
            why = f"the nearest recording, exchange {nearest}, "
            why += f"differs at {'; '.join(found)}" if found else "is the same, but was used already"
        message = f"{self.path}: no unused exchange answers {asked.method} {asked.url}: {why}"
        return self._miss(message, cassette=str(self.path), nearest=nearest, differences=found)

    def _nearest(self, asked: HttpRequest) -> int | None:
        unused = set(self.unused)
        # A few candidates are compared leaf by leaf: the unused ones first, those of about this size first.
        size = len(asked.body)
        order = sorted(
            range(len(self._recorded)),
            key=lambda n: (n not in unused, abs(len(self._recorded[n].request.body) - size)),
        )
        near = order[:_CANDIDATES]
        return min(near, key=lambda n: matching.distance(self._recorded[n].request, asked), default=None)


class _Recording:
    """Collects one live exchange as it passes."""

    def __init__(self, tape: Tape, request: HttpRequest) -> None:
        self._tape, self._request = tape, request
        self._status, self._headers = 0, ()
        self._chunks: list[Chunk] = []
        self._start = time.monotonic()

    def head(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers  # type: ignore[assignment]

    def chunk(self, data: bytes) -> None:
        self._chunks.append(Chunk(data, round(time.monotonic() - self._start, 3)))

    def end(self, failure: Failure | None, *, complete: bool = True) -> None:
        response = HttpResponse(self._status, self._headers, tuple(self._chunks)) if self._status else None
        if response is not None and failure is not None:
            failure = Failure("cut", failure.detail)
        # OpenAI's SDK stops reading at [DONE]: nothing was left unread.
        over = complete or (bool(self._chunks) and self._chunks[-1].data.rstrip().endswith(b"data: [DONE]"))
        exchange = Exchange(self._request, response, failure, complete=over)
        self._tape.keep(self._tape.redactor.exchange(exchange))


@contextlib.contextmanager
def open_tape(
    path: Path | str,
    *,
    mode: RecordMode | str = RecordMode.NONE,
    provenance: Provenance | None = None,
    secrets: Iterable[str] = (),
    miss: type[CassetteMiss] = CassetteMiss,
) -> Iterator[Tape]:
    """Answer every HTTP request in this context from the cassette at ``path``, or record it there.

    ``provenance`` is what a new recording says of itself. ``secrets`` are values that must never be written,
    beside those of the environment. A recording that ends by an exception is put beside the cassette as
    ``….partial.json``, and what stood there before stays. Raises the errors of ``load`` and ``save``.
    """
    path, secrets = Path(path), tuple(secrets)
    mode = record_mode(mode)
    redactor = Redactor(known_secrets(secrets))
    recording = mode is RecordMode.RECORD or (mode is RecordMode.ONCE and not path.exists())
    if recording and provenance is None:
        raise UsageError(f"{path}: a new recording needs its provenance: who answers, and when")
    tape = Tape(path, None if recording else load(path), redactor, miss)
    if recording:
        tape.provenance = provenance
    try:
        with doors.answering(tape.answer):
            yield tape
    except BaseException:
        if recording and tape.exchanges and provenance:
            save(partial(path), Cassette(provenance, tape.exchanges, partial=True), secrets=secrets)
        raise
    if recording and tape.exchanges and provenance:
        save(path, Cassette(provenance, tape.exchanges), secrets=secrets)
        partial(path).unlink(missing_ok=True)


def partial(path: Path) -> Path:
    """Where a recording that was broken off is kept, beside the cassette that it was to become."""
    return path.with_name(f"{path.stem}.partial.json")
