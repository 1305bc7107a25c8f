"""The values of a conversation: what a model answered, independent of the provider.

Values only. ``Reply`` is the one result shape of the whole house: backends return
it, dialects render and read it, strategies draw it, checks judge it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list or dict of the same."""

Finish: TypeAlias = Literal["stop", "tool_calls", "length", "content_filter", "refusal", "error", "unknown"]
"""Why a reply ended, in the words of OpenAI's ``finish_reason`` where it has one. ``unknown`` is a reason that the
provider named and that is not in its dialect's table: ``Reply.raw_finish`` holds it."""

STOPPED: frozenset[Finish] = frozenset({"length", "content_filter", "refusal", "error", "unknown"})
"""The reasons of an answer that did not end by itself: the arguments of its last call may never have come."""

CallFault: TypeAlias = Literal["arguments", "cut_off", "unknown_tool", "name"]
"""What is wrong with a call: its arguments are no JSON object, it was cut off, its tool
was not offered, or it has no usable name."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the client is to run. ``parameters`` is a JSON object."""

    name: str
    parameters: dict[str, Json]
    id: str

    def as_dict(self) -> dict[str, Json]:
        """The documented shape: ``{"name", "parameters", "id"}``."""
        return {"name": self.name, "parameters": self.parameters, "id": self.id}


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A call that the provider ran itself, and what came of it.

    ``result`` is all that the provider's own result holds, in its own shape, but for its type and the call's id:
    Anthropic's ``{"content": …}``, Gemini's ``{"outcome", "output"}``, an item's ``{"output": …}``; None where none
    came. A result of an earlier turn's call is a call without parameters.
    """

    name: str
    parameters: dict[str, Json]
    id: str
    result: dict[str, Json] | None = None

    def as_dict(self) -> dict[str, Json]:
        """``{"name", "parameters", "id", "result"}``."""
        return {"name": self.name, "parameters": self.parameters, "id": self.id, "result": self.result}


@dataclass(frozen=True, slots=True)
class CallError:
    """A call that could not be read, beside the good ones.

    ``raw`` is what was sent for its arguments, untouched; ``index`` its place among all
    calls of the reply, good and bad, counted from 0.
    """

    fault: CallFault
    detail: str
    raw: str
    name: str | None = None
    id: str | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, as the provider gave them; None where it gave none."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """All that one answer of a model holds.

    ``text`` is ``""`` where the provider sent null, nothing or an empty string.
    ``calls`` are for the client to run, in order; ``errors`` are calls that could not
    be read; ``provider_calls`` were run by the provider itself, with their results, and are
    never the client's. ``finish`` is None where the provider named no reason; ``raw_finish`` is the
    provider's own word. ``state`` is what the provider wants back, for ``message``.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    errors: tuple[CallError, ...] = ()
    provider_calls: tuple[ProviderCall, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    reasoning: str = ""
    refusal: str = ""
    model: str = field(default="", compare=False)
    id: str = field(default="", compare=False)
    raw_finish: str | None = field(default=None, compare=False)
    state: dict[str, Json] = field(default_factory=dict, compare=False, repr=False)

    @property
    def message(self) -> dict[str, Json]:
        """The assistant's turn as it must go back: append it to the messages, then the results of its calls.

        It has OpenAI's shape and the tools' own names, with all state that the provider wants returned: signed
        thinking, reasoning items, content and details, signatures. Calls that could not be read are left out, for
        they have no result.
        """
        state = dict(self.state)
        custom, signed = state.pop("custom_calls", ()), state.pop("call_state", {})  # ids of calls as they are here
        own = {name: state.pop(name) for name in _OF_THE_PROVIDER if name in state}
        calls = [{**_as_call(call, custom=call.id in custom), **signed.get(call.id, {})} for call in self.calls]
        content = self.text or (None if calls else "")
        message: dict[str, Json] = {"role": "assistant", "content": content, **state}
        if calls:
            message["tool_calls"] = calls
        return {**message, "provider_specific_fields": own} if own else message


_OF_THE_PROVIDER = ("state_of", "thought_signatures", "responses_items")
"""State that stands in a message among ``provider_specific_fields``, as litellm has it."""


def _as_call(call: ToolCall, *, custom: bool) -> dict[str, Json]:
    if custom and call.parameters.keys() == {"input"}:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.parameters["input"]}}
    arguments = json.dumps(call.parameters, default=dict)  # a backend may have mappings of its own
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
