"""pydantic-ai's ``direct`` requests, by ``OpenAIChatModel``."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from harness.adapters.shapes import calls_and_errors, chosen, declined, functions, inline, lazy_errors, parts, texts
from harness.core.chat import Reply, Usage
from harness.dialects.openai_chat.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``model_request_sync``, or the ``response`` of ``model_request_stream_sync`` once it is read to its end."""
    from pydantic_ai.direct import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        model_request_stream_sync,
        model_request_sync,
    )

    arguments = _arguments(model, messages, tools, options)
    if not stream:
        return _reply(model_request_sync(**arguments))
    with model_request_stream_sync(**arguments) as events:
        for _ in events:
            pass
        return _reply(events.response)


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``model_request`` and ``model_request_stream``."""
    from pydantic_ai.direct import model_request, model_request_stream  # noqa: PLC0415 - not a dependency

    arguments = _arguments(model, messages, tools, options)
    if not stream:
        return _reply(await model_request(**arguments))
    async with model_request_stream(**arguments) as events:
        async for _ in events:
            pass
        return _reply(events.get())


def _arguments(model: str, messages: Sequence[Any], tools: Any, options: dict[str, Any]) -> dict[str, Any]:
    import openai  # noqa: PLC0415 - not a dependency
    from pydantic_ai.models import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        ModelRequestParameters,
    )
    from pydantic_ai.models.openai import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        OpenAIChatModel,
    )
    from pydantic_ai.providers.openai import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        OpenAIProvider,
    )
    from pydantic_ai.settings import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        ModelSettings,
    )
    from pydantic_ai.tools import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        ToolDefinition,
    )

    options.pop("stream_options", None)  # counts are requested in any case
    at = {"base_url": options.pop("api_base"), "api_key": options.pop("api_key"), "max_retries": 0}
    if "stop" in options:
        stop = options.pop("stop")
        options["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if isinstance(choice := options.get("tool_choice"), dict):
        options["tool_choice"] = [chosen(choice)]
    declined(options, ModelSettings.__annotations__, "pydantic-ai's ModelSettings")
    strict = [one["function"].get("strict", False) for one in tools or ()]
    defined = zip(functions(tools, "parameters_json_schema"), strict, strict=True)
    offered = [ToolDefinition(**one, strict=mark) for one, mark in defined]
    provider = OpenAIProvider(openai_client=openai.AsyncOpenAI(**at))
    return {
        "model": OpenAIChatModel(model.partition("/")[2], provider=provider),
        "messages": list(_messages(messages)),
        "model_settings": options,
        "model_request_parameters": ModelRequestParameters(function_tools=offered),
    }


def _messages(messages: Sequence[Any]) -> Iterator[Any]:
    from pydantic_ai import messages as kinds  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency

    names: dict[str, str] = {}
    for one in messages:
        content = one["content"]
        if one["role"] == "assistant":
            called = [(call["function"], call["id"]) for call in one.get("tool_calls") or ()]
            names |= {call_id: made["name"] for made, call_id in called}
            calls = [kinds.ToolCallPart(made["name"], made["arguments"], call_id) for made, call_id in called]
            yield kinds.ModelResponse([*map(kinds.TextPart, texts(content)), *calls])
        elif one["role"] == "tool":
            call_id = one["tool_call_id"]
            result = kinds.ToolReturnPart(names.get(call_id, "unknown"), "".join(texts(content)), call_id)
            yield kinds.ModelRequest([result])
        else:
            system = one["role"] == "system"
            part = kinds.SystemPromptPart(content) if system else kinds.UserPromptPart(_prompt(content, kinds))
            yield kinds.ModelRequest([part])


def _prompt(content: Any, kinds: Any) -> Any:
    if isinstance(content, str):
        return content
    return [_image(url, kinds) if text is None else text for text, url in parts(content)]


def _image(url: str, kinds: Any) -> Any:
    inlined = inline(url)
    return kinds.ImageUrl(url) if inlined is None else kinds.BinaryContent(b64decode(inlined[1]), media_type=inlined[0])


def _reply(found: Any) -> Reply:
    of = {kind: [p for p in found.parts if p.part_kind == kind] for kind in ("text", "tool-call", "thinking")}
    counts = found.usage
    details = found.provider_details or {}
    finish = FACTS.finish(details.get("finish_reason"))
    return Reply(
        text="".join(one.content for one in of["text"]),
        **calls_and_errors(((one.tool_name, one.args, one.tool_call_id) for one in of["tool-call"]), finish),
        finish=finish,
        usage=Usage(counts.input_tokens, counts.output_tokens, counts.total_tokens) if counts.has_values() else None,
        reasoning="".join(one.content for one in of["thinking"]),
        refusal=details.get("refusal", ""),
        model=found.model_name or "",
        id=found.provider_response_id or "",
    )


__getattr__ = lazy_errors("pydantic_ai.exceptions:AgentRunError", "pydantic_ai.exceptions:UserError")
