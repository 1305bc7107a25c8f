"""Polly.JS's HAR files, and those that browsers and proxies save."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json
    from harness.core.exchange import Headers


def looks(document: Json) -> bool:
    return "entries" in values.inner(document, "log")


def interactions(document: Json) -> Interactions:
    yield from values.each(values.inner(document, "log").get("entries"), "log.entries", _taken)


def _taken(value: Json) -> ImportedExchanges:
    asked, came = values.obj(value, "request"), values.obj(value, "response")
    body = _content(values.obj(came, "content"))
    answer = values.response(
        came.get("status"),
        _headers(came.get("headers")),
        body,
        _seconds(value.get("time")),
    )
    method = values.text(asked, "method")
    made = values.exchange(method, values.text(asked, "url"), _headers(asked.get("headers")), _posted(asked), answer)
    return ImportedExchanges(made, values.moment(value.get("startedDateTime")) or values.answered(answer))


def _headers(given: Json) -> Headers:
    if not isinstance(given, list):
        return values.headers(given)
    pairs = [values.headers({values.text(one, "name"): one.get("value")}) for one in given]
    return tuple(pair for two in pairs for pair in two if not pair[0].startswith(":"))  # HTTP/2's own are no headers


def _posted(asked: dict[str, Json]) -> bytes:
    posted = values.inner(asked, "postData")
    if "text" in posted:
        plain = values.raw(posted["text"], "request body")
        return values.unbase64(plain.decode(), "request body") if posted.get("encoding") == "base64" else plain
    size = asked.get("bodySize")
    if posted.get("params"):
        raise SkippedError("its request body stands as parameters alone, not as it was sent")
    if posted or (type(size) is int and size > 0):
        raise SkippedError("its request body was not recorded, as Polly does with binary ones")
    return b""


def _content(content: dict[str, Json]) -> bytes:
    size = content.get("size")
    if content.get("text") is None:
        if type(size) is int and size > 0:
            raise SkippedError("its response body was not recorded")
        return b""
    if content.get("_isBinary") is True and "encoding" not in content:
        return _hexed(values.text(content, "text"))
    if content.get("encoding") != "base64":
        return values.raw(content["text"], "response body")
    text = values.text(content, "text")
    if not text.startswith("["):
        return values.unbase64(text, "response body")
    try:  # Polly's: each piece of a compressed body by itself
        return b"".join(values.unbase64(piece, "response body") for piece in json.loads(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise SkippedError(f"its response body is no list of base64: {error}") from error


def _hexed(text: str) -> bytes:
    """A binary body before Polly 6: hexadecimal digits, those of a compressed body in a list of pieces."""
    try:
        return b"".join(bytes.fromhex(piece) for piece in (json.loads(text) if text.startswith("[") else [text]))
    except (ValueError, TypeError) as error:
        raise SkippedError(f"its response body is marked binary and is no hexadecimal text: {error}") from error


def _seconds(milliseconds: Json) -> float:
    if type(milliseconds) not in {int, float} or abs(milliseconds) > sys.maxsize:
        return 0
    return float(milliseconds) / 1000
