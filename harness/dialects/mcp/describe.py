"""What MCP messages say, in a line for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.dialects.mcp.messages import messages, parsed

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import Exchange

_MOST = 80
_NAMED = ("name", "uri", "protocolVersion", "level")


def asked(body: bytes) -> str:
    """What the messages of a request ask; ``""`` where there are none."""
    value = parsed(body)
    found = value if isinstance(value, list) else [value] if value is not None else []
    return ", ".join(map(_asked, found))


def about(body: bytes) -> str:
    """The same in brackets, to stand behind an address."""
    found = asked(body)
    return f" ({found[:_MOST]})" if found else ""


def answered(exchange: Exchange) -> list[str]:
    """What came back, a line for each message; none where it was no MCP exchange."""
    if exchange.response is None:
        return []
    method = (parsed(exchange.request.body) or {}) if exchange.request.body else {}
    name = method.get("method", "") if isinstance(method, dict) else ""
    return [_answer(one, name) for one in messages(exchange.response.body)]


def tools(exchange: Exchange) -> dict[str, dict[str, Json]] | None:
    """The tools that an answer to tools/list holds, by name; None where it is no such answer."""
    request = parsed(exchange.request.body)
    if not isinstance(request, dict) or request.get("method") != "tools/list" or exchange.response is None:
        return None
    results = [_object(one.get("result")) for one in messages(exchange.response.body) if "result" in one]
    return {str(one.get("name")): one for result in results for one in map(_object, result.get("tools") or ())}


def result(exchange: Exchange) -> dict[str, Json] | None:
    """The ``result`` or ``error`` that a message was answered with, as an object of that one field; None for none."""
    if exchange.response is None or parsed(exchange.request.body) is None:
        return None
    for one in messages(exchange.response.body):
        if "method" not in one:
            return {name: one[name] for name in ("result", "error") if name in one}
    return None


def text(value: Json) -> str:
    """The text of a result's content."""
    parts = map(_object, _object(value).get("content") or ())
    return " ".join(str(one.get("text", f"[{one.get('type')}]")) for one in parts)


def _asked(message: dict[str, Json]) -> str:
    method, params = message.get("method"), _object(message.get("params"))
    if not isinstance(method, str):
        return f"answers the server: {_short(message.get('result', message.get('error')))}"
    if "arguments" in params:
        return f"{method} {params.get('name')}({json.dumps(params['arguments'], ensure_ascii=False)})"
    about = next((params[name] for name in _NAMED if isinstance(params.get(name), str)), "")
    return f"{method} {about}".strip()


def _answer(message: dict[str, Json], method: str) -> str:
    if "method" in message:
        verb = "the server asks" if "id" in message else "notifies"
        return f"{verb}: {_asked(message)}"
    if "error" in message:
        error = _object(message["error"])
        return f"error {error.get('code')}: {_short(error.get('message'))}"
    given = _object(message.get("result"))
    if method == "tools/list":
        names = [str(one.get("name")) for one in map(_object, given.get("tools") or ())]
        return f"{len(names)} tool{'s' * (len(names) != 1)}: {', '.join(names)}"
    if method == "initialize":
        server = _object(given.get("serverInfo"))
        return f"{server.get('name')} {server.get('version')}, protocol {given.get('protocolVersion')}"
    if "content" in given:
        return f"{'tool error: ' * bool(given.get('isError'))}{_short(text(given))}"
    return _short(given)


def _object(value: Any) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _short(value: Json) -> str:
    told = json.dumps(value, ensure_ascii=False)
    return told if len(told) <= _MOST else f"{told[:_MOST]}…"
