"""T6 and T7: the state that an answer holds goes back byte for byte in the next request, and to no other model.

An answer with state is drawn, written in the provider's own bytes, and read by the backend; its message and the results
of its calls are put to the backend again, and what goes out is looked at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects import DIALECTS
from harness.dialects.providers import FOREIGN, profile, proven
from harness.interception.clients import answering
from harness.laws.law import Law
from harness.laws.question import tool
from harness.strategies.state import STATEFUL_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest, HttpResponse

PROVIDERS = tuple(name for name in proven() if profile(name).wants_state)
"""Providers whose answers hold state that the renderers write."""


@dataclass(frozen=True, slots=True)
class StateTrial:
    """An answer with state of ``provider``, and the bodies of the next requests: to the same model, and to another."""

    provider: str
    reply: Reply
    stream: bool
    same: dict[str, Any] = field(default_factory=dict)
    foreign: str = ""


def run_state_trial(
    provider: str, answer: Reply, complete: Callable[..., Reply], *, stream: bool, other: str = FOREIGN
) -> StateTrial:
    """Put a question, its answer and the results of its calls to a backend; then the same to the model of ``other``."""
    wire = {name: name.replace("/", "__") for name in STATEFUL_NAMES}
    calls = tuple(ToolCall(wire[call.name], call.parameters, call.id) for call in answer.calls)
    sent = Reply(
        answer.text, calls, finish=answer.finish, usage=answer.usage, reasoning=answer.reasoning, state=answer.state
    )
    asked: list[Json] = [{"role": "user", "content": "Go."}]
    row = profile(provider)
    reply, _ = _ask(complete, provider, asked, DIALECTS[row.dialect].render(sent, stream=stream), stream=stream)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "done"} for call in reply.calls]
    turn = [*asked, reply.message, *results]
    end = Reply("End.", finish="stop", usage=Usage(1, 2, 3))
    _, same = _ask(complete, provider, turn, DIALECTS[row.dialect].render(end), stream=False)
    _, foreign = _ask(complete, other, turn, DIALECTS[profile(other).dialect].render(end), stream=False)
    return StateTrial(provider, answer, stream, same, json.dumps(foreign, ensure_ascii=False))


def _ask(
    complete: Callable[..., Reply], provider: str, messages: list[Json], response: HttpResponse, *, stream: bool
) -> tuple[Reply, dict[str, Any]]:
    bodies: list[dict[str, Any]] = []

    def answer(request: HttpRequest) -> HttpResponse:
        bodies.append(json.loads(request.body))
        return response

    row = profile(provider)
    with answering(answer):
        reply = complete(
            row.model, messages, tools=[tool(name) for name in STATEFUL_NAMES], stream=stream, **row.options
        )
    return reply, bodies[-1]


def goes_back(trial: StateTrial) -> str:
    """T6: the state of the answer stands in the next request, in its place."""
    dialect = profile(trial.provider).dialect
    kind = DIALECTS[dialect].facts.state
    expected, found = _expected(trial.reply, kind), _RETURNED[kind](trial.same)
    if profile(trial.provider).wants_reasoning:
        expected, found = trial.reply.reasoning, trial.same["messages"][1].get("reasoning_content")
    return "" if found == expected else f"the next request holds {found!r}, the answer held {expected!r}"


def stays(trial: StateTrial) -> str:
    """T7: no state goes to another model, and nothing of text, calls and results is lost."""
    leaked = [one for one in _opaque(trial.reply.state) if one in trial.foreign]
    wanted = [trial.reply.text, "done", *(call.name.replace("/", "__") for call in trial.reply.calls)]
    lost = [one for one in wanted if one and one not in trial.foreign]
    if leaked:
        return f"the request to another model holds {leaked[0]!r}"
    return f"the request to another model has lost {lost[0]!r}" if lost else ""


T6 = Law("T6", "what the provider wants back goes back byte for byte", goes_back)  # type: ignore[arg-type] # a trial of its own kind
T7 = Law("T7", "state goes to no other model, and nothing else is lost", stays)  # type: ignore[arg-type] # as above


def _expected(reply: Reply, kind: str) -> Json:
    if kind == "items":
        return [item if item["type"] == "reasoning" else item["type"] for item in reply.state["responses_items"]]
    if kind == "details":
        return reply.state["reasoning_details"], [one["extra_content"] for one in reply.state["call_state"].values()]
    return reply.state["thinking_blocks"]


def _of_anthropic(body: dict[str, Any]) -> Json:
    blocks = body["messages"][1]["content"]
    first = next(place for place, block in enumerate(blocks) if block["type"] == "tool_use")
    return [block for block in blocks[:first] if "thinking" in block["type"]]


def _of_bedrock(body: dict[str, Any]) -> Json:
    found = [block["reasoningContent"] for block in body["messages"][1]["content"] if "reasoningContent" in block]
    texts = [one["reasoningText"] for one in found]
    return [{"type": "thinking", "thinking": one["text"], "signature": one["signature"]} for one in texts]


def _of_chat(body: dict[str, Any]) -> Json:
    message = body["messages"][1]
    return message.get("reasoning_details"), [call.get("extra_content") for call in message["tool_calls"]]


def _of_responses(body: dict[str, Any]) -> Json:
    items = [
        item for item in body["input"] if item.get("role") != "user" and item.get("type") != "function_call_output"
    ]
    return [item if item["type"] == "reasoning" else item["type"] for item in items]


_RETURNED: dict[str, Callable[[dict[str, Any]], Json]] = {
    "thinking": _of_anthropic,
    "signed": _of_bedrock,
    "details": _of_chat,
    "items": _of_responses,
}


def _opaque(value: Json) -> list[str]:
    """Every opaque text in a state."""
    if isinstance(value, str):
        return [value] if value.startswith("sig") else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for one in inner for found in _opaque(one)]
