"""The cassette's document: values to JSON and back. Nothing here touches a file.

A cassette is one JSON object: ``format`` (a number), ``provenance``, ``exchanges``, and ``partial: true`` where a
recording was broken off. ``docs/cassettes.md`` shows one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jiter

from harness.cassette.format import bodies, parts
from harness.cassette.format.parts import a_bool, a_list, known
from harness.core.errors import CassetteDamagedError, CassetteTooNewError
from harness.dialects.framing.kinds import streamed

if TYPE_CHECKING:
    from typing import NoReturn

    from harness.core.chat import Json
    from harness.core.exchange import Exchange, Provenance

FORMAT = 2
"""The newest format. What can be written in an older one, is: only streams are new in 2."""
LARGEST = 512 * 2**20
"""How many bytes a cassette may have."""

BETWEEN, CLOSING = ",\n", "\n ]\n}\n"
"""What stands between the exchanges of a document, and behind the last."""

_indented = json.JSONEncoder(ensure_ascii=False, indent=1, allow_nan=False).encode
_inline = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
MOST_VALUES = LARGEST // 64  # at up to 128 bytes each they take twice the largest file, and reading it the rest
_SAID = 200
_LATE = 256 * 1024
"""Bytes an exchange up to which the bodies of a document are made when they are asked for: no request waits long."""
_ENDLESS = {float("inf"), float("-inf")}
_MEND = "bring back the one before, or delete it and record it again"
_OTHER = "it does not look like a cassette: name one, or `harness import` what another tool recorded"
_HEAD = 300
"""Bytes at a document's start within which a cassette says its format."""
_KEYS = {"format", "partial", "provenance", "exchanges"}
# Line ends of Unicode, marks that turn the writing direction, and invisible ones: escaped, so that what a reviewer
# sees is what is there.
_HIDDEN = re.compile("[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Cassette:
    """A recording: where it is from, and its exchanges in the order they were made."""

    provenance: Provenance
    exchanges: tuple[Exchange, ...] = ()
    partial: bool = False

    def make(self) -> None:
        """Make what ``load`` left for later. Raises ``CassetteDamagedError`` if that can't be."""
        for one in self.exchanges:
            _ = one.request.body, one.response and one.response.chunks


def to_text(cassette: Cassette) -> str:
    """The document, the same for the same values."""
    start = opening(cassette.provenance, streams=any(map(has_stream, cassette.exchanges)), partial=cassette.partial)
    return f"{start}{BETWEEN.join(map(exchange_text, cassette.exchanges))}{CLOSING}"


def opening(provenance: Provenance, *, streams: bool, partial: bool = False) -> str:
    """A document up to its first exchange. ``streams``: whether any of them has one."""
    head: dict[str, Json] = {"format": FORMAT if streams else 1}
    if partial:
        head["partial"] = True
    head["provenance"] = parts.from_provenance(provenance)
    return _shown(f'{_indented(head)[: -len("_}")]},\n "exchanges": [\n')


def has_stream(exchange: Exchange) -> bool:
    return exchange.response is not None and streamed(exchange.response)


def to_line(value: Json) -> str:
    """``value`` as a line of a journal."""
    return _shown(_inline(value)) + "\n"


def exchange_text(exchange: Exchange) -> str:
    """An exchange as it stands in a document; each chunk of a stream stands on a line of its own."""
    made = parts.from_exchange(exchange)
    stream = made.get("response", {}).get("stream")
    if not stream:
        return _shown("  " + _indented(made).replace("\n", "\n  "))
    made["response"]["stream"] = None
    before, here, after = _indented(made).replace("\n", "\n  ").rpartition('\n    "stream": null')
    lines = ",\n     ".join(map(_inline, stream))
    return _shown(f"  {before}{here[: -len('null')]}[\n     {lines}\n    ]{after}")


def from_bytes(data: bytes, path: str) -> Cassette:
    """The cassette in ``data``. ``path`` is for the message of ``CassetteDamagedError`` or ``CassetteTooNewError``."""
    value, clean = _parsed(data, path)
    version = value.get("format") if isinstance(value, dict) else None
    if type(version) is not int or version < 1:
        raise CassetteDamagedError(f"{path}: no cassette of this harness: it has no `format` number above 0", path=path)
    if version > FORMAT:
        raise CassetteTooNewError(
            f"{path}: written in format {version}, and this harness reads up to {FORMAT}; update the harness", path=path
        )
    place = "the top"
    try:
        known(value, _KEYS)
        place = "provenance"
        provenance = parts.to_provenance(value["provenance"])
        exchanges = []
        place = "exchanges"
        every = a_list(value["exchanges"])
        late = clean and len(data) <= _LATE * len(every)
        for number, one in enumerate(every):
            place = f"exchanges[{number}]"
            exchanges.append(parts.to_exchange(one, partial(damaged, path, place) if late else None))
        place = "partial"
        return Cassette(provenance, tuple(exchanges), partial=a_bool(value.get("partial", False)))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path, place, error) from error


