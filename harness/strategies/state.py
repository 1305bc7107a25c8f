"""Answers that hold state: what a provider wants back with the next turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects import DIALECTS
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.chat import Json

STATEFUL_NAMES = ("get/x", "other")
"""The tools that these answers call."""
_OPAQUE = st.text("ABCDEFGHabcdefgh0123456789+/", min_size=24, max_size=60).map("sig{}==".format)
_THOUGHT = st.sampled_from(("Let me think.", "é\n\n<b>\u2028日本 🙂", "{}", ' "quoted" \\ '))


@st.composite
def stateful(draw: st.DrawFn, provider: str) -> Reply:
    """An answer with calls and state, as ``provider`` may give it."""
    row = profile(provider)
    count = draw(st.integers(1, 2))
    calls = tuple(ToolCall(STATEFUL_NAMES[n], {"n": n}, f"call_{n}abcdefgh") for n in range(count))
    text = draw(st.sampled_from(("", "So.")))
    state = draw(_STATES[DIALECTS[row.dialect].facts.state](calls, text))
    reasoning = draw(_THOUGHT) if row.wants_reasoning else ""
    return Reply(text, calls, finish="tool_calls", usage=Usage(1, 2, 3), reasoning=reasoning, state=state)


@st.composite
def _thinking(draw: st.DrawFn, _calls: tuple[ToolCall, ...], _text: str) -> dict[str, Json]:
    signed = st.builds(lambda text, sig: {"type": "thinking", "thinking": text, "signature": sig}, _THOUGHT, _OPAQUE)
    redacted = _OPAQUE.map(lambda data: {"type": "redacted_thinking", "data": data})
    return {"thinking_blocks": draw(st.lists(signed | redacted, min_size=1, max_size=3))}


@st.composite
def _signed(draw: st.DrawFn, _calls: tuple[ToolCall, ...], _text: str) -> dict[str, Json]:
    signed = st.builds(lambda text, sig: {"type": "thinking", "thinking": text, "signature": sig}, _THOUGHT, _OPAQUE)
    return {"thinking_blocks": draw(st.lists(signed, min_size=1, max_size=2))}


@st.composite
def _details(draw: st.DrawFn, calls: tuple[ToolCall, ...], _text: str) -> dict[str, Json]:
    encrypted = [
        {"type": "reasoning.encrypted", "data": draw(_OPAQUE), "id": call.id, "format": "x", "index": place}
        for place, call in enumerate(calls)
    ]
    signed = {call.id: {"extra_content": {"google": {"thought_signature": draw(_OPAQUE)}}} for call in calls}
    return {"reasoning_details": encrypted, "call_state": signed}


@st.composite
def _items(draw: st.DrawFn, calls: tuple[ToolCall, ...], text: str) -> dict[str, Json]:
    made: list[Json] = []
    rest = [{"type": "message"}] if text else []
    rest += [{"type": "function_call", "call_id": call.id} for call in calls]
    for place, item in enumerate(rest):
        if place == 0 or draw(st.booleans()):
            summary = [{"type": "summary_text", "text": draw(_THOUGHT)}] if draw(st.booleans()) else []
            made.append(
                {"type": "reasoning", "id": f"rs_{place}", "summary": summary, "encrypted_content": draw(_OPAQUE)}
            )
        made.append(item)
    return {"responses_items": made}


_STATES: dict[str, Callable[..., st.SearchStrategy[dict[str, Json]]]] = {
    "thinking": _thinking,
    "signed": _signed,
    "details": _details,
    "items": _items,
}
