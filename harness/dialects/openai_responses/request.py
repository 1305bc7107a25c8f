"""A request to the Responses API, read: its tools, choice, JSON mode, earlier calls and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.chat_request import (
    WORDS,
    ChatRequest,
    allowed,
    at,
    call,
    custom_call,
    dicts,
    image,
    json_body,
    named,
    narrowed,
    picked,
    text_format,
    tool,
)
from harness.dialects.dialect import Mentions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest

_NAMED = ("function", "custom")
_CALLS = ("function_call", "custom_tool_call")
_ANSWERED = (*_CALLS, "tool_search_call")
_RESULTS = ("function_call_output", "custom_tool_call_output")


def mentions(request: HttpRequest) -> Mentions:
    """See ``dialect.ReadRequest``. Tools without a name are OpenAI's own, and left out."""
    try:
        body = json_body(request.body)
        items = list(_items(body))
        calls = [item for item in items if item.get("type") in _CALLS]
        results = [item for item in items if item.get("type") in _RESULTS]
        chosen = body.get("tool_choice")
        named = isinstance(chosen, dict) and chosen.get("type") in _NAMED
        return Mentions(
            tools=tuple(dict.fromkeys(one["name"] for one in _tools(body))),
            choice=str(chosen["name"]) if named else None,
            calls=tuple(str(call["name"]) for call in calls),
            call_ids=tuple(item["call_id"] for item in items if item.get("type") in _ANSWERED and item.get("call_id")),
            result_ids=tuple(result["call_id"] for result in results if result.get("call_id")),
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Mentions()  # another API's request, or none


def read_chat(body: dict[str, Json], _: str) -> ChatRequest:
    """See ``dialect.ReadChat``. Reasoning that goes back is left out, as in the other dialects."""
    model, parallel = body.get("model"), body.get("parallel_tool_calls")
    return ChatRequest(
        dialect="openai_responses",
        model=model if isinstance(model, str) else "",
        tools=tuple(tool(one["name"], one.get("description"), one.get("parameters"), one) for one in _tools(body)),
        choice=_choice(body.get("tool_choice")),
        allowed=allowed(body.get("tool_choice")),
        parallel=parallel if isinstance(parallel, bool) else None,
        stream=body.get("stream") is True,
        json=_json_schema(at(body.get("text"), "format")),
        json_marks=picked(at(body.get("text"), "format"), name="name", strict="strict", description="description"),
        messages=tuple(_messages(body)),
        options=picked(body, temperature="temperature", top_p="top_p", max_tokens="max_output_tokens"),
    )


def _choice(chosen: Json) -> Json:
    if not isinstance(chosen, dict):
        return WORDS.get(chosen) if isinstance(chosen, str) else None
    if chosen.get("type") == "allowed_tools":
        return narrowed(chosen)
    # An object without a name is one of OpenAI's own tools, which must be used.
    return named(chosen["name"]) if isinstance(chosen.get("name"), str) else "required"


def _json_schema(form: Json) -> dict[str, Json] | None:
    kind = at(form, "type")
    schema = at(form, "schema") if kind == "json_schema" else None
    return schema if isinstance(schema, dict) else ({} if kind in ("json_object", "json_schema") else None)


def _messages(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Messages of OpenAI's chat: an assistant's text and the calls behind it are one, each result is one."""
    if isinstance(body.get("instructions"), str):
        yield {"role": "system", "content": body["instructions"]}
    if isinstance(body.get("input"), str):
        yield {"role": "user", "content": body["input"]}
    open_turn: dict[str, Json] | None = None
    for item in _items(body):
        kind = item.get("type") or "message"
        if kind in _CALLS:
            make, key = (custom_call, "input") if kind == "custom_tool_call" else (call, "arguments")
            open_turn = open_turn or {"role": "assistant", "content": None}
            made = make(item.get("name"), item.get(key), item.get("call_id"))
            open_turn.setdefault("tool_calls", []).append(made)
            continue
        if kind not in ("message", *_RESULTS):
            continue
        if open_turn is not None:
            yield open_turn
            open_turn = None
        if kind in _RESULTS:
            output = item.get("output")
            yield {
                "role": "tool",
                "content": "" if output is None else _content(output),
                "tool_call_id": item.get("call_id") or "",
            }
        elif item.get("role") == "assistant":
            open_turn = {"role": "assistant", "content": item.get("content")}
        else:
            yield {"role": item.get("role"), "content": _content(item.get("content"))}
    if open_turn is not None:
        yield open_turn


def _content(content: Json) -> Json:
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: Json) -> Json:
    """An image in the shape of chat completions; one that was uploaded stays."""
    url = at(part, "image_url")
    return image(url, detail=at(part, "detail")) if at(part, "type") == "input_image" and isinstance(url, str) else part


def _items(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    items = body.get("input")
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict))


def _tools(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The named tools: at the top, in a namespace, and those that an item adds later."""
    later = [item.get("tools") or () for item in _items(body) if item.get("type") == "additional_tools"]
    for tools in (body.get("tools") or (), *later):
        for offered in dicts(tools):
            space = picked(offered, namespace="name", namespace_description="description")
            space = space if offered.get("type") == "namespace" else {}
            for one in dicts(offered.get("tools") or ()) if space else (offered,):
                if one.get("type") in _NAMED and isinstance(one.get("name"), str):
                    custom = {"custom": text_format(one.get("format"))} if one["type"] == "custom" else {}
                    yield {**one, **custom, **space}
