"""Provider dialects: how each writes a reply in bytes, and how those bytes are read back."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.dialects.anthropic.render import ANTHROPIC
from harness.dialects.bedrock.render import BEDROCK
from harness.dialects.cohere.render import COHERE
from harness.dialects.gemini.render import GEMINI
from harness.dialects.ollama.render import OLLAMA, OLLAMA_GENERATE
from harness.dialects.openai_chat.dialect import OPENAI
from harness.dialects.openai_responses import OPENAI_RESPONSES

if TYPE_CHECKING:
    from harness.dialects.dialect import Dialect

_ALL = (OPENAI, OPENAI_RESPONSES, ANTHROPIC, GEMINI, BEDROCK, COHERE, OLLAMA, OLLAMA_GENERATE)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}
"""Every dialect by its name; ``profiles.PROFILES`` says which provider speaks which."""


def dialect_at(url: str) -> Dialect | None:
    """The dialect that is spoken at ``url``, by its path; None where none is."""
    return _at(urlsplit(url).path)


@lru_cache(1024)
def _at(path: str) -> Dialect | None:
    return next((one for one in DIALECTS.values() if any(re.search(rule, path) for rule in one.paths)), None)
