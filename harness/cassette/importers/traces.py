"""Traces of production as exchanges: OpenTelemetry's GenAI spans (OTLP as JSON), exports of Langfuse and of LangSmith.

They hold the messages and none of the provider's bytes. The messages are written as an OpenAI chat request and answer,
at a host that does not exist, and the provenance of the cassette has it.
"""

from __future__ import annotations

import contextlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.cassette.importers import values
from harness.cassette.importers.bounded import Lines
from harness.cassette.importers.values import ImportedExchanges, SkippedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cassette.importers.values import Interactions
    from harness.core.chat import Json

URL = "https://content-only.invalid/v1/chat/completions"
SOURCE = "content only, not the provider's bytes"
_JSON = (("content-type", "application/json"),)
_FINISH = {"tool_call": "tool_calls", "end_turn": "stop", "tool_use": "tool_calls"}


def looks_otlp(document: Json) -> bool:
    return any("resourceSpans" in one for one in _objects(document))


def otlp(document: Json) -> Interactions:
    spans = (
        span
        for one in _objects(document)
        for resource in _dicts(one.get("resourceSpans"))
        for scope in _dicts(resource.get("scopeSpans"))
        for span in _dicts(scope.get("spans"))
    )
    yield from _each(spans, "spans", _span)


def looks_langfuse(document: Json) -> bool:
    return any(one.get("type") == "GENERATION" for one in _rows(document, "observations", "data"))


def langfuse(document: Json) -> Interactions:
    rows = (one for one in _rows(document, "observations", "data") if one.get("type") == "GENERATION")
    yield from _each(rows, "observations", _generation)


def looks_langsmith(document: Json) -> bool:
    return any(one.get("run_type") == "llm" for one in _rows(document, "runs"))


def langsmith(document: Json) -> Interactions:
    yield from _each((one for one in _rows(document, "runs") if one.get("run_type") == "llm"), "runs", _run)


def _each(found: Iterator[dict[str, Json]], name: str, read: Any) -> Interactions:
    for number, one in enumerate(found):
        yield f"{name}[{number}]", partial(read, one)


def _span(span: dict[str, Json]) -> ImportedExchanges:
    attributes = {str(one.get("key")): _value(one.get("value")) for one in _dicts(span.get("attributes"))}
    if "gen_ai.output.messages" not in attributes:
        raise SkippedError("its span holds no gen_ai.output.messages: turn on the capture of content")
    system = [{"role": "system", "content": _text(_parsed(attributes.get("gen_ai.system_instructions")))}]
    conversation = [_message(one) for one in _dicts(_parsed(attributes.get("gen_ai.input.messages")))]
    answers = [*_dicts(_parsed(attributes["gen_ai.output.messages"]))]
    finish = (answers[0].get("finish_reason") if answers else None) or attributes.get("gen_ai.response.finish_reasons")
    model = attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model")
    tools = [_tool(one) for one in _dicts(_parsed(attributes.get("gen_ai.tool.definitions")))]
    usage = attributes.get("gen_ai.usage.input_tokens"), attributes.get("gen_ai.usage.output_tokens")
    messages = [*(system if system[0]["content"] else []), *conversation]
    return _made(model, messages, tools, _message(answers[0]) if answers else None, finish, usage)


def _generation(row: dict[str, Json]) -> ImportedExchanges:
    prompt = _parsed(row.get("input"))
    messages = prompt.get("messages") if isinstance(prompt, dict) else prompt
    tools = prompt.get("tools") if isinstance(prompt, dict) else None
    output = _parsed(row.get("output"))
    answer = {"role": "assistant", "content": output} if isinstance(output, str) else _object(output)
    usage = _object(row.get("usage") or row.get("usageDetails"))
    counts = usage.get("input"), usage.get("output")
    return _made(row.get("model"), _dicts(messages), [*_dicts(tools)], answer or None, None, counts)


def _run(row: dict[str, Json]) -> ImportedExchanges:
    inputs = _object(row.get("inputs"))
    first = inputs.get("messages")
    first = first[0] if isinstance(first, list) and first and isinstance(first[0], list) else first
    settings = _object(_object(row.get("extra")).get("invocation_params"))
    outputs = _object(row.get("outputs"))
    choice = next(_dicts(outputs.get("choices")), {})
    generations = outputs.get("generations")
    inner = generations[0] if isinstance(generations, list) and generations else None
    generated = next(_dicts(inner), {}).get("message")
    answer = _object(choice.get("message")) or _langchain(_object(generated))
    model = settings.get("model") or settings.get("model_name")
    messages = [_langchain(one) for one in _dicts(first)]
    return _made(model, messages, [*_dicts(settings.get("tools"))], answer or None, choice.get("finish_reason"), ())


