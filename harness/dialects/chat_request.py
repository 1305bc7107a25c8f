"""A request in OpenAI's words, whichever API it goes to: what every dialect's request reader gives, and what the caller
set in it that ends or shapes the answer.

The readers (``read_chat`` beside each dialect) are the independent reference for what goes out: they share no code
with litellm or with ``harness.backend``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from harness.dialects.schemas import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.chat import Json


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """``tools`` have OpenAI's shape and the names of the wire; tools that the provider runs itself are not among them.

    ``messages`` have OpenAI's shape too: content is a text or a list of parts, arguments of earlier calls are JSON
    text. An id is ``""`` where the API has none. ``choice`` is None, ``auto``, ``none``, ``required`` or OpenAI's
    object for one tool; ``allowed`` are the tools that it is narrowed to. ``parallel`` is None where it is not set.
    ``json`` is None, or the JSON schema that the answer must fit (``{}`` for any JSON), ``json_marks`` what stands
    beside it where the API has a name for it. ``options`` are the rest, under OpenAI's names. ``body`` is the whole
    request as it was sent, an empty object where it is no JSON object.
    """

    dialect: str = ""
    provider: str = ""
    model: str = ""
    tools: tuple[dict[str, Json], ...] = ()
    choice: Json = None
    allowed: tuple[str, ...] = ()
    parallel: bool | None = None
    stream: bool = False
    json: dict[str, Json] | None = None
    json_marks: Mapping[str, Json] = field(default_factory=dict)
    messages: tuple[dict[str, Json], ...] = ()
    options: Mapping[str, Json] = field(default_factory=dict)
    body: Mapping[str, Json] = field(default_factory=dict, compare=False, repr=False)

    @property
    def schemas(self) -> dict[str, Json]:
        """The JSON schema of each tool's parameters, by its name on the wire."""
        return {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in self.tools}


def image(url: str = "", *, media_type: Json = "", data: Json = "", detail: Json = None) -> dict[str, Json]:
    """A part that is an image, in OpenAI's shape: at ``url``, or its base64 ``data`` as a data URL."""
    more = {} if detail is None else {"detail": detail}
    return {"type": "image_url", "image_url": {"url": url or f"data:{media_type or ''};base64,{data}", **more}}


WORDS = {"auto": "auto", "none": "none", "required": "required", "any": "required", "validated": "auto"}
"""The words for a choice of tools, in every API."""


def json_body(body: bytes) -> Json:
    """A request's body as JSON, to be looked at and not changed: the last one is remembered, for a request has more
    readers than one. Raises ``ValueError`` and ``RecursionError``.
    """
    last = _last[0]
    if last[0] is not body:
        last = _last[0] = (body, json.loads(body))
    return last[1]


_last: list[tuple[bytes, Json]] = [(b"", None)]
"""Threads may each replace it."""


def dicts(value: Json) -> Iterator[dict[str, Json]]:
    """The objects of a list; a single one stands for a list of it, as Gemini takes it."""
    yield from (one for one in (value if isinstance(value, list) else (value,)) if isinstance(one, dict))


def at(value: Json, *keys: str) -> Json:
    """The value at the first of ``keys`` that an object has."""
    if isinstance(value, dict):
        for key in keys:
            if key in value:
                return value[key]
    return None


def picked(value: Json, **keys: str) -> dict[str, Json]:
    """The options that ``value`` holds, under OpenAI's names: the keyword; its value names this API's, with commas."""
    found = {ours: at(value, *theirs.split(",")) for ours, theirs in keys.items()}
    return {ours: one for ours, one in found.items() if one is not None}


MARKS = (
    *("strict", "defer_loading", "allowed_callers", "eager_input_streaming"),
    *("custom", "namespace", "namespace_description"),
)
"""What may be set for each tool beside its schema (OpenAI's function tools; Anthropic's docs, "Tool search",
"Programmatic tool calling", "Fine-grained tool streaming"). ``custom`` is the format of a custom tool's free text,
``namespace`` the name of the namespace that holds the tool, ``namespace_description`` its description (openai SDK,
types/responses/namespace_tool_param.py).
"""


def tool(name: Json, description: Json, schema: Json, offered: Mapping[str, Json]) -> dict[str, Json]:
    """A function in OpenAI's shape, with the ``MARKS`` that ``offered`` has."""
    parameters = {"not": {}} if schema is False else plain(schema) if isinstance(schema, dict) else {}
    described = {"description": description} if isinstance(description, str) else {}
    marks = {mark: offered[mark] for mark in MARKS if offered.get(mark) is not None}
    return {"type": "function", **marks, "function": {"name": name, **described, "parameters": parameters}}


def text_format(form: Json) -> dict[str, Json]:
    """The format of a custom tool's text in the shape of Responses, for chat completions have a grammar one level
    deeper (openai SDK, types/shared_params/custom_tool_input_format.py).
    """
    inner = at(form, "grammar")
    flat = {"type": "grammar", **inner} if isinstance(inner, dict) else form
    return flat if isinstance(flat, dict) else {"type": "text"}


def allowed(chosen: Json) -> tuple[str, ...]:
    """The tools that a choice of ``allowed_tools`` is narrowed to, in the shape of chat completions or of Responses."""
    if at(chosen, "type") != "allowed_tools":
        return ()
    inner = at(chosen, "allowed_tools") or chosen
    names = [at(at(one, "function", "custom") or one, "name") for one in dicts(at(inner, "tools") or ())]
    return tuple(name for name in names if isinstance(name, str))


