"""What goes out in each turn: a case's words in OpenAI's shape, and an answer put into the history; and a task in a
world, whose calls are run there until the model answers without one.
"""

from __future__ import annotations

import copy
import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.core.finding import WorldRun, count
from harness.engine.user_code import named
from harness.suite.case import NamedTool, ShortTool
from harness.worlds import WORLDS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.core.chat import CallError, Json, Reply, ToolCall
    from harness.suite.case import Case, InWorld, Turn

# What a suite calls an option, and what the backend does.
_OPTIONS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "return_type": "message_return_type",
    "response_format": "response_format",
}
_NO_CALL = {
    "unknown_tool": "there is no such tool",
    "arguments": "its arguments are no JSON object",
    "cut_off": "its arguments were cut off",
    "name": "it has no name",
}
_UNREADABLE = "(a call that can't be read)"
_LAST = 3


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
    messages_next = [message.wire() for message in turn.messages]
    if not results and not messages_next:
        return "the model called nothing, so this turn has no call to answer and nothing to ask"
    return [*messages, reply.message, *results, *messages_next]


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
            return f"the model made {count(len(calls), 'call')}, and this turn has {count(len(values), 'result')}"
    return [
        {"role": "tool", "tool_call_id": call.id, "content": value if isinstance(value, str) else json.dumps(value)}
        for call, value in zip(calls, values, strict=True)
    ]


class WorldTask:
    """One task as it goes. Raises ``UsageError`` for a world or check that is not there, or that fails by itself."""

    def __init__(self, case: Case, world: InWorld) -> None:
        self._given = world
        self.world = _made(world)
        tools = tuple(ShortTool.model_validate(one) for one in self._run("tools", self.world.tools))
        self.case = case.model_copy(update={"tools": tools})
        self._before = copy.deepcopy(self.world.state)
        self._called: list[str] = []
        self.steps = 0
        first = [{"role": "system", "content": self.world.introduction}] if self.world.introduction else []
        self.messages: list[dict[str, Json]] = [*first, *(message.wire() for message in case.messages)]

    def take(self, reply: Reply) -> bool:
        """Run what ``reply`` calls and put it into the history; whether the model is to be asked again."""
        self.steps += 1
        if not (reply.calls or reply.errors):
            return False
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": self._call(call.name, call.parameters)}
            for call in reply.calls
        ]
        answer = reply.message
        if not (reply.calls or reply.text):
            answer = {"role": "assistant", "content": _UNREADABLE}
        unread = [{"role": "user", "content": " ".join(map(_unread, reply.errors))}] if reply.errors else []
        self.messages += [answer, *results, *unread]
        self._called += [call.name for call in reply.calls] + [error.name or "?" for error in reply.errors]
        return self.steps < self._given.steps

    def outcome(self, last: Reply | None) -> WorldRun:
        """What the task did, once ``last`` was answered."""
        stopped = ""
        if last is not None and (last.calls or last.errors):
            called = ", ".join(self._called[-_LAST:])
            stopped = f"the task had no end after {self.steps} questions; the last calls were {called}"
        return WorldRun(self._before, copy.deepcopy(self.world.state), stopped, self._complaint())

    def _complaint(self) -> str:
        if self._given.check is None:
            return ""
        check = _named(self._given.check, "check")
        try:
            found = check(copy.deepcopy(self.world.state))
        except Exception as error:  # noqa: BLE001 - whatever a check does wrong must not end the run
            return f"the check {self._given.check} crashed: {type(error).__name__}: {error}"
        return "" if found is None else str(found)

    def _call(self, name: str, parameters: dict[str, Json]) -> str:
        result = self._run(f"the tool {name}", lambda: self.world.call(name, parameters))
        if isinstance(result, str):
            return result
        return str(self._run(f"the result of {name}", lambda: json.dumps(result, ensure_ascii=False)))

    def _run(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # a world of the user's own may raise anything
            raise UsageError(_failed(self._given.name, what, error)) from error


def _failed(name: str, what: str, error: Exception) -> str:
    how = "a tool that refuses a model's call raises harness.worlds.RefusedError"
    return f"the world {name}: {what} failed: {type(error).__name__}: {error}; {how}"


def _made(world: InWorld) -> World:
    kind = WORLDS.get(world.name) or _named(world.name, "world")
    if not (isinstance(kind, type) and issubclass(kind, World)):
        raise UsageError(f"{world.name} is no world; it must be a class made from harness.worlds.World")
    try:
        made = kind(world.seed)
        json.dumps(made.state)
    except Exception as error:  # as above
        raise UsageError(_failed(world.name, "its start", error)) from error
    state: Any = made.state  # a world of the user's own may have anything
    if not (isinstance(state, dict) and all(isinstance(one, dict) for one in state.values())):
        raise UsageError(f"the world {world.name}: its state must be an object of objects, {{collection: {{key: …}}}}")
    return made


def _named(name: str, what: str) -> Any:
    try:
        _, found = named(name)
    except AttributeError as error:
        known = [one for one in vars(error.obj) if not one.startswith("_")] if hasattr(error.obj, "__dict__") else []
        near = get_close_matches(str(error.name), known, 1)
        advice = f"did you mean {near[0]}?" if near else "see what the module defines"
        raise UsageError(f"there is no {what} at {name!r}: {error}; {advice}") from error
    except (ImportError, ValueError) as error:
        raise UsageError(f"there is no {what} at {name!r}: {error}; write module:name") from error
    return found


def _unread(error: CallError) -> str:
    return f"Your call of {error.name or 'a tool'} could not be run: {_NO_CALL[error.fault]}."
