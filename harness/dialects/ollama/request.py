"""A request to Ollama, read: OpenAI's messages and tools in ``/api/chat``, one prompt in ``/api/generate``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.dialects.chat_request import ChatRequest, dicts, image, picked
from harness.dialects.openai_chat import request

if TYPE_CHECKING:
    from harness.core.chat import Json


def read_chat(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``. Arguments of earlier calls are objects on this wire; images stand beside the text."""
    found = request.read_chat(body, path)
    sent = dicts(body.get("messages"))
    return replace(
        found,
        dialect="ollama",
        messages=tuple(_with_images(made, one.get("images")) for made, one in zip(found.messages, sent, strict=True)),
        stream=body.get("stream", True) is True,
        json=_form(body),
        options=_options(body),
    )


def _with_images(message: dict[str, Json], images: Json) -> dict[str, Json]:
    if not images or not isinstance(images, list):
        return message
    return {
        **message,
        "content": [{"type": "text", "text": message.get("content", "")}, *(image(data=one) for one in images)],
    }


def read_prompt(body: dict[str, Json], path: str) -> ChatRequest:
    """See ``dialect.ReadChat``: the prompt is a message of the user's, with tools and earlier turns written into it."""
    system = [{"role": "system", "content": body["system"]}] if isinstance(body.get("system"), str) else []
    prompt = body.get("prompt")
    return replace(
        request.read_chat({}, path),
        dialect="ollama_generate",
        model=body["model"] if isinstance(body.get("model"), str) else "",
        stream=body.get("stream", True) is True,
        json=_form(body),
        messages=(*system, {"role": "user", "content": prompt if isinstance(prompt, str) else ""}),
        options=_options(body),
    )


def _form(body: dict[str, Json]) -> dict[str, Json] | None:
    form = body.get("format")
    return form if isinstance(form, dict) and form else ({} if form == "json" else None)


def _options(body: dict[str, Json]) -> dict[str, Json]:
    return picked(
        body.get("options"),
        temperature="temperature",
        top_p="top_p",
        max_tokens="num_predict",
        stop="stop",
        seed="seed",
        presence_penalty="presence_penalty",
        frequency_penalty="frequency_penalty",
    )
