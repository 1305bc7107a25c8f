"""The answer that a case expects, made up: what a rehearsal and the scripted model give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.checks.contradiction import referred
from harness.core.chat import Reply, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.chat import Json
    from harness.core.expectation import CallExpectation, Expectation

USAGE = Usage(5, 4, 9)
_DEEPEST = 8


def correct(expect: Expectation, request: Mapping[str, Json], wire: Sequence[str]) -> Reply:
    """An answer that ``expect`` accepts to this ``request``; ``wire`` names its tools on the wire. Where
    nothing is expected of a question with tools, the first is called.
    """
    one = expect if expect.calls is not None or not expect.any_of else expect.any_of[0]
    offered: dict[str, Json] = {tool["function"]["name"]: tool["function"] for tool in request.get("tools") or ()}
    names = dict(zip(offered, wire, strict=False))
    prompt = _last_text(request)
    calls = [
        ToolCall(names.get(name, name), _arguments(call, offered.get(name) or {}, prompt), f"call0000{index}")
        for index, (name, call) in enumerate(_expected_calls(one, request, list(offered)))
    ]
    text = "" if calls else _text(one, request, prompt)
    return Reply(text=text, calls=tuple(calls), finish="tool_calls" if calls else "stop", usage=USAGE)


def _expected_calls(
    expect: Expectation, request: Mapping[str, Json], offered: Sequence[str]
) -> list[tuple[str, CallExpectation | None]]:
    """The tools to call, each with what is expected of the call."""
    choice = request.get("tool_choice")
    if not offered or choice == "none" or expect.no_calls:
        return []
    if expect.calls is not None:
        return [(_first(call.name) or offered[0], call) for call in expect.calls]
    answered = request["messages"][-1].get("role") == "tool"
    if expect.text or (answered and choice is None):
        return []
    count = expect.call_count
    number = count if isinstance(count, int) else count.min if count else 1
    name = choice["function"]["name"] if isinstance(choice, dict) else offered[0]
    return [(name, None)] * number


def _first(names: str | tuple[str, ...]) -> str:
    return names if isinstance(names, str) else next(iter(names), "")


def _arguments(call: CallExpectation | None, tool: Mapping[str, Json], prompt: str) -> dict[str, Any]:
    if call is not None and call.parameters is not None:
        return call.parameters
    made = value(tool.get("parameters") or {"type": "object"}, prompt)
    made = made if isinstance(made, dict) else {}
    if call is not None:
        made |= {name: some[0] for name, some in (call.accepts or {}).items() if some}
        made |= call.includes or {}
    return made


def _text(expect: Expectation, request: Mapping[str, Json], prompt: str) -> str:
    form = request.get("response_format") or {}
    schema = expect.json_schema or (form.get("json_schema") or {}).get("schema")
    if schema is not None or form or request.get("message_return_type") == "json":
        return json.dumps(value(schema or {"type": "object"}, prompt), ensure_ascii=False)
    if expect.text is None:
        return "Fine."
    pieces = expect.text.contains
    return expect.text.exact or (pieces if isinstance(pieces, str) else " ".join(pieces)) or "Fine."


def _last_text(request: Mapping[str, Json]) -> str:
    texts = [one.get("content") for one in request["messages"] if one.get("role") == "user"]
    return next((text for text in reversed(texts) if isinstance(text, str)), "text")


def value(schema: Json, prompt: str, root: Json = None, depth: int = 0) -> Any:
    """A value that fits ``schema``, as far as types, choices and required properties say; its texts are ``prompt``,
    also in the place of what has no end.
    """
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return prompt
    root = schema if root is None else root
    if "$ref" in schema:
        return value(referred(schema["$ref"], root), prompt, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            return value(schema[word][0], prompt, root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        inside = schema.get("properties") or {}
        return {name: value(inside.get(name), prompt, root, depth + 1) for name in schema.get("required") or inside}
    if kind == "array":
        return [value(schema.get("items"), prompt, root, depth + 1)] * max(1, schema.get("minItems", 1))
    plain: dict[str, Any] = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.5)}
    return (plain | {"boolean": True, "null": None}).get(str(kind), prompt)
