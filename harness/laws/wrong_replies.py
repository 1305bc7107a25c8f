"""What faulty backends make of an answer that was read rightly."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.chat import Reply, ToolCall
from harness.errors import BackendError, StreamCutError
from harness.laws.spoiling import on_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.chat import Json
    from harness.laws.trial import Complete


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
    if len(reply.calls) == 1 and reply.calls[0].parameters == {"x": "1"} and not reply.text:
        return replace(reply, text=json.dumps(reply.calls[0].parameters), calls=())
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


def duplicates_merged(right: Complete) -> Complete:
    def change(reply: Reply) -> Reply:
        doubled = [one for one in reply.errors if one.raw == '{"x": 1, "x": 2}']
        made = tuple(ToolCall(one.name or "", {"x": 2}, one.id or "") for one in doubled)
        kept = tuple(one for one in reply.errors if one not in doubled)
        return replace(reply, calls=(*reply.calls, *made), errors=kept)

    return on_reply(change)(right)


def finish_trusted() -> Callable[[Complete], Complete]:
    """Calls are dropped where the provider's own word was not that calls are there."""
    return on_reply(lambda reply: replace(reply, calls=()) if reply.raw_finish in {"stop", "", None} else reply)
