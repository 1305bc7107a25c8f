"""Changes to a body that leave it what it is: JSON stays JSON of the same shape, a stream keeps its events.

Only texts are changed: string values of JSON, however deep one JSON stands in another, and text that is no JSON. Names,
numbers and what holds a structure together are never touched. A change is a span of the body's own bytes, so that the
rest stays as it came.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.dialects.framing import eventstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.core.chat import Json


class Edit(NamedTuple):
    """A span that holds a secret: a placeholder takes its place, or nothing where it is ``empty``, since an earlier one
    stands for it. ``bare``: it is a secret by its name, and its placeholder needs no shape.
    """

    start: int
    end: int
    secret: str
    bare: bool = False
    empty: bool = False

    def shifted(self, by: int) -> Edit:
        return self._replace(start=self.start + by, end=self.end + by)


Path: TypeAlias = tuple[str, ...]
Find: TypeAlias = "Callable[[bytes, Path], list[Edit]]"

_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)("\s*:|"|\Z)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LINE = re.compile(rb"[^\r\n]+")
_DATA = re.compile(rb"\s*(?:data:\s?)?")
_SSE = re.compile(rb"(?:\xef\xbb\xbf)?(?::|data:|event:|id:|retry:)")
_DEEPEST = 5
_BEYOND = 40
_WRAPPED = 2  # "bytes" and "p", which pads it
_INDEX = frozenset(["index", "output_index", "content_index", "contentBlockIndex", "item_id", "summary_index"])


class Unit(NamedTuple):
    """A part of a body that is read by itself: where it begins, its bytes, and its value where it is JSON."""

    start: int
    data: bytes
    value: Json = None
    json: bool = False


def units(body: bytes) -> list[Unit]:
    """The body as one JSON text, or as a stream's events, or as text; empty for bytes that are neither."""
    if (messages := frames(body)) is not None:
        return [_parsed(one.payload, one.start) or Unit(one.start, one.payload) for one in messages]
    try:
        body.decode()
    except UnicodeDecodeError:
        return []  # to change anything in there would break what it is
    whole = _parsed(body)
    if whole is not None:
        return [whole]
    lines = body[:1] in {b"{", b"["} and b"\n" in body.strip()
    if not lines and not _SSE.match(body):
        return [Unit(0, body, json=_cut(body))]
    made = []
    for line in _LINE.finditer(body):
        prefix = _DATA.match(line[0])
        start = prefix.end() if prefix else 0
        data = line[0][start:]
        made.append(_parsed(data, line.start() + start) or Unit(line.start() + start, data, json=_cut(data)))
    return made


def _cut(data: bytes) -> bool:
    """Whether it may be JSON that was cut off."""
    return data.lstrip()[:1] in {b"{", b"["} and b'"' in data


def _parsed(data: bytes, start: int = 0) -> Unit | None:
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {b"{", b"["}:
        return None
    try:
        return Unit(start, data, json.loads(data), json=True)
    except (ValueError, RecursionError):
        return None


def edits(body: bytes, find: Find) -> list[Edit]:
    """What is to be changed in a body, in order."""
    parts = events(body)
    found = list(_across_events(parts, find))
    found += [edit for unit in parts for edit in _unit(unit, find)]
    return merged(found)


def _unit(unit: Unit, find: Find) -> Iterator[Edit]:
    if not unit.json:
        yield from (one.shifted(unit.start) for one in find(unit.data, ()))
        return
    for path, start, end in leaves(unit):
        yield from (one.shifted(unit.start + start) for one in _text(unit.data[start:end], path, find, _DEEPEST))


def _text(written: bytes, path: Path, find: Find, depth: int) -> Iterator[Edit]:
    """The changes in the inside of a JSON string, as it is written."""
    text, raw = unescaped(written)
    inner = _parsed(text) if depth else None
    found: Iterable[Edit]
    if inner is None:
        found = find(text, path)
    else:
        found = (
            one.shifted(start) for _, start, end in leaves(inner) for one in _text(text[start:end], (), find, depth - 1)
        )
    for one in found:
        yield one._replace(start=raw(one.start), end=raw(one.end))


