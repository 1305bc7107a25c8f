"""The openai SDK's ``responses``."""

from __future__ import annotations

import json
from inspect import signature
from typing import TYPE_CHECKING, Any

from harness.adapters.openai_chat import aclient, client
from harness.adapters.shapes import calls_and_errors, chosen, declined, lazy_errors, marked, parts
from harness.core.chat import ProviderCall, Reply, Usage
from harness.dialects.openai_responses.facts import FACTS, PROVIDER_CALLS, RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``responses.create``, or ``responses.stream`` and what its ``get_final_response`` gives."""
    responses = client(options.pop("api_base"), options.pop("api_key")).responses
    arguments = _arguments(model, messages, tools, options)
    if not stream:
        return _reply(responses.create(**arguments))
    with responses.stream(**arguments) as events:
        return _reply(events.get_final_response())


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``AsyncOpenAI``'s."""
    async with aclient(options.pop("api_base"), options.pop("api_key")) as sdk:
        arguments = _arguments(model, messages, tools, options)
        if not stream:
            return _reply(await sdk.responses.create(**arguments))
        async with sdk.responses.stream(**arguments) as events:
            return _reply(await events.get_final_response())


def _arguments(model: str, messages: Sequence[Any], tools: Any, options: dict[str, Any]) -> dict[str, Any]:
    from openai.resources.responses import Responses  # noqa: PLC0415 - not a dependency

    arguments: dict[str, Any] = {
        "model": model.partition("/")[2],
        "input": [one for m in messages for one in _items(m)],
    }
    if tools:
        arguments["tools"] = [{"type": "function", "strict": False, **one} for one in marked(tools)]
        arguments["tools"] += [one for one in tools if "function" not in one]  # OpenAI's own, such as tool_search
    if isinstance(choice := options.pop("tool_choice", None), dict):
        choice = {"type": "function", "name": chosen(choice)}
    if choice:
        arguments["tool_choice"] = choice
    if "response_format" in options:
        arguments["text"] = {"format": options.pop("response_format")}
    if "max_tokens" in options:
        arguments["max_output_tokens"] = options.pop("max_tokens")
    options.pop("stream_options", None)  # counts are sent unasked
    declined(options, signature(Responses.create).parameters, "openai's responses.create")
    return {**arguments, **options}


def _items(message: Any) -> Iterator[dict[str, Any]]:
    role = message["role"]
    kind = "output_text" if role == "assistant" else "input_text"
    content = [
        {"type": "input_image", "detail": "auto", "image_url": url} if text is None else {"type": kind, "text": text}
        for text, url in parts(message["content"])
    ]
    if role == "tool":
        output = content if isinstance(message["content"], list) else message["content"]
        yield {"type": "function_call_output", "call_id": message["tool_call_id"], "output": output}
        return
    if content:
        yield {"role": role, "content": content}
    for call in message.get("tool_calls") or ():
        yield {"type": "function_call", "call_id": call["id"], **call["function"]}


def _reply(found: Any) -> Reply:
    parts = [part for item in found.output if item.type == "message" for part in item.content]
    called = [item for item in found.output if item.type == "function_call"]
    thought = [
        one for item in found.output if item.type == "reasoning" for one in (*item.summary, *(item.content or ()))
    ]
    word = (found.incomplete_details and found.incomplete_details.reason) or found.status
    finish = "tool_calls" if called and word == "completed" else FACTS.finish(word)
    return Reply(
        text=found.output_text,
        **calls_and_errors(((one.name, one.arguments, one.call_id) for one in called), finish),
        provider_calls=tuple(
            _ran(item) for item in found.output if item.type == "mcp_call" or item.type in PROVIDER_CALLS
        ),
        finish=finish,
        usage=found.usage and Usage(found.usage.input_tokens, found.usage.output_tokens, found.usage.total_tokens),
        reasoning="\n\n".join(one.text for one in thought),
        refusal="".join(part.refusal for part in parts if part.type == "refusal"),
        model=found.model,
        id=found.id,
    )


def _ran(item: Any) -> ProviderCall:
    written: dict[str, Any] = item.to_dict()
    result = {key: written[key] for key in RESULTS if written.get(key) is not None} or None
    if item.type == "mcp_call":
        return ProviderCall(item.name, json.loads(item.arguments), item.id, result)
    name, key = PROVIDER_CALLS[item.type]
    inner = written.get(key)
    rest = {key: value for key, value in written.items() if key not in ("id", "type", "status", *RESULTS)}
    return ProviderCall(name, inner if isinstance(inner, dict) else rest, item.id, result)


__getattr__ = lazy_errors("openai:OpenAIError")
