"""A foreign file as exchanges, clean of secrets: what could be taken over, and what was left."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from harness.cassette.format.document import Cassette, has_stream, to_text
from harness.cassette.importers import bounded, recorders, traces, vcr, walk
from harness.cassette.importers.values import Format, ImportedExchanges, Skipped, SkippedError, filled, one_list
from harness.cassette.secrets.leak_scan import LeakScan
from harness.cassette.secrets.redaction import Redactor
from harness.core.errors import CassetteDamagedError, LeakError, UsageError
from harness.core.exchange import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
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


class NotARecordingError(UsageError):
    """A file that no format knows."""


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

    Raises ``UsageError`` for a file that can't be opened or that no format knows, ``CassetteDamagedError`` for one that
    is broken.
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
