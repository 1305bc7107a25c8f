"""The files of recorders with a form of their own: HAR, as Polly.JS writes it and browsers and proxies save it; Rust's
httpmock, a YAML document for each exchange, request as ``when``, answer as ``then``; JSON lines.

A line is an exchange: ``id`` (``recording#number``), ``method``, ``url``, ``request_headers``, ``request_body``,
``status``, ``response_headers``, ``response_body``, ``response_encoding`` where that is base64. A recording of an
httpmock server that forwards has no host: it stands as ``<HOST>``, which ``--fill HOST=…`` fills in.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from harness.cassette.importers import values
from harness.cassette.importers.bounded import Lines
from harness.cassette.importers.values import REQUEST_BODY, RESPONSE_BODY, ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json
    from harness.core.exchange import Headers

# What a request of httpmock's recorder holds. Anything else is a condition of a mock that was written by hand.
_HTTPMOCK = {"scheme", "host", "port", "path", "method", "query_param", "header", "body", "body_base64", "json_body"}


def looks_har(document: Json) -> bool:
    return "entries" in values.inner(document, "log")


def har(value: Json) -> ImportedExchanges:
    request, response = values.obj(value, "request"), values.obj(value, "response")
    body = _har_content(values.obj(response, "content"))
    answer = values.response(
        response.get("status"), _har_headers(response.get("headers")), body, _milliseconds(value.get("time"))
    )
    method, url = values.text(request, "method"), values.text(request, "url")
    made = values.exchange(method, url, _har_headers(request.get("headers")), _har_posted(request), answer)
    return ImportedExchanges(made, values.moment(value.get("startedDateTime")) or values.answered(answer))


def _har_headers(entries: Json) -> Headers:
    if not isinstance(entries, list):
        return values.headers(entries)
    pairs = [values.headers({values.text(one, "name"): one.get("value")}) for one in entries]
    return tuple(pair for two in pairs for pair in two if not pair[0].startswith(":"))  # HTTP/2's own are no headers


def _har_posted(request: dict[str, Json]) -> bytes:
    posted = values.inner(request, "postData")
    if "text" in posted:
        plain = values.raw(posted["text"], REQUEST_BODY)
        return values.unbase64(plain.decode(), REQUEST_BODY) if posted.get("encoding") == "base64" else plain
    size = request.get("bodySize")
    if posted.get("params"):
        raise SkippedError("its request body stands as parameters alone, not as it was sent")
    if posted or (type(size) is int and size > 0):
        raise SkippedError("its request body was not recorded, as Polly does with binary ones")
    return b""


def _har_content(content: dict[str, Json]) -> bytes:
    size = content.get("size")
    if content.get("text") is None:
        if type(size) is int and size > 0:
            raise SkippedError("its response body was not recorded")
        return b""
    if content.get("_isBinary") is True and "encoding" not in content:
        return _polly_hex(values.text(content, "text"))
    if content.get("encoding") != "base64":
        return values.raw(content["text"], RESPONSE_BODY)
    text = values.text(content, "text")
    if not text.startswith("["):
        return values.unbase64(text, RESPONSE_BODY)
    try:  # Polly's: each piece of a compressed body by itself
        return b"".join(values.unbase64(piece, RESPONSE_BODY) for piece in json.loads(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise SkippedError(f"its response body is no list of base64: {error}") from error


def _polly_hex(text: str) -> bytes:
    """A binary body before Polly 6: hexadecimal digits, those of a compressed body in a list of pieces."""
    try:
        return b"".join(bytes.fromhex(piece) for piece in (json.loads(text) if text.startswith("[") else [text]))
    except (ValueError, TypeError) as error:
        raise SkippedError(f"its response body is marked binary and is no hexadecimal text: {error}") from error


def _milliseconds(value: Json) -> float:
    """Seconds of a number of milliseconds; 0 for anything else."""
    if type(value) not in {int, float} or abs(value) > sys.maxsize:
        return 0
    return float(value) / 1000


def _documents(document: Json) -> tuple[Json, ...]:
    return document.values if isinstance(document, Lines) else (document,)


def looks_httpmock(document: Json) -> bool:
    found = _documents(document)
    return bool(found) and all(isinstance(one, dict) and {"when", "then"} == one.keys() for one in found)


def with_host(document: Json) -> Json:
    """``document`` with ``<HOST>`` where a request of httpmock's has no host."""
    return Lines(tuple(_with_host(one) for one in _documents(document)))


