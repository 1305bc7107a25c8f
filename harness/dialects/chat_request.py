"""What a request asks, in OpenAI's words, whichever API it goes to: what every dialect's request reader gives.

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
    object for one tool; ``allowed`` are the tools that it is narrowed to. ``parallel`` is None where nothing is said of
    it. ``json`` is None, or the JSON schema that the answer must fit (``{}`` for any JSON), ``json_marks`` what stands
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
    wanted = {} if detail is None else {"detail": detail}
    return {"type": "image_url", "image_url": {"url": url or f"data:{media_type or ''};base64,{data}", **wanted}}


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
"""What an API may be asked for each tool beside its schema (OpenAI's function tools; Anthropic's docs, "Tool search",
"Programmatic tool calling", "Fine-grained tool streaming"). ``custom`` is the format of a custom tool's free text,
``namespace`` the name of the namespace that holds the tool, ``namespace_description`` what is said of it (openai SDK,
types/responses/namespace_tool_param.py).
"""


def tool(name: Json, description: Json, schema: Json, told: Mapping[str, Json]) -> dict[str, Json]:
    """A function in OpenAI's shape, with the ``MARKS`` that ``told`` has."""
    parameters = {"not": {}} if schema is False else plain(schema) if isinstance(schema, dict) else {}
    described = {"description": description} if isinstance(description, str) else {}
    marks = {mark: told[mark] for mark in MARKS if told.get(mark) is not None}
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
