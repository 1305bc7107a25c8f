"""From a whole response, in litellm's shape, to a ``Reply``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.backend.toolcalls import decode_message, item, message_of, text_of
from harness.backend.words import FINISH
from harness.chat import Reply, Usage

if TYPE_CHECKING:
    from harness.backend.toolnames import NameTable
    from harness.chat import Json


def read_reply(
    response: Json,
    *,
    names: NameTable | None = None,
    turn: int = 0,
    provider: str = "",
    json_answer: bool = False,
    cut: str = "",
    said: str | None = None,
    sent: str = "",
) -> Reply:
    """The ``Reply`` that ``response`` holds; ``cut`` as for ``decode_message``, ``said`` the provider's own word for
    how it ended, where that is known better than from ``response``, ``sent`` the provider's own text.

    Raises ``UnreadableReplyError`` if it holds no answer.
    """
    message, word = message_of(response)
    raw_finish = word if said is None else said
    finish = FINISH.get(raw_finish or "")
    found = decode_message(
        message, finish=finish, names=names, turn=turn, provider=provider, json_answer=json_answer, cut=cut, sent=sent
    )
    return Reply(
        text="" if found.from_text and not found.errors else text_of(message),
        calls=found.calls,
        errors=found.errors,
        provider_calls=found.provider_calls,
        finish=finish,
        usage=read_usage(item(response, "usage")),
        reasoning=_string(message, "reasoning_content") or _string(message, "reasoning"),
        refusal=_string(message, "refusal"),
        model=_string(response, "model"),
        id=_string(response, "id"),
        raw_finish=raw_finish,
    )


def read_usage(usage: Json) -> Usage | None:
    """Token counts; None where there are none, which litellm writes as three zeros."""
    counts = [item(usage, key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    known = [count if isinstance(count, int) else None for count in counts]
    return Usage(*known) if any(known) else None


def _string(value: Json, key: str) -> str:
    found = item(value, key)
    return found if isinstance(found, str) else ""
