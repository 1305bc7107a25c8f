"""The cassette's document: values to JSON and back. Nothing here touches a file.

A cassette is one JSON object: ``format`` (a number), ``provenance``, ``exchanges``, and ``partial: true`` where a
recording was broken off. ``docs/cassettes.md`` shows one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, get_args
from urllib.parse import urlsplit

import jiter

from harness.cassette.format import bodies
from harness.cassette.format.bodies import a_list, a_text
from harness.core.errors import CassetteDamagedError, CassetteTooNewError
from harness.core.exchange import (
    Exchange,
    Failure,
    FailureKind,
    HttpRequest,
    HttpResponse,
    Provenance,
    ProvenanceKind,
    lazy,
)
from harness.dialects import read_answer as read_reply
from harness.dialects.framing import streamed
from harness.dialects.mcp import STDIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from typing import NoReturn

    from harness.core.chat import Json
    from harness.core.exchange import Headers

FORMAT = 2
"""The newest format. What can be written in an older one, is: only streams are new in 2."""
LARGEST = 512 * 2**20
"""How many bytes a cassette may have."""

BETWEEN, CLOSING = ",\n", "\n ]\n}\n"
"""What stands between the exchanges of a document, and behind the last."""

_indented = json.JSONEncoder(ensure_ascii=False, indent=1, allow_nan=False).encode
_inline = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
MOST_VALUES = LARGEST // 64  # at up to 128 bytes each they take twice the largest file, and reading it the rest
_LONGEST_DETAIL = 200
_LAZY_SIZE = 256 * 1024
"""Bytes an exchange up to which the bodies of a document are made when they are first read: no request waits long."""
_ENDLESS = {float("inf"), float("-inf")}
_REMEDY = "bring back the one before, or delete it and record it again"
_NOT_A_CASSETTE = "it does not look like a cassette: name one, or `harness import` what another tool recorded"
_HEAD = 300
"""Bytes at a document's start within which a cassette has its format."""
_KEYS = {"format", "partial", "provenance", "exchanges"}
# Line ends of Unicode, marks that turn the writing direction, and invisible ones: escaped, so that what a reviewer
# reads is what is there.
_T = TypeVar("_T")
_EXCHANGE = frozenset({"request", "response", "failure", "complete"})
_REQUEST = frozenset({"method", "url", "headers", "body"})
_RESPONSE = frozenset({"status", "headers", "body", "at", "chunks", "stream", "reads"})
_FAILURES = frozenset(get_args(FailureKind))
_KINDS = frozenset(get_args(ProvenanceKind))
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
    head["provenance"] = from_provenance(provenance)
    return _shown(f'{_indented(head)[: -len("_}")]},\n "exchanges": [\n')


def has_stream(exchange: Exchange) -> bool:
    return exchange.response is not None and streamed(exchange.response)


def to_line(value: Json) -> str:
    """``value`` as a line of a journal."""
    return _shown(_inline(value)) + "\n"


def exchange_text(exchange: Exchange) -> str:
    """An exchange as it stands in a document; each chunk of a stream stands on a line of its own."""
    made = from_exchange(exchange)
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
        provenance = to_provenance(value["provenance"])
        exchanges = []
        place = "exchanges"
        every = a_list(value["exchanges"])
        is_lazy = clean and len(data) <= _LAZY_SIZE * len(every)
        for number, one in enumerate(every):
            place = f"exchanges[{number}]"
            exchanges.append(to_exchange(one, partial(damaged, path, place) if is_lazy else None))
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
    return CassetteDamagedError(f"{path}: damaged at {place}: {_short(what)}; {_REMEDY}", path=path, place=place)


def _short(what: str) -> str:
    return what if len(what) <= _LONGEST_DETAIL else f"{what[:_LONGEST_DETAIL]}…"


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
        raise CassetteDamagedError(f"{path}: the file is empty; {_REMEDY}", path=path)
    # No name begins with `$`? To look for one byte, which is mostly not there, takes a fortieth of the time.
    if (b"$" not in data or b'"$' not in data) and b'"\\u0024' not in data:
        try:
            return jiter.from_json(data, allow_inf_nan=False, catch_duplicate_keys=True), True
        except ValueError:  # it has limits of its own, and shorter messages: the slow reader explains
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
    remedy = _REMEDY if b'"format"' in data[:_HEAD] else _NOT_A_CASSETTE
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


