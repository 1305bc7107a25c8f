"""langchain's files: vcrpy's requests and responses as two lists, packed with gzip."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.cassette.importers import values, vcrpy
from harness.cassette.importers.import_result import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.import_result import Interactions
    from harness.core.chat import Json


_NONE = object()


def looks(document: Json) -> bool:
    return isinstance(document, dict) and {"requests", "responses"} <= document.keys()


def interactions(document: Json) -> Interactions:
    requests, responses = (document.get(name) for name in ("requests", "responses"))
    if not isinstance(requests, list) or not isinstance(responses, list):
        raise TypeError("it has no lists `requests` and `responses`")
    yield from values.each([*zip_longest(responses, requests, fillvalue=_NONE)], "requests", _taken)


def _taken(pair: tuple[Json, Json]) -> ImportedExchanges:
    if pair[1] is _NONE:
        raise SkippedError("there is no request that its response answers")
    both = {"response": None if pair[0] is _NONE else pair[0], "request": pair[1]}
    return vcrpy.taken(values.obj(both, "request"), values.obj(both, "response"))
