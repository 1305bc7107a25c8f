"""Every dialect by its name and by the path it is spoken at, and the reading of requests by it."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.errors import UsageError
from harness.dialects.anthropic.render import ANTHROPIC
from harness.dialects.bedrock.render import BEDROCK
from harness.dialects.bedrock_invoke import BEDROCK_INVOKE
from harness.dialects.chat_request import json_body
from harness.dialects.cohere.render import COHERE
from harness.dialects.gemini.render import GEMINI
from harness.dialects.ollama.render import OLLAMA, OLLAMA_GENERATE
from harness.dialects.openai_chat import OPENAI
from harness.dialects.openai_responses import OPENAI_RESPONSES
from harness.dialects.providers import PROFILES, provider_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.dialects.chat_request import ChatRequest
    from harness.dialects.dialect import Dialect
    from harness.dialects.providers import Profile

__all__ = ["DIALECTS", "OPENAI", "dialect_at", "registered"]

_ALL = (OPENAI, OPENAI_RESPONSES, ANTHROPIC, GEMINI, BEDROCK, BEDROCK_INVOKE, COHERE, OLLAMA, OLLAMA_GENERATE)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}
"""Every dialect by its name; ``providers.PROFILES`` says which provider speaks which."""


@contextmanager
def registered(dialect: Dialect, *rows: Profile) -> Iterator[None]:
    """Know one more dialect, and the providers that speak it, inside a block: for an API of one's own, and for tests.

    Raises ``UsageError`` for a name that is taken.
    """
    names = [row.name for row in rows if row.name in PROFILES]
    if dialect.name in DIALECTS or names:
        raise UsageError(f"there is a dialect or provider {', '.join([dialect.name, *names])} already")
    DIALECTS[dialect.name] = dialect
    PROFILES.update({row.name: row for row in rows})
    _forget()
    try:
        yield
    finally:
        del DIALECTS[dialect.name]
        for row in rows:
            del PROFILES[row.name]
        _forget()


def _forget() -> None:
    _at.cache_clear()
    provider_at.cache_clear()


def dialect_at(url: str) -> Dialect | None:
    """The dialect that is spoken at ``url``, by its path; None where none is."""
    return _at(urlsplit(url).path)


@lru_cache(1024)
def _at(path: str) -> Dialect | None:
    return next((one for one in DIALECTS.values() if any(re.search(rule, path) for rule in one.paths)), None)


def read_chat_request(request: HttpRequest) -> ChatRequest | None:
    """``request``, which any program may have sent, in OpenAI's words; None where it is no chat request of a dialect
    that is read here.
    """
    dialect = dialect_at(request.url)
    if dialect is None or dialect.name == "ollama_generate":
        return None
    return read_request(request, dialect)


def read_request(request: HttpRequest, dialect: Dialect) -> ChatRequest | None:
    """``request``, sent in ``dialect``; None where that dialect has no reader of requests."""
    if dialect.request is None:
        return None
    url = urlsplit(request.url)
    body: Json = None
    with suppress(ValueError, RecursionError):
        body = json_body(request.body)
    body = body if isinstance(body, dict) else {}
    try:
        made = dialect.request(body, url.path)
    except (TypeError, AttributeError, KeyError, ValueError, IndexError):
        return None  # values of other types than the API takes: its server refused this, or it is no request of it
    return replace(made, provider=provider_at(url.hostname or ""), body=body)


def asks_json(request: HttpRequest) -> bool:
    """Whether ``request`` is for an answer in JSON, in whatever way its API has."""
    dialect = dialect_at(request.url)
    read = read_request(request, dialect) if dialect else None
    return read is not None and read.json is not None
