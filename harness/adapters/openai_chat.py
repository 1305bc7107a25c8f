"""The openai SDK's ``chat.completions``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from harness.adapters.shapes import calls_and_errors, lazy_errors
from harness.core.chat import Reply, Usage
from harness.dialects.openai_chat.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``chat.completions.create``, its chunks put together by the SDK's own ``ChatCompletionStreamState``."""
    chat = client(options.pop("api_base"), options.pop("api_key")).chat.completions
    found = chat.create(**_arguments(model, messages, tools, options), stream=stream)
    return reply(joined(found) if stream else found)


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``AsyncOpenAI``'s."""
    async with aclient(options.pop("api_base"), options.pop("api_key")) as sdk:
        found = await sdk.chat.completions.create(**_arguments(model, messages, tools, options), stream=stream)
        return reply(joined([chunk async for chunk in found]) if stream else found)


def _arguments(model: str, messages: Sequence[Any], tools: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {"model": model.partition("/")[2], "messages": messages, **({"tools": tools} if tools else {}), **options}


def reply(found: Any) -> Reply:
    """What a completion of the SDK's types holds."""
    choice, usage = found.choices[0], found.usage
    finish = FACTS.finish(choice.finish_reason)
    return Reply(
        text=choice.message.content or "",
        **calls_and_errors(_calls(choice.message), finish),
        finish=finish,
        usage=usage and Usage(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        reasoning=getattr(choice.message, "reasoning_content", None) or "",
        refusal=choice.message.refusal or "",
        model=found.model,
        id=found.id,
    )


def _calls(message: Any) -> list[tuple[Any, Any, Any]]:
    if message.function_call and not message.tool_calls:  # the form before tool_calls, which servers still send
        return [(message.function_call.name, message.function_call.arguments, "")]
    return [(one.function.name, one.function.arguments, one.id) for one in message.tool_calls or ()]


def joined(chunks: Iterable[Any]) -> Any:
    """The completion that chunks are."""
    from openai.lib.streaming.chat import ChatCompletionStreamState  # noqa: PLC0415 - not a dependency

    state: Any = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(chunk)
    return state.current_completion_snapshot  # get_final_completion raises where the reason is length


@cache
def client(base_url: str, api_key: str) -> Any:
    """Without retries, so that each question makes one request."""
    import openai  # noqa: PLC0415 - not a dependency

    return openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)


def aclient(base_url: str, api_key: str) -> Any:
    """Its awaited twin, one for each question: connections belong to an event loop."""
    import openai  # noqa: PLC0415 - not a dependency

    return openai.AsyncOpenAI(base_url=base_url, api_key=api_key, max_retries=0)


__getattr__ = lazy_errors("openai:OpenAIError")
