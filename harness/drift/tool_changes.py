"""What changed between two answers of an MCP server, graded by what an agent notices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.dialects.mcp import call_result, listed_tools, parsed, result_text
from harness.drift.consequences import graded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.change import Change
    from harness.core.chat import Json
    from harness.core.exchange import Exchange

_WORDS = ("description", "title", "examples", "default", "$comment", "deprecated")
_LOWER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_HIGHER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_EXACT = ("pattern", "format", "const", "multipleOf", "uniqueItems", "not")


def is_mcp(exchange: Exchange) -> bool:
    """Whether an exchange carries MCP messages."""
    return parsed(exchange.request.body) is not None


def between(before: Exchange, after: Exchange) -> Iterator[Change]:
    """All that differs between two answers to one message, ids aside."""
    was, now = listed_tools(before), listed_tools(after)
    if was is not None and now is not None:
        yield from _tools(was, now)
        return
    old, new = call_result(before) or {}, call_result(after) or {}
    if ("error" in old) != ("error" in new):
        word = "is an error" if "error" in new else "is no error any more"
        yield graded("tool_error", "result", old, new, f"the answer {word}")
    elif _failed(old) != _failed(new):
        word = "fails" if _failed(new) else "no longer fails"
        yield graded("tool_error", "result.isError", _failed(old), _failed(new), f"the tool {word}")
    elif _code(old) != _code(new):
        yield graded("tool_error", "error.code", _code(old), _code(new), "another code of the error")
    elif old != new:
        yield graded("text", "result", result_text(old.get("result")), result_text(new.get("result")), "other result")


def _tools(was: dict[str, dict[str, Json]], now: dict[str, dict[str, Json]]) -> Iterator[Change]:
    for name in sorted(was.keys() - now.keys()):
        yield graded("tool_gone", f"tools.{name}", name, None, f"the tool {name} is gone")
    for name in sorted(now.keys() - was.keys()):
        yield graded("tool_new", f"tools.{name}", None, name, f"the tool {name} is new")
    for name in sorted(was.keys() & now.keys()):
        yield from _tool(name, was[name], now[name])


def _tool(name: str, was: dict[str, Json], now: dict[str, Json]) -> Iterator[Change]:
    for word in ("description", "title", "annotations"):
        if was.get(word) != now.get(word):
            yield graded("tool_text", f"tools.{name}.{word}", was.get(word), now.get(word), f"{name}: other {word}")
    old, new = was.get("inputSchema"), now.get("inputSchema")
    path = f"tools.{name}.inputSchema"
    narrower = [*narrowed(old, new)]
    for where, what in narrower:
        yield graded("schema_narrowed", f"{path}{where}", old, new, f"{name} takes less: {what}")
    if not narrower and _bare(old) != _bare(new):
        yield graded("schema_widened", path, old, new, f"{name} takes more, or other optional arguments")
    elif not narrower and old != new:
        yield graded("tool_text", path, old, new, f"{name}: its arguments are described otherwise")
    if _bare(was.get("outputSchema")) != _bare(now.get("outputSchema")):
        kinds = was.get("outputSchema"), now.get("outputSchema")
        yield graded("output_schema", f"tools.{name}.outputSchema", *kinds, f"{name} says otherwise what it returns")


def narrowed(was: Any, now: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where ``now`` refuses what ``was`` took, as far as two schemas show it field by field."""
    old, new = (one if isinstance(one, dict) else {} for one in (was, now))
    yield from ((path, what) for what in _values(old, new))
    there, here = old.get("properties") or {}, new.get("properties") or {}
    yield from ((path, f"{name} is required") for name in _required(new) - _required(old))
    closed = new.get("additionalProperties") is False
    if closed and old.get("additionalProperties") is not False:
        yield path, "no other arguments are allowed"
    yield from ((f"{path}.properties.{name}", f"{name} is gone") for name in sorted(there.keys() - here.keys()))
    for name in sorted(there.keys() & here.keys()):
        yield from narrowed(there[name], here[name], f"{path}.properties.{name}")
    if "items" in new:
        yield from narrowed(old.get("items"), new["items"], f"{path}.items")


def _values(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Which values ``new`` refuses by its own words."""
    types, new_types = _types(old), _types(new)
    if new_types and not (types and types <= new_types):
        yield f"the type was {_json(old.get('type'))}, is {_json(new.get('type'))}"
    if "enum" in new and ("enum" not in old or not set(map(_json, old["enum"])) <= set(map(_json, new["enum"]))):
        yield "fewer values are allowed"
    tighter = [name for name in _LOWER if name in new and (name not in old or new[name] < old[name])]
    tighter += [name for name in _HIGHER if name in new and (name not in old or new[name] > old[name])]
    tighter += [name for name in _EXACT if name in new and new[name] != old.get(name)]
    yield from (f"{name} is {_json(new[name])}" for name in tighter)


def _required(schema: dict[str, Any]) -> set[str]:
    return set(schema.get("required") or ())


def _types(schema: dict[str, Any]) -> set[str]:
    """The types that a schema names; a number takes integers too. None where it names none, and takes them all."""
    named = schema.get("type")
    found = {named} if isinstance(named, str) else set(named or ())
    if not found and isinstance(schema.get("anyOf"), list):
        inner = [_types(one) for one in schema["anyOf"] if isinstance(one, dict)]
        found = set().union(*inner) if all(inner) else set()
    if not found and not schema.get("anyOf"):
        return set()
    return found | ({"integer"} if "number" in found else set())


def _bare(schema: Json) -> Json:
    """A schema without its words for people."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _bare(one) for name, one in schema.items() if name not in _WORDS or isinstance(one, dict)}


def _json(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _failed(answer: dict[str, Json]) -> bool:
    value = answer.get("result")
    return isinstance(value, dict) and bool(value.get("isError"))


def _code(answer: dict[str, Json]) -> Json:
    error = answer.get("error")
    return error.get("code") if isinstance(error, dict) else None