def leaves(unit: Unit) -> list[tuple[Path, int, int]]:
    """The string values of a JSON text: path and the span between the quotes. Without paths where it is cut off."""
    spans = [found.span(1) for found in _STRING.finditer(unit.data) if not found[2].endswith(b":")]
    paths = [path for path, _ in strings(unit.value, ())]
    if len(paths) != len(spans):
        paths = [()] * len(spans)  # it was cut, or names are doubled
    return [(path, *span) for path, span in zip(paths, spans, strict=True)]


def strings(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    return ((inner, text) for inner, _, text in _indexed(value, path, ()))


def unescaped(written: bytes) -> tuple[bytes, Callable[[int], int]]:
    """The text that stands in a JSON string, and for each of its places the place in what is written."""
    if b"\\" not in written:
        return written, lambda place: place
    made, texts, raws, at = bytearray(), [0], [0], 0
    for found in _ESCAPE.finditer(written):
        made += written[at : found.start()]
        texts.append(len(made))
        raws.append(found.start())
        made += _letter(found[0])
        at = found.end()
        texts.append(len(made))
        raws.append(at)
    made += written[at:]

    def raw(place: int) -> int:
        last = bisect_right(texts, place) - 1
        return raws[last] + place - texts[last]

    return bytes(made), raw


def _letter(escape: bytes) -> bytes:
    try:
        text = json.loads(b'"' + escape + b'"')
    except ValueError:
        return escape
    return str(text).encode("utf-8", "surrogatepass")


def events(body: bytes) -> list[Unit]:
    """``units``, those that hold the event of a provider's stream in base64 as that event: its places are counted from
    a number of its own, beyond all that a body can have.
    """
    return [inner or unit for unit, inner in _wrapped(body)]


def _wrapped(body: bytes) -> Iterator[tuple[Unit, Unit | None]]:
    for number, unit in enumerate(units(body), 1):
        inner = unit.value.get("bytes") if isinstance(unit.value, dict) else None
        event = None
        if isinstance(inner, str) and len(unit.value) <= _WRAPPED:
            with contextlib.suppress(binascii.Error, ValueError):
                event = _parsed(base64.b64decode(inner), number << _BEYOND)
        yield unit, event


def channels(parts: list[Unit]) -> Iterator[tuple[Path, list[tuple[int, int, str]]]]:
    """The texts that a stream spells out over its events, each with the pieces that it is made of: the unit, the number
    of the string in it, and the piece.
    """
    made: dict[tuple[Path, tuple[object, ...]], list[tuple[int, int, str]]] = {}
    for number, unit in enumerate(parts):
        if unit.json and unit.value is not None:
            for place, (path, key, text) in enumerate(_indexed(unit.value, (), ())):
                made.setdefault((path, key), []).append((number, place, text))
    for (path, _), pieces in made.items():
        if len(pieces) > 1 and any(text != pieces[0][2] for _, _, text in pieces):
            yield path, pieces


def _indexed(value: Json, path: Path, key: tuple[object, ...]) -> Iterator[tuple[Path, tuple[object, ...], str]]:
    if isinstance(value, str):
        yield path, key, value
    elif isinstance(value, dict):
        more = key
        if not _INDEX.isdisjoint(value):
            more = (*key, *(value[name] for name in sorted(_INDEX) if isinstance(value.get(name), (int, str))))
        for name, inner in value.items():
            if isinstance(inner, str):
                yield (*path, name), more if name not in _INDEX else key, inner
            elif isinstance(inner, (dict, list)):
                yield from _indexed(inner, (*path, name), more if name not in _INDEX else key)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, (str, dict, list)):
                yield from _indexed(inner, path, key)


