"""What a request to Cohere's chat API (v2) asks: OpenAI's messages and tools, options under names of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.wire import openai_request
from harness.wire.chat_request import ChatRequest, picked

if TYPE_CHECKING:
    from harness.chat import Json


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``."""
    form = body.get("response_format")
    shaped = form if isinstance(form, dict) else {}
    return replace(
        openai_request.read_chat(body, path),
        dialect="cohere",
        json=openai_request.json_schema(shaped),
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
