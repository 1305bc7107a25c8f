"""What a caller set that ends or shapes an answer: limits, stop sequences, several answers, a beginning to go on from.

Every dialect has its own spelling of the same few options, and no two use one word for different things, so they are
looked up under all spellings wherever a dialect puts its options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json
    from harness.dialects.chat_request import ChatRequest

_PLACES = ("generationConfig", "generation_config", "inferenceConfig", "options", "parameters", "extra_body")
_LIMITS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "maxTokens",
    "max_new_tokens",
    "max_tokens_to_sample",
    "num_predict",
)
_STOPS = ("stop", "stop_sequences", "stopSequences", "stop_token_ids")
_ANSWERS = ("n", "candidateCount", "candidate_count", "num_generations", "best_of")
_CHOICES = ("tool_choice", "toolChoice", "function_call")


@dataclass(frozen=True, slots=True)
class Limits:
    """``tokens`` is the smallest limit of the answer, None where the caller set none; ``stops`` whether it gave stop
    sequences, ``answers`` how many answers it asked for at once. ``continues`` says that the last message is the
    model's own, which it goes on from. ``other_tools`` counts tools that are no functions of the caller's: the
    provider's own, MCP servers, tools of free text. ``unread_choice`` is a tool choice that can't be read here.
    ``deferred`` are names of tools whose schemas the model sees only when a search has loaded them.
    """

    tokens: int | None = None
    stops: bool = False
    answers: int = 1
    continues: bool = False
    other_tools: int = 0
    unread_choice: bool = False
    deferred: frozenset[str] = frozenset()


def limits(question: ChatRequest) -> Limits:
    """What ``question`` was limited by."""
    body = question.body
    tokens = [one for one in _found(body, _LIMITS) if isinstance(one, int) and one > 0]
    answers = [one for one in _found(body, _ANSWERS) if isinstance(one, int) and not isinstance(one, bool)]
    last = question.messages[-1] if question.messages else {}
    return Limits(
        tokens=min(tokens, default=None),
        stops=any(_found(body, _STOPS)),
        answers=max(answers, default=1),
        continues=last.get("role") == "assistant",
        other_tools=max(0, _offered(body) - len(question.tools)),
        deferred=frozenset(_deferred(body)),
        unread_choice=question.choice is None and any(_chosen(body)),
    )


def _found(body: Json, names: tuple[str, ...]) -> Iterator[Json]:
    for place in (body, *(body.get(name) for name in _PLACES)):
        if isinstance(place, dict):
            yield from (place[name] for name in names if place.get(name) is not None)


def _offered(body: Mapping[str, Json]) -> int:
    """How many tools of any kind a request offers; an object that holds declarations counts for each of them."""
    config = body.get("toolConfig")
    holders = (body.get("tools"), config.get("tools") if isinstance(config, dict) else None, body.get("functions"))
    count = 0
    for holder in holders:
        for one in holder if isinstance(holder, list) else [holder] if isinstance(holder, dict) else ():
            inside = [value for value in one.values() if isinstance(value, list)] if isinstance(one, dict) else []
            declared = [value for value in inside if value and all(_named(item) for item in value)]
            count += sum(map(len, declared)) + (len(one) - len(declared) if declared else 0) if declared else 1
    servers = body.get("mcp_servers")
    plugins = body.get("plugins")
    return count + sum(len(one) for one in (servers, plugins) if isinstance(one, list))


def _deferred(body: Mapping[str, Json]) -> Iterator[str]:
    for one in body.get("tools") or () if isinstance(body.get("tools"), list) else ():
        if isinstance(one, dict) and one.get("defer_loading"):
            inner = one.get("function")
            name = one.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
            if isinstance(name, str):
                yield name


def _named(item: Json) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)


def _chosen(body: Mapping[str, Json]) -> Iterator[bool]:
    config = body.get("toolConfig")
    for place in (body, config if isinstance(config, dict) else {}):
        yield from (bool(place.get(name)) for name in _CHOICES)