def _across_events(parts: list[Unit], find: Find) -> Iterator[Edit]:
    """Secrets that stand in several pieces: the placeholder takes the place of the first, the others become empty."""
    if len(parts) < 2:  # noqa: PLR2004 - one event has all of it
        return
    for path, pieces in channels(parts):
        texts = [text.encode("utf-8", "surrogatepass") for _, _, text in pieces]
        whole = b"".join(texts)
        for one in find(whole, path):
            begin, first = 0, True
            for (number, place, _), text in zip(pieces, texts, strict=True):
                start, end = max(one.start, begin), min(one.end, begin + len(text))
                if start < end and (end - start < one.end - one.start):
                    edit = _piece(parts[number], place, start - begin, end - begin)
                    if edit is not None:
                        yield edit._replace(secret=one.secret, bare=one.bare, empty=not first)
                    first = False
                begin += len(text)


def _piece(unit: Unit, place: int, start: int, end: int) -> Edit | None:
    found = leaves(unit)
    if place >= len(found):
        return None
    _, first, last = found[place]
    _, raw = unescaped(unit.data[first:last])
    return Edit(unit.start + first + raw(start), unit.start + first + raw(end), "")


def merged(found: Iterable[Edit]) -> list[Edit]:
    """``found`` in order, those that overlap as one, which is called by the first and longest."""
    made: list[Edit] = []
    for one in sorted(found, key=lambda edit: (edit.start, -edit.end)):
        if not made or one.start >= made[-1].end:
            made.append(one)
        elif one.end > made[-1].end:
            made[-1] = made[-1]._replace(end=one.end)
    return made


def streamed(body: bytes) -> bool:
    """Whether a text may stand in pieces in a body."""
    return body[:1] == b"\0" or _SSE.match(body) is not None or (body[:1] in {b"{", b"["} and b"\n" in body)


class Message(NamedTuple):
    """A message of an AWS event stream: the whole of it from ``begin`` to ``end``, its payload from ``start`` on."""

    headers: dict[str, str]
    payload: bytes
    begin: int
    start: int
    end: int


def frames(body: bytes) -> list[Message] | None:
    """The messages of an AWS event stream; None where it is none, or can't be written again."""
    if body[:1] != b"\0":
        return None
    made, at = [], 0
    try:
        for frame in eventstream.frames(body):
            written = eventstream.write(frame.headers, frame.payload)
            end = at + len(written)
            if body[at:end] != written:
                return None
            made.append(Message(frame.headers, frame.payload, at, end - 4 - len(frame.payload), end))
            at = end
    except (StreamCutError, UnreadableReplyError, UsageError, ValueError):
        return None
    return made or None


def reencoded(body: bytes, changes: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """``changes``, those in a message of an AWS event stream as that message written again: it holds its own length."""
    if changes and changes[-1][0] >> _BEYOND:
        changes = _rewrapped(body, changes)
    messages = frames(body) if changes else None
    if messages is None:
        return changes
    made = []
    for one in messages:
        inside = [
            (start - one.start, end - one.start, new) for start, end, new in changes if one.start <= start < one.end
        ]
        if inside:
            made.append((one.begin, one.end, eventstream.write(one.headers, applied(one.payload, inside))))
    return made


def _rewrapped(body: bytes, changes: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """``changes``, those in an event that stands in base64 as that base64 written again."""
    made = [one for one in changes if not one[0] >> _BEYOND]
    for unit, event in _wrapped(body):
        inside = (
            [(a - event.start, b - event.start, new) for a, b, new in changes if a >> _BEYOND == event.start >> _BEYOND]
            if event
            else []
        )
        for path, start, end in leaves(unit) if event and inside else ():
            if event and path == ("bytes",):
                made.append((unit.start + start, unit.start + end, base64.b64encode(applied(event.data, inside))))
    return sorted(made)


def applied(data: bytes, changes: Iterable[tuple[int, int, bytes]]) -> bytes:
    made, at = bytearray(), 0
    for start, end, new in changes:
        made += data[at:start] + new
        at = end
    return bytes(made + data[at:])
