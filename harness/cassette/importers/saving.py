"""Imported files as cassettes in a folder. None that stands there is overwritten unasked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Self

from harness.cassette.importers import bounded, walk
from harness.cassette.importers.importer import Import
from harness.cassette.storage.paths import escaped
from harness.cassette.storage.store import Writer
from harness.core.errors import UsageError
from harness.core.folders import below, is_there

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.cassette.importers.importer import ImportResult
    from harness.core.exchange import Exchange

_OPEN = 64
"""How many cassettes are open at a time."""
_OURS, _HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*[0-9]+\s*,\s*"(?:provenance|partial)"'), 300
_ENDS = (".yaml", ".yml", ".json", ".jsonl", ".har", ".gz")


@dataclass(frozen=True, slots=True)
class SavedImport:
    """A file that was imported: what it came to, and the cassettes that were written."""

    file: Path
    result: ImportResult
    written: tuple[Path, ...]


def sources(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Each file with the name that its cassette gets: a folder stands for the recordings in it, each in its place;
    our own cassettes in it are none, such as those that an earlier import wrote there.

    Raises ``UsageError`` where two would get one name.
    """
    found: dict[str, Path] = {}
    for file, name in (pair for path in paths for pair in _inside(path)):
        if found.setdefault(name, file) != file:
            raise UsageError(f"{found[name]} and {file} would both become {name}.json; import them to two folders")
    return [(file, name) for name, file in found.items()]


def _inside(path: Path) -> Iterator[tuple[Path, str]]:
    if not (is_there(path) and path.is_dir()):
        yield path, _stem(path.name)
        return
    for file in sorted(below(path)):
        if file.is_file() and file.name.endswith(_ENDS) and not _ours(file):
            parents = file.relative_to(path).parts[:-1]
            yield file, "/".join((*parents, _stem(file.name)))


def _ours(file: Path) -> bool:
    """Whether a file is a cassette of this harness, by how it begins; one that can't be opened is named later."""
    try:
        with file.open("rb") as opened:
            return _OURS.match(opened.read(_HEAD)) is not None
    except OSError:
        return False


def _stem(name: str) -> str:
    """``name`` without its endings. What a file is called elsewhere it may be called here."""
    while name.endswith(_ENDS):
        name = name.rpartition(".")[0]
    return name


def bring(
    file: Path,
    name: str,
    folder: Path,
    *,
    known: str = "",
    overwrite: bool = False,
    fill: Mapping[str, str] | None = None,
    earlier: Collection[Path] = (),
) -> SavedImport:
    """Import ``file`` into ``folder``: as ``name.json``, or as ``name/….json`` where it holds several recordings.

    ``earlier`` are cassettes of the same import: none of them is replaced.
    """
    large = walk.is_large(file)
    made = Import(file, known, fill, None if large else bounded.parsed(bounded.content(file), file))
    targets = _distinct({key: folder / (f"{name}/{_path(key)}.json" if key else f"{name}.json") for key in made.groups})
    if collision := next((path for path in targets.values() if path in earlier), None):
        raise UsageError(f"{file}: {collision} was just written from another file; import them to two folders")
    standing = next((path for path in targets.values() if path.exists() and not overwrite), None)
    if standing:
        raise UsageError(f"{file}: {standing} exists already; --overwrite replaces it")
    with _Writing(made, targets, overwrite=overwrite, taken={*targets.values(), *earlier}) as written:
        for key, exchange in made.exchanges():
            written.add(key, exchange)
    return SavedImport(file, made.result({}), written.paths)


def _distinct(targets: Mapping[str, Path]) -> dict[str, Path]:
    """``targets``, each a file of its own: of several recordings that lead to one path, or to a folder of others, the
    first keeps it, the others have a number behind the name.
    """
    taken = {*targets.values(), *(parent for path in targets.values() for parent in path.parents)}
    free = set(targets.values()) - {parent for path in targets.values() for parent in path.parents}
    numbers: dict[Path, int] = {}
    made = {}
    for key, path in targets.items():
        own = path
        while own not in free:
            numbers[path] = numbers.get(path, 1) + 1
            numbered = path.with_name(f"{path.stem}-{numbers[path]}.json")
            if numbered not in taken:
                own = numbered
                free.add(own)
                taken.add(own)
        free.discard(own)
        made[key] = own
    return made


class _Writing:
    """The cassettes of an import as they are written: none takes its place before all are whole. One that could not be
    loaded for its size goes on in another, ``name.2.json`` or the next number that no recording has.
    """

    def __init__(self, made: Import, targets: Mapping[str, Path], *, overwrite: bool, taken: set[Path]) -> None:
        self._made, self._targets, self._overwrite = made, targets, overwrite
        self._taken = taken
        self._writers: dict[str, list[Writer]] = {}
        self._busy: list[Writer] = []

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(one.path for writers in self._writers.values() for one in writers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        every = [one for writers in self._writers.values() for one in writers]
        try:
            if kind is None:
                for one in every:
                    one.finish()
        finally:
            for one in every:
                one.drop()

    def add(self, key: str, exchange: Exchange) -> None:
        writers = self._writers.setdefault(key, [])
        if not writers or not writers[-1].fits(exchange):
            path = self._targets[key]
            if writers:
                numbered = (path.with_name(f"{path.stem}.{number}.json") for number in count(len(writers) + 1))
                path = next(one for one in numbered if one not in self._taken)
                self._taken.add(path)
            if path.exists() and not self._overwrite:
                raise UsageError(f"{path} exists already; --overwrite replaces it")
            streams = self._made.groups[key].streams
            writers.append(Writer(path, self._made.provenance(key), streams=streams))
        if writers[-1] not in self._busy:
            self._busy.append(writers[-1])
        if len(self._busy) > _OPEN:
            self._busy.pop(0).pause()
        writers[-1].add(exchange)


def _path(name: str) -> str:
    parts = [part for part in name.split("/") if part] or [name]
    return "/".join([*map(_fitting, parts[:-1]), _fitting(_stem(parts[-1]))])


def _fitting(part: str) -> str:
    """``part`` as a file name; one too long for a file is its beginning and a digest of the whole."""
    try:
        return escaped(part)
    except UsageError:
        digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return escaped(f"{part[:10]}-{digest}")
