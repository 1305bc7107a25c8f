"""Lists of models, for clients that ask first: made from what is recorded, where the question itself is not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import dialect_at
from harness.server.rules import model_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.server.recording_index import RecordedExchange

_MODELS = re.compile(r"/models$")
_GEMINI = re.compile(r"/v1(beta|alpha)/models$")


def listed(request: HttpRequest, recorded: Sequence[RecordedExchange]) -> HttpResponse | None:
    """The list that ``request`` asks for, of the models that recordings were made of; None if it asks for none."""
    path = urlsplit(request.url).path
    if request.method != "GET":
        return None
    if path.endswith("/api/tags"):
        return _json(
            {"models": [{"name": one, "model": one} for one in _models(recorded, {"ollama", "ollama_generate"})]}
        )
    if _GEMINI.search(path):
        return _json({"models": [{"name": f"models/{one}"} for one in _models(recorded, {"gemini"})]})
    if _MODELS.search(path):
        rows = [
            {"id": one, "type": "model", "object": "model", "created": 0, "owned_by": "recorded", "display_name": one}
            for one in _models(recorded, {"openai", "anthropic"})
        ]
        return _json({"object": "list", "data": rows, "has_more": False})
    return None


def _models(recorded: Sequence[RecordedExchange], dialects: set[str]) -> list[str]:
    asked = (one.exchange.request for one in recorded)
    spoken = ((dialect_at(one.url), one) for one in asked)
    return sorted({model_of(one) for dialect, one in spoken if dialect and dialect.name in dialects} - {""})


def _json(value: Json) -> HttpResponse:
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(value).encode()),))
