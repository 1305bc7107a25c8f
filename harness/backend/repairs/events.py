"""Answers, and lines of a stream, that litellm can't read as they come, put into words that it can.

Each is a function from a decoded event to the event that litellm is shown: ``Handling.repair`` of a dialect. A repaired
fault that litellm mends itself is a line to delete: ``known_faults`` says how to see it.
"""

from __future__ import annotations

import json
from typing import Any

from harness.core.errors import UnreadableReplyError
from harness.dialects.facts import at
from harness.dialects.gemini.facts import FACTS as GEMINI_FACTS
from harness.dialects.gemini.partial_calls import partial
from harness.dialects.openai_chat.facts import FACTS as OPENAI_FACTS


def cohere(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm looks for these events under another key than Cohere's API, which says ``type``, and wants token counts
    in a whole answer. 1.106.2 looks for a call's pieces in another place, and passes over the first.
    """
    if "finish_reason" in event and not isinstance(event.get("usage"), dict):
        return {**event, "usage": {}}
    if event.get("type") in ("message-end", "tool-plan-delta"):
        return {**event, "event": event["type"], "data": event}
    call = at(event, ("delta", "message", "tool_calls"))
    if event.get("type") in ("tool-call-start", "tool-call-delta") and isinstance(call, dict):
        function = call.get("function")
        flat = {**call, **function} if isinstance(function, dict) else call
        return {**event, "type": "tool-call-delta", "delta": {**event["delta"], "tool_calls": [flat]}}
    return event


def gemini(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm adds up token counts that may be null, wants ``args`` where a call has none, drops what a filtered answer
    holds, and fails on pieces of a call and calls without a name, which ``with_partial_calls`` reads.
    """
    usage = event.get("usageMetadata")
    if usage is None and ("candidates" in event or "promptFeedback" in event):
        event = {**event, "usageMetadata": {}}
    elif isinstance(usage, dict) and None in usage.values():
        event = {**event, "usageMetadata": {key: 0 if value is None else value for key, value in usage.items()}}
    candidates = event.get("candidates")
    if isinstance(candidates, list):
        event = {**event, "candidates": [_with_arguments(candidate) for candidate in candidates]}
    return event


def _with_arguments(candidate: Any) -> Any:
    content = candidate.get("content") if isinstance(candidate, dict) else None
    if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
        return candidate
    whole = [
        {**part, "functionCall": {**part["functionCall"], "args": part["functionCall"].get("args") or {}}}
        if isinstance(part, dict) and isinstance(part.get("functionCall"), dict)
        else part
        for part in content["parts"]
        if not _is_piece(part)
    ]
    word = GEMINI_FACTS.word(candidate.get("finishReason"))
    filtered = content["parts"] and GEMINI_FACTS.finish(word) == "content_filter"
    return {**candidate, "content": {**content, "parts": whole}, **({"finishReason": "STOP"} if filtered else {})}


def _is_piece(part: Any) -> bool:
    call = part.get("functionCall") if isinstance(part, dict) else None
    return isinstance(call, dict) and partial(call)


def anthropic(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm wants the counts that a message may lack (llama.cpp's, for one)."""
    if event.get("type") == "message" and not isinstance(event.get("usage"), dict):
        return {**event, "usage": {"input_tokens": 0, "output_tokens": 0}}
    return event


def bedrock(answer: dict[str, Any]) -> dict[str, Any]:
    """As for Anthropic: whole answers only, for the streams are binary."""
    if isinstance(answer.get("usage"), dict):
        return answer
    return {**answer, "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}}


def openai(event: dict[str, Any]) -> dict[str, Any]:
    """Litellm drops a streamed text that comes in parts, as a list, and a streamed ``function_call`` of the old kind
    whose arguments are an object; some of its parsers fail on the latter. A stream that ends in ``error``, or a
    word like it, it throws away, and a piece of a call that has a value of another kind: what that can't be read
    as raises ``UnreadableReplyError``.
    """
    choices = event.get("choices")
    if not isinstance(choices, list):
        return event
    made = [_plain(choice) for choice in choices]
    return event if all(one is other for one, other in zip(made, choices, strict=True)) else {**event, "choices": made}


def _plain(choice: Any) -> Any:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if delta is None and isinstance(choice, dict) and isinstance(choice.get("message"), dict):
        delta = choice["message"]  # a whole answer in a stream's place
        choice = {**{key: value for key, value in choice.items() if key != "message"}, "delta": delta}
    if not isinstance(delta, dict):
        return choice
    if OPENAI_FACTS.finish(OPENAI_FACTS.word(choice.get("finish_reason"))) == "error":
        choice = {**choice, "finish_reason": "stop"}
    if isinstance(delta.get("content"), list):
        parts = [part for part in delta["content"] if isinstance(part, dict)]
        text = "".join(one for part in parts if isinstance(one := part.get("text"), str))
        choice = {**choice, "delta": {**delta, "content": text}}
    if delta.get("function_call"):
        called = {"arguments": "", **_function(delta["function_call"])}
        called["arguments"] = called["arguments"] or ""  # a null is an error to some of its parsers
        choice = {**choice, "delta": {**choice["delta"], "function_call": called}}
    if isinstance(delta.get("tool_calls"), list):
        calls = [call if call is None else _call(call) for call in delta["tool_calls"]]
        choice = (
            {**choice, "delta": {**choice["delta"], "tool_calls": calls}} if calls != delta["tool_calls"] else choice
        )
    return choice


def _call(call: Any) -> dict[str, Any]:
    """A piece of a call, of the kinds that litellm takes."""
    if not isinstance(call, dict):
        raise _unreadable(call)
    made = dict(call)
    if not isinstance(call.get("id"), (str, type(None))):
        numbered = isinstance(call["id"], (int, float)) and not isinstance(call["id"], bool)
        made["id"] = json.dumps(call["id"]) if numbered else None
    custom = call.get("type") == "custom" or call.get("custom") is not None
    if not isinstance(call.get("type"), (str, type(None))):
        made["type"] = "custom" if custom else "function"
    if call.get("index") is not None:
        made["index"] = _index(call)
    key = "custom" if custom else "function"
    made[key] = {} if call.get(key) is None else _function(call[key], "input" if custom else "arguments")
    return made


def _index(call: dict[str, Any]) -> int:
    try:
        index = float(call["index"])
        if index.is_integer():
            return int(call["index"] if isinstance(call["index"], int) else index)
    except (ValueError, TypeError, OverflowError):
        pass
    raise _unreadable(call)


def _function(function: Any, key: str = "arguments") -> dict[str, Any]:
    if not isinstance(function, dict) or not isinstance(function.get("name"), (str, type(None))):
        raise _unreadable(function)
    value = function.get(key)
    return function if value is None or isinstance(value, str) else {**function, key: json.dumps(value)}


def _unreadable(piece: Any) -> UnreadableReplyError:
    return UnreadableReplyError("a piece of a call has a value of another kind", raw=json.dumps(piece))
