"""Every legal way to frame a stream is read alike, through litellm, sync and async, and so is a cut anywhere in it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.backend.completion import acomplete, complete
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import HarnessError, ProviderError, RateLimitError, ServerError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.providers import profile
from harness.dialects.rendering import VARIANTS
from harness.interception.clients import answering

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

AT = {"api_base": "http://127.0.0.1:9/v1", "api_key": "k"}
AWS = {
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
    "aws_region_name": "us-east-1",
    "aws_bedrock_runtime_endpoint": "http://127.0.0.1:9",
}
MODELS = {
    "openai": "openai/m",
    "hosted_vllm": "hosted_vllm/m",
    "mistral": "mistral/m",
    "anthropic": "anthropic/m",
    "gemini": "gemini/m",
    "cohere_chat": "cohere_chat/m",
    "ollama_chat": "ollama_chat/m",
    "bedrock": "bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0",
    "bedrock/invoke": "bedrock/invoke/anthropic.claude-3-5-sonnet-20240620-v1:0",
    "azure": "azure/m",
    "groq": "groq/m",
    "ollama": "ollama/m",
    "openai/responses": "openai/responses/m",
}
TOOLS = [{"type": "function", "function": {"name": "get_x", "parameters": {"type": "object"}}}]
REPLY = Reply(
    text="Hé\u2028 🙂 {x}",
    calls=(ToolCall("get_x", {"a": "data: x\r\n"}, "call_1"),),
    finish="tool_calls",
    usage=Usage(3, 4, 7),
)
REPLY = Reply(text="Hi", finish="stop", usage=Usage(3, 4, 7))
MESSAGES = [{"role": "user", "content": "Hi"}]


def send(provider: str, response: HttpResponse, *, stream: bool = True, awaited: bool = False) -> Reply:
    return put(provider, lambda _: response, stream=stream, awaited=awaited)


def put(provider: str, answer: Callable[[Any], HttpResponse], *, stream: bool, awaited: bool) -> Reply:
    options = AWS if provider.startswith("bedrock") else AT | ({"api_version": "v1"} if provider == "azure" else {})
    with answering(answer):
        if awaited:
            return asyncio.run(acomplete(MODELS[provider], MESSAGES, tools=TOOLS, stream=stream, **options))
        return complete(MODELS[provider], MESSAGES, tools=TOOLS, stream=stream, **options)


def rendered(provider: str, *quirks: str, reply: Reply = REPLY, stream: bool = True) -> HttpResponse:
    return DIALECTS[profile(provider).dialect].render(reply, stream=stream, quirks=frozenset(quirks))


def said(reply: Reply) -> object:
    calls = [(call.name, call.parameters) for call in reply.calls]
    return reply.text, calls, reply.finish, reply.usage, reply.reasoning


@functools.cache
def plain_reading(provider: str) -> object:
    return said(send(provider, rendered(provider)))


ALL = sorted(VARIANTS.keys() - {"carriage_returns"})
EVENTS = ["openai", "hosted_vllm", "mistral", "anthropic", "gemini", "cohere_chat"]


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("quirks", [*([one] for one in VARIANTS), ALL], ids="-".join)
@pytest.mark.parametrize("provider", EVENTS)
def test_every_variant_of_an_event_stream_is_read_alike(provider: str, quirks: list[str], awaited: bool) -> None:
    plain = plain_reading(provider)
    varied = rendered(provider, *quirks)
    assert said(send(provider, varied, awaited=awaited)) == plain
    bytewise = replace(varied, chunks=tuple(Chunk(varied.body[n : n + 1]) for n in range(len(varied.body))))
    assert said(send(provider, bytewise, awaited=awaited)) == plain


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("provider", sorted(MODELS.keys() - {"ollama"}))  # /api/generate has no calls
def test_a_stream_without_a_content_type_or_packed_is_read_alike(provider: str, awaited: bool) -> None:
    # /api/generate has a call as the whole text.
    sent = rendered(provider, reply=replace(REPLY, text="") if provider == "ollama" else REPLY)
    plain = said(send(provider, sent))
    assert said(send(provider, replace(sent, headers=()), awaited=awaited)) == plain
    packed = replace(
        sent, headers=(*sent.headers, ("content-encoding", "gzip")), chunks=(Chunk(gzip.compress(sent.body)),)
    )
    assert said(send(provider, packed, awaited=awaited)) == plain


@pytest.mark.parametrize("awaited", [False, True])
def test_geminis_stream_as_one_array_is_read_alike(awaited: bool) -> None:
    assert said(send("gemini", rendered("gemini", "json_array"), awaited=awaited)) == said(
        send("gemini", rendered("gemini"))
    )


def test_anthropics_stream_may_end_in_done() -> None:
    sent = rendered("anthropic")
    ended = replace(sent, chunks=(*sent.chunks, Chunk(b"event: data\ndata: [DONE]\n\n")))
    assert said(send("anthropic", ended)) == said(send("anthropic", sent))


STOPS = {
    "openai": "content_filter",
    "mistral": "error",
    "anthropic": "content_filter",
    "gemini": "content_filter",
    "bedrock": "content_filter",
    "cohere_chat": "error",
}


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize(("provider", "finish"), STOPS.items())
def test_a_call_of_a_stopped_answer_whose_arguments_never_came_is_an_error(
    provider: str, finish: str, awaited: bool
) -> None:
    raw = "null" if provider == "gemini" else ""
    good, cut = ToolCall("get_x", {"a": 1}, "call_1"), CallError("cut_off", "", raw, "get_x", "call_2", 1)
    reply = Reply(calls=(good,), errors=(cut,), finish=finish, usage=Usage(3, 4, 7))  # type: ignore[arg-type] # of the table
    got = send(provider, rendered(provider, reply=reply), awaited=awaited)
    assert [call.parameters for call in got.calls] == [{"a": 1}]
    assert [(error.fault, error.index) for error in got.errors] == [("cut_off", 1)]
    assert got.finish == finish


@pytest.mark.parametrize("awaited", [False, True])
def test_an_exception_frame_of_bedrock_raises_its_own_class(awaited: bool) -> None:
    with pytest.raises(ProviderError) as raised:
        send("bedrock", rendered("bedrock", "exception"), awaited=awaited)
    assert (raised.value.status, str(raised.value)) == (424, "The model stopped in the middle of its answer")
    with pytest.raises(ServerError) as failed:
        send("bedrock", rendered("bedrock", "error_frame"), awaited=awaited)
    assert str(failed.value) == "An internal server error occurred"


@pytest.mark.parametrize("awaited", [False, True])
def test_an_error_that_comes_first_keeps_its_wait_and_the_providers_words(awaited: bool) -> None:
    body = b'event: error\ndata: {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}\n\n'
    headers = (("content-type", "text/event-stream"), ("retry-after", "7"))
    with pytest.raises(RateLimitError) as raised:
        send("anthropic", HttpResponse(200, headers, (Chunk(body),)), awaited=awaited)
    assert (raised.value.status, raised.value.retry_after, str(raised.value)) == (429, 7.0, "Slow down")


THROTTLED = {"error": {"message": "Slow down", "code": 429}}
ANTHROPICS = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}
RESPONSES = {"code": "rate_limit_exceeded", "message": "Slow down"}
ERRORS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("openai", "hosted_vllm", "mistral", "azure", "groq", "gemini"), THROTTLED),
    "anthropic": ANTHROPICS,
    "bedrock/invoke": ANTHROPICS,
    "bedrock": {"__type": "ThrottlingException", "message": "Slow down"},
    "cohere_chat": {"message": "Slow down"},
    "ollama": {"error": "Slow down"},
    "ollama_chat": {"error": "Slow down"},
    "openai/responses": {"id": "r", "object": "response", "status": "failed", "output": [], "error": RESPONSES},
}


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ERRORS)
def test_an_error_in_place_of_an_answer_keeps_the_wait_of_its_headers(
    provider: str, stream: bool, awaited: bool
) -> None:
    headers = (("content-type", "application/json"), ("retry-after", "7"))
    body = Chunk(json.dumps(ERRORS[provider]).encode())
    with pytest.raises(ProviderError) as raised:
        send(provider, HttpResponse(200, headers, (body,)), stream=stream, awaited=awaited)
    assert (raised.value.retry_after, str(raised.value)) == (7.0, "Slow down")
    typed = provider not in {"cohere_chat", "ollama", "ollama_chat"}
    assert isinstance(raised.value, RateLimitError) is typed


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("finish", ["tool_calls", "length"])
@pytest.mark.parametrize("usage", [None, Usage(3, 4, 7)])
def test_a_whole_answer_of_coheres_is_read_whole(usage: Usage | None, finish: str, awaited: bool) -> None:
    """litellm drops the text beside calls, the reasoning and the ending, and fails without counts."""
    reply = replace(REPLY, reasoning="so", finish=finish, usage=usage, id="c-7")  # type: ignore[arg-type] # of the two
    asked = rendered("cohere_chat", *([] if usage else ["no_usage"]), reply=reply, stream=False)
    got = send("cohere_chat", asked, stream=False, awaited=awaited)
    assert (*said(got), got.id) == (*said(reply), "c-7")  # type: ignore[misc] # a tuple


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["anthropic", "gemini", "cohere_chat", "bedrock", "ollama", "ollama_chat"])
def test_the_answers_own_id_comes_back_and_no_count_is_made_up(provider: str, stream: bool) -> None:
    without = [] if provider.startswith("ollama") else ["no_usage"]
    answer = rendered(provider, *without, reply=Reply(text="Hi", finish="stop", id="id-7"), stream=stream)
    got = send(provider, answer, stream=stream)
    assert (got.text, got.id, got.usage) == (
        "Hi",
        "" if provider in {"bedrock", "ollama", "ollama_chat"} else "id-7",
        None,
    )


UNUSUAL = (b"{}", b'{"choices": 1}', b'{"content": [{"type": []}]}', b"[" * 5000)
WATCHED = ("anthropic", "gemini", "cohere_chat", "bedrock", "ollama_chat")


@pytest.mark.parametrize(
    ("provider", "awaited"), [*((one, False) for one in MODELS), *((one, True) for one in WATCHED)]
)
def test_an_answer_that_litellm_trips_over_is_asked_for_once(provider: str, awaited: bool) -> None:
    """A second reading is a second request wherever litellm takes no HTTP client of ours. What can't be read is an
    error of ours.
    """
    plain = rendered(provider, *([] if provider.startswith("ollama") else ["no_usage"]), reply=REPLY, stream=False)
    odd = [replace(plain, chunks=(Chunk(body),)) for body in UNUSUAL]
    for sent in (plain, *odd):
        asked: list[object] = []

        def answer(request: object, sent: HttpResponse = sent, asked: list[object] = asked) -> HttpResponse:
            asked.append(request)
            return sent

        with contextlib.nullcontext() if sent is plain else contextlib.suppress(HarnessError):
            put(provider, answer, stream=False, awaited=awaited)
        assert len(asked) == 1
