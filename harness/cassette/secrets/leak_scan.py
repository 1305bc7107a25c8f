"""The second lock: what is to be written is searched for secrets once more, and not written if one is found. Files,
folders and what is staged for a commit are searched in the same way.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from harness.cassette.format import encodings
from harness.cassette.format.document import from_bytes
from harness.cassette.secrets import edits, rules, shapes
from harness.cassette.secrets.nested_encodings import PACKED, runs, unfolded
from harness.core.errors import CassetteError, LeakError, UsageError
from harness.core.exchange import header
from harness.core.folders import below, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from harness.core.exchange import Exchange, Headers


_BLOCK = 16 * 2**20
_OVERLAP = 2**16
_TOGETHER = 2**20
_BETWEEN = b"\n\n"  # no other writing goes on over it
_OURS = b'{\n "format": '
_SKIPPED = {".git"}
_LINKS_AND_MODULES = ("120000", "160000")
_IN_PIECES = ", in pieces over a stream"
_PLAIN_EVENT = re.compile(rb"^data: ?([^\r\n{\[][^\r\n]*)", re.MULTILINE)


class LeakScan:
    """Refuses what holds one of ``secrets``, one of the environment's, or anything shaped like a key."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = shapes.known_secrets(secrets)
        self._plainly = [form for secret in known for form in shapes.forms(secret)]
        self._forms = [*self._plainly, *(form for secret in known for form in shapes.coded(secret))]
        self._pieces = shapes.Pieces(known)

    def holds(self, text: str) -> bool:
        """Whether a secret, or a part of one, stands in a message."""
        data = text.encode("utf-8", "surrogatepass")
        return next(self._plain(data, self._forms), None) is not None or self._folded(data, cut=True) is not None

    def hits(self, data: bytes) -> Iterator[tuple[str, int]]:
        """All that is found, not only the first, with their places; the surest first."""
        yield from self._plain(data, self._forms)
        if hidden := self._folded(data):
            yield f"{hidden}, in another writing", self._place(data)

    def refuse_text(self, text: str, path: str) -> None:
        """Raise ``LeakError`` with the line if ``text`` holds a secret."""
        data = text.encode("utf-8", "surrogatepass")
        if found := self._found(data):
            what, start = found
            line = data.count(b"\n", 0, start) + 1
            raise LeakError(f"{path}: line {line} holds {what}; it was not written")

    def refuse_exchange(self, exchange: Exchange, path: str) -> None:
        """Raise ``LeakError`` with the part if ``exchange`` holds a secret, in raw bytes or over chunks."""
        request, response = exchange.request, exchange.response
        parts = {
            "the URL": request.url.encode("utf-8", "surrogatepass"),
            "the request's headers": json.dumps(request.headers).encode(),
            "the request's body": request.body,
        }
        if response is not None:
            parts["the response's headers"] = json.dumps(response.headers).encode()
            parts["the response's body"] = response.body
        if exchange.failure is not None:
            parts["the failure"] = exchange.failure.detail.encode("utf-8", "surrogatepass")
        for name, data in parts.items():
            headers = request.headers if name.startswith("the request") else response.headers if response else ()
            if found := self._found(data) or (self._in_body(data, headers) if name.endswith("body") else None):
                # The URL is shown only where it is clean, which is known by then.
                url = request.url.partition("?")[0] if name != "the URL" else "…"
                where = f"{name} of {request.method} {url}"
                raise LeakError(f"{path}: {where} holds {found[0]}; it was not written")

    def _in_body(self, data: bytes, headers: Headers) -> tuple[str, int] | None:
        for inner, how in _inside(data, headers):
            if found := self._found(inner):
                return f"{found[0]}{how}", 0
        return None

    def clean(self, data: bytes) -> bool:
        """Whether nothing is found."""
        return self._found(data) is None

    def _found(self, data: bytes) -> tuple[str, int] | None:
        return next(self.hits(data), None)

    def _place(self, data: bytes) -> int:
        """The first line that holds a hidden secret by itself, or the run of letters in it that does."""
        place = 0
        for line in data.splitlines(keepends=True):
            if self._folded(line):
                return next((place + start for start, end in runs(line) if self._folded(line[start:end])), place)
            place += len(line)
        return 0

    def _folded(self, data: bytes, *, cut: bool = False) -> str | None:
        found = (hit for inner in unfolded(data, cut=cut) for hit in self._plain(inner, self._plainly))
        return next((what for what, _ in found), None)

    def _plain(self, data: bytes, forms: Iterable[bytes]) -> Iterator[tuple[str, int]]:
        for form in forms:
            for at in shapes.places(data, form):
                yield "a known secret", at
        for start, _, _ in self._pieces.runs(data):
            yield "a piece of a known secret", start
        for start, _, name in rules.shaped(data):
            yield f"what looks like {name}", start


