"""What a recorded answer says, by the reference readers."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.errors import HarnessError
from harness.wire import DIALECTS

if TYPE_CHECKING:
    from harness.chat import Reply
    from harness.exchange import Exchange
    from harness.wire.dialect import Dialect


def read(exchange: Exchange) -> Reply | str | None:
    """The answer as the reference reader sees it; a sentence where it can't be read; None where it is none."""
    dialect = dialect_of(exchange)
    if exchange.response is None or dialect is None or exchange.response.status >= HTTPStatus.BAD_REQUEST:
        return None
    try:
        return dialect.read(exchange.response)
    except HarnessError as error:
        return f"{type(error).__name__}: {error}"


def dialect_of(exchange: Exchange) -> Dialect | None:
    """The dialect that is served at the path that was asked; None where none is."""
    path = urlsplit(exchange.request.url).path
    return next((one for one in DIALECTS.values() if any(re.search(rule, path) for rule in one.paths)), None)
