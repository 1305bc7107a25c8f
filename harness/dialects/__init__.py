"""Provider dialects: how each writes a reply in bytes, and how those bytes are read back.

The registry of all is loaded when it is first used: a cassette is replayed without any dialect.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from harness.core.chat import Reply
    from harness.core.exchange import Exchange
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


def read_answer(exchange: Exchange) -> Reply | str | None:
    """The answer as the reference reader sees it; a message where it can't be read; None for anything but a
    chat answer of status 200.
    """
    from harness.dialects.registry import dialect_at  # noqa: PLC0415 - as above

    dialect = dialect_at(exchange.request.url)
    if exchange.response is None or dialect is None or exchange.response.status != HTTPStatus.OK:
        return None
    try:
        return dialect.read(exchange.response)
    except HarnessError as error:
        return f"{type(error).__name__}: {error}"
