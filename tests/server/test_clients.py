"""Official clients, whole and streamed, with tools: what they make of the server is what they make of the recording."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.chat import Reply, ToolCall, Usage
from harness.core.exchange import Exchange, HttpRequest, Provenance
from harness.dialects import DIALECTS
from harness.interception.clients import answering
from harness.server.app import App
from harness.server.proxy import Proxy, recorder
from harness.server.recording_index import RecordedExchange, RecordingIndex, gathered
from harness.server.replay import Replay
from harness.server.synthetic import Script, scripted
from harness.server.web import serving

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDKs' own warnings are theirs

PROVIDER = "https://provider.test"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "The weather.", "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": FUNCTION}]
QUESTION = [{"role": "user", "content": "Weather in Zürich?"}]
CALLS = (
    ToolCall("get_weather", {"city": "Zürich 🙂", "days": 3, "nested": [1, 2.5, None]}, "call_abc1234"),
    ToolCall("get_weather", {}, "call_def5678"),
)
REPLIES = {
    "text": Reply(text="Hello, wörld 🙂", finish="stop", usage=Usage(3, 4, 7)),
    "calls": Reply(calls=CALLS, finish="tool_calls", usage=Usage(3, 4, 7)),
}


def openai_sdk(base: str, stream: bool) -> Any:
    import openai

    client = openai.OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0)
    given = client.chat.completions.create(model="m", messages=QUESTION, tools=TOOLS, stream=stream)
    return [one.model_dump() for one in given] if stream else given.model_dump()


def openai_async(base: str, stream: bool) -> Any:
    import openai

    async def ask() -> Any:
        async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0) as client:
            given = await client.chat.completions.create(model="m", messages=QUESTION, tools=TOOLS, stream=stream)
            return [one.model_dump() async for one in given] if stream else given.model_dump()

    return asyncio.run(ask())


def mistral_sdk(base: str, stream: bool) -> Any:
    from mistralai.client import Mistral

    client = Mistral(api_key="none", server_url=base)
    if stream:
        return [one.model_dump() for one in client.chat.stream(model="m", messages=QUESTION, tools=TOOLS)]
    return client.chat.complete(model="m", messages=QUESTION, tools=TOOLS).model_dump()


def anthropic_sdk(base: str, stream: bool) -> Any:
    import anthropic

    client = anthropic.Anthropic(base_url=base, api_key="none", max_retries=0)
    tools = [{"name": "get_weather", "description": "The weather.", "input_schema": SCHEMA}]
    options = {"model": "m", "max_tokens": 9, "messages": QUESTION, "tools": tools}
    if not stream:
        return client.messages.create(**options).model_dump()
    with client.messages.stream(**options) as events:
        return [one.model_dump() for one in events], events.get_final_message().model_dump()


def google_sdk(base: str, stream: bool) -> Any:
    from google import genai

    client = genai.Client(api_key="none", http_options={"base_url": base})
    declared = {"name": "get_weather", "description": "The weather.", "parameters_json_schema": SCHEMA}
    options = {"tools": [{"function_declarations": [declared]}]}
    ask = client.models.generate_content_stream if stream else client.models.generate_content
    given = ask(model="gemini-m", contents="hi", config=options)
    return [told(one) for one in given] if stream else told(given)


def told(answer: Any) -> Any:
    return answer.model_dump(exclude={"sdk_http_response"})  # which holds the headers of the connection


def ollama_sdk(base: str, stream: bool) -> Any:
    import ollama

    given = ollama.Client(host=base).chat(model="m", messages=QUESTION, tools=TOOLS, stream=stream)
    return [one.model_dump() for one in given] if stream else given.model_dump()


def ollama_generate(base: str, stream: bool) -> Any:
    import ollama

    given = ollama.Client(host=base).generate(model="m", prompt="hi", stream=stream)
    return [one.model_dump() for one in given] if stream else given.model_dump()


def cohere_sdk(base: str, stream: bool) -> Any:
    import cohere

    client = cohere.ClientV2(api_key="none", base_url=base)
    if stream:
        return [one.model_dump() for one in client.chat_stream(model="m", messages=QUESTION, tools=TOOLS)]
    return client.chat(model="m", messages=QUESTION, tools=TOOLS).model_dump()


def bedrock_sdk(base: str, stream: bool) -> Any:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=base,
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    specified = {"name": "get_weather", "description": "The weather.", "inputSchema": {"json": SCHEMA}}
    asked = {
        "modelId": "anthropic.m-v1:0",
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "toolConfig": {"tools": [{"toolSpec": specified}]},
    }
    if stream:
        return list(client.converse_stream(**asked)["stream"])
    answer = client.converse(**asked)
    answer.pop("ResponseMetadata")  # the connection's headers
    return answer


Ask = Callable[[str, bool], Any]
CLIENTS: dict[str, tuple[str, Ask, frozenset[str]]] = {
    "openai": ("openai", openai_sdk, frozenset()),
    "openai async": ("openai", openai_async, frozenset()),
    "mistralai": ("openai", mistral_sdk, frozenset({"call_in_one_chunk", "finish_in_call_chunk", "content_empty"})),
    "anthropic": ("anthropic", anthropic_sdk, frozenset()),
    "google-genai": ("gemini", google_sdk, frozenset()),
    "ollama": ("ollama", ollama_sdk, frozenset()),
    "ollama generate": ("ollama_generate", ollama_generate, frozenset()),
    "cohere": ("cohere", cohere_sdk, frozenset()),
    "boto3": ("bedrock", bedrock_sdk, frozenset()),
}


def recorded(client: str, reply: Reply, stream: bool) -> tuple[RecordedExchange, Any]:
    """The exchange that a client makes with the provider, and what it returns then."""
    dialect, ask, quirks = CLIENTS[client]
    response = DIALECTS[dialect].render(reply, stream=stream, quirks=quirks)
    seen: list[HttpRequest] = []

    def provider(request: HttpRequest) -> Any:
        seen.append(request)
        return response

    with answering(provider):
        given = ask(PROVIDER, stream)
    (request,) = seen
    return RecordedExchange(Exchange(request, response), "here.json", 0, Provenance("synthetic", "")), given


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_gets_from_the_server_what_the_recording_holds(client: str, reply: Reply, stream: bool) -> None:
    if client == "ollama generate" and reply.calls:
        pytest.skip("/api/generate has no place for calls")
    one, expected = recorded(client, reply, stream)
    app = App(Replay(RecordingIndex([one])))
    with serving(app) as door:
        assert CLIENTS[client][1](door.url, stream) == expected
    assert app.ledger.counts == {"answered": 1}


SCRIPT = Script.model_validate(
    {
        "replies": [
            {"when": "get_weather", "calls": [{"name": one.name, "parameters": one.parameters} for one in CALLS]},
            {"text": "Hello, wörld 🙂"},
        ]
    }
)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
def test_recorded_through_the_proxy_a_client_gets_the_same_twice(client: str, stream: bool, tmp_path: Path) -> None:
    ask = CLIENTS[client][1]
    with (
        serving(App(Replay(scripted(SCRIPT)))) as provider,
        recorder(tmp_path / "a.json", Provenance("synthetic", "")) as kept,
        serving(App(Proxy(provider.url, kept))) as door,
    ):
        first = ask(door.url, stream)
    with serving(App(Replay(RecordingIndex(gathered([tmp_path]))))) as door:
        assert ask(door.url, stream) == first
    assert ("Hello" if client == "ollama generate" else "get_weather") in str(first)
