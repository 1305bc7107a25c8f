"""Provider dialects: how each writes a reply in bytes, and how those bytes are read back.

The registry of all is loaded when it is first asked for: a cassette is replayed without any dialect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.dialects.registry import (
        DIALECTS as DIALECTS,
    )
    from harness.dialects.registry import (
        OPENAI as OPENAI,
    )
    from harness.dialects.registry import (
        dialect_at as dialect_at,
    )
    from harness.dialects.registry import (
        registered as registered,
    )

_NAMES = ("DIALECTS", "OPENAI", "dialect_at", "registered")


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'harness.dialects' has no attribute {name!r}")
    from harness.dialects import registry  # noqa: PLC0415 - every dialect: a tenth of a second

    return getattr(registry, name)
