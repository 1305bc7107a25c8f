"""What a stream says, for the reviewer of a cassette: its text and its calls, which stand in pieces in the chunks.

It is written beside a stream and never read back: the chunks are the recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import dialects  # the registry is loaded when an answer is first read
from harness.cassette.format import bodies
from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from harness.core.chat import Json, Reply
    from harness.core.exchange import Exchange

_FINE = 200


def decoded_summary(exchange: Exchange) -> dict[str, Json]:
    """The text, calls and finish of a chat stream; empty for anything else, and for what can't be read."""
    try:
        reply = _reply(exchange)
        says: dict[str, Json] = bodies.escaped(_reply_summary(reply)) if reply is not None else {}
    except (HarnessError, UnicodeEncodeError):
        return {}
    return says


def sound(exchange: Exchange) -> bool:
    """Whether nothing is wrong with a chat answer: no error in the middle, no early end, nothing unreadable."""
    try:
        _reply(exchange)
    except HarnessError:
        return False
    return True


def _reply(exchange: Exchange) -> Reply | None:
    """What a chat answer says; None for anything else. Raises the errors of the dialects' readers."""
    response = exchange.response
    if response is None or response.status != _FINE:
        return None
    dialect = dialects.dialect_at(exchange.request.url)
    return dialect.read(response) if dialect else None


def _reply_summary(reply: Reply) -> dict[str, Json]:
    made: dict[str, Json] = {"text": reply.text} if reply.text else {}
    if reply.calls:
        made["calls"] = [{"name": call.name, "parameters": call.parameters} for call in reply.calls]
    if reply.errors:
        made["unreadable calls"] = [error.raw for error in reply.errors]
    if reply.finish:
        made["finish"] = reply.finish
    return made
