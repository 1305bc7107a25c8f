"""YAML into JSON values, each with the line it stands on.

Read from the parser's events, with a stack of our own: depth and size are bounded, nothing is
evaluated, and only JSON's own words are anything but text (``no`` and ``2026-01-01`` stay text).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands: the keys and indexes that lead to it."""

DEEPEST = 64
MOST_VALUES = 200_000
MOST_BYTES = 5_000_000
_MOST_DIGITS = 300
_EMPTY = "the file is empty"

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class SuiteFault:
    """One mistake: its line (counted from 1), the path of the value, and what is wrong with it."""

    line: int
    path: Path
    what: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file as JSON, the line of each path in it, and what is wrong with it as YAML."""

    value: Json
    lines: dict[Path, int]
    faults: tuple[SuiteFault, ...]

    def line(self, path: Path) -> int:
        """The line of the value at ``path``, or of the nearest that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _UnreadableError(Exception):
    """Nothing more can be read from this file."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.fault = SuiteFault(line, (), what)


def read(data: bytes) -> Document:
    """The document in ``data``. Whatever is wrong is in ``faults``; nothing is raised."""
    reader = _Reader()
    try:
        text = _text(data)
        for event in _events(text):
            reader.take(event)
    except _UnreadableError as stop:
        return Document(None, {(): 1}, (*reader.faults, stop.fault))
    if reader.root is None:
        reader.faults.append(SuiteFault(1, (), _EMPTY))
    return Document(reader.root, reader.lines, tuple(reader.faults))


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise _UnreadableError(1, f"the file is larger than {MOST_BYTES:,} bytes; split the suite")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _UnreadableError(line, "this is not UTF-8; save the file as UTF-8") from error
    if not text.strip():
        raise _UnreadableError(1, _EMPTY)
    return text


def _cause(text: str, line: int, what: str) -> _UnreadableError:
    """Why YAML stopped at ``line``: the two commonest reasons in plain words, else the parser's."""
    lines = text.rstrip("\n").split("\n")
    line = min(line, len(lines))  # the parser may stop behind the last one
    for number, written in enumerate(lines[: line + 1], 1):
        if written.startswith(("<<<<<<<", ">>>>>>>", "=======")):
            return _UnreadableError(number, "this is the mark of a merge conflict; resolve it first")
        if number >= line - 1 and "\t" in written[: len(written) - len(written.lstrip())]:
            return _UnreadableError(number, "a tab indents this line; YAML takes only spaces")
    return _UnreadableError(line, f"this is not YAML: {what}")


def _events(text: str) -> Iterator[Any]:
    import yaml  # noqa: PLC0415 - only when a suite is read

    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise _cause(text, mark.line + 1 if mark else 1, what) from error
    except yaml.YAMLError as error:
        raise _cause(text, 1, str(error).splitlines()[0]) from error


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    value: list[Json] | dict[str, Json]
    path: Path
    size_before: int
    anchor: str | None
    key: str | None = None
    doubled: bool = False


@dataclass(slots=True)
class _Reader:
    root: Json = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[SuiteFault] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Json, int]] = field(default_factory=dict)
    size: int = 0
    documents: int = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                raise _UnreadableError(line, "a second document starts here; one file holds one suite")
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            self._refuse_tag(event, line)
            self._open({} if kind == "MappingStartEvent" else [], event.anchor, line)
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            closed = self.stack.pop()
            self._name(closed.anchor, closed.value, self.size - closed.size_before)
        elif kind == "ScalarEvent":
            self._scalar(event, line)
        elif kind == "AliasEvent":
            self._alias(event.anchor, line)

    def _scalar(self, event: Any, line: int) -> None:
        if self._awaits_key():
            self._key(event.value, line)
            return
        self._refuse_tag(event, line)
        value = self._plain(event.value, line) if not event.style and event.implicit[0] else event.value
        self._name(event.anchor, value, 1)
        self._put(value, line, 1)

    def _plain(self, text: str, line: int) -> Json:
        """What an unquoted word stands for: JSON's own words and numbers, else itself."""
        if text in _WORDS:
            return _WORDS[text]
        if not _NUMBER.fullmatch(text):
            return text
        if len(text) > _MOST_DIGITS:
            self.faults.append(
                SuiteFault(line, self._here(), f"a number of {len(text)} characters; quote it to make it text")
            )
            return 0
        number = int(text) if _INTEGER.fullmatch(text) else float(text)
        if not math.isfinite(number):
            self.faults.append(SuiteFault(line, self._here(), f"{text} is too large for a number"))
            return 0
        return number

    def _awaits_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _here(self) -> Path:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.path, len(top.value) if isinstance(top.value, list) else str(top.key))

    def _key(self, key: str, line: int) -> None:
        top = self.stack[-1]
        path = (*top.path, key)
        if key == "<<":
            self.faults.append(SuiteFault(line, top.path, "merge keys (<<) are not read; write the keys out"))
        top.doubled = path in self.lines
        if top.doubled:
            self.faults.append(
                SuiteFault(line, top.path, f'"{key}" stands here twice, first in line {self.lines[path]}')
            )
        else:
            self.lines[path] = line
        top.key = key

    def _put(self, value: Json, line: int, size: int) -> Path:
        """Place ``value`` where it belongs, and say where that is."""
        self.size += size
        if self.size > MOST_VALUES:
            raise _UnreadableError(line, f"the file holds more than {MOST_VALUES:,} values, aliases counted out")
        path = self._here()
        if not self.stack:
            self.root = value
            self.lines[()] = line
            return path
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            self.lines[path] = line
        else:
            if not top.doubled:
                top.value[str(top.key)] = value
            top.key = None
        return path

    def _open(self, value: list[Json] | dict[str, Json], anchor: str | None, line: int) -> None:
        if self._awaits_key():
            raise _UnreadableError(line, "a list or mapping stands where a key belongs")
        if len(self.stack) >= DEEPEST:
            raise _UnreadableError(line, f"values are nested more than {DEEPEST} deep here")
        before = self.size
        path = self._put(value, line, 1)
        self.stack.append(_Open(value, path, before, anchor))

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self.anchors:
            raise _UnreadableError(line, f"*{anchor} is not defined above this line")
        if self._awaits_key():
            raise _UnreadableError(line, f"*{anchor} stands where a key belongs; write the key out")
        value, size = self.anchors[anchor]
        self._put(value, line, size)

    def _name(self, anchor: str | None, value: Json, size: int) -> None:
        if anchor:
            self.anchors[anchor] = (value, size)

    def _refuse_tag(self, event: Any, line: int) -> None:
        if event.tag not in {None, "!"}:
            self.faults.append(SuiteFault(line, self._here(), f"the tag {event.tag} is not read; leave it out"))
