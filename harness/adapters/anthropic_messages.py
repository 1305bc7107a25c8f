"""The anthropic SDK's ``messages``."""

from __future__ import annotations

import json
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

from harness.adapters.shapes import calls_and_errors, chosen, declined, inline, lazy_errors, marked, parts, texts
from harness.core.chat import ProviderCall, Reply, Usage
from harness.dialects.anthropic.facts import FINISHES
from harness.dialects.facts import add_result

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""Counts that are the prompt's together; the API gives no sum."""


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``messages.create``, or ``messages.stream`` and what its ``get_final_message`` gives."""
    resource = client(options.pop("api_base"), options.pop("api_key")).messages
    arguments = _arguments(model, messages, tools, options)
    if not stream:
        return _reply(resource.create(**arguments))
    with resource.stream(**arguments) as events:
        return _reply(events.get_final_message())


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``AsyncAnthropic``'s."""
    import anthropic  # noqa: PLC0415 - not a dependency

    at = {"base_url": options.pop("api_base"), "api_key": options.pop("api_key"), "max_retries": 0}
    async with anthropic.AsyncAnthropic(**at) as sdk:
        arguments = _arguments(model, messages, tools, options)
        if not stream:
            return _reply(await sdk.messages.create(**arguments))
        async with sdk.messages.stream(**arguments) as events:
            return _reply(await events.get_final_message())


def _arguments(model: str, messages: Sequence[Any], tools: Any, options: dict[str, Any]) -> dict[str, Any]:
    from anthropic.resources import Messages  # noqa: PLC0415 - not a dependency

    arguments: dict[str, Any] = {"model": model.partition("/")[2], "max_tokens": options.pop("max_tokens", 4096)}
    system = [text for one in messages if one["role"] == "system" for text in texts(one["content"])]
    arguments["messages"] = _turns(one for one in messages if one["role"] != "system")
    if system:
        arguments["system"] = [{"type": "text", "text": text} for text in system]
    if tools:
        arguments["tools"] = marked(tools, "input_schema")
    arguments |= _choice(options)
    if "stop" in options:
        arguments["stop_sequences"] = options.pop("stop")
    declined(options, signature(Messages.create).parameters, "anthropic's messages.create")
    return {**arguments, **options}


def _choice(options: dict[str, Any]) -> dict[str, Any]:
    word, parallel = options.pop("tool_choice", None), options.pop("parallel_tool_calls", None)
    if word is None and parallel is None:
        return {}
    named = isinstance(word, dict)
    kind = "tool" if named else {"required": "any"}.get(word or "auto", word or "auto")
    choice = {"type": kind, **({"name": chosen(word)} if named else {})}
    return {"tool_choice": choice if parallel is None else {**choice, "disable_parallel_tool_use": not parallel}}


def _turns(messages: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for one in messages:
        role = "assistant" if one["role"] == "assistant" else "user"
        if not made or made[-1]["role"] != role:  # results belong into one turn, with what the user says next
            made.append({"role": role, "content": []})
        made[-1]["content"] += _blocks(one)
    return made


def _blocks(one: Any) -> list[dict[str, Any]]:
    if one["role"] == "tool":
        result = _content(one["content"]) if isinstance(one["content"], list) else one["content"]
        return [{"type": "tool_result", "tool_use_id": one["tool_call_id"], "content": result}]
    called = ((call["id"], call["function"]) for call in one.get("tool_calls") or ())
    return [
        *_content(one["content"]),
        *({"type": "tool_use", "id": i, "name": f["name"], "input": json.loads(f["arguments"])} for i, f in called),
    ]


def _content(content: Any) -> list[dict[str, Any]]:
    return [_image(url) if text is None else {"type": "text", "text": text} for text, url in parts(content)]


def _image(url: str) -> dict[str, Any]:
    inlined = inline(url)
    if inlined is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "image", "source": {"type": "base64", "media_type": inlined[0], "data": inlined[1]}}


def _reply(found: Any) -> Reply:
    of = {kind: [one for one in found.content if one.type == kind] for kind in ("text", "tool_use", "thinking")}
    finish = FINISHES.get(found.stop_reason, "unknown") if found.stop_reason else None
    counts = found.usage and found.usage.to_dict()
    prompt = counts and sum(counts.get(key) or 0 for key in _PROMPT)
    ran: list[ProviderCall] = []
    for one in found.content:
        if one.type in ("server_tool_use", "mcp_tool_use"):
            ran.append(ProviderCall(one.name, one.input, one.id))
        elif one.type.endswith("_tool_result"):
            result = {
                key: value for key, value in one.to_dict().items() if key not in ("type", "tool_use_id", "caller")
            }
            add_result(ran, one.type.removesuffix("_tool_result"), one.tool_use_id, result)
    return Reply(
        text="".join(one.text for one in of["text"]),
        **calls_and_errors(((one.name, one.input, one.id) for one in of["tool_use"]), finish),
        provider_calls=tuple(ran),
        finish=finish,
        usage=counts and Usage(prompt, counts["output_tokens"], prompt + counts["output_tokens"]),
        reasoning="".join(one.thinking for one in of["thinking"]),
        model=found.model,
        id=found.id,
    )


@cache
def client(base_url: str, api_key: str) -> Any:
    """Without retries, so that each question makes one request."""
    import anthropic  # noqa: PLC0415 - not a dependency

    return anthropic.Anthropic(base_url=base_url, api_key=api_key, max_retries=0)


__getattr__ = lazy_errors("anthropic:AnthropicError")
