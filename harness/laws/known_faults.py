"""Faults of litellm that no backend around it can prevent: named, counted, and each with a question that shows it.

A litellm that mends one turns its test red, and its line is then deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects.providers import profile
from harness.laws.question import History, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.laws.trial import Trial


@dataclass(frozen=True, slots=True)
class KnownFault:
    """``question`` breaks the laws ``laws`` through ``litellm`` (the versions seen); ``what`` says how.

    ``applies`` tells from a trial whether it is this fault that shows in it.
    """

    name: str
    laws: frozenset[str]
    litellm: str
    what: str
    question: Question
    applies: Callable[[Trial], bool]


def _ended_otherwise(trial: Trial) -> bool:
    """Whether a whole answer ended in a word that litellm's "stop" (or calls being there) does not tell."""
    if not _whole_cohere(trial) or trial.served is None or trial.question.kind not in {"plain", "broken"}:
        return False
    told = "tool_calls" if trial.question.reply.calls or trial.question.reply.errors else "stop"
    return trial.question.kind == "broken" or trial.question.dialect.read(trial.served).finish != told


def _whole_cohere(trial: Trial) -> bool:
    return trial.question.dialect.name == "cohere" and not trial.question.stream


def _both(trial: Trial) -> bool:
    drawn = trial.question.reply
    return _whole_cohere(trial) and bool(drawn.text and (drawn.calls or drawn.errors))


def _generated_otherwise(trial: Trial) -> bool:
    whole = trial.question.dialect.name == "ollama_generate" and not trial.question.stream
    return (
        whole
        and trial.question.kind == "plain"
        and trial.served is not None
        and trial.question.dialect.read(trial.served).finish != "stop"
    )


def _called_twice(trial: Trial) -> bool:
    named = [past.name for past in trial.question.history]
    return trial.question.dialect.name == "gemini" and len(set(named)) < len(named)


def _uncounted(trial: Trial) -> bool:
    return "no_usage" in trial.question.quirks


def _filtered(trial: Trial) -> bool:
    whole = trial.question.dialect.name == "gemini" and not trial.question.stream
    return whole and trial.question.reply.finish == "content_filter"


_CALL = ToolCall("get_x", {}, "call_1")
_COUNTS = Usage(1, 1, 2)
_EVERY = frozenset(f"{letter}{n}" for letter, last in (("N", 9), ("D", 14), ("S", 7)) for n in range(1, last + 1))
SEEN = "1.106.2 to 1.109.1"

KNOWN: tuple[KnownFault, ...] = (
    KnownFault(
        "cohere-text-beside-calls",
        frozenset({"D7"}),
        SEEN,
        "the text of a whole Cohere answer is dropped where it holds calls",
        Question("cohere", ("get_x",), Reply(text="hi", calls=(_CALL,), finish="tool_calls", usage=_COUNTS)),
        _both,
    ),
    KnownFault(
        "cohere-ending-dropped",
        frozenset({"S5", "N4", "D10"}),
        SEEN,
        "every whole Cohere answer is said to end in stop, so that one cut off at its limit looks whole",
        Question("cohere", ("get_x",), Reply(text="hi", finish="length", usage=_COUNTS)),
        _ended_otherwise,
    ),
    KnownFault(
        "cohere-counts-wanted",
        _EVERY,
        SEEN,
        "a whole Cohere answer that tells no token counts is a KeyError",
        Question("cohere", ("get_x",), Reply(text="hi", finish="stop"), quirks=frozenset({"no_usage"})),
        lambda trial: _whole_cohere(trial) and _uncounted(trial),
    ),
    KnownFault(
        "gemini-filtered-text",
        frozenset({"D3"}),
        SEEN,
        "the text of a whole Gemini answer that ended in SAFETY is dropped",
        Question("gemini", ("get_x",), Reply(text="hi", finish="content_filter", usage=_COUNTS)),
        _filtered,
    ),
    KnownFault(
        "gemini-equal-calls-merged",
        frozenset({"N5"}),
        SEEN,
        "of two equal earlier calls in one message Gemini is sent one, beside both results",
        Question(
            "gemini",
            ("get_x",),
            Reply(text="hi", finish="stop", usage=_COUNTS),
            history=(History("get_x", "call_1"), History("get_x", "call_2")),
        ),
        _called_twice,
    ),
    KnownFault(
        "ollama-generate-ending",
        frozenset({"S5"}),
        SEEN,
        "every whole answer of Ollama's /api/generate is said to end in stop",
        Question("ollama", ("get_x",), Reply(text="hi", finish="length", usage=_COUNTS)),
        _generated_otherwise,
    ),
    KnownFault(
        "counts-made-up",
        frozenset({"S7"}),
        SEEN,
        "where a provider tells no token counts, litellm's own guess comes back as if told",
        Question("anthropic", ("get_x",), Reply(text="hi", finish="stop"), stream=True, quirks=frozenset({"no_usage"})),
        lambda trial: _uncounted(trial) and trial.question.dialect.name != "openai",
    ),
)

NEVER_SENT: Mapping[str, frozenset[str]] = {
    "gemini": frozenset({"json_array"}),  # only to requests without alt=sse, which litellm doesn't make
    "openai": frozenset({"usage_in_x_groq"}),  # a place for counts that only Groq uses
}


def left_out(provider: str) -> frozenset[str]:
    """Quirks that are not drawn for ``provider``: forms that it never sends to a request of litellm's."""
    if provider == "groq":
        return frozenset()
    return NEVER_SENT.get(profile(provider).dialect, frozenset())


def known(trial: Trial, law: str) -> KnownFault | None:
    """The known fault that ``trial`` shows, if ``law`` is broken by one."""
    return next((one for one in KNOWN if law in one.laws and one.applies(trial)), None)
