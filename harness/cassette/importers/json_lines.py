"""JSON lines, one exchange a line: ``id`` (``recording#number``), ``method``, ``url``, ``request_headers``,
``request_body``, ``status``, ``response_headers``, ``response_body``, ``response_encoding`` where that is base64.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.bounded import Lines
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json


def looks(document: Json) -> bool:
    return isinstance(document, Lines) and any(
        isinstance(one, dict) and {"method", "url", "status", "response_body"} <= one.keys() for one in document.values
    )


def interactions(document: Json) -> Interactions:
    if not isinstance(document, Lines):
        raise TypeError("it has no JSON lines")
    for number, value in enumerate(document.values, 1):
        yield f"line {number}", partial(_taken, value)


def _taken(value: Json) -> ImportedExchanges:
    if isinstance(value, ValueError):
        raise SkippedError(f"it is no JSON: {str(value)[:100]}")
    if not isinstance(value, dict):
        raise SkippedError("it is no object")
    body = values.raw(value.get("response_body"), "response body")
    coded = value.get("response_encoding")
    if coded == "base64":
        body = values.unbase64(body.decode(), "response body")
    elif coded:
        raise SkippedError(f"its response body has the unknown encoding {str(coded)[:40]!r}")
    asked = value.get("request_body")
    sent = values.raw(asked, "request body") if isinstance(asked, str | None) else values.json_bytes(asked, "body")
    answer = values.response(value.get("status"), values.headers(value.get("response_headers")), body)
    method, url = values.text(value, "method"), values.text(value, "url")
    made = values.exchange(method, url, values.headers(value.get("request_headers")), sent, answer)
    name = value.get("id")
    return ImportedExchanges(
        made, values.answered(answer), name.partition("#")[0] if isinstance(name, str) else "", _from(value)
    )


def _from(value: dict[str, Json]) -> str:
    """Where a line says that it is from, and how true to the wire it is."""
    known = ("repo", "commit", "licence", "recorder", "fidelity")
    return ", ".join(str(value[name])[:100] for name in known if isinstance(value.get(name), str))
