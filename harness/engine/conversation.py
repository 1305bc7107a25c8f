"""What goes out in each turn: a case's words in OpenAI's shape, and an answer put into the history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.suite.case import NamedTool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.chat import Json, Reply, ToolCall
    from harness.suite import Case, Turn

# What a suite calls an option, and what the backend does.
_OPTIONS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "return_type": "message_return_type",
    "response_format": "response_format",
}


def opening(case: Case) -> list[dict[str, Json]]:
    """The messages of the first turn."""
    return [message.wire() for message in case.messages]


def request_of(case: Case, turn: Turn | None, messages: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """All that is handed to the backend but the model: messages, tools, stream and options.

    A later ``turn``'s own options go before the case's.
    """
    words: dict[str, Json] = {"messages": [dict(message) for message in messages]}
    if case.offered:
        words["tools"] = list(case.offered)
    words["stream"] = bool(_option(case, turn, "stream"))
    choice = _option(case, turn, "tool_choice")
    if choice is not None:
        named = isinstance(choice, NamedTool)
        words["tool_choice"] = {"type": "function", "function": {"name": choice.name}} if named else choice
    for name, word in _OPTIONS.items():
        if (value := _option(case, turn, name)) is not None:
            words[word] = value
    return {**(_option(case, turn, "options") or {}), **words}


def _option(case: Case, turn: Turn | None, name: str) -> Json:
    return getattr(turn if turn and name in turn.model_fields_set else case, name)


def continued(messages: Sequence[dict[str, Json]], reply: Reply, turn: Turn) -> list[dict[str, Json]] | str:
    """The history with the answer, the results of its calls, and what is said next.

    A sentence instead, where the turn has no result for a call, or nothing new to say.
    """
    results = _results(reply.calls, turn.results)
    if isinstance(results, str):
        return results
    said = [message.wire() for message in turn.messages]
    if not results and not said:
        return "the model called nothing, so this turn has no call to answer and nothing to ask"
    return [*messages, reply.message, *results, *said]


def _results(
    calls: Sequence[ToolCall], results: Mapping[str, Json] | Sequence[Json] | None
) -> list[dict[str, Json]] | str:
    if isinstance(results, dict):
        missing = [call.name for call in calls if call.name not in results and "*" not in results]
        if missing:
            return f"the model called {', '.join(missing)}, for which this turn has no result"
        values = [results.get(call.name, results.get("*")) for call in calls]
    else:
        values = list(results or ())
        if len(values) != len(calls):
            return f"the model made {len(calls)} calls, and this turn has {len(values)} results"
    return [
        {"role": "tool", "tool_call_id": call.id, "content": value if isinstance(value, str) else json.dumps(value)}
        for call, value in zip(calls, values, strict=True)
    ]
