"""vcrpy's own files, YAML or JSON; pydantic-ai's, in which JSON bodies stand as ``parsed_body``; and langchain's, which
hold vcrpy's requests and responses as two lists, packed with gzip.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse

_PARSED = "parsed_body"
_NONE = object()


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
    """A request and a response as vcrpy writes them."""
    asked, came = values.obj(value, "request"), values.obj(value, "response")
    answer = _response(came)
    return values.taken(asked, "uri", _body(asked, asked.get("body"), "request body"), answer)


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


def looks_langchain(document: Json) -> bool:
    return isinstance(document, dict) and {"requests", "responses"} <= document.keys()


def langchain(document: Json) -> Interactions:
    requests, responses = (document.get(name) for name in ("requests", "responses"))
    if not isinstance(requests, list) or not isinstance(responses, list):
        raise TypeError("it has no lists `requests` and `responses`")
    yield from values.each([*zip_longest(responses, requests, fillvalue=_NONE)], "requests", _pair_taken)


def _pair_taken(pair: tuple[Json, Json]) -> ImportedExchanges:
    if pair[1] is _NONE:
        raise SkippedError("there is no request that its response answers")
    return _taken({"response": None if pair[0] is _NONE else pair[0], "request": pair[1]})
