"""From a whole response, in litellm's shape, to a ``Reply``."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

from harness.backend.finish_words import finish_of
from harness.backend.repairs.omissions import ends_in_call, generated_text
from harness.backend.repairs.peculiar import peculiar
from harness.backend.repairs.spoken import parted, spoken
from harness.backend.tool_calls import decode_message, item, message_of, text_of
from harness.core.chat import Reply, Usage
from harness.dialects import DIALECTS

if TYPE_CHECKING:
    from harness.backend.names import NameTable
    from harness.backend.repairs.spoken import Spoken
    from harness.core.chat import Json


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
    dialect: str = "openai",
) -> Reply:
    """The ``Reply`` that ``response`` holds; ``cut`` as for ``decode_message``, ``said`` the provider's own word for
    how it ended, where that is known better than from ``response``, ``sent`` the provider's own text, in ``dialect``.

    Raises ``UnreadableReplyError`` if it holds no answer.
    """
    message, word = message_of(response)
    raw_finish = word if said is None else said or None
    finish = finish_of(raw_finish, dialect)
    own = spoken(sent, dialect)
    text, reasoning = _said(message, own, dialect)
    found = decode_message(
        message,
        finish=finish,
        names=names,
        turn=turn,
        provider=provider,
        json_answer=json_answer,
        cut=cut,
        sent=sent,
        empty_is_nothing=dialect in DIALECTS and _empty_is_nothing(dialect, sent),
        ran=peculiar(dialect).ran(sent),
        called=peculiar(dialect).names(sent),
        text=text,
    )
    return Reply(
        text="" if found.from_text and not found.errors else text,
        calls=found.calls,
        errors=found.errors,
        provider_calls=found.provider_calls,
        finish=finish,
        usage=read_usage(item(response, "usage")),
        reasoning=reasoning,
        refusal="".join(own.refusal) or _string(message, "refusal"),
        model=own.model or _string(response, "model"),
        id=own.id or ("" if own.seen else _string(response, "id")),  # litellm makes one up, another on each replay
        raw_finish=raw_finish,
        state={"custom_calls": list(found.custom)} if found.custom else {},
    )


def _said(message: Json, own: Spoken, dialect: str) -> tuple[str, str]:
    """Text and reasoning: the provider's own, where its text was seen and holds all that litellm's does. A JSON answer
    that litellm took out of a call of its own making stands in no text.
    """
    said, thought = "".join(own.text), "".join(own.reasoning)
    text, reasoning = parted(said, thought, dialect)
    if (text, reasoning) != (said, thought):
        return text, reasoning
    found = text_of(message)
    if not said and not thought:  # nothing was seen
        thought = _string(message, "reasoning_content") or _string(message, "reasoning")
    holds = said and _TAG.sub("", found).strip() in _TAG.sub("", said)
    return parted(said if holds else found, thought, dialect)


_TAG = re.compile(r"</?think(?:ing)?>")  # litellm takes them out of Ollama's streams, wherever they stand


def _empty_is_nothing(dialect: str, sent: str) -> bool:
    """Whether ``{}`` is what the last call has where its arguments never came, by the dialect or by litellm."""
    return peculiar(dialect).empty_is_nothing or (
        DIALECTS[dialect].facts.empty_is_nothing and ends_in_call(sent, dialect)
    )


def as_generated(response: Json, sent: str) -> Json:
    """``response`` with the text that Ollama's ``/api/generate`` answered, and nothing but text.

    That API has no calls: litellm makes one of any JSON with a name and arguments in it, whether such a tool was
    offered or not. ``sent`` is what was seen of the answer, an object a line; where nothing was, the text is
    written again from litellm's call.
    """
    message, _ = message_of(response)
    return {
        "id": item(response, "id"),
        "model": item(response, "model"),
        "usage": item(response, "usage"),
        "choices": [
            {
                "message": {
                    "content": generated_text(sent) or _unmade(message) or text_of(message),
                    "reasoning_content": _string(message, "reasoning_content"),
                },
                "finish_reason": "stop",
            }
        ],
    }


def _unmade(message: Json) -> str:
    """The JSON that litellm made a call of."""
    for call in item(message, "tool_calls") or ():
        function = item(call, "function")
        with contextlib.suppress(TypeError, ValueError):
            return json.dumps({"name": item(function, "name"), "arguments": json.loads(item(function, "arguments"))})
    return ""


def read_usage(usage: Json) -> Usage | None:
    """Token counts; None where there are none, which litellm writes as three zeros."""
    counts = [item(usage, key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    known = [count if isinstance(count, int) else None for count in counts]
    return Usage(*known) if any(known) else None


def _string(value: Json, key: str) -> str:
    found = item(value, key)
    return found if isinstance(found, str) else ""
