"""Large foreign files, element by element: of the lists that hold interactions one element is in memory at a time.

Each element comes as a document of its own, in the lists and objects that it stands in, so that the formats read it as
they read a small file.
"""

from __future__ import annotations

import codecs
import json
import re
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from harness.cassette.importers import bounded
from harness.cassette.importers.bounded import LARGEST, Bytes, Count, Lines, damaged, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from harness.cassette.importers.values import Format
    from harness.core.chat import Json

SMALL = 8 * 2**20
"""How many bytes a file may have, unpacked, to be read at once."""

_Names: TypeAlias = "dict[str, _Names]"
_PIECE = 2**18
_DECODER = json.JSONDecoder(object_pairs_hook=bounded.unique, parse_constant=bounded.no_constant)
_NEAR = 16  # how far before the end of what was read a literal of JSON may be cut
_SPACE = re.compile(r"[ \t\r\n]*")


def is_large(path: Path) -> bool:
    with Bytes(path) as file:
        return len(file.read(SMALL + 1)) > SMALL


def documents(path: Path, formats: Iterable[Format]) -> Iterator[Json]:
    """The elements of the file at ``path``, each as a document that one of ``formats`` can read.

    Raises ``CassetteDamagedError`` with the place, for an element of more than ``LARGEST`` bytes too.
    """
    formats = tuple(formats)
    paired = next((one.lists for one in formats if one.paired), ())
    empty: dict[str, Json] = {name: [] for name in paired}
    if len(formats) == 1 and paired:
        for parts in zip_longest(*(_elements(path, {name: {}}) for name in paired), fillvalue={}):
            yield {**empty, **{name: one for part in parts for name, one in part.items()}}
        return
    for one in _elements(path, _tree(name for known in formats for name in known.lists)):
        yield {**empty, **one} if isinstance(one, dict) and one.keys() <= empty.keys() else one


def _tree(lists: Iterable[str]) -> _Names:
    made: _Names = {}
    for path in lists:
        place = made
        for name in path.split("."):
            place = place.setdefault(name, {})
    return made


def _elements(path: Path, names: _Names) -> Iterator[Json]:
    with Bytes(path) as file:
        yield from _read(_Text(file, path), names)


def _read(text: _Text, names: _Names) -> Iterator[Json]:
    with readable(text.path, lambda: text.lines):
        begun = text.begins_as_json()
        if begun and _has_lines(text.path):
            yield from _lines(text)
            return
        cursor: Any = _JsonCursor(text) if begun else _YamlCursor(text)
        while cursor.more():
            yield from _walked(cursor, names, lambda one: one, root=True)


def _has_lines(path: Path) -> bool:
    """Whether the file holds JSON lines: its first line is an object by itself, and another follows."""
    with Bytes(path) as file:
        line, newline, rest = file.read(SMALL).lstrip(codecs.BOM_UTF8 + b" \t\r\n").partition(b"\n")
        if newline:
            try:
                return isinstance(bounded.loads(line.decode()), dict)
            except ValueError:
                return False
        while not newline and (piece := file.read(_PIECE)):
            more, newline, rest = piece.partition(b"\n")
            line = (line[-_NEAR:] + more)[-_NEAR:]
        while not rest.strip() and (piece := file.read(_PIECE)):
            rest = piece
        return line.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")


def _lines(text: _Text) -> Iterator[Json]:
    parts: list[str] = []
    while piece := text.read():
        first, newline, rest = piece.partition("\n")
        parts.append(first)
        if newline:
            *whole, last = rest.split("\n")
            text.since = len(last)
            yield from (Lines((bounded.line(one),)) for one in ("".join(parts), *whole) if one.strip())
            parts = [last]
    if (one := "".join(parts)).strip():
        yield Lines((bounded.line(one),))


def _walked(cursor: Any, names: _Names, wrap: Callable[[Json], Json], *, root: bool = False) -> Iterator[Json]:
    """What stands in the lists that ``names`` lead to. A YAML document that has none of them comes whole: those of a
    file of several are its elements.
    """
    kind = cursor.kind()
    if kind == "object" and names:
        yield from _named(cursor, names, wrap, root=root)
    elif kind == "list":
        for _ in cursor.inside():
            if root or not names:
                yield wrap([cursor.value()])
            else:
                yield from _walked(cursor, names, lambda one: wrap([one]))
    else:
        value = cursor.value()
        yield from [wrap(value)] if root or not names else []


def _named(cursor: Any, names: _Names, wrap: Callable[[Json], Json], *, root: bool) -> Iterator[Json]:
    found_names: set[str] = set()
    rest: dict[str, Json] | None = {} if root and cursor.several else None
    for name in cursor.inside():
        if name in found_names:
            raise ValueError("a key stands twice")
        found_names.add(name)
        if name in names:
            rest = None
            yield from _walked(cursor, names[name], partial(_inside, wrap, name))
        else:
            value = cursor.value(element=False)
            if rest is not None:
                rest[name] = value
    if rest is not None:
        yield Lines((rest,))


def _inside(wrap: Callable[[Json], Json], name: str, one: Json) -> Json:
    return wrap({name: one})


