"""MCP's JSON-RPC messages in bodies: one, several, events of a stream or lines; what of them is only an address; and
their content in a line for people.

Ids, progress tokens and sessions are numbers that a client or a server chooses again in each run. They never count when
requests are compared, and a recorded answer is given the ids of the caller.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.errors import BackendError
from harness.core.exchange import Chunk, header
from harness.dialects.framing.sse import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import Exchange, HttpRequest, HttpResponse

SESSION = "mcp-session-id"
STDIO = "stdio"
"""The scheme of a server that is a program: its messages are lines on its standard input and output."""

_NAME = '"jsonrpc"'
_VERSION = "2.0"
_ADDRESSES = ("progressToken", "requestId")
# Of one client or one run, as `_meta` carries them.
_VOLATILE_META = ("progressToken", "traceparent", "tracestate", "baggage")


def is_message(value: Json) -> bool:
    """Whether a JSON value is a JSON-RPC message, or several."""
    if isinstance(value, list):
        return bool(value) and all(map(is_message, value))
    return isinstance(value, dict) and value.get("jsonrpc") == _VERSION


def is_call(message: Json) -> bool:
    """Whether a message expects an answer."""
    return isinstance(message, dict) and "method" in message and "id" in message


def parsed(body: bytes) -> Json:
    """The message, or the list of them, that ``body`` is; None where it is none."""
    if _NAME.encode() not in body:
        return None
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(body)
        return value if is_message(value) else None
    return None


def awaited_ids(request: HttpRequest) -> set[str] | None:
    """The ids, as JSON, of the answers that ``request`` waits for; None where it holds no messages."""
    value = parsed(request.body)
    return None if value is None else {json.dumps(one["id"]) for one in _listed(value) if is_call(one)}


def answered_ids(body: bytes) -> set[str]:
    """The ids, as JSON, of the answers in a body."""
    return {json.dumps(one.get("id")) for one in messages(body) if "method" not in one}


def listens(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether this is a client that listens for what a server may send unasked, until either of them leaves."""
    kind = header(response.headers, "content-type") or ""
    if request.method != "GET" or not kind.startswith("text/event-stream"):
        return False
    return header(response.headers, SESSION) is not None or not response.chunks or bool(messages(response.body))


def messages(body: bytes) -> list[dict[str, Json]]:
    """Every message in a body: JSON, the events of a stream, or one a line; what else stands there is left out."""
    return [message for text in _texts(body) for message in _listed(parsed(text))]


def _listed(value: Json) -> list[dict[str, Json]]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _texts(body: bytes) -> Iterator[bytes]:
    if _NAME.encode() not in body:
        return
    if body.lstrip()[:1] in {b"{", b"["}:
        whole = parsed(body)
        yield from [body] if whole is not None else body.split(b"\n")
        return
    with contextlib.suppress(BackendError):
        for event in events(body):
            yield event.data.encode()


def unaddressed(value: Json) -> Json:
    """A message without what is only an address, and without the version of the client."""
    if isinstance(value, list):
        return [unaddressed(one) for one in value]
    made = {name: inner for name, inner in value.items() if name != "id"}
    params = made.get("params")
    if isinstance(params, dict):
        params = {name: inner for name, inner in params.items() if name not in _ADDRESSES and name != "clientInfo"}
        if isinstance(params.get("_meta"), dict):
            meta = {name: inner for name, inner in params["_meta"].items() if _counts(name)}
            params = {**params, "_meta": meta} if meta else {n: one for n, one in params.items() if n != "_meta"}
        made["params"] = params
    return made


def _counts(name: str) -> bool:
    return name not in _VOLATILE_META and not name.endswith("/clientInfo")


def readdressed(exchange: Exchange, request: HttpRequest) -> Exchange:
    """A recorded exchange that answers ``request``, with its ids."""
    if exchange.response is None or _NAME.encode() not in request.body:
        return exchange
    response = _response(exchange.response, exchange.request, request)
    return exchange if response is exchange.response else replace(exchange, response=response)


def _response(response: HttpResponse, recorded: HttpRequest, request: HttpRequest) -> HttpResponse:
    old, new = parsed(recorded.body), parsed(request.body)
    if old is None or new is None:
        return response
    ids = dict(_pairs(_listed(old), _listed(new)))
    if all(one == other for one, other in ids.items()):
        return response
    chunks = tuple(replace(one, data=_translated(one.data, ids)) for one in response.chunks)
    if any(_split(one.data) for one in response.chunks):  # a message over several chunks
        chunks = (Chunk(_translated(response.body, ids)),)
    return replace(response, chunks=chunks)


def _pairs(old: list[dict[str, Json]], new: list[dict[str, Json]]) -> Iterator[tuple[tuple[str, str], Json]]:
    """Each id and token of ``old``, by its kind and its JSON, and what stands in its place in ``new``."""
    for one, other in zip(old, new, strict=False):
        if "id" in one and "id" in other and json.dumps(one["id"]) != json.dumps(other["id"]):
            yield ("id", json.dumps(one["id"])), other["id"]
        tokens = [((message.get("params") or {}).get("_meta") or {}).get("progressToken") for message in (one, other)]
        if None not in tokens and json.dumps(tokens[0]) != json.dumps(tokens[1]):
            yield ("token", json.dumps(tokens[0])), tokens[1]


