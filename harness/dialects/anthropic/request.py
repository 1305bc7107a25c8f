"""A request to Anthropic's messages API, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.dialects.chat_request import WORDS, ChatRequest, at, call, dicts, image, model_in, named, picked, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json

# The tools of Anthropic's own that the client runs; the others (web_search_…, code_execution_…) it runs itself.
_CLIENTS = ("custom", "computer_", "bash_", "text_editor_", "memory_")


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``."""
    chosen = body.get("tool_choice")
    kind = at(chosen, "type") or ""
    serial = at(chosen, "disable_parallel_tool_use")
    form = at(body, "output_format") or at(body.get("output_config"), "format")
    schema = at(form, "schema")
    model = body.get("model") or model_in(path)  # Vertex has it in the path
    own = [one for one in dicts(body.get("tools")) if str(one.get("type") or "custom").startswith(_CLIENTS)]
    return ChatRequest(
        dialect="anthropic",
        model=model if isinstance(model, str) else "",
        tools=tuple(
            tool(one["name"], one.get("description"), one.get("input_schema"), one)
            for one in own
            if isinstance(one.get("name"), str)
        ),
        choice=named(at(chosen, "name")) if kind == "tool" else WORDS.get(kind),
        parallel=None if serial is None else not serial,
        stream=body.get("stream") is True,
        json=schema if isinstance(schema, dict) else ({} if at(form, "type") == "json_schema" else None),
        messages=tuple(_messages(body)),
        options=picked(body, temperature="temperature", top_p="top_p", max_tokens="max_tokens", stop="stop_sequences"),
    )


def _messages(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    system = body.get("system")
    if isinstance(system, str):
        yield {"role": "system", "content": system}
    else:
        yield from ({"role": "system", "content": one.get("text")} for one in dicts(system or ()))
    for message in dicts(body.get("messages")):
        yield from _message(message.get("role"), message.get("content"))


def _message(role: Json, content: Json) -> Iterator[dict[str, Json]]:
    """A message of OpenAI's for each run of blocks that is one there: results stand by themselves."""
    if isinstance(content, str):
        yield {"role": role, "content": content}
        return
    parts: list[dict[str, Json]] = []
    calls: list[dict[str, Json]] = []
    for block in dicts(content or ()):
        kind = block.get("type")
        if kind == "tool_use":
            calls.append(call(block.get("name"), block.get("input"), block.get("id")))
        elif kind == "tool_result":
            if parts:
                yield {"role": role, "content": parts}
                parts = []
            yield {
                "role": "tool",
                "content": _content(block.get("content")),
                "tool_call_id": block.get("tool_use_id") or "",
            }
        elif kind not in {"thinking", "redacted_thinking"}:
            parts.append(_part(block))
    if parts or calls:
        yield {"role": role, "content": parts} | ({"tool_calls": calls} if calls else {})


def _content(result: Json) -> Json:
    return [_part(block) for block in dicts(result)] if isinstance(result, list) else result or ""


def _part(block: dict[str, Json]) -> dict[str, Json]:
    source = block.get("source")
    if block.get("type") != "image" or at(source, "type") not in ("url", "base64"):
        return block
    return image(at(source, "url") or "", media_type=at(source, "media_type"), data=at(source, "data"))
