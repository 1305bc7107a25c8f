"""A recording under way: a line for each exchange, written before the caller has the last of it.

It lies beside the cassette that it is to become, and is locked while it is written: a second recording of the same
cassette is refused. What a killed process leaves is found, and put aside, by the next recording.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from harness.cassette.format import document, parts
from harness.cassette.format.document import Cassette
from harness.core.errors import CassetteDamagedError, CassetteWriteError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.exchange import Exchange, Provenance


def journal(path: Path) -> Path:
    """Where the recording of the cassette at ``path`` is written while it is under way."""
    return path.with_name(f"{path.name}.journal")


def lies(path: Path) -> str:
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
                provenance = parts.to_provenance(value["provenance"])
            else:
                begun = value.pop("n")
                found[begun] = parts.to_exchange(value)
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
    def left(self) -> bool:
        """Whether something is in it: written here, or left by a process that was killed."""
        return os.fstat(self._handle).st_size > 0

    def begin(self, provenance: Provenance) -> None:
        """Empty it. What was in it must have been put aside. Raises ``CassetteWriteError``."""
        try:
            os.ftruncate(self._handle, 0)
            self._line({"format": document.FORMAT, "provenance": parts.from_provenance(provenance)})
        except OSError as error:
            raise CassetteWriteError(
                f"{self.path}: can't be recorded: {error.strerror} (errno {error.errno}); nothing was asked yet",
                path=str(self.path),
            ) from error
        self._empty = True

    def write(self, number: int, exchange: Exchange) -> None:
        """Add a line; one of the same ``number`` stands for an earlier one. Raises ``OSError``."""
        self._line({"n": number, **parts.from_exchange(exchange, plain=True)})
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
