"""Provider dialects: how each writes a reply in bytes, and how those bytes are read back."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.wire.anthropic import ANTHROPIC
from harness.wire.bedrock import BEDROCK
from harness.wire.cohere import COHERE
from harness.wire.gemini import GEMINI
from harness.wire.ollama import OLLAMA, OLLAMA_GENERATE
from harness.wire.openai import OPENAI
from harness.wire.openai_responses import OPENAI_RESPONSES

if TYPE_CHECKING:
    from harness.wire.dialect import Dialect

_ALL = (OPENAI, OPENAI_RESPONSES, ANTHROPIC, GEMINI, BEDROCK, COHERE, OLLAMA, OLLAMA_GENERATE)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}
"""Every dialect by its name; ``profiles.PROFILES`` says which provider speaks which."""


def dialect_at(url: str) -> Dialect | None:
    """The dialect that is spoken at ``url``, by its path; None where none is."""
    return _at(urlsplit(url).path)


@lru_cache(1024)
def _at(path: str) -> Dialect | None:
    return next((one for one in DIALECTS.values() if any(re.search(rule, path) for rule in one.paths)), None)
