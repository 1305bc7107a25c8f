"""Faults of litellm that no backend around it can prevent: named, counted, and each with a question that shows it.

A litellm that mends one turns its test red: ``litellm`` then says the last version that has it, and the entry goes when
no proven version has it any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.adapters.litellm_alone import complete
from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects.providers import profile
from harness.laws.question import History, Question, Turn
from harness.laws.trial import run_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.chat import Json
    from harness.laws.trial import Trial


@dataclass(frozen=True, slots=True)
class KnownFault:
    """``question`` breaks the laws ``laws`` through ``litellm`` (the versions seen); ``what`` says how.

    ``applies`` says of a trial whether it is this fault that shows in it.
    """

    name: str
    laws: frozenset[str]
    litellm: str
    what: str
    question: Question
    applies: Callable[[Trial], bool]


def _dialect(*names: str, stream: bool | None = None) -> Callable[[Trial], bool]:
    def applies(trial: Trial) -> bool:
        question = trial.question
        return question.dialect.name in names and stream in (None, question.stream)

    return applies


def _called_twice(trial: Trial) -> bool:
    named = [past.name for past in trial.question.history]
    return trial.question.dialect.name == "gemini" and len(set(named)) < len(named)


_THOUGHT = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)


def _thinks_aloud(trial: Trial) -> bool:
    return _THOUGHT.match(trial.question.reply.text) is not None


CHOICE_DROPPED = frozenset({"mistral", "cohere", "cohere_chat", "ollama_chat"})
"""Providers for which litellm drops ``tool_choice`` without a word."""


def _chosen(trial: Trial) -> bool:
    question = trial.question
    return question.provider in CHOICE_DROPPED and bool(question.choice or question.word)


def _serial(trial: Trial) -> bool:
    question = trial.question
    dropped = question.dialect.name in {"gemini", "bedrock"}
    return dropped and question.options.get("parallel_tool_calls") is False


def _marked(trial: Trial, mark: str) -> bool:
    return any(mark in marks for marks in trial.question.marks)


def _lenient(trial: Trial) -> bool:
    dropped = _dialect("anthropic", "bedrock_invoke")(trial) or trial.question.provider in {"xai", "hosted_vllm"}
    return dropped and _marked(trial, "strict")


def _refers(*dialects: str) -> Callable[[Trial], bool]:
    among = _dialect(*dialects)
    return lambda trial: among(trial) and "'$ref'" in repr(trial.question.details)


_NODE: dict[str, Json] = {"type": "object", "properties": {"in": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
_TREE: dict[str, Json] = {
    "type": "object",
    "properties": {"tree": {"$ref": "#/$defs/Node"}},
    "$defs": {"Node": _NODE},
}
_UNHEARD = frozenset({"seed", "stop", "n", "presence_penalty", "frequency_penalty"})
_CALL = ToolCall("get_x", {}, "call_1")
_COUNTS = Usage(1, 1, 2)
_SAID = Reply(text="hi", finish="stop", usage=_COUNTS)
SEEN = "1.106.2 to 1.110.2"
BEFORE_1_110 = "1.106.2 to 1.109.1"

KNOWN: tuple[KnownFault, ...] = (
    KnownFault(
        "tool-choice-dropped",
        frozenset({"Q3"}),
        SEEN,
        "tool_choice is dropped without a word for Cohere and Ollama, and a tool's name in it for Mistral",
        Question("cohere", ("get_x",), _SAID, choice="get_x"),
        _chosen,
    ),
    KnownFault(
        "parallel-dropped",
        frozenset({"Q3"}),
        SEEN,
        "parallel_tool_calls=False is dropped without a word for Gemini and Bedrock",
        Question("gemini", ("get_x",), _SAID, options={"parallel_tool_calls": False}),
        _serial,
    ),
    KnownFault(
        "responses-system-joined",
        frozenset({"Q1"}),
        BEFORE_1_110,
        "several system prompts go to Responses as one, with blanks between",
        Question("openai/responses", ("get_x",), _SAID, system=("One.", "Two.")),
        lambda trial: _dialect("openai_responses")(trial) and len(trial.question.system) > 1,
    ),
    KnownFault(
        "responses-options-dropped",
        frozenset({"Q4"}),
        SEEN,
        "seed, stop, n and the penalties are dropped without a word on the way to Responses",
        Question("openai/responses", ("get_x",), _SAID, options={"seed": 7}),
        lambda trial: _dialect("openai_responses")(trial) and bool(trial.question.options.keys() & _UNHEARD),
    ),
    KnownFault(
        "vllm-schemas-opened",
        frozenset({"Q2"}),
        SEEN,
        "additionalProperties is taken out of the schemas of tools that go to vLLM",
        Question("hosted_vllm", ("get_x",), _SAID, details=(("", {"type": "object", "additionalProperties": False}),)),
        lambda trial: trial.question.provider == "hosted_vllm",
    ),
    KnownFault(
        "strict-dropped",
        frozenset({"Q2"}),
        SEEN,
        "strict is dropped without a word from tools that go to Anthropic's wire, vLLM and xAI",
        Question("anthropic", ("get_x",), _SAID, marks=({"strict": True},)),
        _lenient,
    ),
    KnownFault(
        "defer-loading-dropped",
        frozenset({"Q2"}),
        "1.106.2",
        "defer_loading is dropped without a word from tools that go to Responses, beside a tool_search too",
        Question("openai/responses", ("get_x",), _SAID, marks=({"defer_loading": True},)),
        lambda trial: _dialect("openai_responses")(trial) and _marked(trial, "defer_loading"),
    ),
    KnownFault(
        "eager-streaming-dropped",
        frozenset({"Q2"}),
        SEEN,
        "eager_input_streaming is dropped without a word from tools that go to Bedrock's InvokeModel",
        Question("bedrock/invoke", ("get_x",), _SAID, marks=({"eager_input_streaming": True},)),
        lambda trial: _dialect("bedrock_invoke")(trial) and _marked(trial, "eager_input_streaming"),
    ),
    KnownFault(
        "claude-schemas-cut",
        frozenset({"Q2"}),
        "1.110.2",
        "for Claude a tool's schema has at its top only type, properties, required, additionalProperties and $defs",
        Question(
            "anthropic", ("get_x",), _SAID, details=(("", {"type": "object", "dependentRequired": {"a": ["b"]}}),)
        ),
        _dialect("anthropic", "bedrock_invoke"),
    ),
    KnownFault(
        "recursion-cut",
        frozenset({"Q2"}),
        SEEN,
        "a schema that refers to itself goes to Gemini cut: where the circle closes any object will do",
        Question("gemini", ("get_x",), _SAID, details=(("", _TREE),)),
        _refers("gemini"),
    ),
    KnownFault(
        "references-without-definitions",
        frozenset({"Q2"}),
        SEEN,
        "a schema that refers to itself goes to Bedrock's Converse with the references, and without the definitions",
        Question("bedrock", ("get_x",), _SAID, details=(("", _TREE),)),
        _refers("bedrock"),
    ),
    KnownFault(
        "think-tags-parsed",
        frozenset({"D3", "D7", "D8", "D19"}),
        SEEN,
        "text that starts with <think>…</think> is taken for reasoning and out of the text",
        Question("mistral", ("get_x",), Reply(text="<think>a</think>b", finish="stop", usage=_COUNTS)),
        _thinks_aloud,
    ),
    KnownFault(
        "gemini-equal-calls-merged",
        frozenset({"Q5"}),
        SEEN,
        "of two equal earlier calls in one message Gemini is sent one, beside both results",
        Question(
            "gemini",
            ("get_x",),
            _SAID,
            turns=(Turn(calls=(History("get_x", "call_1"), History("get_x", "call_2"))),),
        ),
        _called_twice,
    ),
)

NEVER_SENT: Mapping[str, frozenset[str]] = {
    "openai": frozenset({"usage_in_x_groq", "executed_tools"}),  # places that only Groq uses
}


def left_out(provider: str) -> frozenset[str]:
    """Quirks that are not drawn for ``provider``: forms that it never sends to a request of litellm's."""
    if provider == "groq":
        return frozenset()
    return NEVER_SENT.get(profile(provider).dialect, frozenset())


def known(trial: Trial, law: str) -> KnownFault | None:
    """The known fault that ``trial`` shows, if ``law`` is broken by one: the request came from litellm, and litellm
    alone breaks the law in the same question.
    """
    if not trial.litellm:
        return None
    return next((one for one in KNOWN if law in one.laws and one.applies(trial) and _alone(trial, law)), None)


def _alone(trial: Trial, law: str) -> bool:
    """Whether litellm by itself breaks ``law`` in this question, or has nothing for the law to judge: no answer, or two
    tools under one name.
    """
    from harness.laws import BY_ID  # noqa: PLC0415 - the table of laws is made of modules beside this one

    alone = trial.once("alone", lambda: run_trial(trial.question, complete, (Exception,)))
    verdict = BY_ID[law].judge(alone)
    return bool(verdict) or (verdict is None and (alone.reply is None or bool(BY_ID["N2"].judge(alone))))
