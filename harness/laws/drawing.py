"""Questions to put to a backend, drawn: names, replies, quirks, cuts and damage of one provider."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import reject
from hypothesis import strategies as st

from harness.chat import Reply, ToolCall
from harness.laws.known import left_out
from harness.laws.trial import Question, carried
from harness.strategies.chat import broken_replies, replies, usages
from harness.strategies.names import legal_names, tool_sets
from harness.strategies.wire import quirk_sets
from harness.wire import DIALECTS
from harness.wire.profiles import profile

if TYPE_CHECKING:
    from harness.laws.trial import Kind

KINDS: tuple[Kind, ...] = ("plain", "broken", "cut", "unknown", "written", "prose", "doubled")
_PROSE = (
    'Sure: {"name": "%s", "arguments": {"x": "1"}}',
    'I would call {"name": "%s"} next.',
    '{"answer": 42}',
    "[1, 2, 3]",
    '{"name": "someone else", "arguments": {}}',
)
# Their APIs type arguments as an object: nothing else can be on that wire.
_TYPED = {"gemini", "ollama"}
_STRANGE = ("no_such_tool", "python")


@st.composite
def questions(draw: st.DrawFn, provider: str, *, stream: bool) -> Question:
    """One question of any kind that fits the provider and mode."""
    dialect = profile(provider).dialect
    # /api/generate knows no tools: litellm writes them into the prompt, where no name is renamed or read off.
    textual = dialect == "ollama_generate"
    unfit = {"broken", "unknown"} if textual else {"broken"} if dialect in _TYPED else set()
    kinds = [kind for kind in KINDS if (stream or kind != "cut") and kind not in unfit]
    kind = draw(st.sampled_from(kinds))
    if textual:
        names = draw(st.lists(legal_names(provider), min_size=1, max_size=3, unique=True))
    else:
        names = draw(tool_sets(provider))
    question = Question(provider, tuple(names), _reply(draw, kind, names), kind, stream)
    if kind in {"plain", "broken", "unknown"}:
        question = replace(
            question, quirks=draw(quirk_sets(provider, DIALECTS[dialect].quirks.keys() - left_out(provider)))
        )
    if kind == "plain":
        question = replace(
            question,
            choice=draw(st.none() | st.sampled_from(names)),
            past=draw(st.booleans()),
            cuts=tuple(draw(st.lists(st.integers(1, 4000), max_size=3))) if stream else (),
        )
    if kind == "cut":
        question = replace(question, cut_at=draw(st.floats(0, 0.999)))
    if not carried(question) or not _tellable(question):
        reject()
    return question


def _tellable(question: Question) -> bool:
    """False where the bytes themselves don't tell: the quirks contradict one another."""
    quirks = question.quirks
    endless = "no_done" in quirks and quirks & {"finish_null", "finish_empty"}
    doubled = "id_same" in quirks and quirks & {"index_missing", "index_minus_one"}
    return not (question.stream and (endless or doubled))


def _reply(draw: st.DrawFn, kind: Kind, names: list[str]) -> Reply:
    if kind == "broken":
        return draw(broken_replies(names))
    if kind == "written":
        words = draw(st.sampled_from([("name", "arguments"), ("name", "parameters")]))
        call = {words[0]: names[0], words[1]: {"x": "1"}}
        text = json.dumps(draw(st.sampled_from([call, [call]])), ensure_ascii=False)
        return Reply(text=text, finish="stop", usage=draw(usages()))
    if kind == "prose":
        text = draw(st.sampled_from(_PROSE))
        return Reply(text=text.replace("%s", names[0]), finish="stop", usage=draw(usages()))
    reply = draw(replies(names))
    if kind == "unknown":
        strange = draw(st.sampled_from([one for one in _STRANGE if one not in names] or ["no_such_tool_2"]))
        calls = (*reply.calls, ToolCall(strange, {}, "call_strange"))
        return replace(reply, calls=calls, finish="tool_calls")
    return reply
