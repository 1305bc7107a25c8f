"""Recording: live exchanges as they pass, redacted, journalled, and at the end made into a cassette."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from harness.cassette import matching
from harness.cassette.format import encodings
from harness.cassette.format.document import Cassette
from harness.cassette.secrets.leak_scan import LeakScan
from harness.cassette.storage.journal import Journal, caught, journal_location, salvage, save_or_rescue, sifted
from harness.cassette.storage.paths import free, journal, partial
from harness.cassette.storage.store import refuse, save
from harness.core.errors import CassetteMiss, CassetteWriteError, LeakError
from harness.core.exchange import Chunk, Exchange, Failure, HttpResponse, header
from harness.dialects.framing.sse import ends_stream
from harness.dialects.mcp import answered_ids, awaited_ids, listens
from harness.interception import context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from harness.cassette.secrets.redaction import Redactor
    from harness.core.exchange import Headers, HttpRequest, Provenance, ProvenanceKind

_TAIL = 64
_log = logging.getLogger("harness.cassette")
_SYNTHETIC = "(synthetic)"


class Journalled(Protocol):
    """The recording that an exchange becomes part of."""

    longest: int | None

    def received_headers(self, headers: Headers) -> None:
        """The response's headers came."""

    def keep(self, number: int, exchange: Exchange) -> None:
        """The exchange is whole, or as whole as it gets."""

    def ended(self, number: int) -> None:
        """Its client reads no more of it."""


