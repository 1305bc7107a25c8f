"""Cassettes on disk: read whole or not at all, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.format import document
from harness.cassette.format.document import (
    BETWEEN,
    CLOSING,
    LARGEST,
    Cassette,
    exchange_text,
    from_bytes,
    opening,
    to_text,
)
from harness.cassette.modes import in_ci
from harness.cassette.storage.paths import journal
from harness.core.errors import CassetteDamagedError, CassetteMissingError, CassetteWriteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.exchange import Exchange, Provenance


def load(path: Path | str) -> Cassette:
    """The cassette at ``path``.

    Raises ``CassetteMissingError``, ``CassetteDamagedError`` or ``CassetteTooNewError``, each with file and place.
    A number in a JSON body that is too large for a float is reported when that body is first read.
    """
    path = Path(path)
    try:
        data = _content(path)
    except FileNotFoundError as error:
        raise CassetteMissingError(f"{path}: there is no such cassette; {remedy(path)}", path=str(path)) from error
    except OSError as error:
        raise CassetteDamagedError(f"{path}: can't be read: {_why(error)}", path=str(path)) from error
    with _uncollected():
        return from_bytes(data, str(path))


def save(path: Path | str, cassette: Cassette, *, secrets: Iterable[str] = (), root: Path | str | None = None) -> None:
    """Write ``cassette`` to ``path``: what stood there stays until the new file is whole.

    The text is read back before it takes the old one's place. A symbolic link is followed if it stays inside ``root``,
    and refused otherwise. The mode of the old file is kept; times are written in milliseconds. Raises ``LeakError`` if
    a secret is in it (one of ``secrets``, one of the environment's, or anything shaped like a provider's key),
    ``CassetteWriteError`` with the reason if it can't be written.
    """
    from harness.cassette.secrets.leak_scan import LeakScan  # noqa: PLC0415 - only who writes looks for secrets

    path = Path(path)
    cassette = replace(cassette, exchanges=tuple(map(_in_milliseconds, cassette.exchanges)))
    text = to_text(cassette)
    scan = LeakScan(secrets)
    for exchange in cassette.exchanges:
        scan.refuse_exchange(exchange, str(path))
    scan.refuse_text(text, str(path))
    data = text.encode()
    _refuse_unreadable(data, cassette, path)
    with _explained(path):
        target = _target(path, root)
        target.parent.mkdir(parents=True, exist_ok=True)
        file = _Replacement(target)
        try:
            file.write(data)
            file.finish()
        finally:  # Ctrl-C too
            file.drop()


def refuse(path: Path) -> None:
    """Raise ``CassetteWriteError`` where ``save`` would, as far as can be seen beforehand: before a request is sent."""
    try:
        _target(path, None)
        _writable(path)
    except OSError as error:
        raise CassetteWriteError(f"{path}: can't be recorded: {_why(error)}", path=str(path)) from error


def _writable(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not mode & 0o222:  # a rename would pass over that, and so would the superuser
            raise PermissionError(errno.EACCES, "it is read-only")


def _content(path: Path) -> bytes:
    """Whole, of a plain file within the size allowed: no pipe is waited for, no device read for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        known = os.fstat(handle)
        if not stat.S_ISREG(known.st_mode):
            raise CassetteDamagedError(f"{path}: is no file; give the path of a cassette", path=str(path))
        if known.st_size > LARGEST:
            raise CassetteDamagedError(f"{path}: larger than {LARGEST >> 20} MB; split the suite", path=str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(known.st_size)  # a longer read would set the memory for it aside at once
    finally:
        os.close(handle)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Many values are made and none is garbage: to look for some takes as long as to read them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _refuse_unreadable(data: bytes, cassette: Cassette, path: Path) -> None:
    try:
        same = from_bytes(data, str(path)) == cassette
    except CassetteDamagedError as error:
        raise CassetteWriteError(
            f"{error}: what was recorded would not read back; nothing was written", path=str(path), place=error.place
        ) from error
    if not same:
        raise CassetteWriteError(
            f"{path}: would not read back as what was recorded; nothing was written", path=str(path)
        )


def _target(path: Path, root: Path | str | None) -> Path:
    if root is None:
        if path.is_symlink():
            raise CassetteWriteError(f"{path}: is a symbolic link; give the file that it points to", path=str(path))
        return path
    target = path.resolve()
    if not target.is_relative_to(Path(root).resolve()):
        raise CassetteWriteError(f"{path}: leads out of {root}, to {target}; nothing was written", path=str(path))
    return target


def _in_milliseconds(exchange: Exchange) -> Exchange:
    if exchange.response is None:
        return exchange
    chunks = tuple(replace(chunk, at=round(chunk.at, 3)) for chunk in exchange.response.chunks)
    return replace(exchange, response=replace(exchange.response, chunks=chunks))


class Writer:
    """A cassette written exchange by exchange, in the memory of one: nothing stands at ``path`` before it is whole.

    What is written is searched for secrets by its caller. ``streams``: whether any exchange has one. ``drop`` ends
    it in any case. Raises ``CassetteWriteError`` as ``save`` does.
    """

    def __init__(self, path: Path, provenance: Provenance, *, streams: bool) -> None:
        self.path, self.size, self.values = path, 0, 0
        self._begun, self._provenance = False, provenance
        self._start = opening(provenance, streams=streams)
        with _explained(path):
            target = _target(path, None)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = _Replacement(target)
        self._put(self._start)

    def finish(self) -> None:
        self._put(CLOSING)
        with _explained(self.path):
            self._file.finish()

    def drop(self) -> None:
        self._file.drop()

    def pause(self) -> None:
        """Close the file until more is written."""
        with _explained(self.path):
            self._file.pause()

    def fits(self, exchange: Exchange) -> bool:
        """Whether the cassette can still be loaded with ``exchange`` in it."""
        data = exchange_text(_in_milliseconds(exchange)).encode()
        return not self._begun or (
            self.size + len(data) <= document.LARGEST // 2
            and self.values + document.values(data) <= document.MOST_VALUES // 2
        )

    def add(self, exchange: Exchange) -> None:
        exchange = _in_milliseconds(exchange)
        text = exchange_text(exchange)
        one = Cassette(self._provenance, (exchange,))
        _refuse_unreadable(f"{self._start}{text}{CLOSING}".encode(), one, self.path)
        self._put(f"{BETWEEN if self._begun else ''}{text}")
        self._begun = True

    def _put(self, text: str) -> None:
        data = text.encode()
        self.size, self.values = self.size + len(data), self.values + document.values(data)
        with _explained(self.path):
            self._file.write(data)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CassetteWriteError(
            f"{path}: could not be written: {_why(error)}; what stood there is untouched", path=str(path)
        ) from error


class _Replacement:
    """A file written beside ``path``, then renamed: a reader gets the old file or the new one."""

    def __init__(self, path: Path) -> None:
        _writable(path)
        _tidy(path)
        self._path = path
        self._name, handle = _temporary(path)
        self._file = os.fdopen(handle, "wb")
        try:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(handle, path.stat().st_mode & 0o7777)
        except OSError:
            self.drop()
            raise

    def write(self, data: bytes) -> None:
        if self._file.closed:
            self._file = self._name.open("ab")
        self._file.write(data)

    def pause(self) -> None:
        self._file.close()

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()  # an import finishes thousands before it drops them
        self._name.replace(self._path)
        _settle(self._path.parent)

    def drop(self) -> None:
        """Close it; no half file stays."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._name.unlink(missing_ok=True)


def _temporary(path: Path) -> tuple[Path, int]:
    """A new file beside ``path``, locked: another save takes those that nobody locks for left over."""
    while True:
        name = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.tmp")
        # The system takes its umask off the mode of a new file.
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return name, handle
        except BaseException:  # Ctrl-C too: no half file stays
            os.close(handle)
            name.unlink(missing_ok=True)
            raise
        os.close(handle)  # a save that looked in between took it away


def _tidy(path: Path) -> None:
    """Remove what killed saves of ``path`` left."""
    pattern = re.compile(re.escape(f".{path.name[:100]}.") + r"[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError):
        for leftover in [one for one in os.scandir(path.parent) if pattern.fullmatch(one.name)]:
            handle = os.open(leftover.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Path(leftover.path).unlink()
            except BlockingIOError:
                pass  # its save is under way
            finally:
                os.close(handle)


def _settle(folder: Path) -> None:
    """Make a rename last over a power failure, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _why(error: OSError) -> str:
    return f"{error.strerror} (errno {error.errno})" if error.strerror else str(error)


def remedy(path: Path) -> str:
    """How to record the cassette that is missing at ``path``."""
    leftover = journal(path)
    if leftover.exists():
        return f"a recording of it was killed: record it again, and what {leftover.name} holds is put beside it"
    ways = '`harness record`, in a test with `pytest --harness-record-mode=once`, in code with `mode="once"`'
    return f"record it with {ways}{', but not in CI' if in_ci() else ''}"