def _with_host(one: Json) -> Json:
    when = values.inner(one, "when")
    return {**one, "when": {**when, "host": "<HOST>"}} if when and when.get("host") is None else one


def httpmock(document: Json) -> Interactions:
    for number, value in enumerate(_documents(document), 1):
        yield f"document {number}", partial(_httpmock, value)


def _httpmock(value: Json) -> ImportedExchanges:
    when, then = values.obj(value, "when"), values.obj(value, "then")
    if more := sorted(map(str, when.keys() - _HTTPMOCK)):
        raise SkippedError(f"its request is a pattern ({', '.join(more)[:80]}), not a recorded one")
    answer = values.response(
        then.get("status", 200),
        _httpmock_pairs(then.get("header")),
        _httpmock_body(then, RESPONSE_BODY),
        _milliseconds(then.get("delay")),
    )
    sent = _httpmock_body(when, REQUEST_BODY)
    method, headers = values.text(when, "method"), _httpmock_pairs(when.get("header"))
    return ImportedExchanges(
        values.exchange(method, _httpmock_url(when), headers, sent, answer), values.answered(answer)
    )


def _httpmock_url(when: dict[str, Json]) -> str:
    host, path, port = values.text(when, "host").rstrip("/"), values.text(when, "path"), when.get("port")
    origin = host if "://" in host else f"{when.get('scheme') or 'https'}://{host}"
    pairs = [
        (values.raw(name, "query"), values.raw(value, "query"))
        for name, value in _httpmock_pairs(when.get("query_param"))
    ]
    query = urlencode(pairs, quote_via=quote)
    return f"{origin}{'' if port is None else f':{port}'}{path}{query and f'?{query}'}"


def _httpmock_pairs(entries: Json) -> Headers:
    """A list of names and values: of headers, and of the parameters of a query."""
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise SkippedError("its headers or parameters are no list of names and values")
    return tuple((values.text(one, "name"), values.text(one, "value")) for one in entries)


def _httpmock_body(side: dict[str, Json], what: str) -> bytes:
    if "body_from_file" in side:
        raise SkippedError(f"its {what} stands in another file")
    if "body_base64" in side:
        return values.unbase64(values.text(side, "body_base64"), what)
    if "json_body" in side:
        return values.json_bytes(side["json_body"], what)
    return values.raw(side.get("body"), what)


def looks_json_lines(document: Json) -> bool:
    return isinstance(document, Lines) and any(
        isinstance(one, dict) and {"method", "url", "status", "response_body"} <= one.keys() for one in document.values
    )


def json_lines(document: Json) -> Interactions:
    if not isinstance(document, Lines):
        raise TypeError("it has no JSON lines")
    for number, value in enumerate(document.values, 1):
        yield f"line {number}", partial(_json_line, value)


def _json_line(value: Json) -> ImportedExchanges:
    if isinstance(value, ValueError):
        raise SkippedError(f"it is no JSON: {str(value)[:100]}")
    if not isinstance(value, dict):
        raise SkippedError("it is no object")
    body = values.raw(value.get("response_body"), RESPONSE_BODY)
    coded = value.get("response_encoding")
    if coded == "base64":
        body = values.unbase64(body.decode(), RESPONSE_BODY)
    elif coded:
        raise SkippedError(f"its response body has the unknown encoding {str(coded)[:40]!r}")
    request = value.get("request_body")
    sent = values.raw(request, REQUEST_BODY) if isinstance(request, str | None) else values.json_bytes(request, "body")
    answer = values.response(value.get("status"), values.headers(value.get("response_headers")), body)
    method, url = values.text(value, "method"), values.text(value, "url")
    made = values.exchange(method, url, values.headers(value.get("request_headers")), sent, answer)
    name = value.get("id")
    # The source of a line, and how true to the wire it is.
    provenance = ("repo", "commit", "licence", "recorder", "fidelity")
    source = ", ".join(str(value[name])[:100] for name in provenance if isinstance(value.get(name), str))
    return ImportedExchanges(
        made, values.answered(answer), name.partition("#")[0] if isinstance(name, str) else "", source
    )
