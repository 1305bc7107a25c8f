r"""The parts of a cassette's document: provenance, exchange, request, response; each to JSON and back.

Reading raises ``KeyError``, ``TypeError`` or ``ValueError`` for a value that is none; ``document`` says where.

A response's body stands in the pieces in which it came: a stream chunk by chunk, anything else whole. A chunk of a
stream is a text, ``"0.812 data: {'city':'Zürich'}\n\n"``: the time in seconds, and what came, in which ``'`` and ``"``
stand in each other's place. So JSON needs no backslashes there, a reviewer can read it, and it is read back many times
as fast as from JSON values. Format 1 wrote objects, as what is no text still is. What a stream says, its text and its
calls, is written beside it for the reviewer and never read back: the chunks are the recording.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar, get_args
from urllib.parse import urlsplit

from harness import dialects  # the registry is loaded when an answer is first read
from harness.cassette.format import bodies
from harness.core.errors import HarnessError
from harness.core.exchange import (
    Chunk,
    Exchange,
    Failure,
    FailureKind,
    HttpRequest,
    HttpResponse,
    Provenance,
    ProvenanceKind,
    lazy,
)
from harness.dialects.framing.kinds import streamed
from harness.dialects.mcp.messages import STDIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from harness.core.chat import Json, Reply
    from harness.core.exchange import Headers


_ENDLESS = float("inf")
_T = TypeVar("_T")
_EXCHANGE = frozenset({"request", "response", "failure", "complete"})
_REQUEST = frozenset({"method", "url", "headers", "body"})
_RESPONSE = frozenset({"status", "headers", "body", "at", "chunks", "stream", "reads"})
_NO_BODY = {"text": ""}
_REMEMBERED = 256
_FAILURES = frozenset(get_args(FailureKind))
_KINDS = frozenset(get_args(ProvenanceKind))
_FINE = 200
_TIMED = re.compile(r"\d{1,12}(?:\.\d{1,6})? ").match
_QUOTES = bytes.maketrans(b"'\"", b"\"'")


def known(value: Json, keys: AbstractSet[str]) -> dict[str, Json]:
    """``value`` as an object that has no other keys than ``keys``."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {type(value).__name__}")
    if not value.keys() <= keys:
        raise ValueError(f"there is no key {min(value.keys() - keys)!r} here; there are {', '.join(sorted(keys))}")
    return value


def a_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {type(value).__name__}")
    return value


def a_bool(value: Json) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, not {str(value)[:60]!r}")
    return value


def a_text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {str(value)[:60]!r}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text holds half a surrogate pair, which no file can hold") from error
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


def seconds(value: Json) -> float:
    if type(value) not in {int, float} or not 0 <= value < _ENDLESS:
        raise ValueError(f"{value!r} is no time in seconds")
    return float(value)


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
            **_from_chunks(response, write, plain=plain),
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
    if wrong is not None and _is_lazy(given):
        return lazy(HttpResponse, partial(_made, _to_chunks, given, wrong), status=status, headers=headers)
    return HttpResponse(status, headers, _to_chunks(given))


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


def decoded_summary(exchange: Exchange) -> dict[str, Json]:
    """The text, calls and finish of a chat stream; empty for anything else, and for what can't be read."""
    try:
        reply = _reply(exchange)
        says: dict[str, Json] = bodies.escaped(_reply_summary(reply)) if reply is not None else {}
    except (HarnessError, UnicodeEncodeError):
        return {}
    return says


def sound(exchange: Exchange) -> bool:
    """Whether nothing is wrong with a chat answer: no error in the middle, no early end, nothing unreadable."""
    try:
        _reply(exchange)
    except HarnessError:
        return False
    return True


def _reply(exchange: Exchange) -> Reply | None:
    """What a chat answer says; None for anything else. Raises the errors of the dialects' readers."""
    response = exchange.response
    if response is None or response.status != _FINE:
        return None
    dialect = dialects.dialect_at(exchange.request.url)
    return dialect.read(response) if dialect else None


def _reply_summary(reply: Reply) -> dict[str, Json]:
    made: dict[str, Json] = {"text": reply.text} if reply.text else {}
    if reply.calls:
        made["calls"] = [{"name": call.name, "parameters": call.parameters} for call in reply.calls]
    if reply.errors:
        made["unreadable calls"] = [error.raw for error in reply.errors]
    if reply.finish:
        made["finish"] = reply.finish
    return made


def _from_chunks(response: HttpResponse, write: Callable[[bytes], dict[str, Json]], *, plain: bool = False) -> Json:
    """A stream as the list of its chunks; anything else whole, with the lengths and times of its chunks beside it."""
    chunks = response.chunks
    if streamed(response):
        return {"stream": [_from_chunk(chunk, write, plain=plain) for chunk in chunks]}
    if not chunks:
        return {}
    made: dict[str, Json] = {"body": write(response.body)}
    if len(chunks) > 1:
        made["chunks"] = [f"{len(chunk.data)} at {_time(chunk.at)}" for chunk in chunks]
    elif chunks[0].at:
        made["at"] = _time(chunks[0].at)
    return made


def _to_chunks(given: dict[str, Json]) -> tuple[Chunk, ...]:
    """The chunks of a written response. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    if "stream" in given:
        return tuple(map(_to_chunk, a_list(given["stream"])))
    if "body" not in given:
        return ()
    body = bodies.read(given["body"])
    if "chunks" not in given:
        return (Chunk(body, seconds(given.get("at", 0))),)
    made, start = [], 0
    for one in a_list(given["chunks"]):
        length, _, at = a_text(one).partition(" at ")
        if not length.isdecimal():
            raise ValueError(f"{one[:60]!r} is no chunk: it needs a length, 'at' and seconds")
        end = start + int(length)
        made.append(Chunk(body[start:end], seconds(float(at))))
        start = end
    if start != len(body):
        raise ValueError(f"the chunks' lengths make {start} bytes, and the body has {len(body)}")
    return tuple(made)


def _is_lazy(given: dict[str, Json]) -> bool:
    """Whether ``_to_chunks`` can wait until the chunks are asked for: a stream of texts, or a body in one chunk of
    which ``bodies.is_lazy`` says so.
    """
    stream = given.get("stream")
    if stream is not None:
        return isinstance(stream, list) and all(isinstance(one, str) and _TIMED(one) for one in stream)
    if "chunks" in given or not bodies.is_lazy(given.get("body")):
        return False
    seconds(given.get("at", 0))
    return True


def _from_chunk(chunk: Chunk, write: Callable[[bytes], dict[str, Json]], *, plain: bool) -> Json:
    if not plain:
        try:
            return f"{_time(chunk.at)} {chunk.data.translate(_QUOTES).decode()}"
        except UnicodeDecodeError:
            pass
    return {"at": _time(chunk.at), **write(chunk.data)}


def _to_chunk(value: Json) -> Chunk:
    if isinstance(value, str):
        at, space, text = value.partition(" ")
        if not space:
            raise ValueError(f"{value[:60]!r} is no chunk: it needs seconds, a space and a text")
        return Chunk(text.encode().translate(_QUOTES), seconds(float(at)))
    if not isinstance(value, dict):
        raise TypeError(f"expected a text or an object, not {type(value).__name__}")
    return Chunk(bodies.read(value), seconds(value.get("at", 0)))


def _time(at: float) -> float | int:
    """Milliseconds are kept; a whole number is written as one."""
    rounded = round(at, 3)
    return int(rounded) if rounded == int(rounded) else rounded
