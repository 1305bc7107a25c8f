"""When two requests are the same: a canonical key, and what differs where they are not.

Method, scheme, host, port, path, query and body count; headers never do. JSON is compared as JSON whatever the
Content-Type (ollama sends none): key order, white space, escapes and ``1`` against ``1.0`` make no difference,
``1`` against ``true`` does. Ids of tool calls are renamed in order of first appearance, for litellm makes
random ones for several providers and sends them back in the next request.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from harness.exchange import header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json
    from harness.exchange import HttpRequest

VOLATILE: dict[str, tuple[str, ...]] = {
    "body": ("idempotency_key", "metadata.request_id"),
    "query": ("X-Amz-Date", "X-Amz-Signature", "X-Amz-Credential", "key", "api_key", "access_token"),
}
"""Fields that differ from call to call or from user to user, left out of the key: dotted paths in a JSON
body, names in a query."""

_ID_KEYS = frozenset({"tool_call_id", "tool_use_id", "toolUseId"})
_ID_HOLDERS = frozenset({"functionCall", "functionResponse"})
_CALL_TYPES = frozenset({"function", "tool_use", "server_tool_use"})
_MAY_HOLD_IDS = re.compile(rb"tool_call|tool_use|toolUse|functionCall|functionResponse")
_SHOWN = 60


def key(request: HttpRequest) -> str:
    """The canonical text of a request: equal for two requests exactly where one recording answers both."""
    return json.dumps(canonical(request), sort_keys=True, separators=(",", ":"))


def canonical(request: HttpRequest) -> dict[str, Json]:
    """The parts that count, as a JSON value whose leaves can be compared one by one."""
    url = urlsplit(request.url)
    host = (url.hostname or "") + (
        f":{url.port}" if url.port not in {None, {"http": 80, "https": 443}.get(url.scheme)} else ""
    )
    query = sorted((k, v) for k, v in parse_qsl(url.query, keep_blank_values=True) if k not in VOLATILE["query"])
    found: dict[str, Json] = {
        "method": request.method.upper(),
        "host": f"{url.scheme}://{host}",
        "path": url.path or "/",
    }
    if query:
        found["query"] = [f"{name}={value}" for name, value in query]
    if request.body:
        found["body"] = _body(request)
    return found


def differences(recorded: HttpRequest, asked: HttpRequest, *, most: int = 5) -> list[str]:
    """A sentence for each leaf that differs, ``most`` of them, long values shortened."""
    there, here = dict(_leaves(canonical(recorded))), dict(_leaves(canonical(asked)))
    told = []
    for path in dict.fromkeys((*there, *here)):
        if path not in here:
            told.append(f"{path}: recorded {_short(there[path])}, not in the request")
        elif path not in there:
            told.append(f"{path}: asked {_short(here[path])}, not in the recording")
        elif there[path] != here[path]:
            told.append(f"{path}: recorded {_short(there[path], here[path])}, asked {_short(here[path], there[path])}")
    return [*told[:most], f"and {len(told) - most} more"] if len(told) > most else told


def distance(recorded: HttpRequest, asked: HttpRequest) -> int:
    """How many leaves differ; another path or host weighs as much as a whole body."""
    there, here = dict(_leaves(canonical(recorded))), dict(_leaves(canonical(asked)))
    apart: int = sum(there.get(path, _GONE) != here.get(path, _GONE) for path in {*there, *here})
    return apart + 1000 * int((there["path"], there["host"]) != (here["path"], here["host"]))


_GONE = object()


def _body(request: HttpRequest) -> Json:
    body = request.body
    try:
        value = json.loads(body, parse_float=_float, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        kind = header(request.headers, "content-type") or ""
        boundary = re.search(r'boundary="?([^";]+)', kind) if kind.startswith("multipart/") else None
        if boundary:
            body = body.replace(boundary[1].encode(), b"boundary")
        return {"bytes": body.decode("latin-1")}
    for path in VOLATILE["body"]:
        value = _without(value, path.split("."))
    return _renamed(value, {}) if _MAY_HOLD_IDS.search(body) else value


def _float(text: str) -> Json:
    number = float(text)
    if not math.isfinite(number):
        return {"number": text}
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _pairs(pairs: list[tuple[str, Json]]) -> Json:
    made = dict(pairs)
    return made if len(made) == len(pairs) else {"doubled keys": [list(pair) for pair in pairs]}


def _without(value: Json, steps: list[str]) -> Json:
    if not isinstance(value, dict) or steps[0] not in value:
        return value
    if len(steps) == 1:
        return {name: inner for name, inner in value.items() if name != steps[0]}
    return {**value, steps[0]: _without(value[steps[0]], steps[1:])}


def _renamed(value: Json, seen: dict[str, str], holder: str = "") -> Json:
    if isinstance(value, list):
        return [_renamed(inner, seen, holder) for inner in value]
    if not isinstance(value, dict):
        return value
    is_call = holder in _ID_HOLDERS or value.get("type") in _CALL_TYPES or (holder == "tool_calls" and "id" in value)
    made = {}
    for name, inner in value.items():
        if isinstance(inner, str) and (name in _ID_KEYS or (name == "id" and is_call)):
            made[name] = seen.setdefault(inner, f"call {len(seen)}")
        else:
            made[name] = _renamed(inner, seen, name)
    return made


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, (type(value) is bool, value)


def _short(leaf: tuple[bool, Json], other: tuple[bool, Json] | None = None) -> str:
    text = json.dumps(leaf[1], ensure_ascii=False)
    if len(text) <= _SHOWN:
        return text
    start = 0
    if other is not None:
        pairs = zip(text, json.dumps(other[1], ensure_ascii=False), strict=False)
        same = next((place for place, (a, b) in enumerate(pairs) if a != b), 0)
        start = max(0, same - 20)
    return f"{'…' if start else ''}{text[start : start + _SHOWN]}{'…' if start + _SHOWN < len(text) else ''}"
