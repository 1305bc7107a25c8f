"""A backend without litellm: our names and decoder on what the reference reader makes of a provider's bytes.

Thousands of examples in the time of a few calls. What lies between the bytes and the decoder (litellm, its
requests in each provider's words, streams cut on the way) is not in it: that is what the other modes are for.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from harness.backend.names import within
from harness.backend.repairs.raw_answer import generated_text, state_of
from harness.backend.request import prepare_request
from harness.backend.response import read_reply
from harness.core.chat import ToolCall
from harness.core.errors import ConnectionFailedError, by_status
from harness.core.exchange import Failure, HttpRequest, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.arguments import strict_json
from harness.dialects.facts import retry_after
from harness.dialects.framing import eventstream, framing, pieces
from harness.dialects.providers import PROFILES, profile
from harness.dialects.rendering import ordered
from harness.interception import clients
from harness.laws.replies import read_served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.backend.request import PreparedRequest
    from harness.core.chat import CallError, Json, Reply
    from harness.dialects.dialect import Dialect

BLIND = frozenset({"D14", "S2", "S3", "S4"})
"""Laws that no bare trial can break: they are about tools that the provider ran, and bytes on the way."""
_OK = 200


def complete(
    model: str,
    messages: Sequence[Json],
    *,
    tools: Sequence[Mapping[str, Json]] | None = None,
    stream: bool = False,
    **options: Json,
) -> Reply:
    """A backend whose requests are OpenAI's whatever the provider, and whose answers the reference reader reads."""
    route = next((row for row in PROFILES.values() if row.model == model), None)
    prepared = prepare_request(model, messages, tools, options, stream=stream, route=route)
    dialect = DIALECTS[(route or profile(prepared.provider)).dialect]
    response = _sent(_request(prepared, stream=stream))
    if response.status != _OK:
        wait = retry_after(response.headers)
        raise by_status(response.status)("refused", status=response.status, retry_after=wait)
    return _read(dialect, response, prepared, stream=stream)


async def acomplete(*arguments: Any, **options: Any) -> Reply:
    """``complete``, awaited."""
    await asyncio.sleep(0)
    return complete(*arguments, **options)


def _request(prepared: PreparedRequest, *, stream: bool) -> HttpRequest:
    body = {key: value for key, value in prepared.arguments.items() if key not in _NOT_SENT}
    body |= {"model": prepared.arguments["model"].partition("/")[2], "stream": stream}
    if "tools" in body:
        body["tools"] = [one for tool in body["tools"] for one in _of_chat(tool)]
    host = (
        prepared.arguments.get("api_base")
        or prepared.arguments.get("aws_bedrock_runtime_endpoint")
        or "http://provider.test"
    )
    return HttpRequest("POST", f"{host}/chat/completions", (), _written(body))


def _written(body: dict[str, Json]) -> bytes:
    try:
        return to_json(body, inf_nan_mode="constants")
    except ValueError:  # a lone surrogate, which only an escape can say
        return json.dumps(body).encode()


def _of_chat(tool: dict[str, Json]) -> list[dict[str, Json]]:
    """The functions in a namespace, which chat completions don't have, or the tool itself."""
    space = {"namespace": tool.get("name"), "namespace_description": tool.get("description")}
    return [{"type": "function", **space, "function": one} for one in within(tool)] or [tool]


_NOT_SENT = frozenset({"num_retries", "api_base", "api_key", "api_version", "max_retries"})


def _sent(request: HttpRequest) -> HttpResponse:
    answer = clients.current()
    assert answer is not None, "nobody answers here"
    got = answer(request)
    if isinstance(got, Failure):
        raise ConnectionFailedError(got.detail)
    assert isinstance(got, HttpResponse)
    return got


def _read(dialect: Dialect, response: HttpResponse, prepared: PreparedRequest, *, stream: bool) -> Reply:
    found = read_served(dialect, response)
    typed = dialect.facts.object_arguments == "whole" and not stream
    calls = [_call(one, typed=typed) for one in ordered(found)]
    sent = response.body.decode(errors="replace")
    if stream and "\r" in sent and framing(response) != "frames":
        sent = "\n".join(map(json.dumps, _events(response)))  # a line may end in CR alone
    message = {
        "content": found.text or None,
        "tool_calls": calls or None,
        "reasoning_content": found.reasoning,
        "refusal": found.refusal,
    }
    if dialect.facts.tools_in_prompt:
        message["content"] = generated_text(sent)  # it has no calls: the decoder finds them in the text
        message["tool_calls"] = None
    counts = found.usage
    usage = counts and {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.total,
    }
    reply = read_reply(
        {
            "id": found.id,
            "model": found.model,
            "choices": [{"message": message, "finish_reason": found.finish}],
            "usage": usage,
        },
        names=prepared.names,
        turn=prepared.turn,
        provider=prepared.provider,
        json_answer=prepared.json_answer,
        finish_word=found.finish or "",
        sent=sent,
        dialect=dialect.name,
    )
    state: dict[str, Json] = {}
    thought = bool(found.reasoning) and profile(prepared.provider).wants_reasoning
    if thought or any(word in response.body for word in _STATE) or framing(response) == "frames":
        state = state_of("\n".join(map(json.dumps, _events(response))), dialect.name, prepared.arguments["model"])
    more = found.provider_calls or state
    return replace(reply, provider_calls=found.provider_calls, state=state) if more else reply


_STATE = (b"signature", b"Signature", b"redacted", b"encrypted")
"""What an answer holds that the provider wants back: only then is it read for it."""


def _events(response: HttpResponse) -> Iterator[Json]:
    if framing(response) != "frames":
        yield from (piece for _, piece in pieces(response) if piece is not None)
        return
    for frame in eventstream.frames(response.body):
        event = json.loads(frame.payload)
        yield json.loads(b64decode(event["bytes"])) if "bytes" in event else {frame.headers[":event-type"]: event}


def _call(one: ToolCall | CallError, *, typed: bool) -> dict[str, Json]:
    if isinstance(one, ToolCall):
        arguments = json.dumps(one.parameters)
    else:
        arguments = json.dumps(one.raw) if typed and not _is_json(one.raw) else one.raw
    return {"id": one.id or None, "type": "function", "function": {"name": one.name, "arguments": arguments}}


def _is_json(text: str) -> bool:
    try:
        strict_json(text)
    except ValueError:
        return False
    return True
