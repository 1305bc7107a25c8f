"""What a recorded request asked for, in OpenAI's words, whichever API it was sent to.

For recordings that somebody else's program made: all that is known of the question is on the wire.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.dialects import dialect_at
from harness.dialects.chat_request import json_body
from harness.dialects.providers import provider_at

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.dialects.chat_request import ChatRequest
    from harness.dialects.dialect import Dialect


def read_chat_request(request: HttpRequest) -> ChatRequest | None:
    """What ``request`` asked; None where it is no chat request of a dialect that is read here."""
    dialect = dialect_at(request.url)
    if dialect is None or dialect.name == "ollama_generate":
        return None
    return read_request(request, dialect)


def read_request(request: HttpRequest, dialect: Dialect) -> ChatRequest | None:
    """What ``request`` asked in ``dialect``; None where that dialect has no reader of requests."""
    if dialect.request is None:
        return None
    url = urlsplit(request.url)
    body: Json = None
    with contextlib.suppress(ValueError, RecursionError):
        body = json_body(request.body)
    body = body if isinstance(body, dict) else {}
    try:
        made = dialect.request(body, url.path)
    except (TypeError, AttributeError, KeyError, ValueError, IndexError):
        return None  # values of other types than the API takes: its server refused this, or it is no request of it
    return replace(made, provider=provider_at(url.hostname or ""), body=body)


def asks_json(request: HttpRequest) -> bool:
    """Whether ``request`` asks for an answer in JSON, in whatever way its API has."""
    dialect = dialect_at(request.url)
    question = read_request(request, dialect) if dialect else None
    return question is not None and question.json is not None
