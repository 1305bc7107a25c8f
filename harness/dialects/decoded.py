"""What a recorded answer says, by the reference readers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from harness import dialects  # the registry is loaded when an answer is first read
from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from harness.core.chat import Reply
    from harness.core.exchange import Exchange


def read(exchange: Exchange) -> Reply | str | None:
    """The answer as the reference reader sees it; a sentence where it can't be read; None where it is none."""
    dialect = dialects.dialect_at(exchange.request.url)
    if exchange.response is None or dialect is None or exchange.response.status >= HTTPStatus.BAD_REQUEST:
        return None
    try:
        return dialect.read(exchange.response)
    except HarnessError as error:
        return f"{type(error).__name__}: {error}"
