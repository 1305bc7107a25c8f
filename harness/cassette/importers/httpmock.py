"""The recordings of Rust's httpmock: a YAML document for each exchange, request as ``when``, answer as ``then``.

A recording of a server that forwards holds no host: it stands as ``<HOST>``, which ``--fill HOST=…`` says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from harness.cassette.importers import values
from harness.cassette.importers.bounded import Lines
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json
    from harness.core.exchange import Headers

# What a recorded request holds. Anything else is a condition of a mock that was written by hand.
_RECORDED = {"scheme", "host", "port", "path", "method", "query_param", "header", "body", "body_base64", "json_body"}


def _documents(document: Json) -> tuple[Json, ...]:
    return document.values if isinstance(document, Lines) else (document,)


def looks(document: Json) -> bool:
    found = _documents(document)
    return bool(found) and all(isinstance(one, dict) and {"when", "then"} == one.keys() for one in found)


def prepared(document: Json) -> Json:
    """``document`` with ``<HOST>`` where a request has no host."""
    return Lines(tuple(_with_host(one) for one in _documents(document)))


def _with_host(one: Json) -> Json:
    when = values.inner(one, "when")
    return {**one, "when": {**when, "host": "<HOST>"}} if when and when.get("host") is None else one


def interactions(document: Json) -> Interactions:
    for number, value in enumerate(_documents(document), 1):
        yield f"document {number}", partial(_taken, value)


def _taken(value: Json) -> ImportedExchanges:
    when, then = values.obj(value, "when"), values.obj(value, "then")
    if more := sorted(map(str, when.keys() - _RECORDED)):
        raise SkippedError(f"its request is a pattern ({', '.join(more)[:80]}), not a recorded one")
    delay = then.get("delay")
    answer = values.response(
        then.get("status", 200),
        _headers(then.get("header")),
        _body(then, "response body"),
        delay / 1000 if isinstance(delay, int | float) else 0,
    )
    sent = _body(when, "request body")
    made = values.exchange(values.text(when, "method"), _url(when), _headers(when.get("header")), sent, answer)
    return ImportedExchanges(made, values.answered(answer))


def _url(when: dict[str, Json]) -> str:
    host, path, port = values.text(when, "host").rstrip("/"), values.text(when, "path"), when.get("port")
    origin = host if "://" in host else f"{when.get('scheme') or 'https'}://{host}"
    given = _headers(when.get("query_param"))
    query = urlencode(
        [(values.raw(name, "query"), values.raw(value, "query")) for name, value in given], quote_via=quote
    )
    return f"{origin}{'' if port is None else f':{port}'}{path}{query and f'?{query}'}"


def _headers(given: Json) -> Headers:
    """A list of names and values: of headers, and of the parameters of a query."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise SkippedError("its headers or parameters are no list of names and values")
    return tuple((values.text(one, "name"), values.text(one, "value")) for one in given)


def _body(side: dict[str, Json], what: str) -> bytes:
    if "body_from_file" in side:
        raise SkippedError(f"its {what} stands in another file")
    if "body_base64" in side:
        return values.unbase64(values.text(side, "body_base64"), what)
    if "json_body" in side:
        return values.json_bytes(side["json_body"], what)
    return values.raw(side.get("body"), what)
