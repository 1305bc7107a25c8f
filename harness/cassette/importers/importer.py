"""A foreign file as exchanges, clean of secrets: what could be taken over, and what was left; and as cassettes in a
folder, where none that stands there is overwritten unless ``overwrite`` is set.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, Self

from harness.cassette.format.document import Cassette, has_stream, to_text
from harness.cassette.importers import bounded, recorders, traces, vcr, walk
from harness.cassette.importers.values import Format, ImportedExchanges, Skipped, SkippedError, filled, one_list
from harness.cassette.secrets.leak_scan import LeakScan
from harness.cassette.secrets.redaction import Redactor
from harness.cassette.storage.paths import escaped
from harness.cassette.storage.store import Writer
from harness.core.errors import CassetteDamagedError, LeakError, UsageError
from harness.core.exchange import Provenance
from harness.core.folders import below, is_there

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.chat import Json
    from harness.core.exchange import Exchange

FORMATS = (
    Format("json-lines", "JSON lines", recorders.looks_json_lines, recorders.json_lines),
    Format("cassetter", "cassetter", vcr.looks_cassetter, vcr.cassetter, lists=vcr.CASSETTER_LISTS),
    one_list("parsed_body", "vcrpy with parsed bodies", vcr.looks_parsed, "interactions", vcr.vcrpy),
    one_list("vcrpy", "vcrpy", vcr.looks_vcrpy, "interactions", vcr.vcrpy),
    one_list("go-vcr", "go-vcr", vcr.looks_go_vcr, "interactions", vcr.go_vcr),
    one_list("ruby-vcr", "Ruby's VCR", vcr.looks_ruby_vcr, "http_interactions", vcr.ruby_vcr),
    Format("httpmock", "Rust's httpmock", recorders.looks_httpmock, recorders.httpmock, recorders.with_host),
    one_list("polly", "Polly.JS or another HAR", recorders.looks_har, "log.entries", recorders.har),
    Format(
        "otlp",
        "OpenTelemetry's GenAI spans",
        traces.looks_otlp,
        traces.otlp,
        lists=("resourceSpans.scopeSpans.spans",),
    ),
    Format("langfuse", "Langfuse's export", traces.looks_langfuse, traces.langfuse, lists=("observations", "data")),
    Format("langsmith", "LangSmith's export", traces.looks_langsmith, traces.langsmith, lists=("runs",)),
    Format(
        "langchain",
        "langchain's gzip",
        vcr.looks_langchain,
        vcr.langchain,
        lists=("requests", "responses"),
        paired=True,
    ),
)
_DETECTED_FROM = 10_000  # elements of a large file until it is no recording
_NUMBER = re.compile(r"(\d+)")
_OPEN = 64
"""How many cassettes are open at a time."""
_OURS, _HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*[0-9]+\s*,\s*"(?:provenance|partial)"'), 300
_ENDS = (".yaml", ".yml", ".json", ".jsonl", ".har", ".gz")


class NotARecordingError(UsageError):
    """A file that no format knows."""


class NoInteractionsError(NotARecordingError):
    """A recording in which nothing is recorded."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file came to: its cassettes by name (empty for a file that is one recording; none where they were written
    as they came), what was left, the secrets, in how many places one was redacted, and how many exchanges were taken.
    """

    format: str
    cassettes: dict[str, Cassette]
    skipped: tuple[Skipped, ...] = ()
    secrets: tuple[str, ...] = ()
    redacted: int = 0
    taken: int = 0


@dataclass(slots=True)
class Group:
    """The exchanges of one cassette, as a first look at the file knows them."""

    exchanges: int = 0
    streams: bool = False
    recorded: str = ""
    source: str = ""

    def add(self, one: ImportedExchanges) -> None:
        self.exchanges += 1
        self.streams = self.streams or has_stream(one.exchange)
        self.recorded = min(filter(None, (self.recorded, one.recorded)), default="")
        self.source = self.source or one.source


def read(path: Path, name: str = "", *, fill: Mapping[str, str] | None = None) -> ImportResult:
    """What ``path`` holds, read as the format called ``name``, or as what it looks like. ``fill`` has what stood where
    the recorder wrote ``<NAME>``. All of it is read into memory, so a file has at most ``bounded.LARGEST`` bytes.

    Raises ``UsageError`` for a file that can't be opened, that no format knows or that holds nothing,
    ``CassetteDamagedError`` for one that is broken.
    """
    return imported(bounded.parsed(bounded.content(path), path), path, name, fill=fill)


def imported(document: Json, path: Path, name: str = "", *, fill: Mapping[str, str] | None = None) -> ImportResult:
    """``read`` of a document that is parsed already; ``path`` is what it is called."""
    made = Import(path, name, fill, document)
    found: dict[str, list[Exchange]] = {}
    for cassette, exchange in made.exchanges():
        found.setdefault(cassette, []).append(exchange)
    return made.result({name: Cassette(made.provenance(name), tuple(group)) for name, group in found.items()})


@dataclass(slots=True)
class Import:
    """A file on its way to cassettes. It is read twice: first to learn its secrets, then to take over what is clean.

    Without ``document`` the file at ``path`` is walked element by element, in the memory of one.
    """

    path: Path
    name: str = ""
    fill: Mapping[str, str] | None = None
    document: Json = None
    groups: dict[str, Group] = field(init=False, default_factory=dict)
    _skipped: list[Skipped] = field(init=False, default_factory=list)
    _taken: int = field(init=False, default=0)
    _redactors: dict[str, Redactor] = field(init=False, default_factory=dict)
    _learner: Redactor = field(init=False, default_factory=Redactor)
    _format: Format = field(init=False)
    _interactions: list[tuple[str, ImportedExchanges]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._format = _named(self.name) if self.name else self._detected()
        for place, one in self._read():
            if isinstance(one, SkippedError):
                self._skipped.append(Skipped(place, str(one)))
                continue
            self._learner.learn(one.exchange.request, one.exchange.response)
            self.groups.setdefault(one.cassette, Group()).add(one)
            if self.document is not None:
                self._interactions.append((place, one))

    def exchanges(self) -> Iterator[tuple[str, Exchange]]:
        """The clean exchanges, each with the name of its cassette, its placeholders numbered as they stand there. What
        still holds a secret is left.
        """
        scan = LeakScan(self._learner.secrets)
        for place, one in self._interactions if self.document is not None else self._read():
            if isinstance(one, SkippedError):
                continue
            redactor = self._redactors.setdefault(one.cassette, self._learner.with_fresh_numbers())
            exchange = redactor.exchange(one.exchange)
            try:
                scan.refuse_exchange(exchange, "")
                scan.refuse_text(to_text(Cassette(self.provenance(one.cassette), (exchange,))), "")
            except LeakError as leak:
                reason = str(leak).strip(": ").removesuffix("; it was not written")
                self._skipped.append(Skipped(place, reason, secret=True))
                continue
            self._taken += 1
            yield one.cassette, exchange

    def provenance(self, cassette: str) -> Provenance:
        """Where the exchanges of ``cassette`` are from, by what they hold themselves."""
        # A path of this machine alone means nothing on others, and two machines are to write the same.
        local = self.path.is_absolute() or ".." in self.path.parts
        source = f"{self.path.name if local else self.path.as_posix()}, {self._format.title}"
        group = self.groups[cassette]
        whole = f"{source}, {group.source}" if group.source else source
        return Provenance("imported", group.recorded, whole.encode("utf-8", "backslashreplace").decode())

    def result(self, cassettes: dict[str, Cassette]) -> ImportResult:
        """What came of it, when all ``exchanges`` were taken."""
        redacted = sum(one.changed for one in self._redactors.values())
        skipped = tuple(self._skipped)
        return ImportResult(self._format.name, cassettes, skipped, self._learner.secrets, redacted, self._taken)

    def _documents(self, formats: Iterable[Format]) -> Iterable[Json]:
        return walk.documents(self.path, formats) if self.document is None else (self.document,)

    def _detected(self) -> Format:
        for document in islice(self._documents(FORMATS), _DETECTED_FROM):
            if found := next((one for one in FORMATS if one.looks(document)), None):
                return found
        if isinstance(self.document, dict) and self.document.get("interactions") == []:
            raise NoInteractionsError(f"{self.path}: vcrpy, no interactions")
        titles = ", ".join(one.title for one in FORMATS)
        raise NotARecordingError(f"{self.path}: looks like no recording that can be imported ({titles})")

    def _read(self) -> Iterator[tuple[str, ImportedExchanges | SkippedError]]:
        """Each interaction with its place in the file, as an exchange or with the reason why it is none."""
        before: dict[str, int] = {}
        for document in self._documents([self._format]):
            filled_document = filled(self._format.prepared(document), self.fill or {})
            count: dict[str, int] = {}
            try:
                for inside, reader in self._format.interactions(filled_document):
                    kind, digits, rest = _NUMBER.split(inside, 1)
                    count[kind] = count.get(kind, 0) + 1
                    place = f"{kind}{int(digits) + before.get(kind, 0)}{rest}"
                    try:
                        yield place, reader()
                    except SkippedError as reason:
                        yield place, reason
            except (TypeError, AttributeError) as error:
                message = f"{self.path}: is no file of {self._format.title}: {error}"
                raise CassetteDamagedError(message, path=str(self.path)) from error
            for kind, many in count.items():
                before[kind] = before.get(kind, 0) + many


def _named(name: str) -> Format:
    found = next((one for one in FORMATS if one.name == name), None)
    if found is None:
        raise UsageError(f"there is no format {name!r}; there are {', '.join(one.name for one in FORMATS)}")
    return found


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
