"""any-llm's ``completion``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.adapters.openai_chat import joined, reply
from harness.adapters.shapes import lazy_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Reply


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``completion``; its chunks are the openai SDK's types, and are put together by that SDK's own state."""
    import any_llm  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency

    found = any_llm.completion(**_arguments(model, messages, tools, options), stream=stream)
    return _reply(joined(map(_without_nulls, found)) if stream else found)


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``acompletion``."""
    import any_llm  # noqa: PLC0415 - not a dependency

    found = await any_llm.acompletion(**_arguments(model, messages, tools, options), stream=stream)
    return _reply(joined([_without_nulls(chunk) async for chunk in found]) if stream else found)


def _reply(found: Any) -> Reply:
    thought = getattr(found.choices[0].message, "reasoning", None)  # any-llm's own field
    text = thought.get("content") if isinstance(thought, dict) else getattr(thought, "content", None)
    made = reply(found)
    return replace(made, reasoning=text or made.reasoning)


def _without_nulls(chunk: Any) -> Any:
    """The chunk as the SDK has it: that a field is absent is lost in any-llm's types, and null replaces a value."""
    from openai.types.chat import ChatCompletionChunk  # noqa: PLC0415 - not a dependency

    return ChatCompletionChunk.construct(**chunk.model_dump(exclude_none=True))


def _arguments(model: str, messages: Sequence[Any], tools: Any, options: dict[str, Any]) -> dict[str, Any]:
    provider, _, name = model.partition("/")
    offered = {"tools": tools} if tools else {}
    retries = {} if provider == "gemini" else {"max_retries": 0}
    return {
        "model": name, "provider": provider, "messages": list(messages), "client_args": retries, **offered, **options
    }  # fmt: skip


__getattr__ = lazy_errors("any_llm.exceptions:AnyLLMError", "openai:OpenAIError")  # it lets the SDK's through