def narrowed(chosen: Json) -> Json:
    """The choice that ``allowed_tools`` is for one answer: one tool that is required is that tool, else its mode."""
    names, mode = allowed(chosen), at(at(chosen, "allowed_tools") or chosen, "mode")
    return named(names[0]) if mode == "required" and len(names) == 1 else WORDS.get(str(mode))


def call(name: Json, arguments: Json, call_id: Json) -> dict[str, Json]:
    """An earlier call in OpenAI's shape; arguments that are JSON are written as text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": call_id or "", "type": "function", "function": {"name": name, "arguments": text}}


def custom_call(name: Json, text: Json, call_id: Json) -> dict[str, Json]:
    """An earlier call of a custom tool: its free text is the one argument, ``input``, and its type is ``custom``."""
    return {**call(name, {"input": text}, call_id), "type": "custom"}


def named(name: Json) -> Json:
    """OpenAI's object for the choice of one tool."""
    return {"type": "function", "function": {"name": name}}


def model_in(path: str) -> str:
    """The model that a URL's path names."""
    found = re.search(r"/(?:models?|deployments)/([^/]+?)(?::\w+)?(?:/converse(?:-stream)?|/chat/completions)?$", path)
    return unquote(found[1]) if found else ""


# Every dialect has its own spelling of the same few options, and no two use one word for different things, so limits
# are looked up under all spellings wherever a dialect puts its options.
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
    sequences, ``answers`` how many answers it requested at once. ``continues`` says that the last message is the
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


def limits(request: ChatRequest) -> Limits:
    """What ``request`` was limited by."""
    body = request.body
    tokens = [one for one in map(_number, _found(body, _LIMITS)) if one is not None and one >= 0]
    answers = [one for one in map(_number, _found(body, _ANSWERS)) if one is not None]
    return Limits(
        tokens=min(tokens, default=None),
        stops=any(_found(body, _STOPS)),
        answers=max(answers, default=1),
        continues=any(role in _OWN_ROLES for role in _last_roles(request)),
        other_tools=max(0, _offered(body) - len(request.tools)),
        deferred=frozenset(_deferred(body)),
        unread_choice=request.choice is None and any(_chosen(body)),
        doubled=frozenset(_doubled(request)),
        steered=next((name for name in _STEERING if any(_found(body, (name,)))), ""),
        biased=next((name for name in _BIASING if any(_found(body, (name,)))), ""),
        broken=_broken(request),
    )


def of_the_caller(body: Mapping[str, Json]) -> dict[str, Json]:
    """A request without the model's own earlier turns: what the caller wrote."""
    made = dict(body)
    for name in _MESSAGES:
        if isinstance(messages := made.get(name), list):
            made[name] = [one for one in messages if not (isinstance(one, dict) and _own(one))]
    return made


def _own(item: Mapping[str, Json]) -> bool:
    return item.get("role") in _OWN_ROLES or item.get("type") in _OWN_ITEMS


def _number(value: Json) -> int | None:
    """A whole number, as protobuf's JSON and careless callers write it too: ``5``, ``5.0``, ``"5"``."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and not isinstance(value, bool) else None


def _last_roles(request: ChatRequest) -> Iterator[Json]:
    """Whose the last message is, as it was read, and as it stands there where nothing of it is text or a call."""
    for messages in (request.messages, *(request.body.get(name) for name in _MESSAGES)):
        last = messages[-1] if isinstance(messages, list | tuple) and messages else None
        yield last.get("role") if isinstance(last, dict) else None


def _doubled(request: ChatRequest) -> Iterator[str]:
    known: dict[str, Json] = {}
    for tool in request.tools:
        name, schema = tool["function"]["name"], tool["function"].get("parameters")
        if known.setdefault(name, schema) != schema:
            yield name


def _broken(request: ChatRequest) -> str:
    """What is wrong in a conversation; ids are compared where the API has them."""
    if any(request.body.get(name) for name in _ELSEWHERE):
        return ""  # what went before is not in this request
    waiting: list[str] = []
    for message in request.messages:
        if message.get("role") == "tool":
            answered = message.get("tool_call_id") or (waiting or [""])[0]
            if answered not in waiting:
                return "a result without a call"
            waiting.remove(answered)
        elif message.get("role") == "assistant":
            waiting += [str(one.get("id") or "") for one in message.get("tool_calls") or ()]
        elif waiting:
            return "a call without a result"
    return "" if any(map(_has_content, request.messages)) else "no question"


def _has_content(message: Mapping[str, Json]) -> bool:
    content = message.get("content")
    return bool(content.strip() if isinstance(content, str) else content) or bool(message.get("tool_calls"))


def _found(body: Json, names: tuple[str, ...]) -> Iterator[Json]:
    for holder in (body, *(body.get(name) for name in _PLACES)):
        if isinstance(holder, dict):
            yield from (holder[name] for name in names if holder.get(name) is not None)


def _offered(body: Mapping[str, Json]) -> int:
    """How many tools of any kind a request offers; an object that holds declarations counts for each of them."""
    config = body.get("toolConfig")
    holders = (body.get("tools"), config.get("tools") if isinstance(config, dict) else None, body.get("functions"))
    count = 0
    for holder in holders:
        for one in holder if isinstance(holder, list) else [holder] if isinstance(holder, dict) else ():
            inside = [value for value in one.values() if isinstance(value, list)] if isinstance(one, dict) else []
            declared = [value for value in inside if value and all(_has_name(item) for item in value)]
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


def _has_name(item: Json) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)


def _chosen(body: Mapping[str, Json]) -> Iterator[bool]:
    config = body.get("toolConfig")
    for holder in (body, config if isinstance(config, dict) else {}):
        yield from (bool(holder.get(name)) for name in _CHOICES)
