"""T6 and T7: the state that an answer holds goes back byte for byte in the next request, and to no other model.

A question of kind ``state`` takes two requests. ``origin`` is asked first, and answers with calls and state; its
message and the results of its calls are then put to the question's own provider, and that request is judged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.checks.json_equality import difference
from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects import DIALECTS, dialect_at
from harness.dialects.providers import profile, proven
from harness.laws import values
from harness.laws.complaints import shown
from harness.laws.law import Law
from harness.laws.question import Question
from harness.laws.requests import original_messages, pieces, texts
from harness.laws.values import one_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    from harness.core.chat import Json
    from harness.laws.requests import Piece
    from harness.laws.trial import Trial

    State = dict[str, Json]

STATEFUL = tuple(name for name in proven() if profile(name).wants_state)
"""Providers whose answers hold state that the renderers write."""
_THOUGHTS = ("Let me think.", "é\n\n<b>\u2028日本 🙂", "{}", ' "quoted" \\ ')
_LETTERS = "ABCDEFGHabcdefgh0123456789+/"
_TOOLS = ("get/x", "other", "a__b")


def drawn(rng: Random, provider: str, *, stream: bool, origin: str = "") -> Question:
    """A question whose history is an answer with state: of ``origin``, or of any that has some, often of ``provider``
    itself.
    """
    if not origin:
        own = provider in STATEFUL and not one_in(rng, 3)
        origin = provider if own else rng.choice([name for name in STATEFUL if name != provider])
    row = profile(origin)
    # Where tools are written into the prompt, no name is renamed.
    textual = DIALECTS[profile(provider).dialect].facts.tools_in_prompt
    tools = tuple(name.replace("/", "_") for name in _TOOLS) if textual else _TOOLS
    calls = tuple(
        ToolCall(rng.choice(tools), values.parameters(rng), f"call_{index}abcdefgh")
        for index in range(rng.choice((1, 1, 2, 3)))
    )
    text = rng.choice(("", "So."))
    reasoning = rng.choice(_THOUGHTS) if row.wants_reasoning else ""
    state = {} if reasoning else _DRAWN[DIALECTS[row.dialect].facts.state](rng, calls, text)
    reply = Reply(text, calls, finish="tool_calls", usage=Usage(1, 2, 3), reasoning=reasoning, state=state)
    return Question(provider, tools, reply, "state", stream, origin=origin, prompt="Go.")


def _opaque(rng: Random) -> str:
    return f"sig{''.join(rng.choices(_LETTERS, k=rng.choice((22, 38, 58))))}Q=="  # base64, as Gemini's clients read it


def _signed(rng: Random) -> dict[str, Json]:
    return {"type": "thinking", "thinking": rng.choice(_THOUGHTS), "signature": _opaque(rng)}


def _thinking(rng: Random, _calls: Sequence[ToolCall], _text: str) -> State:
    """Signed blocks and redacted ones."""
    count = rng.choice((1, 1, 2, 3))
    return {"thinking_blocks": [_redacted(rng) if one_in(rng, 3) else _signed(rng) for _ in range(count)]}


def _redacted(rng: Random) -> dict[str, Json]:
    return {"type": "redacted_thinking", "data": _opaque(rng)}


def _signed_alone(rng: Random, _calls: Sequence[ToolCall], _text: str) -> State:
    return {"thinking_blocks": [_signed(rng) for _ in range(rng.choice((1, 1, 2)))]}


def _details(rng: Random, calls: Sequence[ToolCall], _text: str) -> State:
    encrypted = [
        {"type": "reasoning.encrypted", "data": _opaque(rng), "id": call.id, "format": "x", "index": index}
        for index, call in enumerate(calls)
    ]
    signed = {call.id: {"extra_content": {"google": {"thought_signature": _opaque(rng)}}} for call in calls}
    return {"reasoning_details": encrypted, "call_state": signed}


def _items(rng: Random, calls: Sequence[ToolCall], text: str) -> State:
    made: list[Json] = []
    rest = [{"type": "message"}] if text else []
    rest += [{"type": "function_call", "call_id": call.id} for call in calls]
    for index, item in enumerate(rest):
        if index == 0 or one_in(rng, 2):
            summary = [{"type": "summary_text", "text": rng.choice(_THOUGHTS)}] if one_in(rng, 2) else []
            made.append(
                {"type": "reasoning", "id": f"rs_{index}", "summary": summary, "encrypted_content": _opaque(rng)}
            )
        made.append(item)
    return {"responses_items": made}


def _signatures(rng: Random, calls: Sequence[ToolCall], text: str) -> State:
    """One for the text or none, and one for each call or for the first alone."""
    each = one_in(rng, 2)
    return {
        "thought_signatures": [_opaque(rng)] if text and one_in(rng, 2) else [],
        "call_signatures": [_opaque(rng) if each or not index else "" for index in range(len(calls))],
    }


_DRAWN: dict[str, Callable[[Random, Sequence[ToolCall], str], State]] = {
    "thinking": _thinking,
    "signed": _signed_alone,
    "details": _details,
    "items": _items,
    "signatures": _signatures,
}


def goes_back(trial: Trial) -> str | None:
    """T6: the state of the answer stands in the next request, in its place, beside its text, calls and results."""
    question = trial.question
    if question.kind != "state" or question.origin != question.provider or trial.chat_request is None:
        return None
    reply, kind = question.reply, question.dialect.facts.state
    own = dialect_at(trial.requests[0].url) in (None, question.dialect)
    expected: Json = None
    found: Json = None
    body = json.loads(trial.requests[0].body)
    if question.profile.wants_reasoning:
        expected, found = reply.reasoning, next(_assistant(body)).get(_REASONING)
    elif reply.state and (own or kind in _UNSENT):  # without litellm, no id carries a signature
        expected, found = _expected(reply, kind), (_RETURNED if own else _UNSENT)[kind](body)
    if difference(expected, found, "unordered") is not None:
        return f"the next request holds {shown(found)}, the answer held {shown(expected)}"
    return _lost(trial)


def stays(trial: Trial) -> str | None:
    """T7: no state goes to another model, and nothing of text, calls and results is lost."""
    question = trial.question
    if question.kind != "state" or question.origin == question.provider or not trial.requests:
        return None
    sent = trial.requests[0].body.decode(errors="replace")
    opaque = [f'"{_REASONING}"'] if question.reply.reasoning else _opaque_in(question.reply.state)
    leaked = [one for one in opaque if one in sent]
    if leaked:
        return f"the request to {question.provider} holds {leaked[0]!r}, which is state of {question.origin}"
    return _lost(trial)


_REASONING = "reasoning_content"


def _lost(trial: Trial) -> str:
    """What of the conversation did not go out; what goes out otherwise has laws of its own."""
    if trial.chat_request is None:
        return ""
    if DIALECTS[trial.chat_request.dialect].facts.tools_in_prompt:
        prompt = "".join(texts(one.get("content")) for one in trial.chat_request.messages)
        lost = [one.value for one in pieces(original_messages(trial)) if one.kind != "call" and one.value not in prompt]
        return f"{shown(lost[0])} is not in the prompt" if lost else ""
    expected, found = (
        _comparable(side) for side in (pieces(original_messages(trial)), pieces(trial.chat_request.messages))
    )
    lost = [one for one in expected if expected.count(one) > found.count(one)]
    return f"the {lost[0][0]} {lost[0][1]} did not go out" if lost else ""


def _comparable(found: Sequence[Piece]) -> list[tuple[str, str]]:
    return [(one.kind, shown(json.loads(one.value)) if one.kind == "call" else shown(one.value)) for one in found]


T6 = Law("T6", "state: what the provider wants back goes back byte for byte, in its place", goes_back)
T7 = Law("T7", "foreign state: no state goes to another model, and nothing else is lost", stays, grade="contract")
LAWS = (T6, T7)


def _expected(reply: Reply, kind: str) -> Json:
    if kind == "items":
        return [item if item["type"] == "reasoning" else item["type"] for item in reply.state["responses_items"]]
    if kind == "details":
        return reply.state["reasoning_details"], [one["extra_content"] for one in reply.state["call_state"].values()]
    if kind == "signatures":
        text = [next(iter(reply.state["thought_signatures"]), "")] if reply.text else []
        return [*text, *reply.state["call_signatures"]]
    return reply.state["thinking_blocks"]


def _of_anthropic(body: State) -> Json:
    blocks = body["messages"][1]["content"]
    first = next(index for index, block in enumerate(blocks) if block["type"] == "tool_use")
    return [block for block in blocks[:first] if "thinking" in block["type"]]


def _of_bedrock(body: State) -> Json:
    found = [block["reasoningContent"] for block in body["messages"][1]["content"] if "reasoningContent" in block]
    signed = [one["reasoningText"] for one in found]
    return [{"type": "thinking", "thinking": one["text"], "signature": one["signature"]} for one in signed]


def _assistant(body: State) -> Iterator[State]:
    return (one for one in body["messages"] if one.get("role") == "assistant")


def _of_chat(body: State) -> Json:
    message = next(_assistant(body))
    return message.get("reasoning_details"), [call.get("extra_content") for call in message["tool_calls"]]


def _of_responses(body: State) -> Json:
    items = [
        item for item in body["input"] if item.get("role") != "user" and item.get("type") != "function_call_output"
    ]
    kinds = [item.get("type", "message") for item in items]  # openai SDK, types/responses/easy_input_message.py
    return [item if kind == "reasoning" else kind for item, kind in zip(items, kinds, strict=True)]


def _of_gemini(body: State) -> Json:
    parts = [part for one in body["contents"] if one["role"] == "model" for part in one["parts"]]
    return [part.get("thoughtSignature", "") for part in parts]


_RETURNED: dict[str, Callable[[State], Json]] = {
    "thinking": _of_anthropic,
    "signed": _of_bedrock,
    "details": _of_chat,
    "items": _of_responses,
    "signatures": _of_gemini,
}
"""The state in a request of the dialect."""


def _blocks(body: State) -> Json:
    return next(_assistant(body)).get("thinking_blocks")


def _item_messages(body: State) -> Json:
    made: list[Json] = []
    for one in _assistant(body):
        made += one.get("reasoning_items", [])
        made += ["message"] * bool(one.get("content")) + ["function_call"] * len(one.get("tool_calls") or ())
    return made


_UNSENT: dict[str, Callable[[State], Json]] = {
    "thinking": _blocks,
    "signed": _blocks,
    "details": _of_chat,
    "items": _item_messages,
}
"""The state in the messages that litellm is given."""


def _opaque_in(value: Json) -> list[str]:
    """Every opaque text in a state."""
    if isinstance(value, str):
        return [value] if value.startswith("sig") else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for one in inner for found in _opaque_in(one)]
