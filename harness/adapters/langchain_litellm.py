"""langchain-litellm's ``ChatLiteLLM``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.adapters.langchain_chat import aanswer, answer
from harness.adapters.shapes import lazy_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Reply


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``ChatLiteLLM.invoke``, or the sum of the chunks of its ``stream``; tools by ``bind``, as they are."""
    return answer(_bound(model, tools, options), messages, stream=stream)


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``ainvoke``, or the sum of the chunks of ``astream``."""
    return await aanswer(_bound(model, tools, options), messages, stream=stream)


def _bound(model: str, tools: Any, options: dict[str, Any]) -> Any:
    from langchain_litellm import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not a dependency
        ChatLiteLLM,
    )

    chat = ChatLiteLLM(model=model, max_retries=0, model_kwargs={"max_retries": 0, "num_retries": 0})
    return chat.bind(**options, **({"tools": tools} if tools else {}))


__getattr__ = lazy_errors("openai:OpenAIError")  # litellm's are subclasses
