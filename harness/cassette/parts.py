"""The parts of a cassette's document: provenance, exchange, request, response; each to JSON and back.

Reading raises ``KeyError``, ``TypeError`` or ``ValueError`` for a value that is none; ``document`` says where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from harness.cassette import bodies
from harness.cassette.reading import reading
from harness.exchange import (
    Chunk,
    Exchange,
    Failure,
    FailureKind,
    HttpRequest,
    HttpResponse,
    Provenance,
    ProvenanceKind,
    header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.chat import Json
    from harness.exchange import Headers

_STREAMS = ("event-stream", "ndjson", "eventstream", "jsonl", "json-seq", "stream+json")
_BREAKS = "\r\n\0"
_FAILURES = frozenset(get_args(FailureKind))
_KINDS = frozenset(get_args(ProvenanceKind))


def from_provenance(given: Provenance) -> dict[str, Json]:
    return {name: getattr(given, name) for name in given.__slots__ if getattr(given, name)}


def to_provenance(value: Json) -> Provenance:
    given = known(value, set(Provenance.__slots__))
    if given["kind"] not in _KINDS:
        raise ValueError(f"unknown provenance {given['kind']!r}")
    return Provenance(**{name: _text(given.get(name, "")) for name in Provenance.__slots__})  # type: ignore[arg-type]


def from_exchange(exchange: Exchange, *, plain: bool = False) -> dict[str, Json]:
    """``plain`` is for machines, and quick: bodies stand as text, and not beside it what a stream says."""
    write = bodies.plainly if plain else bodies.written
    request = exchange.request
    asked: dict[str, Json] = {"method": request.method, "url": request.url, **_from_headers(request.headers)}
    if request.body:
        asked["body"] = write(request.body)
    made: dict[str, Json] = {"request": asked}
    response = exchange.response
    if response is not None:
        made["response"] = {
            "status": response.status,
            **_from_headers(response.headers),
            **_from_chunks(response, write),
        }
        if not plain and "stream" in made["response"] and (says := reading(exchange)):
            made["response"]["reads"] = says
    if exchange.failure is not None:
        made["failure"] = {"kind": exchange.failure.kind, "detail": exchange.failure.detail}
    if not exchange.complete:
        made["complete"] = False
    return made


def to_exchange(value: Json) -> Exchange:
    given = known(value, {"request", "response", "failure", "complete"})
    request = known(given["request"], {"method", "url", "headers", "body"})
    body = bodies.read(request["body"]) if "body" in request else b""
    asked = HttpRequest(_line(request["method"]), _line(request["url"]), _to_headers(request), body)
    response = _response(given["response"]) if "response" in given else None
    failure = None
    if "failure" in given:
        failed = known(given["failure"], {"kind", "detail"})
        if failed["kind"] not in _FAILURES:
            raise ValueError(f"unknown kind of failure {failed['kind']!r}")
        failure = Failure(failed["kind"], _text(failed.get("detail", "")))
    if response is None and failure is None:
        raise ValueError("an exchange needs a response or a failure")
    return Exchange(asked, response, failure, complete=a_bool(given.get("complete", True)))


def _response(value: Json) -> HttpResponse:
    given = known(value, {"status", "headers", "body", "at", "chunks", "stream", "reads"})
    status = given["status"]
    if type(status) is not int or not 100 <= status <= 999:  # noqa: PLR2004 - the range of HTTP statuses
        raise ValueError(f"{status!r} is no HTTP status")
    return HttpResponse(status, _to_headers(given), tuple(_to_chunks(given)))


def _from_chunks(response: HttpResponse, write: Callable[[bytes], dict[str, Json]]) -> dict[str, Json]:
    """A stream as the list of its chunks; anything else whole, with the lengths and times of its chunks beside it."""
    chunks = response.chunks
    kind = header(response.headers, "content-type") or ""
    if any(word in kind for word in _STREAMS):
        return {"stream": [{"at": _time(chunk.at), **write(chunk.data)} for chunk in chunks]}
    if not chunks:
        return {}
    made: dict[str, Json] = {"body": write(response.body)}
    if len(chunks) > 1:
        made["chunks"] = [f"{len(chunk.data)} at {_time(chunk.at)}" for chunk in chunks]
    elif chunks[0].at:
        made["at"] = _time(chunks[0].at)
    return made


def _to_chunks(given: dict[str, Json]) -> list[Chunk]:
    if "stream" in given:
        return [_to_chunk(one) for one in a_list(given["stream"])]
    if "body" not in given:
        return []
    body = bodies.read(given["body"])
    if "chunks" not in given:
        return [Chunk(body, _seconds(given.get("at", 0)))]
    made, start = [], 0
    for one in a_list(given["chunks"]):
        length, _, at = _text(one).partition(" at ")
        if not length.isdecimal():
            raise ValueError(f"{one[:60]!r} is no chunk: it needs a length, 'at' and seconds")
        end = start + int(length)
        made.append(Chunk(body[start:end], _seconds(float(at))))
        start = end
    if start != len(body):
        raise ValueError(f"the chunks' lengths make {start} bytes, and the body has {len(body)}")
    return made


def _to_chunk(value: Json) -> Chunk:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    return Chunk(bodies.read(value), _seconds(value.get("at", 0)))


def _time(at: float) -> float | int:
    """Milliseconds are kept; a whole number is written as one."""
    rounded = round(at, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _seconds(value: Json) -> float:
    if type(value) not in {int, float} or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is no time in seconds")
    return float(value)


def _from_headers(headers: Headers) -> dict[str, Json]:
    return {"headers": [f"{name}: {content}" for name, content in headers]} if headers else {}


def _to_headers(value: dict[str, Json]) -> Headers:
    made = []
    for one in a_list(value.get("headers", [])):
        name, colon, content = _line(one).partition(": ")
        if not colon or not name:
            raise ValueError(f"{one[:60]!r} is no header: it needs a name, a colon and a space")
        made.append((name, content))
    return tuple(made)


def known(value: Json, keys: set[str]) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    unknown = value.keys() - keys
    if unknown:
        raise ValueError(f"there is no key {min(unknown)!r} here; there are {', '.join(sorted(keys))}")
    return value


def a_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {type(value).__name__}")
    return value


def a_bool(value: Json) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, not {str(value)[:60]!r}")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {str(value)[:60]!r}")
    return value


def _line(value: Json) -> str:
    text = _text(value)
    if any(mark in text for mark in _BREAKS):
        raise ValueError("a header, method or URL holds a line break or a NUL")
    return text
