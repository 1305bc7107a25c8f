"""The files of Ruby's VCR, in YAML or JSON, their bodies plain or in base64."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json

# What stands as text in these encodings is the file's own UTF-8; to Ruby, ASCII-8BIT is no encoding at all.
_PLAIN = {"UTF-8", "US-ASCII", "ASCII-8BIT", "BINARY", ""}


def looks(document: Json) -> bool:
    return isinstance(document, dict) and "http_interactions" in document


def interactions(document: Json) -> Interactions:
    yield from values.each(document.get("http_interactions"), "http_interactions", _taken)


def _taken(value: Json) -> ImportedExchanges:
    asked, came = values.obj(value, "request"), values.obj(value, "response")
    answer = values.response(
        values.obj(came, "status").get("code"), values.headers(came.get("headers")), _body(came, "response body")
    )
    return values.taken(asked, "uri", _body(asked, "request body"), answer, value.get("recorded_at"))


def _body(side: dict[str, Json], what: str) -> bytes:
    body = values.obj(side, "body")
    if "base64_string" in body:
        return values.unbase64(values.text(body, "base64_string"), what)
    content, encoding = body.get("string"), body.get("encoding") or ""
    if not isinstance(content, str) or encoding in _PLAIN:
        return values.raw(content, what)
    try:
        return content.encode(str(encoding))
    except (LookupError, ValueError) as error:
        raise SkippedError(f"its {what} can't be written in {str(encoding)[:40]!r}") from error
