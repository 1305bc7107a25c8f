"""A recording under way: a line for each exchange, written before the caller has the last of it; and what is left of
one that was broken off or killed, which need not be requested again.

It lies beside the cassette that it is to become, and is locked while it is written: a second recording of the same
cassette is refused. What a killed process leaves is found, and put aside, by the next recording.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.cassette.format import document
from harness.cassette.format.document import Cassette
from harness.cassette.secrets.leak_scan import LeakScan, put_aside
from harness.cassette.storage.paths import free, is_partial, journal, partial
from harness.cassette.storage.store import load, save
from harness.core.errors import CassetteDamagedError, CassetteError, CassetteWriteError, LeakError
from harness.dialects import read_answer as read_reply

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from harness.core.exchange import Exchange, Provenance


_log = logging.getLogger("harness.cassette")
_RETRIED = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def journal_location(path: Path) -> str:
    """Where a recording is that could not be made a cassette, for its user."""
    return f"what was recorded is in {journal(path)}, and the next recording takes it from there"


def read(path: Path) -> tuple[Cassette, bool]:
    """What the journal at ``path`` holds, and whether its last line was torn. Raises ``CassetteDamagedError``."""
    *lines, last = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found: dict[int, Exchange] = {}
    provenance = None
    for number, line in enumerate(lines, 1):
        place = f"line {number}"
        try:
            value = document.parsed(line)
            if provenance is None:
                provenance = document.to_provenance(value["provenance"])
            else:
                begun = value.pop("n")
                found[begun] = document.to_exchange(value)
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise document.damaged(str(path), place, error) from error
    if provenance is None:
        raise CassetteDamagedError(f"{path}: was torn before its first exchange", path=str(path), place="line 1")
    exchanges = tuple(found[number] for number in sorted(found))
    return Cassette(provenance, exchanges, partial=True), bool(last)


class Journal:
    """The open journal of one recording. Raises ``CassetteWriteError`` where another holds it."""

    def __init__(self, path: Path) -> None:
        self.path = journal(path)
        self._made: list[Path] = []
        self._handle = -1
        self._empty = True
        try:
            self._made = _folders(path.parent)
            self._handle = self._locked()
        except BlockingIOError as error:
            raise CassetteWriteError(
                f"{path}: another recording of it is under way ({self.path.name}); let it end first", path=str(path)
            ) from error
        except OSError as error:
            raise CassetteWriteError(
                f"{path}: can't be recorded: {error.strerror} (errno {error.errno})", path=str(path)
            ) from error

    @property
    def has_content(self) -> bool:
        """Whether something is in it: written here, or left by a process that was killed."""
        return os.fstat(self._handle).st_size > 0

    def begin(self, provenance: Provenance) -> None:
        """Empty it. What was in it must have been put aside. Raises ``CassetteWriteError``."""
        try:
            os.ftruncate(self._handle, 0)
            self._line({"format": document.FORMAT, "provenance": document.from_provenance(provenance)})
        except OSError as error:
            raise CassetteWriteError(
                f"{self.path}: can't be recorded: {error.strerror} (errno {error.errno}); no request was sent yet",
                path=str(self.path),
            ) from error
        self._empty = True

    def write(self, number: int, exchange: Exchange) -> None:
        """Add a line; one of the same ``number`` stands for an earlier one. Raises ``OSError``."""
        self._line({"n": number, **document.from_exchange(exchange, plain=True)})
        self._empty = False

    def close(self, *, keep: bool = False) -> None:
        """Remove it, and the folders that were made for it if nothing else came into them, unless it is to be kept."""
        if not keep:
            self.path.unlink(missing_ok=True)
            for folder in reversed(self._made):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        os.close(self._handle)

    def _line(self, value: dict[str, object]) -> None:
        data = document.to_line(value).encode()
        start = os.fstat(self._handle).st_size
        try:
            while data:
                data = data[os.write(self._handle, data) :]
        except OSError:
            os.ftruncate(self._handle, start)  # no half line in the middle
            raise

    def _locked(self) -> int:
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(self.path, flags, stat.S_IRUSR | stat.S_IWUSR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_ino == self.path.stat().st_ino:
                    return handle
            except FileNotFoundError:
                pass  # another recording ended between our opening and our locking it
            except BaseException:  # Ctrl-C too: the handle, and with it the lock, is released
                os.close(handle)
                raise
            os.close(handle)


def _folders(folder: Path) -> list[Path]:
    """Make ``folder``; those that had to be made, outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def sifted(cassette: Cassette, path: Path, secrets: Iterable[str] = ()) -> tuple[Cassette, LeakError | None]:
    """``cassette`` without the exchanges that a save would refuse, and the first refusal: it names where they are."""
    scan, clean, first = LeakScan(secrets), [], None
    for exchange in cassette.exchanges:
        try:
            scan.refuse_exchange(exchange, str(path))
            # A secret that a stream spells out over many events stands whole only in what it reads as.
            scan.refuse_text(document.to_text(Cassette(cassette.provenance, (exchange,))), str(path))
            clean.append(exchange)
        except LeakError as leak:
            message = LeakError(f"{leak}; {caught(exchange, path)}")
            first = first or message
    return replace(cassette, exchanges=tuple(clean)), first


