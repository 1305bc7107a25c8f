"""Foreign files, read within bounds: their size, their depth, how far aliases grow. Nothing in them is ever run."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import yaml

from harness.core.errors import CassetteDamagedError, UsageError
from harness.core.folders import is_there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.core.chat import Json

LARGEST = 128 * 2**20
"""How many bytes a file may have, unpacked."""
DEEPEST = 200
"""How many levels of YAML a file may have."""
MOST = 100_000
"""How many YAML nodes a file may come to, each alias counted as all that it stands for; more where there are five
bytes for each.
"""

_SPARSE = 5
_ANCHORS = 1_000_000
_PYTHON = "tag:yaml.org,2002:python"
_GZIP = b"\x1f\x8b"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a tag that we don't know stands on: it is never built."""

    tag: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A file of JSON lines, or of several YAML documents; ``ValueError`` stands for a line that is no JSON."""

    values: tuple[Json | ValueError, ...]


class Loader(_Base):  # type: ignore[misc]  # its base is chosen at run time
    """Plain scalars are null, booleans and JSON's numbers; anything else is text.

    So a date or ``1:30``, which recorders leave without quotes, stays what it was, and ``<<`` merges nothing.
    """

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way to say it

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        made = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return made


def _resolvers() -> None:
    tag = "tag:yaml.org,2002:"
    words = "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
    number = r"-?(?:0|[1-9][0-9]*)"
    real = rf"{number}\.[0-9]+(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    Loader.add_implicit_resolver(f"{tag}bool", re.compile(f"^(?:{words})$"), list("yYnNtTfFoO"))
    Loader.add_implicit_resolver(f"{tag}int", re.compile(f"^{number}$"), list("-0123456789"))
    Loader.add_implicit_resolver(f"{tag}float", re.compile(f"^(?:{real})$"), list("-+.0123456789"))
    Loader.add_implicit_resolver(f"{tag}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])


def _text(loader: Any, node: Any) -> Any:
    return loader.construct_scalar(node)


def _binary(loader: Any, node: Any) -> bytes:
    """Strictly: PyYAML's own leaves out what is no base64."""
    return base64.b64decode("".join(loader.construct_scalar(node).split()), validate=True)


def _upload(loader: Any, node: Any) -> Any:
    """The bytes of a file or an iterator that was sent, as vcrpy writes one: the object itself is never built."""
    if not isinstance(node, yaml.MappingNode):
        return Foreign(node.tag)
    made = loader.construct_mapping(node, deep=True)
    sent: Any = made.get("state") if node.tag.endswith("BytesIO") else made.get("args")
    sent = sent[0] if isinstance(sent, list) and sent else None
    parts: list[Any] = [
        part.encode() if isinstance(part, str) else part for part in (sent if isinstance(sent, list) else [sent])
    ]
    return b"".join(parts) if all(isinstance(part, bytes) for part in parts) else Foreign(node.tag)


_resolvers()
for _tag in ("tag:yaml.org,2002:binary", "!binary"):  # the second is Ruby's
    Loader.add_constructor(_tag, _binary)
for _tag in (f"{_PYTHON}/str", f"{_PYTHON}/unicode", "!str"):
    Loader.add_constructor(_tag, _text)
Loader.add_constructor(f"{_PYTHON}/tuple", lambda loader, node: loader.construct_sequence(node, deep=True))
Loader.add_constructor(f"{_PYTHON}/object/new:_io.BytesIO", _upload)
Loader.add_constructor(f"{_PYTHON}/object/apply:builtins.iter", _upload)
Loader.add_constructor(None, lambda _loader, node: Foreign(node.tag))


