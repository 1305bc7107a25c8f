"""Files, folders, and what is staged for a commit, searched for secrets."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from harness.cassette.format.document import from_bytes
from harness.cassette.secrets.leak_scan import LeakScan, read_only_by_readers
from harness.cassette.secrets.nested_encodings import PACKED
from harness.core.errors import CassetteError, UsageError
from harness.core.folders import below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BLOCK = 16 * 2**20
_OVERLAP = 2**16
_TOGETHER = 2**20
_BETWEEN = b"\n\n"  # no other writing goes on over it
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
        yield from self._several(map(_content, (file for path in given for file in _below(path))))

    def staged(self) -> Iterator[Leak]:
        """What the next commit would add or change. Raises ``UsageError`` outside a git repository."""
        yield from self._several(_staged())

    def _several(self, files: Iterable[tuple[bytes, str]]) -> Iterator[Leak]:
        """Small files together: where nothing is found in all of them, each is clean."""
        some: list[tuple[bytes, str]] = []
        size = 0
        for one in files:
            if len(one[0]) > _TOGETHER or one[0][:2] in PACKED:
                yield from self.data(*one)
                continue
            some.append(one)
            size += len(one[0])
            if size > _TOGETHER:
                yield from self._together(some)
                some, size = [], 0
        yield from self._together(some)

    def _together(self, some: list[tuple[bytes, str]]) -> Iterator[Leak]:
        parts = [
            part for data, name in some for part in (data, *(inner for one in _exchanges(data, name) for inner in one))
        ]
        if self._gate.clean(_BETWEEN.join(parts)):
            self.files += len(some)
            self.size += sum(len(data) for data, _ in some)
            return
        for data, name in some:
            yield from self.data(data, name)

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
        if found:
            return
        parts = [_BETWEEN.join(one) for one in _exchanges(data, name)]
        if not self._gate.clean(_BETWEEN.join(parts)):
            for number, part in enumerate(parts):
                if not self._gate.clean(part):
                    yield Leak(name, f"exchange {number}", "a secret, put together from its pieces")


def _exchanges(data: bytes, name: str) -> Iterator[list[bytes]]:
    """What stands in pieces in a cassette, and whole in the bodies that it is read as, for each exchange."""
    if data.startswith(_OURS):
        try:
            yield from (list(read_only_by_readers(one)) for one in from_bytes(data, name).exchanges)
        except CassetteError:
            return  # it is somebody else's, or damaged; its text was searched


def _content(file: Path) -> tuple[bytes, str]:
    try:
        return file.read_bytes(), str(file)
    except OSError as error:
        raise UsageError(f"{file}: can't be searched: {error.strerror}") from error


def _staged() -> Iterator[tuple[bytes, str]]:
    _git("rev-parse", "--git-dir")
    listed = _git("diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=AM").split(b"\0")
    for head, name in zip(listed[::2], listed[1::2], strict=False):
        _, mode, _, blob, _ = head.decode().split(" ")
        if mode not in _LINKS_AND_MODULES:
            yield _git("cat-file", "blob", blob), os.fsdecode(name)


def _below(path: Path) -> Iterator[Path]:
    if stat.S_ISDIR(_mode(path)):
        for place in below(path, _SKIPPED):
            if stat.S_ISREG(_mode(place)):
                yield place
    elif stat.S_ISREG(_mode(path)):
        yield path


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from error


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)  # noqa: S603, S607 - words of ours
    except FileNotFoundError as error:
        raise UsageError("git is not installed, so nothing is staged; give paths instead") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git can't tell what is staged: {told[-1] if told else done.returncode}")
    return done.stdout
