"""Faults of litellm that no backend around it can prevent: named, counted, and each with a question that shows it.

A litellm that mends one turns its test red, and its line is then deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.chat import Reply
from harness.laws.trial import Question
from harness.wire.profiles import profile

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KnownFault:
    """``question`` breaks the law ``law`` through ``litellm`` (the versions seen); ``what`` says how."""

    name: str
    law: str
    litellm: str
    what: str
    question: Question


KNOWN: tuple[KnownFault, ...] = (
    KnownFault(
        "cohere-without-usage",
        "D3",
        "1.106.2 to 1.109.1",
        "litellm raises KeyError 'usage' for a whole Cohere answer that tells no token counts",
        Question("cohere", ("get_x",), Reply(text="hi", finish="stop"), quirks=frozenset({"no_usage"})),
    ),
)

NEVER_ASKED: Mapping[str, frozenset[str]] = {"gemini": frozenset({"json_array"})}
"""Forms that a provider sends only to requests that litellm doesn't make: it always asks Gemini for ``alt=sse``."""


def left_out(provider: str) -> frozenset[str]:
    """Quirks that are not drawn for ``provider``: known faults, and forms that are never asked for."""
    dialect = profile(provider).dialect
    known = [fault.question.quirks for fault in KNOWN if profile(fault.question.provider).dialect == dialect]
    return NEVER_ASKED.get(provider, frozenset()).union(*known)
