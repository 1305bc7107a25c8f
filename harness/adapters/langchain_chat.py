"""LangChain's chat models, by ``langchain_openai.ChatOpenAI``."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from harness.adapters.shapes import calls_and_errors, lazy_errors
from harness.core.chat import Reply, Usage
from harness.dialects.openai_chat.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Sequence


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``ChatOpenAI.invoke``, or the sum of the chunks of its ``stream``; tools by ``bind``, as they are."""
    return answer(_bound(model, tools, options), messages, stream=stream)


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``ainvoke``, or the sum of the chunks of ``astream``."""
    return await aanswer(_bound(model, tools, options), messages, stream=stream)


def _bound(model: str, tools: Any, options: dict[str, Any]) -> Any:
    from langchain_openai import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        ChatOpenAI,
    )

    at = {"base_url": options.pop("api_base"), "api_key": options.pop("api_key")}
    counts = bool(options.pop("stream_options", None))
    chat = ChatOpenAI(model=model.partition("/")[2], max_retries=0, stream_usage=counts, **at)
    return chat.bind(**options, **({"tools": tools} if tools else {}))


def answer(chat: Any, messages: Sequence[Any], *, stream: bool) -> Reply:
    """What any of LangChain's chat models answers."""
    return _reply(reduce(add, chat.stream(list(messages))) if stream else chat.invoke(list(messages)))


async def aanswer(chat: Any, messages: Sequence[Any], *, stream: bool) -> Reply:
    """The same, awaited."""
    if stream:
        return _reply(reduce(add, [chunk async for chunk in chat.astream(list(messages))]))
    return _reply(await chat.ainvoke(list(messages)))


def _reply(found: Any) -> Reply:
    """What a LangChain message holds: ``invalid_tool_calls`` are read as all calls are."""
    usage, metadata = found.usage_metadata, found.response_metadata
    finish = FACTS.finish(metadata.get("finish_reason"))
    called = [*found.tool_calls, *found.invalid_tool_calls]
    return Reply(
        text=found.text,
        **calls_and_errors(((one["name"], one["args"], one["id"]) for one in called), finish),
        finish=finish,
        usage=usage and Usage(usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]),
        reasoning=found.additional_kwargs.get("reasoning_content") or "",
        refusal=found.additional_kwargs.get("refusal") or "",
        model=metadata.get("model_name", ""),
        id=metadata.get("id") or "",
    )


__getattr__ = lazy_errors("openai:OpenAIError")
