"""Provider dialects: how each writes a reply in bytes, and how those bytes are read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.wire.openai import OPENAI

if TYPE_CHECKING:
    from harness.wire.dialect import Dialect

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (OPENAI,)}
"""Every dialect by its name; ``profiles.PROFILES`` says which provider speaks which."""