class ExchangeRecorder:
    """One live exchange as it passes."""

    def __init__(self, recorder: Journalled, number: int, request: HttpRequest) -> None:
        self._recorder, self._number, self._request = recorder, number, request
        self._status = 0
        self._headers: Headers = ()
        self._chunks: list[Chunk] = []
        self._start = time.monotonic()
        self._size = 0
        self._ended = False
        self._waited_for = awaited_ids(request)
        self._whole = False

    def head(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers
        self._recorder.received_headers(headers)
        # It lasts as long as its session: requests made meanwhile are not concurrent with it.
        if listens(self._request, HttpResponse(status, headers)):
            self._keep(None, complete=False)

    def chunk(self, data: bytes) -> None:
        if self._ended or not data:
            return
        self._chunks.append(Chunk(data, round(time.monotonic() - self._start, 3)))
        self._size += len(data)
        if self._recorder.longest is not None and self._size > self._recorder.longest:
            raise context.TooLongError(f"the answer is longer than {self._recorder.longest:,} bytes: it was broken off")
        if self._done() or self._answered(data):
            self._keep(None, complete=True)  # the client has all of it now, and may read no further

    def end(self, failure: Failure | None, *, complete: bool = True) -> None:
        if self._ended:
            return
        self._ended = True
        self._recorder.ended(self._number)
        if self._whole or self._done():
            if failure is not None:
                self._keep(failure, complete=complete)
            return
        nothing_due = self._waited_for == set() and not self._chunks
        self._keep(failure, complete=complete or nothing_due)

    def _answered(self, data: bytes) -> bool:
        """Whether each MCP message of the request has its answer."""
        if self._waited_for and not self._whole and b'"id"' in data:
            self._whole = self._waited_for <= answered_ids(b"".join(one.data for one in self._chunks))
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


class Recorder:
    """One recording under way. ``on_recorded`` receives each exchange when it has ended; an answer of more than
    ``longest`` bytes is broken off.
    """

    def __init__(
        self,
        path: Path,
        provenance: Provenance,
        redactor: Redactor,
        secrets: Iterable[str],
        on_recorded: Callable[[int, Exchange], None],
        longest: int | None = None,
    ) -> None:
        refuse(path)
        self._path, self.provenance, self._redactor, self._on_recorded = path, provenance, redactor, on_recorded
        self._secrets = tuple(secrets)
        self._learnt: tuple[str, ...] = ()
        self._version = 0
        self._scan = LeakScan(self._secrets)
        self._unredacted: dict[int, Exchange] = {}
        self._learnt_midway = False
        self.longest = longest
        self._standing = 0
        self._taken_up: tuple[Path, ...] = ()
        self._lock = threading.Lock()
        self._count = 0
        self._spans: dict[int, tuple[int, int]] = {}
        self._found: dict[int, Exchange] = {}
        self._open: dict[int, ExchangeRecorder] = {}
        self._problems: list[LeakError | CassetteWriteError] = []
        self._owner = os.getpid()
        self._journal = Journal(path)
        try:
            if self._journal.has_content:
                salvage(path)
            self._journal.begin(provenance)
        except BaseException:  # Ctrl-C too: the lock is released, and what lies there stays
            self._journal.close(keep=True)
            raise

    def resume(self, cassette: Cassette, exchanges: Sequence[Exchange], file: Path) -> None:
        """Begin with the ``exchanges`` of an earlier recording, ``cassette`` in ``file``; this one is as old as that.

        Nothing is written in the end if nothing came to a whole cassette; a broken-off recording goes into this one.
        """
        self.provenance = replace(self.provenance, recorded=cassette.provenance.recorded)
        for exchange in exchanges:
            with self._lock:
                self._count += 2
                number = self._count - 1
                if self._written(number, exchange):
                    self._found[number] = self._unredacted[number] = exchange
                    self._spans[number] = number, self._count
        if file != self._path:
            self._taken_up = (file,)
        elif len(exchanges) == len(cassette.exchanges):
            self._standing = len(self._found)

    def begin(self, request: HttpRequest) -> ExchangeRecorder:
        """What records the exchange that ``request`` begins."""
        if os.getpid() != self._owner:
            raise CassetteMiss(
                f"{self._path}: a forked process made a request; only the one that opened a recording can add"
            )
        self._redactor.learn(request)
        with self._lock:
            self._count += 1
            made = self._open[self._count] = ExchangeRecorder(self, self._count, request)
        return made

    def keep(self, number: int, exchange: Exchange) -> None:
        """Take an exchange that is over, or a later state of one, into the recording."""
        unredacted, exchange = exchange, self._redactor.exchange(exchange)
        with self._lock:
            self._count += 1
            if self._written(number, exchange):
                fresh = number not in self._found
                self._found[number], self._unredacted[number] = exchange, unredacted
                self._spans.setdefault(number, (number, self._count))
                if fresh:
                    self._on_recorded(len(self._found) - 1, exchange)

    def end(self, *, whole: bool) -> None:
        """Make the cassette of a ``whole`` recording, or put a broken-off one beside it.

        Raises ``LeakError`` or ``CassetteWriteError``; what is clean is never lost.
        """
        if os.getpid() != self._owner:
            return
        for one in list(self._open.values()):
            one.end(None, complete=False)
        keep = True
        try:
            if whole and not self._problems:
                self._promote()
            else:
                self._save_partial()
            keep = False
        finally:
            self._journal.close(keep=keep)
        if self._problems:
            raise self._problems[0]

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was recorded, in the order begun. Those that were under way together stand in the order of their keys,
        which is the same each time.
        """
        return tuple(self._found[number] for number in self._order())

    def _order(self) -> list[int]:
        made: list[int] = []
        group: list[int] = []
        last = 0
        for number in sorted(self._found):
            begun, ended = self._spans[number]
            if group and begun > last:
                made += self._by_key(group)
                group = []
            group.append(number)
            last = max(last, ended)
        return [*made, *self._by_key(group)]

    def _cassette(self, *, partial: bool = False) -> Cassette:
        """What was recorded. Where a secret was learnt on the way, or there are several, all is redacted again: what
        came before it is to be clean too, and placeholders are numbered as they stand in the cassette.
        """
        if not self._learnt_midway and self._redactor.numbered <= 1:
            return Cassette(self.provenance, self.exchanges, partial=partial)
        redactor = self._redactor.with_fresh_numbers()
        exchanges = tuple(redactor.exchange(self._unredacted[number]) for number in self._order())
        return Cassette(self.provenance, exchanges, partial=partial)

    def received_headers(self, headers: Headers) -> None:
        """Take a response that is marked as synthetic, as `harness serve` marks them, for such."""
        if _SYNTHETIC in (header(headers, "x-harness-recording") or ""):
            self.provenance = replace(self.provenance, kind="synthetic")

    def answered_by(self, kind: ProvenanceKind) -> None:
        """Set who answered, where that is known only at the end; a synthetic recording stays one."""
        if self.provenance.kind != "synthetic":
            self.provenance = replace(self.provenance, kind=kind)

    def ended(self, number: int) -> None:
        with self._lock:
            self._open.pop(number, None)

    def _by_key(self, group: list[int]) -> list[int]:
        if len(group) == 1:
            return group
        return sorted(group, key=lambda number: (matching.key(self._found[number].request), number))

    def _written(self, number: int, exchange: Exchange) -> bool:
        if self._version != self._redactor.version:
            self._learnt_midway = self._learnt_midway or bool(self._found)
            self._learnt, self._version = self._redactor.secrets, self._redactor.version
            self._scan = LeakScan((*self._secrets, *self._learnt))
        try:
            self._scan.refuse_exchange(exchange, str(self._path))
            self._journal.write(number, exchange)
        except LeakError as leak:
            self._problems.append(LeakError(f"{leak}; {caught(exchange, self._path)}"))
            return False
        except OSError as error:
            why = f"{self._path}: can't be recorded: {error.strerror} (errno {error.errno})"
            self._problems.append(CassetteWriteError(why, path=str(self._path)))
        return True

    def _promote(self) -> None:
        if not self._found:
            _log.warning("%s: nothing was recorded, so nothing was written", self._path)
            return
        if len(self._found) == self._standing:
            return
        try:
            save(self._path, self._cassette(), secrets=(*self._secrets, *self._learnt))
        except LeakError:
            self._save_partial()
            if not self._problems:
                raise
            return
        except CassetteWriteError as error:
            raise CassetteWriteError(f"{error}; {journal_location(self._path)}", path=error.path) from error
        for file in (partial(self._path), *self._taken_up):
            file.unlink(missing_ok=True)
        if self._redactor.numbered:
            _log.info("%s: %d secrets were redacted", self._path, self._redactor.numbered)

    def _save_partial(self) -> None:
        secrets = (*self._secrets, *self._learnt)
        clean, leak = sifted(self._cassette(partial=True), self._path, secrets)
        if leak:
            self._problems.append(leak)
        if len(clean.exchanges) > self._standing:
            target = save_or_rescue(free(partial(self._path)), clean, secrets, journal(self._path))
            for file in self._taken_up:
                target.replace(file)
