"""cassetter's files: each body has a type, and JSON stands as what it says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json

_OTHERS = {"grpc_interactions": "gRPC", "ws_interactions": "a WebSocket"}
LISTS = ("interactions", *_OTHERS)


def looks(document: Json) -> bool:
    if any(values.first(document, name) for name in _OTHERS):
        return True
    first = values.first(document, "interactions")
    answer = values.inner(first, "response")
    return type(answer.get("status")) is int and "type" in values.inner(answer, "body")


def interactions(document: Json) -> Interactions:
    yield from values.each(document.get("interactions", []), "interactions", _taken)
    for name, what in _OTHERS.items():
        if name in document:
            yield from values.each(document[name], name, partial(_refused, what))


def _refused(what: str, _: Json) -> ImportedExchanges:
    raise SkippedError(f"it is {what}, and a cassette holds HTTP exchanges")


def _taken(value: Json) -> ImportedExchanges:
    asked, came = values.obj(value, "request"), values.obj(value, "response")
    answer = values.response(
        came.get("status"), values.headers(came.get("headers")), _body(values.obj(came, "body"), "response body")
    )
    return values.taken(
        asked, "uri", _body(values.obj(asked, "body"), "request body"), answer, value.get("recorded_at")
    )


def _body(body: dict[str, Json], what: str) -> bytes:
    kind, content = body.get("type"), body.get("content")
    if kind == "none":
        return b""
    if kind == "json":
        return values.json_bytes(content, what)
    if kind == "text":
        return values.raw(content, what)
    if kind != "binary":
        raise SkippedError(f"its {what} is of the unknown type {str(kind)[:40]!r}")
    try:
        return bytes.fromhex(values.text(body, "content"))
    except ValueError as error:
        raise SkippedError(f"its {what} is no hex: {error}") from error
