"""google-genai's ``models.generate_content``."""

from __future__ import annotations

import json
from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.adapters.shapes import calls_and_errors, chosen, declined, functions, inline, lazy_errors, parts, texts
from harness.core.chat import ProviderCall, Reply, Usage
from harness.dialects.facts import add_result
from harness.dialects.gemini.facts import FINISHES
from harness.dialects.gemini.partial_calls import take_call

if TYPE_CHECKING:
    from collections.abc import Sequence

_OWN = {"max_tokens": "max_output_tokens", "stop": "stop_sequences"}


def complete(model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any) -> Reply:
    """``generate_content``, or the parts of ``generate_content_stream``'s chunks in their order."""
    models = client(options.pop("api_base"), options.pop("api_key")).models
    request = _arguments(model, messages, tools, options)
    return _reply(list(models.generate_content_stream(**request)) if stream else [models.generate_content(**request)])


async def acomplete(
    model: str, messages: Sequence[Any], *, tools: Any = None, stream: bool = False, **options: Any
) -> Reply:
    """``client.aio``'s, from a client for each question: connections belong to an event loop."""
    async with client.__wrapped__(options.pop("api_base"), options.pop("api_key")).aio as sdk:
        request = _arguments(model, messages, tools, options)
        if stream:
            return _reply([chunk async for chunk in await sdk.models.generate_content_stream(**request)])
        return _reply([await sdk.models.generate_content(**request)])


def _arguments(model: str, messages: Sequence[Any], tools: Any, options: dict[str, Any]) -> dict[str, Any]:
    choice = options.pop("tool_choice", None)
    config = {_OWN.get(key, key): value for key, value in options.items() if key != "stream_options"}
    if config.pop("response_format", {}).get("type") == "json_object":
        config["response_mime_type"] = "application/json"
    declined(config, _types().GenerateContentConfig.model_fields, "google-genai's GenerateContentConfig")
    if isinstance(config.get("stop_sequences"), str):
        config["stop_sequences"] = [config["stop_sequences"]]
    config["automatic_function_calling"] = {"disable": True}
    if system := [text for one in messages if one["role"] == "system" for text in texts(one["content"])]:
        config["system_instruction"] = system
    if tools:
        config["tools"] = [{"function_declarations": functions(tools, "parameters_json_schema")}]
    if choice:
        word, allowed = ("required", [chosen(choice)]) if isinstance(choice, dict) else (choice, None)
        mode = {"required": "ANY", "auto": "AUTO", "none": "NONE"}[word]
        config["tool_config"] = {"function_calling_config": {"mode": mode, "allowed_function_names": allowed}}
    return {"model": model.partition("/")[2], "contents": _contents(messages), "config": config}


def _types() -> Any:
    from google.genai import types  # noqa: PLC0415 - not a dependency

    return types


def _contents(messages: Sequence[Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    calls = (call for one in messages for call in one.get("tool_calls") or ())
    names = {call["id"]: call["function"]["name"] for call in calls}
    for one in messages:
        if one["role"] == "system":
            continue
        role = "model" if one["role"] == "assistant" else "user"
        if not made or made[-1]["role"] != role:
            made.append({"role": role, "parts": []})
        made[-1]["parts"] += _parts(one, names)
    return made


def _parts(one: Any, names: dict[str, str]) -> list[dict[str, Any]]:
    if one["role"] == "tool":
        name, result = names.get(one["tool_call_id"], "unknown"), "".join(texts(one["content"]))
        return [{"function_response": {"name": name, "response": {"result": result}}}]
    called = (call["function"] for call in one.get("tool_calls") or ())
    return [
        *(_image(url) if text is None else {"text": text} for text, url in parts(one["content"])),
        *({"function_call": {"name": f["name"], "args": json.loads(f["arguments"])}} for f in called),
    ]


def _image(url: str) -> dict[str, Any]:
    inlined = inline(url)
    if inlined is None:
        return {"file_data": {"file_uri": url}}
    return {"inline_data": {"mime_type": inlined[0], "data": b64decode(inlined[1])}}


def _reply(chunks: list[Any]) -> Reply:
    first = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
    parts = [part for one in first if one.content for part in one.content.parts or ()]
    reason = next((one.finish_reason.value for one in reversed(first) if one.finish_reason), None)
    counts = next((chunk.usage_metadata for chunk in reversed(chunks) if chunk.usage_metadata), None)
    finish = FINISHES.get(reason, "unknown") if reason else None
    ran: list[ProviderCall] = []
    for part in parts:
        if code := part.executable_code:
            parameters = {"language": code.language, "code": code.code}
            ran.append(ProviderCall("code_execution", parameters, code.id or ""))
        elif outcome := part.code_execution_result:
            add_result(ran, "code_execution", outcome.id or "", {"outcome": outcome.outcome, "output": outcome.output})
    called: list[dict[str, Any]] = []
    for part in parts:
        if part.function_call:
            take_call(part.function_call.model_dump(mode="json", by_alias=True, exclude_none=True), called)
    calls = [(one.get("name"), one.get("args") or {}, one.get("id") or f"call_{n}") for n, one in enumerate(called)]
    return Reply(
        text="".join(part.text or "" for part in parts if not part.thought),
        **calls_and_errors(calls, finish),
        provider_calls=tuple(ran),
        finish=finish,
        usage=counts and Usage(counts.prompt_token_count, counts.candidates_token_count, counts.total_token_count),
        reasoning="".join(part.text or "" for part in parts if part.thought),
        model=next((chunk.model_version for chunk in chunks if chunk.model_version), ""),
        id=next((chunk.response_id for chunk in chunks if chunk.response_id), ""),
    )


@cache
def client(base_url: str, api_key: str) -> Any:
    """At the address's own last part as the version."""
    from google import genai  # noqa: PLC0415 - not a dependency

    base, _, version = base_url.rpartition("/")
    return genai.Client(api_key=api_key, http_options={"base_url": base, "api_version": version})


__getattr__ = lazy_errors("google.genai.errors:APIError", "google.genai.errors:UnknownApiResponseError")
