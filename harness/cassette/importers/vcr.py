"""The files of VCR and its ports, which list interactions of a request and a response each: vcrpy's, YAML or JSON;
pydantic-ai's, in which JSON bodies stand as ``parsed_body``; langchain's, which hold vcrpy's requests and responses as
two lists, packed with gzip; cassetter's, in which each body has a type; go-vcr's, of its formats 1 and 2; Ruby's VCR.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

from harness.cassette.importers import values
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json

_PARSED = "parsed_body"
_NONE = object()
_NOT_HTTP = {"grpc_interactions": "gRPC", "ws_interactions": "a WebSocket"}
CASSETTER_LISTS = ("interactions", *_NOT_HTTP)
_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_GO_DURATION = re.compile(r"([0-9.]+)(ms|us|µs|μs|ns|h|m|s)")
# What stands as text in these encodings is the file's own UTF-8; to Ruby, ASCII-8BIT is no encoding at all.
_RUBY_PLAIN = {"UTF-8", "US-ASCII", "ASCII-8BIT", "BINARY", ""}


def looks_vcrpy(document: Json) -> bool:
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


def vcrpy(value: Json) -> ImportedExchanges:
    """A request and a response as vcrpy writes them."""
    return values.interaction(value, "uri", _vcrpy_status, _vcrpy_body)


def _vcrpy_status(response: dict[str, Json]) -> Json:
    if "status_code" in response:  # what older vcrpy wrote of httpx
        return response["status_code"]
    if "body" not in response and _PARSED not in response:
        raise SkippedError("its response has no body")
    return values.obj(response, "status").get("code")


def _vcrpy_body(side: dict[str, Json], what: str) -> bytes:
    plain = side.get("content" if "status_code" in side else "body")
    if what == values.RESPONSE_BODY and "status_code" not in side and isinstance(plain, dict):
        plain = plain.get("string")
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
    yield from values.each([*zip_longest(responses, requests, fillvalue=_NONE)], "requests", _pair)


def _pair(pair: tuple[Json, Json]) -> ImportedExchanges:
    if pair[1] is _NONE:
        raise SkippedError("there is no request that its response answers")
    return vcrpy({"response": None if pair[0] is _NONE else pair[0], "request": pair[1]})


def looks_cassetter(document: Json) -> bool:
    if any(values.first(document, name) for name in _NOT_HTTP):
        return True
    answer = values.inner(values.first(document, "interactions"), "response")
    return type(answer.get("status")) is int and "type" in values.inner(answer, "body")


def cassetter(document: Json) -> Interactions:
    read = partial(values.interaction, url="uri", status=lambda response: response.get("status"), body=_cassetter_body)
    yield from values.each(document.get("interactions", []), "interactions", read)
    for name, protocol in _NOT_HTTP.items():
        if name in document:
            yield from values.each(document[name], name, partial(_not_http, protocol))


def _not_http(protocol: str, _: Json) -> ImportedExchanges:
    raise SkippedError(f"it is {protocol}, and a cassette holds HTTP exchanges")


def _cassetter_body(side: dict[str, Json], what: str) -> bytes:
    body = values.obj(side, "body")
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


def looks_go_vcr(document: Json) -> bool:
    first = values.first(document, "interactions")
    return "url" in values.inner(first, "request") and "code" in values.inner(first, "response")


def go_vcr(value: Json) -> ImportedExchanges:
    return values.interaction(
        value,
        "url",
        lambda response: response.get("code"),
        lambda side, what: values.raw(side.get("body"), what),
        lambda response: go_seconds(response.get("duration")),
    )


def go_seconds(duration: Json) -> float:
    """What Go calls ``1m2.5s`` or ``299.2ms``; 0 for anything else."""
    try:
        return sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_DURATION.findall(str(duration)))
    except ValueError:
        return 0


def looks_ruby_vcr(document: Json) -> bool:
    return isinstance(document, dict) and "http_interactions" in document


def ruby_vcr(value: Json) -> ImportedExchanges:
    return values.interaction(value, "uri", lambda response: values.obj(response, "status").get("code"), _ruby_body)


def _ruby_body(side: dict[str, Json], what: str) -> bytes:
    body = values.obj(side, "body")
    if "base64_string" in body:
        return values.unbase64(values.text(body, "base64_string"), what)
    content, encoding = body.get("string"), body.get("encoding") or ""
    if not isinstance(content, str) or encoding in _RUBY_PLAIN:
        return values.raw(content, what)
    try:
        return content.encode(str(encoding))
    except (LookupError, ValueError) as error:
        raise SkippedError(f"its {what} can't be written in {str(encoding)[:40]!r}") from error
