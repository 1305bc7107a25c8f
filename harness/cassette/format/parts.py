"""The parts of a cassette's document: provenance, exchange, request, response; each to JSON and back.

Reading raises ``KeyError``, ``TypeError`` or ``ValueError`` for a value that is none; ``document`` says where.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar, get_args

from harness.cassette.format import bodies, chunks
from harness.cassette.format.decoded_summary import decoded_summary
from harness.cassette.format.fields import a_bool, a_line, a_list, a_text, a_url, known
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.core.exchange import Headers

_T = TypeVar("_T")
_EXCHANGE = frozenset({"request", "response", "failure", "complete"})
_REQUEST = frozenset({"method", "url", "headers", "body"})
_RESPONSE = frozenset({"status", "headers", "body", "at", "chunks", "stream", "reads"})
_NO_BODY = {"text": ""}
_REMEMBERED = 256
_FAILURES = frozenset(get_args(FailureKind))
_KINDS = frozenset(get_args(ProvenanceKind))


def from_provenance(given: Provenance) -> dict[str, Json]:
    return {name: getattr(given, name) for name in given.__slots__ if getattr(given, name)}


def to_provenance(value: Json) -> Provenance:
    given = known(value, set(Provenance.__slots__))
    if given["kind"] not in _KINDS:
        raise ValueError(f"unknown provenance {given['kind']!r}")
    return Provenance(**{name: a_text(given.get(name, "")) for name in Provenance.__slots__})  # type: ignore[arg-type]  # kind is one


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
            **chunks.written(response, write, plain=plain),
        }
        if not plain and "stream" in made["response"] and (says := decoded_summary(exchange)):
            made["response"]["reads"] = says
    if exchange.failure is not None:
        made["failure"] = {"kind": exchange.failure.kind, "detail": exchange.failure.detail}
    if not exchange.complete:
        made["complete"] = False
    return made


def to_exchange(value: Json, wrong: Callable[[Exception], Exception] | None = None) -> Exchange:
    """The exchange that ``value`` describes.

    With ``wrong`` the bytes of JSON bodies, which takes most of the time, are made when they are asked for. All else
    is looked at now; should they fail then all the same, ``wrong`` makes the error.
    """
    given = known(value, _EXCHANGE)
    response = _response(given["response"], wrong) if "response" in given else None
    failure = None
    if "failure" in given:
        failed = known(given["failure"], {"kind", "detail"})
        if failed["kind"] not in _FAILURES:
            raise ValueError(f"unknown kind of failure {failed['kind']!r}")
        failure = Failure(failed["kind"], a_text(failed.get("detail", "")))
    if response is None and failure is None:
        raise ValueError("an exchange needs a response or a failure")
    return Exchange(_request(given["request"], wrong), response, failure, complete=a_bool(given.get("complete", True)))


def _request(value: Json, wrong: Callable[[Exception], Exception] | None) -> HttpRequest:
    given = known(value, _REQUEST)
    method, url, headers = a_line(given["method"]), a_url(a_text(given["url"])), _to_headers(given)
    body = given.get("body", _NO_BODY)
    if wrong is not None and bodies.is_lazy(body):
        return lazy(HttpRequest, partial(_made, bodies.read, body, wrong), method=method, url=url, headers=headers)
    return HttpRequest(method, url, headers, bodies.read(body))


def _response(value: Json, wrong: Callable[[Exception], Exception] | None) -> HttpResponse:
    given = known(value, _RESPONSE)
    status = given["status"]
    if type(status) is not int or not 100 <= status <= 999:  # noqa: PLR2004 - the range of HTTP statuses
        raise ValueError(f"{status!r} is no HTTP status")
    headers = _to_headers(given)
    if wrong is not None and chunks.is_lazy(given):
        return lazy(HttpResponse, partial(_made, chunks.read, given, wrong), status=status, headers=headers)
    return HttpResponse(status, headers, chunks.read(given))


def _made(read: Callable[[Json], _T], value: Json, wrong: Callable[[Exception], Exception]) -> _T:
    try:
        return read(value)
    except (ValueError, RecursionError) as error:
        raise wrong(error) from error


def _from_headers(headers: Headers) -> dict[str, Json]:
    return {"headers": [f"{name}: {content}" for name, content in headers]} if headers else {}


def _to_headers(value: dict[str, Json]) -> Headers:
    return tuple([_to_header(a_text(one)) for one in a_list(value["headers"])]) if "headers" in value else ()


@lru_cache(_REMEMBERED)
def _to_header(one: str) -> tuple[str, str]:
    name, colon, content = a_line(one).partition(": ")
    if not colon or not name:
        raise ValueError(f"{one[:60]!r} is no header: it needs a name, a colon and a space")
    return name, content
