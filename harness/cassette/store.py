"""Cassettes on disk: read whole or not at all, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cassette.document import Cassette, from_bytes, to_text
from harness.cassette.redaction import refuse_leaks
from harness.errors import CassetteDamagedError, CassetteMissingError, CassetteWriteError

if TYPE_CHECKING:
    from collections.abc import Iterable


def load(path: Path | str) -> Cassette:
    """The cassette at ``path``.

    Raises ``CassetteMissingError``, ``CassetteDamagedError`` or ``CassetteTooNewError``, each with file and place.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CassetteMissingError(
            f"{path}: there is no such cassette; record it with `harness record`", path=str(path)
        ) from error
    except OSError as error:
        raise CassetteDamagedError(f"{path}: can't be read: {error.strerror}", path=str(path)) from error
    return from_bytes(data, str(path))


def save(path: Path | str, cassette: Cassette, *, secrets: Iterable[str] = ()) -> None:
    """Write ``cassette`` to ``path``: what stood there stays until the new file is whole.

    The text is read back before it takes the old one's place. Raises ``LeakError`` if a secret is in it (one of
    ``secrets``, one of the environment's, or anything shaped like a provider's key), ``CassetteWriteError`` with
    the reason if it can't be written.
    """
    path = Path(path)
    text = to_text(cassette)
    refuse_leaks(text, str(path), secrets)
    if from_bytes(text.encode(), str(path)) != cassette:
        raise CassetteWriteError(
            f"{path}: would not read back as what was recorded; nothing was written", path=str(path)
        )
    if path.is_symlink():
        raise CassetteWriteError(f"{path}: is a symbolic link; give the file that it points to", path=str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text.encode())
    except OSError as error:
        raise CassetteWriteError(
            f"{path}: could not be written: {error.strerror} (errno {error.errno}); the old file is untouched",
            path=str(path),
        ) from error


def _replace(path: Path, data: bytes) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
