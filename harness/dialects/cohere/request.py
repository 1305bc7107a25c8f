"""A request to Cohere's chat API (v2), read: OpenAI's messages and tools, options under names of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.dialects.chat_request import ChatRequest, picked
from harness.dialects.openai_chat import request

if TYPE_CHECKING:
    from harness.core.chat import Json


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``."""
    form = body.get("response_format")
    shaped = form if isinstance(form, dict) else {}
    return replace(
        request.read_chat(body, path),
        dialect="cohere",
        json=request.json_schema(shaped),
        options=picked(
            body,
            temperature="temperature",
            top_p="p",
            max_tokens="max_tokens",
            stop="stop_sequences",
            seed="seed",
            presence_penalty="presence_penalty",
            frequency_penalty="frequency_penalty",
        ),
    )
