"""The words with which providers say how an answer ended: each dialect's own, and litellm's translation of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.dialects import DIALECTS
from harness.dialects.facts import at

if TYPE_CHECKING:
    from harness.core.chat import Finish

_LITELLMS = DIALECTS["openai"].facts
"""litellm translates every provider's words into OpenAI's, where it knows them."""


def finish_of(word: str | None, dialect: str) -> Finish | None:
    """Our word for the provider's own, or for litellm's translation of it; ``unknown`` for a word that is neither."""
    found = DIALECTS[dialect].facts.finish(word) if dialect in DIALECTS else None
    return _LITELLMS.finish(word) if found in {None, "unknown"} else found


def own_word(raw: str, dialect: str) -> str | None:
    """The word in the provider's own JSON, before litellm translated it: ``""`` where it says none.

    None if it can't be seen.
    """
    if dialect not in DIALECTS:
        return None
    facts = DIALECTS[dialect].facts
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if not facts.finish_at or facts.finish_at[0] not in found:
        return "" if found.get("done") is True else None  # older Ollamas say no more
    return facts.word(at(found, facts.finish_at)) or ""
