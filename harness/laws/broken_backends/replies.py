"""What faulty backends make of an answer that was read rightly."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.chat import Reply, ToolCall
from harness.core.errors import BackendError, StreamCutError
from harness.laws.broken_backends.corruption import on_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.laws.tested_backend import Complete

LONG = 12
"""Ids shorter than this were made by the backend, in the bytes that the laws serve."""


def crash_if(wanted: Callable[[Reply], bool]) -> Callable[[Complete], Complete]:
    def change(reply: Reply) -> Reply:
        if wanted(reply):
            raise ValueError("Expecting value: line 1 column 1 (char 0)")
        return reply

    return on_reply(change)


def swallow(right: Complete) -> Complete:
    def complete(*given: Any, **options: Any) -> Reply:
        try:
            return right(*given, **options)
        except BackendError as error:
            return Reply(text=f"error: {type(error).__name__}", finish="stop")

    return complete


def on_cut(*, calls: bool) -> Callable[[Complete], Complete]:
    def spoil(right: Complete) -> Complete:
        def complete(*given: Any, **options: Any) -> Reply:
            try:
                return right(*given, **options)
            except StreamCutError as error:
                torn = error.reply or Reply()
                made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in torn.errors) if calls else ()
                return Reply(text=torn.text, calls=made, finish="stop")

        return complete

    return spoil


def errors_as_calls(reply: Reply) -> Reply:
    made = tuple(ToolCall(one.name or "", {}, one.id or f"x{one.index}") for one in reply.errors)
    return replace(reply, calls=(*reply.calls, *made), errors=())


def unknown_passed(reply: Reply) -> Reply:
    strange = [one for one in reply.errors if one.fault == "unknown_tool"]
    made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in strange)
    return replace(reply, calls=(*reply.calls, *made), errors=tuple(one for one in reply.errors if one not in strange))


def json_as_call(reply: Reply) -> Reply:
    found = re.search(r"\{.*\}", reply.text, re.DOTALL)
    try:
        value = json.loads(found[0]) if found and not reply.calls else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return reply
    return replace(reply, text="", calls=(ToolCall(str(value.get("name")), value.get("arguments") or {}, "call_0"),))


def call_as_text(reply: Reply) -> Reply:
    """Calls written as text are left where they stood: these come with the word for a plain end."""
    if reply.calls and reply.raw_finish == "stop" and not reply.text:
        return replace(reply, text=json.dumps([call.parameters for call in reply.calls]), calls=())
    return reply


def merge_equal(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return list({(call.name, json.dumps(call.parameters, sort_keys=True)): call for call in calls}.values())


def raw_lost(reply: Reply) -> Reply:
    return replace(reply, errors=tuple(replace(one, raw="", detail="bad arguments") for one in reply.errors))


def unknown_dropped(reply: Reply) -> Reply:
    return replace(reply, errors=tuple(one for one in reply.errors if one.fault != "unknown_tool"))


def decoded_again(value: Json) -> Json:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def without_none(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return [
        replace(call, parameters={key: one for key, one in call.parameters.items() if one is not None})
        for call in calls
    ]


def _parsed(raw: str) -> dict[str, Json] | None:
    """As Python's own parser has it: the last of two keys, and NaN too."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def duplicates_merged(right: Complete) -> Complete:
    def change(reply: Reply) -> Reply:
        doubled = [one for one in reply.errors if _parsed(one.raw) is not None and one.fault == "arguments"]
        made = tuple(ToolCall(one.name or "", _parsed(one.raw) or {}, one.id or "") for one in doubled)
        kept = tuple(one for one in reply.errors if one not in doubled)
        return replace(reply, calls=(*reply.calls, *made), errors=kept)

    return on_reply(change)(right)


def keys_sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: keys_sorted(value[key]) for key in sorted(value)}
    return [keys_sorted(inner) for inner in value] if isinstance(value, list) else value


def halved_emoji(text: str) -> str:
    """Each half of a surrogate pair for a character of its own, as in UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(units[n] | units[n + 1] << 8) for n in range(0, len(units), 2))


def second_id_lost(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return [replace(call, id="" if n == 1 else call.id) for n, call in enumerate(calls)]


def as_text(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    """Parameters handed on as the JSON text that they came as."""
    return [replace(call, parameters=json.dumps(call.parameters)) for call in calls]  # type: ignore[arg-type]  # the fault


def empty_as_none(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    return [replace(call, parameters=call.parameters or None) for call in calls]  # type: ignore[arg-type]  # the fault


def random_ids(right: Complete) -> Complete:
    count = itertools.count()

    def change(reply: Reply) -> Reply:
        made = (
            replace(call, id=f"{next(count):09}") if call.id[:5] == "call_" and len(call.id) < LONG else call
            for call in reply.calls
        )
        return replace(reply, calls=tuple(made))

    return on_reply(change)(right)


def by_place_as_text(calls: tuple[ToolCall, ...]) -> list[ToolCall]:
    """Sorted by the text of their index: "10" comes before "2"."""
    return [calls[int(place)] for place in sorted(map(str, range(len(calls))))]


def nearest(right: Complete) -> Complete:
    """A call to a tool that was not offered is taken for one to the tool most like it."""

    def complete(model: str, messages: Any, *, tools: Any = None, **options: Any) -> Reply:
        reply = right(model, messages, tools=tools, **options)
        offered = [tool["function"]["name"] for tool in tools or ()]
        like = {one.index: difflib.get_close_matches(one.name or "", offered, 1) for one in reply.errors}
        strange = [one for one in reply.errors if one.fault == "unknown_tool" and like[one.index]]
        made = tuple(ToolCall(like[one.index][0], {}, one.id or "") for one in strange)
        kept = tuple(one for one in reply.errors if one not in strange)
        return replace(reply, calls=(*reply.calls, *made), errors=kept)

    return complete


def crash_on_errors(reply: Reply) -> Reply:
    for error in reply.errors:
        json.loads(error.raw + "!")
    return reply


def accumulating(right: Complete) -> Complete:
    """A default list that is shared by all requests."""
    seen: list[ToolCall] = []

    def change(reply: Reply) -> Reply:
        seen.extend(reply.calls)
        return replace(reply, calls=tuple(seen))

    return on_reply(change)(right)


def errors_as_calls_if_empty(reply: Reply) -> Reply:
    empty = [one for one in reply.errors if one.raw in {"", "{}"} and one.fault == "cut_off"]
    made = tuple(ToolCall(one.name or "", {}, one.id or "") for one in empty)
    return replace(reply, calls=(*reply.calls, *made), errors=tuple(one for one in reply.errors if one not in empty))


def errors_first(reply: Reply) -> Reply:
    return replace(reply, errors=tuple(replace(one, index=0) for one in reply.errors))


def finish_trusted() -> Callable[[Complete], Complete]:
    """Calls are dropped where the provider's own word was not that calls are there."""
    return on_reply(lambda reply: replace(reply, calls=()) if reply.raw_finish in {"stop", "", None} else reply)
