"""langchain's files: vcrpy's requests and responses as two lists, packed with gzip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cassette.importers import values, vcrpy
from harness.cassette.importers.import_result import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.import_result import Interactions
    from harness.core.chat import Json


def looks(document: Json) -> bool:
    return isinstance(document, dict) and {"requests", "responses"} <= document.keys()


def interactions(document: Json) -> Interactions:
    requests, responses = (document.get(name) for name in ("requests", "responses"))
    if not isinstance(requests, list) or not isinstance(responses, list):
        raise TypeError("it has no lists `requests` and `responses`")
    pairs = [(responses[number] if number < len(responses) else None, one) for number, one in enumerate(requests)]
    yield from values.each(pairs, "requests", _taken)
    yield from values.each(responses[len(requests) :], f"responses[{len(requests)}:]", _alone)


def _taken(pair: tuple[Json, Json]) -> ImportedExchanges:
    both = {"response": pair[0], "request": pair[1]}
    return vcrpy.taken(values.obj(both, "request"), values.obj(both, "response"))


def _alone(_: Json) -> ImportedExchanges:
    raise SkippedError("there is no request that it answers")
