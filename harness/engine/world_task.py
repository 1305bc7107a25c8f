"""A task in a world: the model's calls are run there until it answers without one, or has been asked often enough."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.core.observation import WorldRun
from harness.engine.user_code import named
from harness.suite.case import ShortTool
from harness.worlds import WORLDS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import CallError, Json, Reply
    from harness.suite.case import Case, InWorld

_NO_CALL = {
    "unknown_tool": "there is no such tool",
    "arguments": "its arguments are no JSON object",
    "cut_off": "its arguments were cut off",
    "name": "it has no name",
}
_UNREADABLE = "(a call that can't be read)"
_LAST = 3


class WorldTask:
    """One task as it goes. Raises ``UsageError`` for a world or check that is not there, or that fails by itself."""

    def __init__(self, case: Case, given: InWorld) -> None:
        self._given = given
        self.world = _made(given)
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
        said = reply.message
        if not (reply.calls or reply.text):
            said = {"role": "assistant", "content": _UNREADABLE}
        unread = [{"role": "user", "content": " ".join(map(_unread, reply.errors))}] if reply.errors else []
        self.messages += [said, *results, *unread]
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


def _made(given: InWorld) -> World:
    kind = WORLDS.get(given.name) or _named(given.name, "world")
    if not (isinstance(kind, type) and issubclass(kind, World)):
        raise UsageError(f"{given.name} is no world; it must be a class made from harness.worlds.World")
    try:
        made = kind(given.seed)
        json.dumps(made.state)
    except Exception as error:  # as above
        raise UsageError(_failed(given.name, "its start", error)) from error
    state: Any = made.state  # a world of the user's own may have anything
    if not (isinstance(state, dict) and all(isinstance(one, dict) for one in state.values())):
        raise UsageError(f"the world {given.name}: its state must be an object of objects, {{collection: {{key: …}}}}")
    return made


def _named(name: str, what: str) -> Any:
    try:
        _, found = named(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"there is no {what} at {name!r} ({error}); write module:name") from error
    return found


def _unread(error: CallError) -> str:
    return f"Your call of {error.name or 'a tool'} could not be run: {_NO_CALL[error.fault]}."
