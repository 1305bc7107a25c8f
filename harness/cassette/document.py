"""The cassette's document: values to JSON and back. Nothing here touches a file.

A cassette is one JSON object: ``format`` (a number), ``provenance``, ``exchanges``, and ``partial: true`` where a
recording was broken off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from harness.cassette import bodies
from harness.errors import CassetteDamagedError, CassetteTooNewError
from harness.exchange import (
    Chunk,
    Exchange,
    Failure,
    FailureKind,
    HttpRequest,
    HttpResponse,
    Provenance,
    ProvenanceKind,
)

if TYPE_CHECKING:
    from harness.chat import Json
    from harness.exchange import Headers

FORMAT = 1
_LARGEST = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Cassette:
    """A recording: where it is from, and its exchanges in the order they were made."""

    provenance: Provenance
    exchanges: tuple[Exchange, ...] = ()
    partial: bool = False


def to_text(cassette: Cassette) -> str:
    """The document, the same for the same values."""
    made: dict[str, Json] = {"format": FORMAT}
    if cassette.partial:
        made["partial"] = True
    given = cassette.provenance
    made["provenance"] = {name: getattr(given, name) for name in given.__slots__ if getattr(given, name)}
    made["exchanges"] = [exchange_to_json(one) for one in cassette.exchanges]
    return json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def from_bytes(data: bytes, path: str) -> Cassette:
    """The cassette in ``data``. ``path`` is for the message of ``CassetteDamagedError`` or ``CassetteTooNewError``."""
    value = _parsed(data, path)
    version = value.get("format") if isinstance(value, dict) else None
    if type(version) is not int:
        raise CassetteDamagedError(f"{path}: no cassette of this harness: it has no `format` number", path=path)
    if version > FORMAT:
        raise CassetteTooNewError(
            f"{path}: written in format {version}, and this harness reads up to {FORMAT}; update the harness", path=path
        )
    version = value.get("format") if isinstance(value, dict) else None
    if type(version) is not int:
        raise CassetteDamagedError(f"{path}: no cassette of this harness: it has no `format` number", path=path)
    if version > FORMAT:
        raise CassetteTooNewError(
            f"{path}: written in format {version}, and this harness reads up to {FORMAT}; update the harness", path=path
        )
    place = "provenance"
    try:
        provenance = _provenance(value.get("provenance"))
        exchanges = []
        given = value.get("exchanges")
        place = "exchanges"
        for number, one in enumerate(_list(given)):
            place = f"exchanges[{number}]"
            exchanges.append(exchange_from_json(one))
        return Cassette(provenance, tuple(exchanges), partial=value.get("partial") is True)
    except (KeyError, ValueError, TypeError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        where = f" at {place}" if place else ""
        raise CassetteDamagedError(
            f"{path}: damaged{where}: {what}; record it again", path=path, place=place
        ) from error


def exchange_to_json(exchange: Exchange) -> dict[str, Json]:
    request = exchange.request
    made: dict[str, Json] = {"request": {"method": request.method, "url": request.url, **_headers(request.headers)}}
    if request.body:
        made["request"]["body"] = bodies.written(request.body)
    response = exchange.response
    if response is not None:
        made["response"] = {"status": response.status, **_headers(response.headers), **_pieces(response)}
    if exchange.failure is not None:
        made["failure"] = {"kind": exchange.failure.kind, "detail": exchange.failure.detail}
    if not exchange.complete:
        made["complete"] = False
    return made


def exchange_from_json(value: Json) -> Exchange:
    """One exchange. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for a value that is none."""
    request = _dict(value["request"])
    body = bodies.read(request["body"]) if "body" in request else b""
    asked = HttpRequest(_str(request["method"]), _str(request["url"]), _read_headers(request), body)
    response = _response(_dict(value["response"])) if "response" in value else None
    failure = None
    if "failure" in value:
        kind = value["failure"]["kind"]
        if kind not in get_args(FailureKind):
            raise ValueError(f"unknown kind of failure {kind!r}")
        failure = Failure(kind, _str(value["failure"].get("detail", "")))
    if response is None and failure is None:
        raise ValueError("an exchange needs a response or a failure")
    return Exchange(asked, response, failure, complete=value.get("complete", True) is not False)


def _parsed(data: bytes, path: str) -> Json:
    if len(data) > _LARGEST:
        raise CassetteDamagedError(f"{path}: larger than {_LARGEST >> 20} MB; split the suite", path=path)
    if not data.strip():
        raise CassetteDamagedError(f"{path}: the file is empty; record it again", path=path)
    try:
        return json.loads(data.decode(), object_pairs_hook=_no_doubles)
    except UnicodeDecodeError as error:
        what, place = "is not UTF-8", f"byte {error.start}"
    except json.JSONDecodeError as error:
        what, place = f"is no JSON ({error.msg})", f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        what, place = "is nested too deeply", ""
    except ValueError as error:
        what, place = str(error), ""
    raise CassetteDamagedError(
        f"{path}: {what}{f' at {place}' if place else ''}; record it again", path=path, place=place
    )


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"holds the key {next(name for name in names if names.count(name) > 1)!r} twice in one object")
    return made


def _headers(headers: Headers) -> dict[str, Json]:
    return {"headers": [list(pair) for pair in headers]} if headers else {}


def _pieces(response: HttpResponse) -> dict[str, Json]:
    if len(response.chunks) == 1 and not response.chunks[0].at:
        return {"body": bodies.written(response.chunks[0].data)}
    return {"chunks": [{"at": round(chunk.at, 3), **bodies.written(chunk.data)} for chunk in response.chunks]}


def _response(value: dict[str, Json]) -> HttpResponse:
    status = value["status"]
    if type(status) is not int or not 100 <= status <= 999:  # noqa: PLR2004 - the range of HTTP statuses
        raise ValueError(f"{status!r} is no HTTP status")
    if "chunks" in value:
        chunks = tuple(Chunk(bodies.read(one), float(one.get("at", 0))) for one in _list(value["chunks"]))
    else:
        chunks = (Chunk(bodies.read(value["body"])),) if "body" in value else ()
    return HttpResponse(status, _read_headers(value), chunks)


def _read_headers(value: dict[str, Json]) -> Headers:
    pairs = tuple((_str(name), _str(content)) for name, content in _list(value.get("headers", [])))
    if any(character in text for pair in pairs for text in pair for character in "\r\n\0"):
        raise ValueError("a header holds a line break or a NUL")
    return pairs


def _provenance(value: Json) -> Provenance:
    given = _dict(value)
    if given["kind"] not in get_args(ProvenanceKind):
        raise ValueError(f"unknown provenance {given['kind']!r}")
    return Provenance(**{name: _str(given.get(name, "")) for name in Provenance.__slots__})  # type: ignore[arg-type]


def _dict(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {type(value).__name__}")
    return value


def _str(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {value!r}")
    return value