def damaged(path: str, place: str, error: Exception) -> CassetteDamagedError:
    """The error for a value at ``place`` that ``parts`` could not read."""
    if isinstance(error, KeyError):
        what = f"{error.args[0]!r} is missing"
    elif isinstance(error, AttributeError):
        what = "a value has the wrong type"
    elif isinstance(error, RecursionError):
        what = "is nested too deeply"
    else:
        what = str(error)
    return CassetteDamagedError(f"{path}: damaged at {place}: {_short(what)}; {_MEND}", path=path, place=place)


def _short(what: str) -> str:
    return what if len(what) <= _SAID else f"{what[:_SAID]}…"


def parsed(text: str) -> Json:
    """The value of a document or a line of a journal. Raises ``ValueError`` or ``RecursionError``."""
    # A name can begin with `$`, written so or as an escape, only where there is one, and that is found in no time.
    hook = _marked_object if "$" in text or "\\" in text else _object
    return json.loads(text, object_pairs_hook=hook, parse_constant=_no_constant, parse_float=_finite)


def values(data: bytes) -> int:
    """At most how many values a JSON text holds."""
    return sum(map(data.count, (b",", b"{", b"[")))


def _parsed(data: bytes, path: str) -> tuple[Json, bool]:
    """The value of a document, and whether each of its texts surely has bytes: a lone surrogate has none."""
    if len(data) > LARGEST:
        raise CassetteDamagedError(f"{path}: larger than {LARGEST >> 20} MB; split the suite", path=path)
    if len(data) > MOST_VALUES and values(data) > MOST_VALUES:
        many = f"holds more than {MOST_VALUES:,} values, which would take too much memory; split the suite"
        raise CassetteDamagedError(f"{path}: {many}", path=path)
    if not data or data.isspace():
        raise CassetteDamagedError(f"{path}: the file is empty; {_MEND}", path=path)
    # No name begins with `$`? To look for one byte, which is mostly not there, takes a fortieth of the time.
    if (b"$" not in data or b'"$' not in data) and b'"\\u0024' not in data:
        try:
            return jiter.from_json(data, allow_inf_nan=False, catch_duplicate_keys=True), True
        except ValueError:  # it has limits of its own, and fewer words: the slow reader says what is wrong
            pass
    try:
        return parsed(data.decode()), b"\\u" not in data
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what, place = "is not UTF-8", f"line {line}, byte {error.start}"
    except json.JSONDecodeError as error:
        what, place = f"is no JSON ({error.msg})", f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        what, place = "is nested too deeply", ""
    except ValueError as error:
        what, place = str(error), ""
    remedy = _MEND if b'"format"' in data[:_HEAD] else _OTHER
    raise CassetteDamagedError(
        f"{path}: {_short(what)}{f' at {place}' if place else ''}; {remedy}", path=path, place=place
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"holds the key {next(name for name in names if names.count(name) > 1)!r} twice in one object")
    return made


def _marked_object(pairs: list[tuple[str, Any]]) -> Json:
    made = _object(pairs)
    for name in made:
        if name[:1] == "$":
            return bodies.unmarked(made)
    return made


def _finite(text: str) -> float:
    number = float(text)
    if number in _ENDLESS:
        raise ValueError(f"holds a number that is too large, {text}")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"holds {name}, which is no JSON")


def _shown(text: str) -> str:
    return text if text.isascii() else _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