def _split(data: bytes) -> bool:
    """Whether a chunk ends inside a line."""
    return bool(data) and not data.endswith((b"\n", b"\r", b"}", b"]"))


def _translated(data: bytes, ids: dict[tuple[str, str], Json]) -> bytes:
    if data.lstrip()[:1] in {b"{", b"["} and parsed(data) is not None:
        return _message(data, ids) + data[len(data.rstrip()) :]
    return b"\n".join(_line(line, ids) for line in data.split(b"\n"))


def _line(line: bytes, ids: dict[tuple[str, str], Json]) -> bytes:
    head, text = (line[:5], line[5:]) if line.startswith(b"data:") else (b"", line)
    if parsed(text.strip()) is None:
        return line
    return head + b" " * bool(head) + _message(text.strip(), ids) + text[len(text.rstrip()) :]


def _message(text: bytes, ids: dict[tuple[str, str], Json]) -> bytes:
    value = parsed(text)
    made = [_renamed(one, ids) for one in _listed(value)]
    return json.dumps(made if isinstance(value, list) else made[0], ensure_ascii=False, separators=(",", ":")).encode()


def _renamed(message: dict[str, Json], ids: dict[tuple[str, str], Json]) -> dict[str, Json]:
    if "method" not in message:
        known = ("id", json.dumps(message.get("id")))
        return {**message, "id": ids[known]} if known in ids else message
    params = message.get("params") or {}
    token = ("token", json.dumps(params.get("progressToken")))
    return {**message, "params": {**params, "progressToken": ids[token]}} if token in ids else message


_MOST = 80
_NAMED = ("name", "uri", "protocolVersion", "level")


def request_line(body: bytes) -> str:
    """The messages of a request in a line for people; ``""`` where there are none."""
    value = parsed(body)
    found = value if isinstance(value, list) else [value] if value is not None else []
    return ", ".join(map(_message_line, found))


def request_suffix(body: bytes) -> str:
    """The same in brackets, to stand behind an address."""
    found = request_line(body)
    return f" ({found[:_MOST]})" if found else ""


def answer_lines(exchange: Exchange) -> list[str]:
    """What came back, a line for each message; none where it was no MCP exchange."""
    if exchange.response is None:
        return []
    method = (parsed(exchange.request.body) or {}) if exchange.request.body else {}
    name = method.get("method", "") if isinstance(method, dict) else ""
    return [_answer_line(one, name) for one in messages(exchange.response.body)]


def listed_tools(exchange: Exchange) -> dict[str, dict[str, Json]] | None:
    """The tools that an answer to tools/list holds, by name; None where it is no such answer."""
    request = parsed(exchange.request.body)
    if not isinstance(request, dict) or request.get("method") != "tools/list" or exchange.response is None:
        return None
    results = [_object(one.get("result")) for one in messages(exchange.response.body) if "result" in one]
    return {str(one.get("name")): one for result in results for one in map(_object, result.get("tools") or ())}


def call_result(exchange: Exchange) -> dict[str, Json] | None:
    """The ``result`` or ``error`` that a message was answered with, as an object of that one field; None for none."""
    if exchange.response is None or parsed(exchange.request.body) is None:
        return None
    for one in messages(exchange.response.body):
        if "method" not in one:
            return {name: one[name] for name in ("result", "error") if name in one}
    return None


def result_text(value: Json) -> str:
    """The text of a result's content."""
    parts = map(_object, _object(value).get("content") or ())
    return " ".join(str(one.get("text", f"[{one.get('type')}]")) for one in parts)


def _message_line(message: dict[str, Json]) -> str:
    method, params = message.get("method"), _object(message.get("params"))
    if not isinstance(method, str):
        return f"answers the server: {_short(message.get('result', message.get('error')))}"
    if "arguments" in params:
        return f"{method} {params.get('name')}({json.dumps(params['arguments'], ensure_ascii=False)})"
    named = next((params[name] for name in _NAMED if isinstance(params.get(name), str)), "")
    return f"{method} {named}".strip()


def _answer_line(message: dict[str, Json], method: str) -> str:
    if "method" in message:
        verb = "the server asks" if "id" in message else "notifies"
        return f"{verb}: {_message_line(message)}"
    if "error" in message:
        error = _object(message["error"])
        return f"error {error.get('code')}: {_short(error.get('message'))}"
    result = _object(message.get("result"))
    if method == "tools/list":
        names = [str(one.get("name")) for one in map(_object, result.get("tools") or ())]
        return f"{len(names)} tool{'s' * (len(names) != 1)}: {', '.join(names)}"
    if method == "initialize":
        server = _object(result.get("serverInfo"))
        return f"{server.get('name')} {server.get('version')}, protocol {result.get('protocolVersion')}"
    if "content" in result:
        return f"{'tool error: ' * bool(result.get('isError'))}{_short(result_text(result))}"
    return _short(result)


def _object(value: Any) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