def read_only_by_readers(exchange: Exchange) -> Iterator[bytes]:
    """What does not stand in one piece in the text of a cassette that holds ``exchange``."""
    request, response = exchange.request, exchange.response
    chunks = [chunk.data for chunk in response.chunks] if response else []
    for body, headers in ((request.body, request.headers), (b"".join(chunks), response.headers if response else ())):
        yield from (inner for inner, _ in _inside(body, headers))
        if b"\n" in body and body[:1] not in {b"{", b"["} and not (edits.streamed(body) and len(chunks) == 1):
            yield body
    if any(not one.endswith(b"\n") for one in chunks[:-1]):
        yield b"".join(chunks)


def _inside(data: bytes, headers: Headers) -> Iterator[tuple[bytes, str]]:
    """What only a reader of a body gets: packed, or in pieces over the events of a stream; and how it stands there."""
    coding = header(headers, "content-encoding")
    inner = encodings.expanded(data, coding) if coding else b""
    if inner and inner != data:
        yield inner, ""
        yield from _inside(inner, ())
    if edits.streamed(data):
        if plain := b"".join(_PLAIN_EVENT.findall(data)):
            yield plain, _IN_PIECES
        for _, pieces in edits.channels(edits.events(data)):
            yield "".join(text for _, _, text in pieces).encode("utf-8", "surrogatepass"), _IN_PIECES


def put_aside(text: str, name: str) -> Path:
    """Keep what was caught where only its owner can read it, outside any repository; its path."""
    folder = state_folder() / "caught"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 0
    while True:
        path = folder / f"{name[:100]}.{number}.json"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path


class Leak(NamedTuple):
    """A secret in ``file``: ``place`` is a line or a part, ``what`` its kind. The secret itself is never in it."""

    file: str
    place: str
    what: str


class Audit:
    """A search under way. ``files`` and ``size`` count what was searched."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._scan = LeakScan(secrets)
        self.files = 0
        self.size = 0

    def paths(self, paths: Iterable[Path]) -> Iterator[Leak]:
        """All files at and below ``paths``, each once; symbolic links are not followed. Raises ``UsageError``."""
        yield from self._several(map(_content, _once(file for path in paths for file in _below(path))))

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
        if self._scan.clean(_BETWEEN.join(parts)):
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
            for what, at in self._scan.hits(block):
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
        if not self._scan.clean(_BETWEEN.join(parts)):
            for number, part in enumerate(parts):
                if not self._scan.clean(part):
                    yield Leak(name, f"exchange {number}", "a secret, put together from its pieces")


def _exchanges(data: bytes, name: str) -> Iterator[list[bytes]]:
    """What stands in pieces in a cassette, and whole in the bodies that it is read as, for each exchange."""
    if data.startswith(_OURS):
        try:
            yield from (list(read_only_by_readers(one)) for one in from_bytes(data, name).exchanges)
        except CassetteError:
            return  # it is somebody else's, or damaged; its text was searched


def _once(files: Iterable[Path]) -> Iterator[Path]:
    known: set[str] = set()
    for file in files:
        if (place := os.path.normpath(file.absolute())) not in known:
            known.add(place)
            yield file


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
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git can't list what is staged: {lines[-1] if lines else done.returncode}")
    return done.stdout
