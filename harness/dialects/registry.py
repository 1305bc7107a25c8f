"""Every dialect by its name and by the path it is spoken at."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.errors import UsageError
from harness.dialects.anthropic.render import ANTHROPIC
from harness.dialects.bedrock.render import BEDROCK
from harness.dialects.bedrock_invoke import BEDROCK_INVOKE
from harness.dialects.cohere.render import COHERE
from harness.dialects.gemini.render import GEMINI
from harness.dialects.ollama.render import OLLAMA, OLLAMA_GENERATE
from harness.dialects.openai_chat.dialect import OPENAI
from harness.dialects.openai_responses import OPENAI_RESPONSES
from harness.dialects.providers import PROFILES, provider_at

if TYPE_CHECKING:
    from collections.abc import Iterator

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
