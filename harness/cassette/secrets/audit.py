"""Files, folders, and what is staged for a commit, searched for secrets."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.cassette.format.document import from_bytes
from harness.cassette.secrets.leak_scan import LeakScan
from harness.core.errors import CassetteError, LeakError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLOCK = 16 * 2**20
_OVERLAP = 2**16
_OURS = b'{\n "format": '
_SKIPPED = {".git"}
_LINKS_AND_MODULES = ("120000", "160000")


class Leak(NamedTuple):
    """A secret in ``file``: ``place`` is a line or a part, ``what`` its kind. The secret itself is nowhere told."""

    file: str
    place: str
    what: str


class Audit:
    """A search under way. ``files`` and ``size`` say how much was searched."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._gate = LeakScan(secrets)
        self.files = 0
        self.size = 0

    def paths(self, given: Iterable[Path]) -> Iterator[Leak]:
        """All files at and below ``given``; symbolic links are not followed. Raises ``UsageError``."""
        for path in given:
            for file in _below(path):
                try:
                    data = file.read_bytes()
                except OSError as error:
                    raise UsageError(f"{file}: can't be searched: {error.strerror}") from error
                yield from self.data(data, str(file))

    def staged(self) -> Iterator[Leak]:
        """What the next commit would add or change. Raises ``UsageError`` outside a git repository."""
        _git("rev-parse", "--git-dir")
        listed = _git("diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=AM").split(b"\0")
        for head, name in zip(listed[::2], listed[1::2], strict=False):
            _, mode, _, blob, _ = head.decode().split(" ")
            if mode not in _LINKS_AND_MODULES:
                yield from self.data(_git("cat-file", "blob", blob), os.fsdecode(name))

    def data(self, data: bytes, name: str) -> Iterator[Leak]:
        self.files += 1
        self.size += len(data)
        found: dict[int, str] = {}
        for start in range(0, max(1, len(data)), _BLOCK):
            block = data[start : start + _BLOCK + _OVERLAP] if len(data) > _BLOCK else data
            for what, at in self._gate.hits(block):
                found.setdefault(start + at, what)
        ranks = {at: rank for rank, at in enumerate(found)}  # the surest come first
        lines: dict[int, int] = {}
        line, last = 1, 0
        for at in sorted(found):
            line, last = line + data.count(b"\n", last, at), at
            lines[line] = min(at, lines.get(line, at), key=ranks.__getitem__)
        for line, at in lines.items():
            yield Leak(name, f"line {line}", found[at])
        if not found and data.startswith(_OURS):
            yield from self._exchanges(data, name)

    def _exchanges(self, data: bytes, name: str) -> Iterator[Leak]:
        """What stands in pieces in a cassette, and whole in the bodies that it is read as."""
        try:
            exchanges = from_bytes(data, name).exchanges
        except CassetteError:
            return  # it is somebody else's, or damaged; its text was searched
        for number, exchange in enumerate(exchanges):
            try:
                self._gate.refuse_exchange(exchange, name)
            except LeakError:
                yield Leak(name, f"exchange {number}", "a secret, put together from its pieces")


def _below(path: Path) -> Iterator[Path]:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if stat.S_ISREG(mode):
        yield path
    elif stat.S_ISDIR(mode):
        for folder, inner, files in os.walk(path):
            inner[:] = sorted(set(inner) - _SKIPPED)
            places = (Path(folder) / file for file in sorted(files))
            yield from (place for place in places if stat.S_ISREG(place.lstat().st_mode))


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)  # noqa: S603, S607 - words of ours
    except FileNotFoundError as error:
        raise UsageError("git is not installed, so nothing is staged; give paths instead") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git can't tell what is staged: {told[-1] if told else done.returncode}")
    return done.stdout