def _made(
    model: Json, messages: Any, tools: list[dict[str, Json]], answer: dict[str, Json] | None, finish: Json, usage: Any
) -> ImportedExchanges:
    conversation = list(messages)
    if answer is None or not conversation:
        raise SkippedError("it holds no question, or no answer")
    if isinstance(finish, list):
        finish = finish[0] if finish else None
    called = bool(answer.get("tool_calls"))
    finish = _FINISH.get(str(finish), finish) or ("tool_calls" if called else "stop")
    request = {"model": model or "unknown", "messages": conversation, **({"tools": tools} if tools else {})}
    choice = {"index": 0, "message": {"role": "assistant", **answer}, "finish_reason": finish}
    whole = {"object": "chat.completion", "model": model or "unknown", "choices": [choice]}
    counts = [one for one in usage if isinstance(one, int)]
    if len(counts) == len(("prompt", "completion")):
        whole["usage"] = {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}
    response = values.response(200, _JSON, values.json_bytes(whole, "answer"))
    body = values.json_bytes(request, "request")
    return ImportedExchanges(values.exchange("POST", URL, _JSON, body, response), source=SOURCE)


def _message(one: dict[str, Json]) -> dict[str, Json]:
    """A message of OpenTelemetry's, whose parts hold text, calls and results, in OpenAI's shape."""
    parts = [*_dicts(one.get("parts"))]
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    if results:
        value = results[0].get("response", results[0].get("result"))
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return {"role": "tool", "tool_call_id": results[0].get("id"), "content": text}
    calls = [_call(part) for part in parts if part.get("type") == "tool_call"]
    made: dict[str, Json] = {"role": one.get("role"), "content": _text(parts) or one.get("content")}
    return {**made, "tool_calls": calls} if calls else made


def _call(part: dict[str, Json]) -> dict[str, Json]:
    value = part.get("arguments")
    arguments = value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False)
    return {"id": part.get("id"), "type": "function", "function": {"name": part.get("name"), "arguments": arguments}}


def _langchain(message: dict[str, Json]) -> dict[str, Json]:
    """A message as langchain writes one down, in OpenAI's shape."""
    inner = _object(message.get("kwargs"))
    if not inner:
        return message
    kind = str((message.get("id") or ["", ""])[-1])
    roles = {"Human": "user", "AI": "assistant", "System": "system", "Tool": "tool"}
    role = next((role for word, role in roles.items() if kind.startswith(word)), "user")
    made: dict[str, Json] = {"role": role, "content": inner.get("content")}
    calls = [
        _call({"id": one.get("id"), "name": one.get("name"), "arguments": one.get("args")})
        for one in _dicts(inner.get("tool_calls"))
    ]
    made |= {"tool_calls": calls} if calls else {}
    return made | ({"tool_call_id": inner["tool_call_id"]} if "tool_call_id" in inner else {})


def _tool(one: dict[str, Json]) -> dict[str, Json]:
    if "function" in one:
        return one
    return {
        "type": "function",
        "function": {name: one[name] for name in ("name", "description", "parameters") if name in one},
    }


def _text(parts: Json) -> str:
    return "".join(
        str(one.get("content") or one.get("text") or "") for one in _dicts(parts) if one.get("type") == "text"
    )


def _value(value: Json) -> Any:
    """The value of an attribute in OTLP's JSON."""
    inner = _object(value)
    if "arrayValue" in inner:
        return [_value(one) for one in _dicts(_object(inner["arrayValue"]).get("values"))]
    if "kvlistValue" in inner:
        rows = _dicts(_object(inner["kvlistValue"]).get("values"))
        return {str(one.get("key")): _value(one.get("value")) for one in rows}
    if "intValue" in inner:
        return int(inner["intValue"])
    return next(iter(inner.values()), None)


def _parsed(value: Any) -> Any:
    """A value that may be written as JSON in a text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _rows(document: Json, *names: str) -> Iterator[dict[str, Json]]:
    """The rows of an export: a list, lines, or a list under one of ``names``."""
    for one in _objects(document):
        lists = [one[name] for name in names if isinstance(one.get(name), list)]
        yield from _dicts(lists[0]) if lists else iter([one])


def _objects(document: Json) -> Iterator[dict[str, Json]]:
    return _dicts(document.values if isinstance(document, Lines) else document)


def _dicts(value: Any) -> Iterator[dict[str, Json]]:
    yield from (one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, dict))


def _object(value: Any) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
