"""Cassettes as stock vcrpy's own: YAML for its files, and the values that its serializers exchange."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import yaml

from harness.cassette.importers.bounded import from_yaml
from harness.cassette.importers.values import Skipped

if TYPE_CHECKING:
    from harness.cassette.format.document import Cassette
    from harness.core.chat import Json
    from harness.core.exchange import Exchange, Headers

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def interactions(cassette: Cassette) -> tuple[dict[str, Json], tuple[Skipped, ...]]:
    """``cassette`` as what vcrpy's serializers read, and the exchanges that vcrpy has no form for."""
    made: list[Json] = []
    left: list[Skipped] = []
    for number, exchange in enumerate(cassette.exchanges):
        if reason := _no_form(exchange):
            left.append(Skipped(f"exchanges[{number}]", reason))
        else:
            made.append(_interaction(exchange))
    return {"version": 1, "interactions": made}, tuple(left)


def to_yaml(document: dict[str, Json]) -> str:
    """``document`` as stock vcrpy writes it, read back before it is handed out."""
    text: str = yaml.dump(document, Dumper=_Dumper)
    if from_yaml(text) != document:
        raise ValueError("the YAML would not read back as what was written")
    return text


def _no_form(exchange: Exchange) -> str:
    if exchange.failure is not None:
        return f"its connection failed ({exchange.failure.kind}), and vcrpy records no failures"
    if not exchange.complete:
        return "its client stopped reading, and vcrpy would replay it as whole"
    return "" if exchange.response else "it has no response"


def _interaction(exchange: Exchange) -> Json:
    request, response = exchange.request, exchange.response
    assert response is not None
    return {
        "request": {
            "method": request.method,
            "uri": request.url,
            "body": _plain(request.body),  # an empty one as vcrpy writes httpx's; requests' is null
            "headers": _headers(request.headers),
        },
        "response": {
            "status": {"code": response.status, "message": _PHRASES.get(response.status, "")},
            "headers": _headers(response.headers),
            "body": {"string": _plain(response.body)},
        },
    }


def _headers(headers: Headers) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name, value in headers:
        made.setdefault(name, []).append(value)
    return made


def _plain(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
