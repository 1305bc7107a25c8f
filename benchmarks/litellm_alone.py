"""litellm with nothing around it but what its own guide shows, as a backend to prove.

``harness prove --backend benchmarks.litellm_alone:complete`` shows which laws hold without a backend.
"""

from __future__ import annotations

import json
from typing import Any

import litellm

from harness.core.chat import Reply, ToolCall, Usage


def complete(model: str, messages: Any, *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    found = litellm.completion(model=model, messages=messages, tools=tools, stream=stream, num_retries=0, **options)
    if stream:
        found = litellm.stream_chunk_builder(list(found), messages=messages)
    message, usage = found.choices[0].message, found.usage
    return Reply(
        text=message.content or "",
        calls=tuple(
            ToolCall(one.function.name, json.loads(one.function.arguments), one.id) for one in message.tool_calls or ()
        ),
        finish=found.choices[0].finish_reason,
        usage=Usage(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
    )
