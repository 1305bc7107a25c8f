"""Questions to put to a backend, drawn: names, replies, quirks, cuts and damage of one provider."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import reject
from hypothesis import strategies as st

from harness.core.chat import Reply, ToolCall
from harness.dialects import DIALECTS
from harness.dialects.providers import profile
from harness.laws.known_faults import left_out
from harness.laws.question import History, Question, carried
from harness.strategies.chat import arguments, broken_replies, call_ids, replies, tool_calls, usages
from harness.strategies.names import legal_names, tool_names, tool_sets
from harness.strategies.wire import quirk_sets

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.laws.question import Kind

PROSE = (
    'Sure: {"name": "%s", "arguments": {"x": "1"}}',
    '{"name": "%s", "arguments": {"x": "1"}} would be the call.',
    'I would call {"name": "%s"} next.',
    'First ```json\n{"name": "%s", "arguments": {}}\n``` and then more.',
    '{"answer": 42}',
    '{"name": "%s"}',
    "[1, 2, 3]",
    "[]",
    '{"name": "someone else", "arguments": {}}',
    '{"name": "Ada", "parameters": {"age": 36}}',
    '[{"name": "%s", "arguments": {}}, 5]',
    '{"name": "%s", "arguments": {}} {"name": "%s", "arguments": {}}',
)
ASKS_FOR_JSON = {"openai", "azure", "mistral", "deepseek", "openrouter", "hosted_vllm"}
"""Providers for which litellm sends ``response_format`` beside tools as it is."""
# Their APIs type arguments as an object: nothing else can be on that wire.
_TYPED = {"gemini", "ollama"}
_STRANGE = ("no_such_tool", "python", "a/b", "a__b", "")


def kinds(provider: str) -> list[Kind]:
    """The kinds of question that fit a provider."""
    dialect = profile(provider).dialect
    made: list[Kind] = ["plain", "cut", "written", "prose", "doubled"]
    # /api/generate knows no tools: litellm writes them into the prompt, where no name is renamed or read off.
    if dialect != "ollama_generate":
        made.append("unknown")
        if dialect not in _TYPED:
            made.append("broken")
    if provider in ASKS_FOR_JSON:
        made.append("answer")
    return made


@st.composite
def questions(draw: st.DrawFn, provider: str, *, stream: bool) -> Question:
    """One question of any kind that fits the provider and mode; half of them plain."""
    fitting = kinds(provider)
    kind = draw(st.sampled_from(fitting))
    if draw(st.booleans()):
        kind = "plain"
    names = draw(_names(provider))
    question = Question(provider, tuple(names), _reply(draw, kind, names), kind, stream)
    if kind in {"plain", "broken", "unknown"}:
        question = replace(question, quirks=draw(_quirks(provider)))
    if kind == "plain":
        question = _asked(draw, question)
    if kind == "cut":
        question = replace(question, cut_at=draw(_SHARES))
    if not carried(question):
        reject()
    return question


_SHARES = st.floats(0, 0.999)
_CUTS = st.lists(st.integers(1, 4000), max_size=3)
_EVERY = st.sampled_from((0, 0, 0, 1, 7))
_ONE_IN_TEN = st.integers(0, 9)


@functools.cache
def _quirks(provider: str) -> st.SearchStrategy[frozenset[str]]:
    return quirk_sets(provider, DIALECTS[profile(provider).dialect].quirks.keys() - left_out(provider))


@functools.cache
def _names(provider: str) -> st.SearchStrategy[list[str]]:
    if profile(provider).dialect == "ollama_generate":
        return st.lists(legal_names(provider), min_size=1, max_size=3, unique=True)
    return tool_sets(provider)


def _asked(draw: st.DrawFn, question: Question) -> Question:
    """``question`` with a choice, a history, cuts, or another beside it."""
    names = list(question.tools)
    question = replace(question, choice=draw(st.none() | st.sampled_from(names)), history=draw(_histories(question)))
    if question.stream:
        question = replace(question, cuts=tuple(draw(_CUTS)), every=draw(_EVERY))
    if draw(_ONE_IN_TEN) == 0 and not question.quirks:
        question = replace(question, beside=draw(_beside(question)))
    return question


@st.composite
def _beside(draw: st.DrawFn, question: Question) -> Question:
    names = draw(_names(question.provider))
    reply = Reply(calls=draw(tool_calls(names, max_size=2)), finish="tool_calls", usage=draw(usages()))
    return Question(question.provider, tuple(names), reply, stream=question.stream)


@st.composite
def _histories(draw: st.DrawFn, question: Question) -> tuple[History, ...]:
    if question.dialect.name == "ollama_generate":
        return ()
    ids = draw(_FOREIGN)
    named = st.sampled_from(question.tools) | tool_names(question.provider)
    return tuple(History(draw(named), one) for one in ids)


def foreign_ids() -> st.SearchStrategy[str]:
    """Ids that some provider makes and another refuses: with dots and colons, past 40 and past 64 characters."""
    odd = st.sampled_from(
        (
            "functions.x:0",
            "functions.x:1",
            "functions_x_0",
            "x" * 41,
            "x" * 65,
            "x" * 66,
            "call_1/é",
            "a.b",
            "a:b",
            "a b",
        )
    )
    return call_ids() | odd


_FOREIGN = st.lists(foreign_ids(), max_size=3, unique=True)


def _reply(draw: st.DrawFn, kind: Kind, names: list[str]) -> Reply:
    if kind == "broken":
        return draw(broken_replies(names))
    if kind == "written":
        return draw(_written(names))
    if kind == "prose":
        return Reply(text=draw(st.sampled_from(PROSE)).replace("%s", names[0]), finish="stop", usage=draw(usages()))
    if kind == "answer":
        said = json.dumps({"name": names[0], "arguments": draw(arguments())}, ensure_ascii=False)
        return Reply(text=said, finish="stop", usage=draw(usages()))
    reply = draw(replies(names))
    if kind == "unknown":
        near = (*_STRANGE[:-1], names[0].swapcase(), f"{names[0]}s", names[0][:-1], f" {names[0]}")
        strange = draw(st.sampled_from([one for one in near if one and one not in names]))
        place = draw(st.integers(0, len(reply.calls)))
        made = (*reply.calls[:place], ToolCall(strange, draw(arguments()), "call_strange"), *reply.calls[place:])
        return replace(reply, calls=made, finish="tool_calls")
    return reply


@st.composite
def _written(draw: st.DrawFn, names: list[str]) -> Reply:
    """Calls that a model wrote as text, in one of the shapes that are seen."""
    calls = draw(tool_calls(names, max_size=2))
    called, given = (
        draw(st.sampled_from(("name", "function_name", "tool_name"))),
        draw(st.sampled_from(("arguments", "parameters"))),
    )
    as_text = draw(st.booleans())
    shapes: list[Json] = [
        {called: call.name, given: json.dumps(call.parameters) if as_text else call.parameters} for call in calls
    ]
    whole = shapes[0] if len(shapes) == 1 and draw(st.booleans()) else shapes
    text = draw(st.sampled_from(("%s", " %s\n", "```json\n%s\n```"))).replace("%s", json.dumps(whole))
    return Reply(text=text, calls=calls, finish="stop", usage=draw(usages()))
