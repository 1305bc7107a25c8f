"""From a whole response, in litellm's shape, to a ``Reply``."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

from harness.backend.repairs import ends_in_call, handling
from harness.backend.repairs.raw_answer import generated_text, raw_answer, split_thinking
from harness.backend.tool_calls import decode_message, item, text_of
from harness.core.chat import Reply, Usage
from harness.core.errors import ToolCallError, UnreadableReplyError
from harness.dialects import DIALECTS
from harness.dialects.facts import at

if TYPE_CHECKING:
    from harness.backend.names import NameTable
    from harness.backend.repairs.raw_answer import RawAnswer
    from harness.core.chat import Finish, Json


def decode_litellm_tool_calls(response: Json, names: NameTable | None = None) -> list[dict[str, Json]]:
    """The calls in ``response``, each ``{"name", "parameters", "id"}``; ``[]`` where it calls nothing.

    ``response`` is a litellm ``ModelResponse``, its message, either as a dict, or a list of calls, decoded
    already or not. ``names`` is the request's table: names come back through it, a tool that was not
    offered is an error, and a call written as text is found. Without it names stay as they came.

    Raises ``ToolCallError`` if any call can't be read (it carries the good ones and the text), and
    ``UnreadableReplyError`` for a response that holds no answer.
    """
    if isinstance(response, (list, tuple)):
        message, finish = {"tool_calls": response}, None
    else:
        message, word = message_of(response)
        finish = finish_of(word, "openai")
    found = decode_message(message, finish=finish, names=names)
    if found.errors:
        raise ToolCallError(found.errors, found.calls, text_of(message))
    return [call.as_dict() for call in found.calls]


def message_of(response: Json) -> tuple[Json, str | None]:
    """The message of a response and its finish reason. Raises ``UnreadableReplyError`` where there is none."""
    choices = item(response, "choices")
    if choices is None:
        if any(item(response, key) is not None for key in ("role", "content", "tool_calls", "function_call")):
            return response, None
        raise UnreadableReplyError("the answer has no choices", raw=str(response))
    if not isinstance(choices, list):
        raise UnreadableReplyError("the answer's choices are no list", raw=str(response))
    if not choices:
        raise UnreadableReplyError("the answer's list of choices is empty", raw=str(response))
    finish = item(choices[0], "finish_reason")
    return item(choices[0], "message"), finish if isinstance(finish, str) else None


def read_reply(
    response: Json,
    *,
    names: NameTable | None = None,
    turn: int = 0,
    provider: str = "",
    json_answer: bool = False,
    cut: str = "",
    finish_word: str | None = None,
    sent: str = "",
    dialect: str = "openai",
) -> Reply:
    """The ``Reply`` that ``response`` holds; ``cut`` as for ``decode_message``, ``finish_word`` the provider's own word
    for how it ended, where that is known better than from ``response``, ``sent`` the provider's own text, in
    ``dialect``.

    Raises ``UnreadableReplyError`` if it holds no answer.
    """
    message, word = message_of(response)
    raw_finish = word if finish_word is None else finish_word or None
    finish = finish_of(raw_finish, dialect)
    own = raw_answer(sent, dialect)
    text, reasoning = _text_and_reasoning(message, own, dialect)
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
        provider_run_ids=handling(dialect).provider_run_ids(sent),
        call_names=handling(dialect).call_names(sent),
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
        id=own.id or ("" if own.present else _string(response, "id")),  # litellm makes one up, another on each replay
        raw_finish=raw_finish,
        state={"custom_calls": list(found.custom)} if found.custom else {},
    )


def _text_and_reasoning(message: Json, own: RawAnswer, dialect: str) -> tuple[str, str]:
    """Text and reasoning: the provider's own, where its text was received and holds all that litellm's does. A JSON
    answer that litellm took out of a call of its own making stands in no text.
    """
    own_text, reasoning = "".join(own.text), "".join(own.reasoning)
    split = split_thinking(own_text, reasoning, dialect)
    if split != (own_text, reasoning):
        return split
    text = text_of(message)
    if not own_text and not reasoning:  # nothing was received
        reasoning = _string(message, "reasoning_content") or _string(message, "reasoning")
    holds = own_text and _TAG.sub("", text).strip() in _TAG.sub("", own_text)
    return split_thinking(own_text if holds else text, reasoning, dialect)


_TAG = re.compile(r"</?think(?:ing)?>")  # litellm takes them out of Ollama's streams, wherever they stand


def _empty_is_nothing(dialect: str, sent: str) -> bool:
    """Whether ``{}`` is what the last call has where its arguments never came, by the dialect or by litellm."""
    return handling(dialect).empty_is_nothing or (
        DIALECTS[dialect].facts.empty_is_nothing and ends_in_call(sent, dialect)
    )


def as_generated(response: Json, sent: str) -> Json:
    """``response`` with the text that Ollama's ``/api/generate`` answered, and nothing but text.

    That API has no calls: litellm makes one of any JSON with a name and arguments in it, whether such a tool was
    offered or not. ``sent`` is what was received of the answer, an object a line; where nothing was, the text is
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


_LITELLM_FACTS = DIALECTS["openai"].facts
"""litellm translates every provider's words into OpenAI's, where it knows them."""


def finish_of(word: str | None, dialect: str) -> Finish | None:
    """Our finish reason for the provider's own word, or for litellm's translation of it; ``unknown`` for any other."""
    found = DIALECTS[dialect].facts.finish(word) if dialect in DIALECTS else None
    return _LITELLM_FACTS.finish(word) if found in {None, "unknown"} else found


def own_finish_word(answer: Json, dialect: str) -> str | None:
    """The word in ``answer``, the provider's own JSON, before litellm translated it: ``""`` where it has none.

    None where it is not known.
    """
    if dialect not in DIALECTS:
        return None
    facts = DIALECTS[dialect].facts
    if not isinstance(answer, dict):
        return None
    if not facts.finish_at or facts.finish_at[0] not in answer:
        return "" if answer.get("done") is True else None  # older Ollamas say no more
    return facts.word(at(answer, facts.finish_at)) or ""
