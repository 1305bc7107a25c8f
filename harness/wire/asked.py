"""What a recorded request asked for, in OpenAI's words, whichever API it was sent to.

For recordings that somebody else's program made: all that is known of the question is on the wire.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from harness.wire import dialect_at
from harness.wire.hosts import provider_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.chat import Json
    from harness.exchange import HttpRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """``tools`` have OpenAI's shape and the names of the wire; tools that the provider runs itself are not among them.
    ``choice`` is None, ``auto``, ``none``, ``required`` or OpenAI's object for one tool. ``json`` is None, or the
    JSON schema that the answer must fit (``{}`` for any JSON). ``messages`` is how many there are.
    """

    dialect: str
    provider: str
    model: str
    tools: tuple[dict[str, Json], ...] = ()
    choice: Json = None
    stream: bool = False
    json: dict[str, Json] | None = None
    messages: int = 0

    @property
    def schemas(self) -> dict[str, Json]:
        """The JSON schema of each tool's parameters, by its name on the wire."""
        return {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in self.tools}


def asked(request: HttpRequest) -> Asked | None:
    """What ``request`` asked; None where it is no chat request of a dialect that is read here."""
    url = urlsplit(request.url)
    dialect = dialect_at(request.url)
    if dialect is None or dialect.name == "ollama_generate":
        return None
    name = dialect.name
    body: Json = None
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(request.body)
    if not isinstance(body, dict):
        body = {}
    model = body.get("model") or body.get("modelId") or _model_in(url.path)
    said = body.get("messages") or body.get("contents") or ()
    return Asked(
        dialect=name,
        provider=provider_at(url.hostname or ""),
        model=model if isinstance(model, str) else "",
        tools=tuple(_tools(name, body)),
        choice=_choice(name, body),
        stream=_streams(name, body, url.path),
        json=_json(name, body),
        messages=len(said) if isinstance(said, list) else 0,
    )


def _model_in(path: str) -> str:
    found = re.search(r"/(?:models?|deployments)/([^/]+?)(?::\w+)?(?:/converse(?:-stream)?|/chat/completions)?$", path)
    return unquote(found[1]) if found else ""


def _dicts(value: Json) -> Iterator[dict[str, Json]]:
    """The objects of a list; a single one stands for a list of it, as Gemini takes it."""
    yield from (one for one in (value if isinstance(value, list) else (value,)) if isinstance(one, dict))


def _at(value: Json, *keys: str) -> Json:
    """The value at the first of ``keys`` that an object has."""
    return next((value[key] for key in keys if isinstance(value, dict) and key in value), None)


def _tools(dialect: str, body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for name, schema in _declared(dialect, body):
        if isinstance(name, str):
            parameters = schema if isinstance(schema, dict) else {}
            yield {"type": "function", "function": {"name": name, "parameters": _plain(parameters)}}


# Anthropic's own tools that the client runs; the others (web_search_…, code_execution_…) it runs itself.
_CLIENTS = ("custom", "computer_", "bash_", "text_editor_", "memory_")


def _declared(dialect: str, body: dict[str, Json]) -> Iterator[tuple[Json, Json]]:
    """Name and schema of each tool that the client runs."""
    tools = _dicts(body.get("tools"))
    if dialect == "gemini":
        found = [one for tool in tools for one in _dicts(_at(tool, "functionDeclarations", "function_declarations"))]
        keys = ("parametersJsonSchema", "parameters_json_schema", "parameters")
        yield from ((one.get("name"), _at(one, *keys)) for one in found)
    elif dialect == "bedrock":
        specs = [tool.get("toolSpec") for tool in _dicts(_at(body.get("toolConfig"), "tools"))]
        yield from ((_at(spec, "name"), _at(_at(spec, "inputSchema"), "json")) for spec in specs)
    elif dialect == "anthropic":
        own = [tool for tool in tools if str(tool.get("type") or "custom").startswith(_CLIENTS)]
        yield from ((tool.get("name"), tool.get("input_schema")) for tool in own)
    else:
        functions = [tool.get("function") for tool in tools] + list(_dicts(body.get("functions")))
        yield from ((_at(one, "name"), _at(one, "parameters")) for one in functions)


def _plain(schema: Json) -> Json:
    """Gemini's own schemas write types in capitals, and null as ``nullable``."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _plain(value) for key, value in schema.items() if key != "nullable"}
    kind = made.get("type")
    if isinstance(kind, str) and kind.isupper():
        made["type"] = kind.lower()
    if schema.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _named(name: Json) -> Json:
    return {"type": "function", "function": {"name": name}}


_WORDS = {"auto": "auto", "none": "none", "required": "required", "any": "required", "validated": "auto"}


def _choice(dialect: str, body: dict[str, Json]) -> Json:
    if dialect == "gemini":
        calling = _at(_at(body, "toolConfig", "tool_config"), "functionCallingConfig", "function_calling_config")
        only = _at(calling, "allowedFunctionNames", "allowed_function_names")
        word = _WORDS.get((_at(calling, "mode") or "").lower())
        return _named(only[0]) if word == "required" and isinstance(only, list) and len(only) == 1 else word
    if dialect == "bedrock":
        chosen = _at(body.get("toolConfig"), "toolChoice")
        named = _at(_at(chosen, "tool"), "name")
        return _named(named) if named else next((_WORDS[one] for one in ("auto", "any") if one in (chosen or {})), None)
    chosen = body.get("tool_choice")
    if dialect == "anthropic":
        kind = _at(chosen, "type") or ""
        return _named(_at(chosen, "name")) if kind == "tool" else _WORDS.get(kind)
    if isinstance(chosen, str):
        return _WORDS.get(chosen.lower())
    name = _at(_at(chosen, "function"), "name")
    return _named(name) if isinstance(name, str) else None


def _streams(dialect: str, body: dict[str, Json], path: str) -> bool:
    if dialect == "gemini":
        return path.endswith(":streamGenerateContent")
    if dialect == "bedrock":
        return path.endswith("-stream")
    return body.get("stream", dialect == "ollama") is True


def _json(dialect: str, body: dict[str, Json]) -> dict[str, Json] | None:
    schema: Json
    if dialect == "gemini":
        config = _at(body, "generationConfig", "generation_config")
        if _at(config, "responseMimeType", "response_mime_type") != "application/json":
            return None
        schema = _at(config, "responseJsonSchema", "response_json_schema", "responseSchema", "response_schema")
        return _plain(schema) if isinstance(schema, dict) else {}
    if dialect == "anthropic":
        form = _at(body, "output_format") or _at(body.get("output_config"), "format")
        schema = _at(form, "schema")
        return schema if isinstance(schema, dict) else None
    if dialect == "ollama":
        form = body.get("format")
        return form if isinstance(form, dict) and form else ({} if form == "json" else None)
    form = body.get("response_format")
    if _at(form, "type") == "json_object":
        schema = _at(form, "schema", "json_schema")
        return schema if isinstance(schema, dict) else {}
    schema = _at(_at(form, "json_schema"), "schema")
    return schema if isinstance(schema, dict) else None