def known(value: Json, keys: AbstractSet[str]) -> dict[str, Json]:
    """``value`` as an object that has no other keys than ``keys``."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    if not value.keys() <= keys:
        raise ValueError(f"there is no key {min(value.keys() - keys)!r} here; there are {', '.join(sorted(keys))}")
    return value


def a_bool(value: Json) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, not {str(value)[:60]!r}")
    return value


@lru_cache(1024)
def a_url(value: str) -> str:
    """A URL that a request can go to. Raises ``ValueError``."""
    try:
        url = urlsplit(a_line(value))
        _ = url.port
    except ValueError as error:
        raise ValueError(f"{value[:100]!r} is no URL: {error}") from error
    if url.scheme not in {"http", "https", STDIO} or not url.hostname:
        raise ValueError(f"{value[:100]!r} is no URL: it needs http or https, and a host")
    return value


def a_line(value: Json) -> str:
    text = a_text(value)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a header, method or URL holds a line break or a NUL")
    return text


def from_provenance(provenance: Provenance) -> dict[str, Json]:
    return {name: getattr(provenance, name) for name in provenance.__slots__ if getattr(provenance, name)}


def to_provenance(value: Json) -> Provenance:
    fields = known(value, set(Provenance.__slots__))
    if fields["kind"] not in _KINDS:
        raise ValueError(f"unknown provenance {fields['kind']!r}")
    return Provenance(**{name: a_text(fields.get(name, "")) for name in Provenance.__slots__})  # type: ignore[arg-type]  # kind is one


def from_exchange(exchange: Exchange, *, plain: bool = False) -> dict[str, Json]:
    """``plain`` is for machines, and quick: bodies stand as text, without the decoded summary of a stream."""
    request = exchange.request
    request_fields: dict[str, Json] = {"method": request.method, "url": request.url, **_from_headers(request.headers)}
    if request.body:
        request_fields["body"] = bodies.write(request.body, plain=plain)
    made: dict[str, Json] = {"request": request_fields}
    response = exchange.response
    if response is not None:
        made["response"] = {
            "status": response.status,
            **_from_headers(response.headers),
            **bodies.from_chunks(response, plain=plain),
        }
        if not plain and "stream" in made["response"] and (summary := decoded_summary(exchange)):
            made["response"]["reads"] = summary
    if exchange.failure is not None:
        made["failure"] = {"kind": exchange.failure.kind, "detail": exchange.failure.detail}
    if not exchange.complete:
        made["complete"] = False
    return made


def to_exchange(value: Json, wrong: Callable[[Exception], Exception] | None = None) -> Exchange:
    """The exchange that ``value`` describes.

    With ``wrong`` the bytes of JSON bodies, which takes most of the time, are made when they are first read. All else
    is looked at now; should they fail then all the same, ``wrong`` makes the error.
    """
    fields = known(value, _EXCHANGE)
    response = _response(fields["response"], wrong) if "response" in fields else None
    failure = None
    if "failure" in fields:
        failed = known(fields["failure"], {"kind", "detail"})
        if failed["kind"] not in _FAILURES:
            raise ValueError(f"unknown kind of failure {failed['kind']!r}")
        failure = Failure(failed["kind"], a_text(failed.get("detail", "")))
    if response is None and failure is None:
        raise ValueError("an exchange needs a response or a failure")
    return Exchange(
        _request(fields["request"], wrong), response, failure, complete=a_bool(fields.get("complete", True))
    )


def _request(value: Json, wrong: Callable[[Exception], Exception] | None) -> HttpRequest:
    fields = known(value, _REQUEST)
    method, url, headers = a_line(fields["method"]), a_url(a_text(fields["url"])), _to_headers(fields)
    body = fields.get("body", {"text": ""})
    if wrong is not None and bodies.is_lazy(body):
        return lazy(HttpRequest, partial(_made, bodies.read, body, wrong), method=method, url=url, headers=headers)
    return HttpRequest(method, url, headers, bodies.read(body))


def _response(value: Json, wrong: Callable[[Exception], Exception] | None) -> HttpResponse:
    fields = known(value, _RESPONSE)
    status = fields["status"]
    if type(status) is not int or not 100 <= status <= 999:  # noqa: PLR2004 - the range of HTTP statuses
        raise ValueError(f"{status!r} is no HTTP status")
    headers = _to_headers(fields)
    if wrong is not None and bodies.is_lazy_response(fields):
        return lazy(HttpResponse, partial(_made, bodies.to_chunks, fields, wrong), status=status, headers=headers)
    return HttpResponse(status, headers, bodies.to_chunks(fields))


def _made(read: Callable[[Json], _T], value: Json, wrong: Callable[[Exception], Exception]) -> _T:
    try:
        return read(value)
    except (ValueError, RecursionError) as error:
        raise wrong(error) from error


def _from_headers(headers: Headers) -> dict[str, Json]:
    return {"headers": [f"{name}: {content}" for name, content in headers]} if headers else {}


def _to_headers(value: dict[str, Json]) -> Headers:
    return tuple([_to_header(a_text(one)) for one in a_list(value["headers"])]) if "headers" in value else ()


@lru_cache(256)
def _to_header(one: str) -> tuple[str, str]:
    name, colon, content = a_line(one).partition(": ")
    if not colon or not name:
        raise ValueError(f"{one[:60]!r} is no header: it needs a name, a colon and a space")
    return name, content


def decoded_summary(exchange: Exchange) -> dict[str, Json]:
    """The text, calls and finish of a chat stream; empty for anything else, and for what can't be read."""
    reply = read_reply(exchange)
    if reply is None or isinstance(reply, str):
        return {}
    made: dict[str, Json] = {"text": reply.text} if reply.text else {}
    if reply.calls:
        made["calls"] = [{"name": call.name, "parameters": call.parameters} for call in reply.calls]
    if reply.errors:
        made["unreadable calls"] = [error.raw for error in reply.errors]
    if reply.finish:
        made["finish"] = reply.finish
    try:
        shown: dict[str, Json] = bodies.escaped(made)
    except UnicodeEncodeError:
        return {}
    return shown
