"""The reference reading of Cohere's v2 chat: shares nothing with litellm or the backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.chat import STOPPED, CallError, Reply, ToolCall, Usage
from harness.core.errors import StreamCutError
from harness.dialects.arguments import cut_off, judged
from harness.dialects.cohere.facts import FACTS
from harness.dialects.facts import answer, answers, shaped
from harness.dialects.framing import framing

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.exchange import HttpResponse


@dataclass(slots=True)
class _Message:
    """An answer on its way. ``going`` is the content block or call that has started and not ended: there is one at a
    time.
    """

    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    usage: Usage | None = None
    id: str = ""
    started: bool = False
    going: tuple[str, int] | None = None
    calls: list[dict[str, Json]] = field(default_factory=list)


def read(response: HttpResponse) -> Reply:
    """See ``dialect.Read``; a stream may be events, as the API sends it, or bare JSON lines."""
    made = _Message()
    if framing(response) != "whole":
        try:
            for event in answers(response, FACTS):
                if event is not None:
                    with shaped(event):
                        _take_event(event, made)
        except StreamCutError as error:
            raise StreamCutError(str(error), _torn(made)) from error
        if made.finish is None:
            raise StreamCutError("the stream ended without a finish reason", _torn(made))
        return _reply(made)
    body = answer(response, FACTS)
    with shaped(body):
        _take_whole(body, made)
    return _reply(made)


def _take_whole(body: dict[str, Json], made: _Message) -> None:
    message = body["message"]
    for part in message.get("content") or ():
        made.text += part.get("text") or ""
        made.reasoning += part.get("thinking") or ""
    made.reasoning += message.get("tool_plan") or ""
    made.calls += [_head(call) for call in message.get("tool_calls") or ()]
    made.id = "" + (body.get("id") or "")
    made.finish, made.usage = "" + body["finish_reason"], _usage(body)


def _head(call: dict[str, Json]) -> dict[str, Json]:
    return {**call["function"], "id": call.get("id")}


def _take_event(event: dict[str, Json], made: _Message) -> None:
    kind = event["type"]
    what, _, step = kind.rpartition("-")
    if what == "message":
        _take_edge(step, event, made)
        return
    if not made.started or made.finish is not None:
        raise ValueError(f"{kind} outside the message")
    if kind == "tool-plan-delta":
        made.reasoning += event["delta"]["message"]["tool_plan"]
    elif what in {"content", "tool-call"}:
        _take_step(what, step, event, made)


def _take_edge(step: str, event: dict[str, Json], made: _Message) -> None:
    if made.started == (step == "start") or made.going or made.finish is not None:
        raise ValueError(f"message-{step} out of turn")
    if step == "start":
        made.started, made.id = True, "" + (event.get("id") or "")
        return
    delta = event["delta"]
    made.finish, made.usage = "" + delta["finish_reason"], _usage(delta)


def _take_step(what: str, step: str, event: dict[str, Json], made: _Message) -> None:
    """One step of a content block or a call: its start, a piece of it, its end."""
    index = (what, event["index"])
    if made.going != (None if step == "start" else index):
        raise ValueError(f"{what}-{step} out of turn")
    made.going = None if step == "end" else index
    if step == "end":
        return
    message = event["delta"]["message"]
    if what == "content":
        made.text += message["content"].get("text") or ""
        made.reasoning += message["content"].get("thinking") or ""
    elif step == "start":
        if event["index"] != len(made.calls):
            raise ValueError("a call starts twice, or another is missing")
        made.calls.append(_head(message["tool_calls"]))
    else:
        call = made.calls[-1]
        call["arguments"] = (call.get("arguments") or "") + message["tool_calls"]["function"]["arguments"]


def _usage(body: dict[str, Json]) -> Usage | None:
    usage = (body.get("usage") or {}).get("tokens")
    if not usage:
        return None
    prompt, completion = int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0)
    return Usage(prompt, completion, prompt + completion)


def _reply(made: _Message) -> Reply:
    finish = FACTS.finish(made.finish)
    last = len(made.calls) - 1
    found = [
        judged(call.get("name"), call.get("arguments"), call["id"], index, cut=finish in STOPPED and index == last)
        for index, call in enumerate(made.calls)
    ]
    return Reply(
        text=made.text,
        calls=tuple(call for call in found if isinstance(call, ToolCall)),
        errors=tuple(call for call in found if isinstance(call, CallError)),
        finish=finish,
        usage=made.usage,
        reasoning=made.reasoning,
        id=made.id,
        raw_finish=made.finish,
    )


def _torn(made: _Message) -> Reply:
    """What had come of a stream that was cut: every call an error, for none is known to be whole."""
    calls = enumerate(made.calls)
    errors = tuple(cut_off(call.get("name"), call.get("arguments"), call.get("id"), index) for index, call in calls)
    return Reply(text=made.text, errors=errors, reasoning=made.reasoning)