class _Text:
    """The text of a file in pieces. ``since`` counts the letters that came since it was last set."""

    def __init__(self, file: Bytes, path: Path) -> None:
        self._file, self.path = file, path
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._pending = ""
        self.lines, self.since = 1, 0

    def begins_as_json(self) -> bool:
        """Nothing is taken by looking."""
        pending = ""
        while not pending.lstrip() and (piece := self.read()):
            pending = piece
        self._pending = pending
        return self._pending.lstrip()[:1] in {"{", "["}

    def read(self, _size: int = 0) -> str:
        """The next piece, some letters whatever the size; empty at the end."""
        if self._pending:
            pending, self._pending = self._pending, ""
            return pending
        text, data = "", b"?"
        while not text and data:
            data = self._file.read(_PIECE)
            try:
                text = self._decode(data, not data)
            except UnicodeDecodeError as error:
                line = self.lines + error.object.count(b"\n", 0, error.start)
                raise damaged(self.path, "is not UTF-8", f"line {line}") from error
        self.lines += text.count("\n")
        self.since += len(text)
        if self.since > LARGEST:
            raise damaged(self.path, f"holds an element of more than {LARGEST >> 20} MB", f"line {self.lines}")
        return text


class _JsonCursor:
    """A place in a JSON text."""

    several = False

    def __init__(self, source: _Text) -> None:
        self._source = source
        self._text, self._at, self._begun = "", 0, False

    def more(self) -> bool:
        """Whether a document begins here: the only one."""
        if self._begun and self._peek():
            raise self._wrong("Extra data")
        self._begun = not self._begun
        return self._begun

    def kind(self) -> str:
        return {"{": "object", "[": "list"}.get(self._peek(), "")

    def inside(self) -> Iterator[str]:
        """The names of an object, or nothing for each element of a list; each time the value is to be taken."""
        end = {"{": "}", "[": "]"}[self._peek()]
        self._at += 1
        if self._peek() == end:
            self._at += 1
            return
        found = ","
        while found == ",":
            name = ""
            if end == "}":
                if self._peek() != '"':
                    raise self._wrong("Expecting property name enclosed in double quotes")
                name = self.value()
                self._expect(":")
            yield name
            found = self._expect(f",{end}")

    def value(self, *, element: bool = True) -> Json:  # noqa: ARG002 - as the other cursor has it
        self._peek()
        while True:
            try:
                made, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _NEAR
                if not cut or not self._fill():
                    raise self._wrong(error.msg) from error
            else:
                goes_on = isinstance(made, int | float) and end + _NEAR > len(self._text)  # its digits may: `1.`, `5`
                length = end - self._at
                if (end < len(self._text) and not goes_on) or not self._fill():
                    self._at += length
                    return made

    def _peek(self) -> str:
        """The next letter that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def _expect(self, letters: str) -> str:
        found = self._peek()
        if not found or found not in letters:
            raise self._wrong(f"Expecting {letters[0]!r}")
        self._at += 1
        return found

    def _fill(self) -> bool:
        """Read on, as much again as there is: an element is tried a few times at most."""
        parts = [self._text[self._at :]]
        missing = max(1, len(parts[0]))
        if missing > LARGEST:
            raise damaged(self._source.path, f"holds an element of more than {LARGEST >> 20} MB", self._place())
        while missing > 0 and (piece := self._source.read()):
            self._source.since = 0
            parts.append(piece)
            missing -= len(piece)
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1

    def _place(self) -> str:
        return f"line {self._source.lines - self._text.count(chr(10), self._at)}"

    def _wrong(self, what: str) -> Exception:
        return damaged(self._source.path, f"it is no JSON ({what})", self._place())


_Composer: Any = yaml.composer.Composer


class _Nodes(bounded.Loader, _Composer):  # type: ignore[misc]  # its bases are chosen at run time
    """libyaml's events, counted, and PyYAML's own composer, which makes one node at a time."""

    def __init__(self, text: _Text) -> None:
        super().__init__(text)
        self.anchors: dict[str, Any] = {}
        self.count, self.start = Count(), 0

    def get_event(self) -> Any:
        event = super().get_event()
        self.count.add(event, event.end_mark.index - self.start)
        return event


class _YamlCursor:
    """A place in YAML's events."""

    several = True

    def __init__(self, text: _Text) -> None:
        self._text, self._nodes = text, _Nodes(text)
        self._nodes.get_event()
        self._begun = False

    def more(self) -> bool:
        """Whether another document begins here."""
        if self._begun:
            self._nodes.get_event()
        self._nodes.anchors = {}
        self._begun = not self._nodes.check_event(yaml.StreamEndEvent)
        if self._begun:
            self._nodes.get_event()
        return self._begun

    def kind(self) -> str:
        if self._nodes.check_event(yaml.MappingStartEvent):
            return "object"
        return "list" if self._nodes.check_event(yaml.SequenceStartEvent) else ""

    def inside(self) -> Iterator[str]:
        """As the other cursor's."""
        named = isinstance(self._nodes.get_event(), yaml.MappingStartEvent)
        while not self._nodes.check_event(yaml.MappingEndEvent, yaml.SequenceEndEvent):
            name = self._nodes.compose_node(None, None).value if named else ""
            if not isinstance(name, str):
                raise ValueError("a name is no text")  # noqa: TRY004 - it is the file's mistake
            yield name
        self._nodes.get_event()

    def value(self, *, element: bool = True) -> Json:
        if element:
            self._nodes.count.total, self._text.since = 0, 0
            self._nodes.start = self._nodes.peek_event().start_mark.index
        return self._nodes.construct_document(self._nodes.compose_node(None, None))
