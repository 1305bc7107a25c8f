"""Imported files as cassettes in a folder. None that stands there is overwritten unasked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.cassette.importers.importer import read
from harness.cassette.storage.paths import escaped
from harness.cassette.storage.store import save
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.cassette.importers.importer import ImportResult

_ENDS = (".yaml", ".yml", ".json", ".jsonl", ".har", ".gz")


@dataclass(frozen=True, slots=True)
class SavedImport:
    """A file that was imported: what it came to, and the cassettes that were written."""

    file: Path
    haul: ImportResult
    written: tuple[Path, ...]


def sources(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Each file with the name that its cassette gets: a folder stands for the recordings in it, each in its place.

    Raises ``UsageError`` where two would get one name.
    """
    found: dict[str, Path] = {}
    for file, name in (pair for path in paths for pair in _inside(path)):
        if found.setdefault(name, file) != file:
            raise UsageError(f"{found[name]} and {file} would both become {name}.json; import them to two folders")
    return [(file, name) for name, file in found.items()]


def _inside(path: Path) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        yield path, _stem(path.name)
        return
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.name.endswith(_ENDS):
            parents = file.relative_to(path).parts[:-1]
            yield file, "/".join((*parents, _stem(file.name)))


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
) -> SavedImport:
    """Import ``file`` into ``folder``: as ``name.json``, or as ``name/….json`` where it holds several recordings."""
    haul = read(file, known, fill=fill)
    targets = {key: folder / (f"{name}/{_path(key)}.json" if key else f"{name}.json") for key in haul.cassettes}
    standing = next((path for path in targets.values() if path.exists() and not overwrite), None)
    if standing:
        raise UsageError(f"{file}: {standing} exists already; --overwrite replaces it")
    for key, path in targets.items():
        save(path, haul.cassettes[key], secrets=haul.secrets)
    return SavedImport(file, haul, tuple(targets.values()))


def _path(name: str) -> str:
    parts = [part for part in name.split("/") if part]
    return "/".join([*map(_fitting, parts[:-1]), _fitting(_stem(parts[-1]))])


def _fitting(part: str) -> str:
    """``part`` as a file name; one too long for a file is its beginning and a digest of the whole."""
    try:
        return escaped(part)
    except UsageError:
        digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return escaped(f"{part[:10]}-{digest}")
