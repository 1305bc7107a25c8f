"""Foreign files, read within bounds: their size, their depth, how far aliases grow. Nothing in them is ever run."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from harness.core.errors import CassetteDamagedError, UsageError

if TYPE_CHECKING:
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


class _Loader(_Base):  # type: ignore[misc]  # its base is chosen at run time
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
    _Loader.add_implicit_resolver(f"{tag}bool", re.compile(f"^(?:{words})$"), list("yYnNtTfFoO"))
    _Loader.add_implicit_resolver(f"{tag}int", re.compile(f"^{number}$"), list("-0123456789"))
    _Loader.add_implicit_resolver(f"{tag}float", re.compile(f"^(?:{real})$"), list("-+.0123456789"))
    _Loader.add_implicit_resolver(f"{tag}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])


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
    held: Any = made.get("state") if node.tag.endswith("BytesIO") else made.get("args")
    held = held[0] if isinstance(held, list) and held else None
    parts: list[Any] = [
        part.encode() if isinstance(part, str) else part for part in (held if isinstance(held, list) else [held])
    ]
    return b"".join(parts) if all(isinstance(part, bytes) for part in parts) else Foreign(node.tag)


_resolvers()
for _tag in ("tag:yaml.org,2002:binary", "!binary"):  # the second is Ruby's
    _Loader.add_constructor(_tag, _binary)
for _tag in (f"{_PYTHON}/str", f"{_PYTHON}/unicode", "!str"):
    _Loader.add_constructor(_tag, _text)
_Loader.add_constructor(f"{_PYTHON}/tuple", lambda loader, node: loader.construct_sequence(node, deep=True))
_Loader.add_constructor(f"{_PYTHON}/object/new:_io.BytesIO", _upload)
_Loader.add_constructor(f"{_PYTHON}/object/apply:builtins.iter", _upload)
_Loader.add_constructor(None, lambda _loader, node: Foreign(node.tag))


def content(path: Path) -> bytes:
    """The bytes of ``path``, unpacked where they are gzip's."""
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "there is no such file"
            raise UsageError(f"{path}: {what}")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    if data[:2] == _GZIP:
        data = _unpacked(data, path)
    if len(data) > LARGEST:
        raise _damaged(path, f"is larger than {LARGEST >> 20} MB")
    if not data.strip():
        raise _damaged(path, "is empty")
    return data


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, f"can't be unpacked: {error}") from error


def parsed(data: bytes, path: Path) -> Json | Lines:
    """The value of a JSON or YAML document, or ``Lines``. Raises ``CassetteDamagedError`` with the place."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _damaged(path, "is not UTF-8", f"line {line}") from error
    try:
        if text.lstrip()[:1] == "{":
            return _json(text)
        return from_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {min(mark.line, text.count(chr(10))) + 1}" if mark else ""
        raise _damaged(
            path, f"is no YAML that can be read ({_short(error.problem or error.context)})", place
        ) from error
    except yaml.YAMLError as error:
        raise _damaged(path, f"is no YAML that can be read ({_short(error)})") from error
    except RecursionError as error:
        raise _damaged(path, f"is nested deeper than {DEEPEST} levels") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # as PyYAML's constructors raise them
        raise _damaged(path, f"can't be read ({_short(error)})") from error


def _short(what: object) -> str:
    return " ".join(str(what).split())[:160]


def _damaged(path: Path, what: str, place: str = "") -> CassetteDamagedError:
    return CassetteDamagedError(f"{path}: {what}{f' at {place}' if place else ''}", path=str(path), place=place)


def _json(text: str) -> Json | Lines:
    first, _, rest = text.strip().partition("\n")
    try:
        begun = loads(first)
    except ValueError:
        begun = None
    if isinstance(begun, dict) and (rest or "response_body" in begun):
        return Lines(tuple(_line(line) for line in text.split("\n") if line.strip()))
    try:
        return loads(text)
    except json.JSONDecodeError as error:
        try:
            return from_yaml(text)  # YAML may begin with a brace too
        except yaml.YAMLError:
            raise ValueError(f"it is no JSON: {error}") from error


def _line(line: str) -> Json | ValueError:
    try:
        return loads(line)
    except ValueError as error:
        return error
    except RecursionError:
        return ValueError("it is nested too deeply")


def loads(text: str) -> Json:
    """The value of a JSON text in which no name stands twice and no number is NaN."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)


def _object(pairs: list[tuple[str, Any]]) -> Json:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def from_yaml(text: str) -> Json | Lines:
    """The value of a YAML document, or ``Lines`` of several. What a tag of another language stands on is a ``Foreign``.

    The events are counted before anything is built: an alias costs what it stands for. Raises ``yaml.YAMLError``,
    ``ValueError`` or ``RecursionError``.
    """
    _count(text)
    found = tuple(yaml.load_all(text, Loader=_Loader))
    return found[0] if len(found) == 1 else Lines(found) if found else None


def _count(text: str) -> None:
    sizes: dict[str, int] = {}
    open_: list[tuple[str, int]] = []
    total, most = 0, max(MOST, len(text) // _SPARSE)
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            sizes[anchor] = total - before
        elif isinstance(event, yaml.AliasEvent):
            total += _alias(sizes, str(event.anchor))
        elif isinstance(event, yaml.NodeEvent):
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append((event.anchor or "", total - 1))
            else:
                sizes[event.anchor or ""] = 1
        if total > most:
            raise ValueError(f"it comes to more than {most:,} nodes")
        if len(open_) > DEEPEST:
            raise RecursionError


def _alias(sizes: dict[str, int], name: str) -> int:
    if name not in sizes:
        raise ValueError(f"*{name[:40]} stands for what it is a part of, or for nothing")
    return sizes[name]
