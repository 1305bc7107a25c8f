"""AWS event streams as a reviewer reads them: each message's headers and its JSON, back to the exact bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.dialects.framing import eventstream

if TYPE_CHECKING:
    from harness.core.chat import Json


def written(body: bytes) -> list[Json] | None:
    """The messages in ``body``; None where it is not made of whole ones that can be rebuilt."""
    try:
        made: list[Json] = [
            {"headers": frame.headers, "payload": frame.payload.decode()} for frame in eventstream.frames(body)
        ]
    except (StreamCutError, UnreadableReplyError, UnicodeDecodeError):
        return None
    for frame in made:
        payload = frame["payload"]
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and _text(value) == payload:
            del frame["payload"]
            frame["json"] = value
    return made if made and read(made) == body else None


def read(value: Json) -> bytes:
    """The bytes of written messages. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    try:
        return b"".join(
            eventstream.write(one["headers"], (_text(one["json"]) if "json" in one else one["payload"]).encode())
            for one in value
        )
    except UsageError as error:
        raise ValueError(str(error)) from error


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
