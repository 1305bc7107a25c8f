"""vcrpy's own files, YAML or JSON, and pydantic-ai's, in which JSON bodies stand as ``parsed_body``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.import_result import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.import_result import Interactions
    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

_PARSED = "parsed_body"


def looks(document: Json) -> bool:
    first = values.first(document, "interactions")
    answer = values.inner(first, "response")
    return "uri" in values.inner(first, "request") and (
        "status_code" in answer or type(answer.get("status")) is not int
    )


def looks_parsed(document: Json) -> bool:
    """Whether any body stands as ``parsed_body``."""
    entries = document.get("interactions") if isinstance(document, dict) else None
    return isinstance(entries, list) and any(
        _PARSED in values.inner(one, side) for one in entries for side in ("request", "response")
    )


def interactions(document: Json) -> Interactions:
    yield from values.each(document.get("interactions"), "interactions", _taken)


def _taken(value: Json) -> ImportedExchanges:
    return taken(values.obj(value, "request"), values.obj(value, "response"))


def taken(asked: dict[str, Json], came: dict[str, Json]) -> ImportedExchanges:
    """A request and a response as vcrpy writes them."""
    answer = _response(came)
    made = values.exchange(
        values.text(asked, "method"),
        values.text(asked, "uri"),
        values.headers(asked.get("headers")),
        _body(asked, asked.get("body"), "request body"),
        answer,
    )
    return ImportedExchanges(made, values.answered(answer))


def _response(came: dict[str, Json]) -> HttpResponse:
    headers = values.headers(came.get("headers"))
    if "status_code" in came:  # what older vcrpy wrote of httpx
        return values.response(came["status_code"], headers, _body(came, came.get("content"), "response body"))
    if "body" not in came and _PARSED not in came:
        raise SkippedError("its response has no body")
    whole = came.get("body")
    body = whole.get("string") if isinstance(whole, dict) else whole
    return values.response(values.obj(came, "status").get("code"), headers, _body(came, body, "response body"))


def _body(side: dict[str, Json], plain: Json, what: str) -> bytes:
    if _PARSED not in side:
        return values.json_bytes(plain, what) if isinstance(plain, dict | list) else values.raw(plain, what)
    if plain:
        raise SkippedError(f"its {what} stands twice, parsed and plain")
    return values.json_bytes(side[_PARSED], what)
