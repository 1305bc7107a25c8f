"""Cassettes to stock vcrpy: YAML for its files, the values that its serializers exchange, and a serializer of its own,
``my_vcr.register_serializer("harness", vcr_serializer)``.

With that vcrpy reads and writes cassettes in this harness' format. Its own recorder keeps neither chunks nor failed
connections, so what it writes has none.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness.cassette.format.document import from_bytes, to_text
from harness.cassette.importers.bounded import from_yaml
from harness.cassette.importers.importer import imported
from harness.cassette.importers.values import Skipped
from harness.cassette.secrets.leak_scan import LeakScan
from harness.core.errors import CassetteError, LeakError

if TYPE_CHECKING:
    from harness.cassette.format.document import Cassette
    from harness.core.chat import Json
    from harness.core.exchange import Exchange, Headers

_CALLED = "vcrpy's recording"
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def deserialize(cassette_string: str) -> dict[str, Json]:
    """What vcrpy reads of a cassette. Raises ``CassetteError`` for one that it can't replay whole."""
    document, skipped = interactions(from_bytes(cassette_string.encode(), "the cassette"))
    if skipped:
        raise CassetteError(
            f"vcrpy can't replay {skipped[0].place} of the cassette: {skipped[0].reason}", place=skipped[0].place
        )
    return document


def serialize(cassette_dict: dict[str, Json]) -> str:
    """What vcrpy recorded as a cassette, clean of secrets. Raises ``LeakError`` or ``CassetteError``."""
    result = imported(cassette_dict, Path(_CALLED), "vcrpy")
    if result.skipped:
        kind = LeakError if result.skipped[0].secret else CassetteError
        raise kind(
            f"{_CALLED} can't be saved: {result.skipped[0].place}: {result.skipped[0].reason}; nothing was written"
        )
    (cassette,) = result.cassettes.values()
    text = to_text(cassette)
    LeakScan(result.secrets).refuse_text(text, _CALLED)
    return text


def interactions(cassette: Cassette) -> tuple[dict[str, Json], tuple[Skipped, ...]]:
    """``cassette`` as what vcrpy's serializers read, and the exchanges that vcrpy has no form for."""
    made: list[Json] = []
    skipped: list[Skipped] = []
    for number, exchange in enumerate(cassette.exchanges):
        if reason := _no_form(exchange):
            skipped.append(Skipped(f"exchanges[{number}]", reason))
        else:
            made.append(_interaction(exchange))
    return {"version": 1, "interactions": made}, tuple(skipped)


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
