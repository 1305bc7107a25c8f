"""A foreign file as exchanges, clean of secrets: what could be taken over, and what was left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.cassette.format.document import Cassette, to_text
from harness.cassette.importers import bounded
from harness.cassette.importers.formats import FORMATS
from harness.cassette.importers.import_result import ImportedExchanges, Skipped, SkippedError
from harness.cassette.importers.values import filled
from harness.cassette.secrets.leak_scan import LeakScan
from harness.cassette.secrets.redaction import Redactor
from harness.core.errors import CassetteDamagedError, LeakError, UsageError
from harness.core.exchange import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.cassette.importers.import_result import Format
    from harness.core.chat import Json


class NotARecordingError(UsageError):
    """A file that no format knows."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file came to: its cassettes by name (empty for a file that is one recording), what was left, and in how
    many places a secret was redacted.
    """

    format: str
    cassettes: dict[str, Cassette]
    left: tuple[Skipped, ...] = ()
    secrets: tuple[str, ...] = ()
    redacted: int = 0

    @property
    def taken(self) -> int:
        return sum(len(one.exchanges) for one in self.cassettes.values())


def read(path: Path, name: str = "", *, fill: Mapping[str, str] | None = None) -> ImportResult:
    """What ``path`` holds, read as the format called ``name``, or as what it looks like. ``fill`` says what stood where
    the recorder wrote ``<NAME>``.

    Raises ``UsageError`` for a file that can't be opened or that no format knows, ``CassetteDamagedError`` for one that
    is broken.
    """
    return hauled(bounded.parsed(bounded.content(path), path), path, name, fill=fill)


def hauled(document: Json, path: Path, name: str = "", *, fill: Mapping[str, str] | None = None) -> ImportResult:
    """``read`` of a document that is parsed already; ``path`` is what it is called."""
    known = _known(document, path, name)
    document = filled(known.prepared(document), fill or {})
    found: list[tuple[str, ImportedExchanges]] = []
    left: list[Skipped] = []
    try:
        for place, reader in known.interactions(document):
            try:
                found.append((place, reader()))
            except SkippedError as reason:
                left.append(Skipped(place, str(reason)))
    except (TypeError, AttributeError) as error:
        raise CassetteDamagedError(f"{path}: is no file of {known.says}: {error}", path=str(path)) from error
    # A path of this machine alone says nothing to others, and two machines are to write the same.
    local = path.is_absolute() or ".." in path.parts
    source = f"{path.name if local else path.as_posix()}, {known.says}"
    return _clean(known, found, left, source)


def _known(document: Json, path: Path, name: str) -> Format:
    if name:
        named = next((one for one in FORMATS if one.name == name), None)
        if named is None:
            raise UsageError(f"there is no format {name!r}; there are {', '.join(one.name for one in FORMATS)}")
        return named
    found = next((one for one in FORMATS if one.looks(document)), None)
    if found is None:
        says = ", ".join(one.says for one in FORMATS)
        raise NotARecordingError(f"{path}: looks like no recording that can be imported ({says})")
    return found


def _clean(known: Format, found: list[tuple[str, ImportedExchanges]], left: list[Skipped], source: str) -> ImportResult:
    """Secrets that any request carries are taken out of all; what still holds one is left."""
    redactor = Redactor()
    for _, one in found:
        redactor.learn(one.exchange.request, one.exchange.response)
    gate = LeakScan(redactor.secrets)
    groups: dict[str, list[ImportedExchanges]] = {}
    for place, one in found:
        if leak := _leak(gate, replace(one, exchange=redactor.exchange(one.exchange)), source):
            left.append(Skipped(place, leak, secret=True))
        else:
            groups.setdefault(one.cassette, []).append(one)
    changed = redactor.changed
    cassettes = {name: _cassette(group, source, redactor.afresh()) for name, group in groups.items()}
    return ImportResult(known.name, cassettes, tuple(left), redactor.secrets, changed)


def _leak(gate: LeakScan, one: ImportedExchanges, source: str) -> str:
    try:
        gate.refuse_exchange(one.exchange, "")
        gate.refuse_text(to_text(Cassette(_provenance([one], source), (one.exchange,))), "")
    except LeakError as leak:
        return str(leak).strip(": ").removesuffix("; it was not written")
    return ""


def _cassette(group: list[ImportedExchanges], source: str, redactor: Redactor) -> Cassette:
    """Redacted by one that numbers its placeholders as they stand in this cassette."""
    return Cassette(_provenance(group, source), tuple(redactor.exchange(one.exchange) for one in group))


def _provenance(group: list[ImportedExchanges], source: str) -> Provenance:
    recorded = min((one.recorded for one in group if one.recorded), default="")
    more = next((one.source for one in group if one.source), "")
    whole = f"{source}, {more}" if more else source
    return Provenance("imported", recorded, whole.encode("utf-8", "backslashreplace").decode())
