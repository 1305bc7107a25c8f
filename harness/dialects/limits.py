"""What a caller set that ends or shapes an answer: limits, stop sequences, several answers, a beginning to go on from.

Every dialect has its own spelling of the same few options, and no two use one word for different things, so they are
looked up under all spellings wherever a dialect puts its options.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json
    from harness.dialects.chat_request import ChatRequest

_PLACES = (
    *("generationConfig", "generation_config", "inferenceConfig", "additionalModelRequestFields"),
    *("options", "parameters", "extra_body"),
)
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
# What fixes the form of an answer in the model's place: the constraints of vLLM, SGLang, llama.cpp and Fireworks.
_STEERING = (
    *("grammar", "regex", "ebnf", "structured_outputs", "structural_tag", "allowed_token_ids"),
    *("guided_json", "guided_regex", "guided_choice", "guided_grammar"),
)
# What makes tokens likelier or rarer, and so decides on whether an answer ends or calls, but not on its form.
_BIASING = ("logit_bias", "bad_words", "ignore_eos", "min_tokens")
_CHOICES = ("tool_choice", "toolChoice", "function_call")


_OWN_ROLES = ("assistant", "model")
_OWN_ITEMS = ("function_call", "custom_tool_call", "reasoning")  # of OpenAI's Responses API, which have no role
_MESSAGES = ("messages", "contents", "input")
_ELSEWHERE = ("previous_response_id", "conversation", "cachedContent", "cached_content", "session_id")


@dataclass(frozen=True, slots=True)
class Limits:
    """``tokens`` is the smallest limit of the answer, None where the caller set none; ``stops`` whether it gave stop
    sequences, ``answers`` how many answers it asked for at once. ``continues`` says that the last message is the
    model's own, which it goes on from. ``other_tools`` counts tools that are no functions of the caller's: the
    provider's own, MCP servers, tools of free text. ``unread_choice`` is a tool choice that can't be read here.
    ``deferred`` are names of tools whose schemas the model sees only when a search has loaded them, ``doubled`` those
    that are offered twice with different schemas. ``steered`` names an option that fixes the form of the answer in the
    model's place, ``biased`` one that makes tokens likelier or rarer. ``broken`` says what is wrong in the
    conversation: a call without a result, a result without a call, no question.
    """

    tokens: int | None = None
    stops: bool = False
    answers: int = 1
    continues: bool = False
    other_tools: int = 0
    unread_choice: bool = False
    deferred: frozenset[str] = frozenset()
    doubled: frozenset[str] = frozenset()
    steered: str = ""
    biased: str = ""
    broken: str = ""


def limits(question: ChatRequest) -> Limits:
    """What ``question`` was limited by."""
    body = question.body
    tokens = [one for one in map(_number, _found(body, _LIMITS)) if one is not None and one >= 0]
    answers = [one for one in map(_number, _found(body, _ANSWERS)) if one is not None]
    return Limits(
        tokens=min(tokens, default=None),
        stops=any(_found(body, _STOPS)),
        answers=max(answers, default=1),
        continues=any(role in _OWN_ROLES for role in _last_roles(question)),
        other_tools=max(0, _offered(body) - len(question.tools)),
        deferred=frozenset(_deferred(body)),
        unread_choice=question.choice is None and any(_chosen(body)),
        doubled=frozenset(_doubled(question)),
        steered=next((name for name in _STEERING if any(_found(body, (name,)))), ""),
        biased=next((name for name in _BIASING if any(_found(body, (name,)))), ""),
        broken=_broken(question),
    )


def of_the_caller(body: Mapping[str, Json]) -> dict[str, Json]:
    """A request without the model's own earlier turns: what the caller wrote."""
    made = dict(body)
    for name in _MESSAGES:
        if isinstance(given := made.get(name), list):
            made[name] = [one for one in given if not (isinstance(one, dict) and _own(one))]
    return made


def _own(item: Mapping[str, Json]) -> bool:
    return item.get("role") in _OWN_ROLES or item.get("type") in _OWN_ITEMS


def _number(value: Json) -> int | None:
    """A whole number, as protobuf's JSON and careless callers write it too: ``5``, ``5.0``, ``"5"``."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and not isinstance(value, bool) else None


def _last_roles(question: ChatRequest) -> Iterator[Json]:
    """Whose the last message is, as it was read, and as it stands there where nothing of it is text or a call."""
    for given in (question.messages, *(question.body.get(name) for name in _MESSAGES)):
        last = given[-1] if isinstance(given, list | tuple) and given else None
        yield last.get("role") if isinstance(last, dict) else None


def _doubled(question: ChatRequest) -> Iterator[str]:
    known: dict[str, Json] = {}
    for tool in question.tools:
        name, schema = tool["function"]["name"], tool["function"].get("parameters")
        if known.setdefault(name, schema) != schema:
            yield name


def _broken(question: ChatRequest) -> str:
    """What is wrong in a conversation; ids are compared where the API has them."""
    if any(question.body.get(name) for name in _ELSEWHERE):
        return ""  # what went before is not in this request
    waiting: list[str] = []
    for message in question.messages:
        if message.get("role") == "tool":
            answered = message.get("tool_call_id") or (waiting or [""])[0]
            if answered not in waiting:
                return "a result without a call"
            waiting.remove(answered)
        elif message.get("role") == "assistant":
            waiting += [str(one.get("id") or "") for one in message.get("tool_calls") or ()]
        elif waiting:
            return "a call without a result"
    return "" if any(map(_says, question.messages)) else "no question"


def _says(message: Mapping[str, Json]) -> bool:
    content = message.get("content")
    return bool(content.strip() if isinstance(content, str) else content) or bool(message.get("tool_calls"))


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
