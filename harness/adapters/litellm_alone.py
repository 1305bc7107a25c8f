"""litellm with nothing around it but what its own guide shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.core.chat import Reply, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``litellm.completion``, its chunks put together by its own ``stream_chunk_builder``."""
    import litellm  # noqa: PLC0415 - three seconds, for those who call it

    litellm.suppress_debug_info = True  # it prints advertising on every error
    found = litellm.completion(model=model, messages=messages, tools=tools, stream=stream, **options)
    return _reply(litellm.stream_chunk_builder(list(found), messages=messages) if stream else found)


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``litellm.acompletion``, likewise."""
    import litellm  # noqa: PLC0415 - three seconds, for those who call it

    litellm.suppress_debug_info = True
    found = await litellm.acompletion(model=model, messages=messages, tools=tools, stream=stream, **options)
    if stream:
        found = litellm.stream_chunk_builder([chunk async for chunk in found], messages=messages)
    return _reply(found)


def _reply(found: Any) -> Reply:
    message, usage = found.choices[0].message, getattr(found, "usage", None)
    return Reply(
        text=message.content or "",
        calls=tuple(
            ToolCall(one.function.name, json.loads(one.function.arguments or "{}"), one.id)
            for one in message.tool_calls or ()
        ),
        finish=found.choices[0].finish_reason,
        usage=usage and Usage(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        reasoning=getattr(message, "reasoning_content", None) or "",
        refusal=getattr(message, "refusal", None) or "",
        model=found.model or "",
        id=found.id or "",
        state=_state(message.model_dump(exclude_none=True)),
    )


def _state(message: dict[str, Any]) -> dict[str, Any]:
    """What litellm's message has beside its text and calls: a caller appends it whole."""
    calls = {one["id"]: {key: one[key] for key in one.keys() - _CALL} for one in message.get("tool_calls") or ()}
    return {**{key: one for key, one in message.items() if key not in _MESSAGE}, "call_state": calls}


_MESSAGE = frozenset({"role", "content", "tool_calls", "function_call"})
_CALL = frozenset({"id", "type", "function", "index"})