def caught(exchange: Exchange, path: Path) -> str:
    """Put an exchange that holds a secret where only its owner can read it; a sentence with the path."""
    try:
        place = put_aside(document.to_line(document.from_exchange(exchange, plain=True)), path.stem)
    except OSError as error:
        return f"what was caught is lost, for it could not be put aside: {error}"
    return f"what was caught is in {place}, for your eyes only"


def save_or_rescue(path: Path, cassette: Cassette, secrets: Iterable[str], journal: Path) -> Path:
    """Save; ``path``. Where the disk is full it is saved in its owner's home, or stays in the ``journal`` as far as it
    could be written, and ``CassetteWriteError`` names the place.
    """
    try:
        save(path, cassette, secrets=secrets)
    except CassetteWriteError as error:
        try:
            place = put_aside(document.to_text(cassette), path.stem)
            message = f"what was recorded is in {place}"
        except OSError as lost:
            message = f"{in_journal(journal, len(cassette.exchanges))}; it could not be put aside either: {lost}"
        raise CassetteWriteError(f"{error}; {message}", path=str(path)) from error
    return path


def in_journal(path: Path, of: int) -> str:
    """How much of ``of`` exchanges the journal at ``path`` holds."""
    try:
        number = len(read(path)[0].exchanges)
    except (CassetteDamagedError, OSError):
        number = 0
    if not number:
        return "what was recorded is lost"
    return f"{number} of {of} recorded exchanges are in {path}, and the next recording takes them from there"


def salvage(path: Path) -> None:
    """Put what a killed recording left beside the cassette."""
    journal_path = journal(path)
    try:
        found, torn = read(journal_path)
    except CassetteDamagedError as error:
        target = free(partial(path).with_suffix(".damaged"))
        journal_data = journal_path.read_bytes()
        if journal_data.strip():
            try:
                target.write_bytes(journal_data)
            except OSError as full:
                raise CassetteWriteError(
                    f"{target}: could not be written: {full.strerror} (errno {full.errno}); it stays in {journal_path}",
                    path=str(path),
                ) from full
            _log.warning("%s; it is saved as %s", error, target)
        return
    end = ", and its last line was torn" if torn else ""
    found, _ = sifted(found, path)
    if found.exchanges:
        target = free(partial(path))
        save(target, found)
        count = len(found.exchanges)
        _log.warning("%s: %d exchanges of a recording that was killed are saved in %s%s", path, count, target, end)
    elif torn:
        _log.warning("%s: a recording was killed within its first exchange, and nothing of it could be saved", path)


def earlier(path: Path, provenance: Provenance) -> tuple[Cassette, Path] | None:
    """The fullest recording of ``path`` by the same source, and its file: the cassette itself, or a broken-off one.
    Live and local count as one: which of them a recording is may be known only at its end.

    Raises the errors of ``load`` for a cassette that can't be read; a broken-off one that can't be is passed over.
    """
    found = [(load(path), path)] if path.exists() else []
    for file in sorted(path.parent.glob("*.partial.json")):
        if is_partial(file, path):
            with contextlib.suppress(CassetteError):
                found.append((load(file), file))
    same = [(one, file) for one, file in found if _source(one.provenance) == _source(provenance)]
    return max(same, key=lambda one: len(answered(one[0])), default=None)


def _source(provenance: Provenance) -> tuple[str, str]:
    return "live" if provenance.kind == "local" else provenance.kind, provenance.source


def answered(cassette: Cassette) -> tuple[Exchange, ...]:
    """The exchanges that hold an answer: what was refused for now, failed or was cut is to be requested again."""
    return tuple(one for one in cassette.exchanges if _is_answered(one))


def _is_answered(exchange: Exchange) -> bool:
    response = exchange.response
    if response is None or exchange.failure is not None or response.status in _RETRIED:
        return False
    return response.status < HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(read_reply(exchange), str)