def content(path: Path) -> bytes:
    """The bytes of ``path``, unpacked where they are gzip's, at most ``LARGEST`` of them."""
    with Bytes(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise damaged(path, f"is larger than {LARGEST >> 20} MB")
    if not data.strip():
        raise damaged(path, "is empty")
    return data


class Bytes:
    """The bytes of the file at ``path``, unpacked where they are gzip's. Raises ``UsageError`` where it can't be read,
    ``CassetteDamagedError`` where it can't be unpacked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if not path.is_file():
                what = "is no file" if is_there(path) else "there is no such file"
                raise UsageError(f"{path}: {what}")
            self._file: Any = path.open("rb")
            self._packed = self._file.read(2) == _GZIP
            self._file.seek(0)
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error
        self._raw = self._file
        if self._packed:
            self._file = gzip.GzipFile(fileobj=self._raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def read(self, size: int) -> bytes:
        try:
            made: bytes = self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            if not self._packed:
                raise UsageError(f"{self._path}: can't be read: {error}") from error
            raise damaged(self._path, f"can't be unpacked: {error}") from error
        return made


def parsed(data: bytes, path: Path) -> Json | Lines:
    """The value of a JSON or YAML document, or ``Lines``. Raises ``CassetteDamagedError`` with the place."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise damaged(path, "is not UTF-8", f"line {line}") from error
    with readable(path, lambda: text.count("\n") + 1):
        return _json(text) if text.lstrip()[:1] in {"{", "["} else from_yaml(text)


@contextlib.contextmanager
def readable(path: Path, lines: Callable[[], int]) -> Iterator[None]:
    """Errors of the readers of JSON and YAML as ``CassetteDamagedError``, with the place: one of ``lines``."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {min(mark.line + 1, lines())}" if mark else ""
        raise damaged(path, f"is no YAML that can be read ({_short(error.problem or error.context)})", place) from error
    except yaml.YAMLError as error:
        raise damaged(path, f"is no YAML that can be read ({_short(error)})") from error
    except RecursionError as error:
        raise damaged(path, f"is nested deeper than {DEEPEST} levels") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # as PyYAML's constructors raise them
        raise damaged(path, f"can't be read ({_short(error)})") from error


def _short(what: object) -> str:
    return " ".join(str(what).split())[:160]


def damaged(path: Path, what: str, place: str = "") -> CassetteDamagedError:
    return CassetteDamagedError(f"{path}: {what}{f' at {place}' if place else ''}", path=str(path), place=place)


def _json(text: str) -> Json | Lines:
    first, _, rest = text.strip().partition("\n")
    try:
        begun = loads(first)
    except ValueError:
        begun = None
    if isinstance(begun, dict) and (rest or "response_body" in begun):
        return Lines(tuple(line(one) for one in text.split("\n") if one.strip()))
    try:
        return loads(text)
    except json.JSONDecodeError as error:
        try:
            return from_yaml(text)  # YAML may begin with a brace too
        except yaml.YAMLError:
            raise ValueError(f"it is no JSON: {error}") from error


def line(text: str) -> Json | ValueError:
    """The value of a line of JSON, or what is wrong with it."""
    try:
        return loads(text)
    except ValueError as error:
        return error
    except RecursionError:
        return ValueError("it is nested too deeply")


def loads(text: str) -> Json:
    """The value of a JSON text in which no name stands twice and no number is NaN."""
    return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)


def unique(pairs: list[tuple[str, Any]]) -> Json:
    """An object in which no name stands twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def no_constant(word: str) -> None:
    """Refuse NaN and the infinities, which Python's reader takes."""
    raise ValueError(f"{word} is no JSON")


def from_yaml(text: str) -> Json | Lines:
    """The value of a YAML document, or ``Lines`` of several. What a tag of another language stands on is a ``Foreign``.

    The events are counted before anything is built. Raises ``yaml.YAMLError``, ``ValueError`` or ``RecursionError``.
    """
    count = Count()
    for event in yaml.parse(text, Loader=Loader):
        count.add(event, len(text))
    found = tuple(yaml.load_all(text, Loader=Loader))
    return found[0] if len(found) == 1 else Lines(found) if found else None


class Count:
    """The nodes of YAML, as its events come: an alias costs what it stands for."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str, int]] = []
        self.total = 0

    def add(self, event: Any, size: int) -> None:
        """Raises ``ValueError`` for more nodes than ``size`` letters may hold, ``RecursionError`` for too deep ones."""
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._open.pop()
            self._sizes[anchor] = self.total - before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._sizes:
                name = str(event.anchor)[:40]
                raise ValueError(f"*{name} stands for what it is a part of, or for nothing")
            self.total += self._sizes[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            self.total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                self._open.append((event.anchor or "", self.total - 1))
            else:
                self._sizes[event.anchor or ""] = 1
        most = max(MOST, size // _SPARSE)
        if self.total > most:
            raise ValueError(f"it comes to more than {most:,} nodes")
        if len(self._open) > DEEPEST:
            raise RecursionError
        if len(self._sizes) > _ANCHORS:
            raise ValueError(f"it has more than {_ANCHORS:,} anchors")
