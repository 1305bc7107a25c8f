"""The dialects against parties that no one here wrote: official SDKs must find the same calls in our bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from harness.core.chat import Reply, ToolCall, Usage
from harness.dialects import DIALECTS
from harness.interception.clients import answering

QUESTION = [{"role": "user", "content": "hi"}]
BASE = "http://provider.test"
CALLS = (
    ToolCall(
        "get_weather",
        {"city": "Zürich 🙂", "days": 3, "exact": True, "nested": {"list": [1, 2.5, None]}},
        "call_abc1234",
    ),
    ToolCall("clock", {}, "call_def5678"),
)
REPLIES = {
    "text": Reply(text="Hello, wörld 🙂", finish="stop", usage=Usage(3, 4, 7)),
    "calls": Reply(calls=CALLS, finish="tool_calls", usage=Usage(3, 4, 7)),
    "text and calls": Reply(text="Let me see.", calls=CALLS, finish="tool_calls", usage=Usage(3, 4, 7)),
}
Found = tuple[str, list[tuple[str, Any]]]


def openai_sdk(stream: bool) -> Found:
    import openai

    client = openai.OpenAI(base_url=f"{BASE}/v1", api_key="none", max_retries=0)
    if not stream:
        message = client.chat.completions.create(model="m", messages=QUESTION).choices[0].message
        return message.content or "", [
            (c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or ()
        ]
    text, calls = "", {}
    for chunk in client.chat.completions.create(model="m", messages=QUESTION, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                name, arguments = calls.get(call.index, ("", ""))
                calls[call.index] = (name + (call.function.name or ""), arguments + (call.function.arguments or ""))
    return text, [(name, json.loads(arguments)) for name, arguments in calls.values()]


def mistral_sdk(stream: bool) -> Found:
    from mistralai.client import Mistral

    client = Mistral(api_key="none", server_url=BASE)
    if not stream:
        message = client.chat.complete(model="m", messages=QUESTION).choices[0].message
        return message.content or "", [
            (c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or ()
        ]
    text, calls = "", {}
    for event in client.chat.stream(model="m", messages=QUESTION):
        for choice in event.data.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                calls[call.index] = (call.function.name, call.function.arguments)
    return text, [(name, json.loads(arguments)) for name, arguments in calls.values()]


def anthropic_sdk(stream: bool) -> Found:
    import anthropic

    client = anthropic.Anthropic(base_url=BASE, api_key="none", max_retries=0)
    options = {"model": "m", "max_tokens": 9, "messages": QUESTION}
    if stream:
        with client.messages.stream(**options) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**options)
    text = "".join(block.text for block in message.content if block.type == "text")
    return text, [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def google_sdk(stream: bool) -> Found:
    from google import genai

    client = genai.Client(api_key="none", http_options={"base_url": BASE})
    if stream:
        answers = list(client.models.generate_content_stream(model="m", contents="hi"))
    else:
        answers = [client.models.generate_content(model="m", contents="hi")]
    parts = [part for one in answers for part in (one.candidates[0].content.parts or ())]
    return "".join(part.text or "" for part in parts), [
        (p.function_call.name, p.function_call.args) for p in parts if p.function_call
    ]


def ollama_sdk(stream: bool) -> Found:
    import ollama

    client = ollama.Client(host=BASE)
    given = client.chat(model="m", messages=QUESTION, stream=stream)
    messages = [one.message for one in (given if stream else [given])]
    calls = [call.function for message in messages for call in message.tool_calls or ()]
    return "".join(message.content or "" for message in messages), [(call.name, dict(call.arguments)) for call in calls]


def cohere_sdk(stream: bool) -> Found:
    import cohere

    client = cohere.ClientV2(api_key="none", base_url=BASE)
    if not stream:
        message = client.chat(model="m", messages=QUESTION).message
        text = "".join(part.text for part in message.content or ())
        return text, [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]
    text, calls = "", {}
    for event in client.chat_stream(model="m", messages=QUESTION):
        if event.type == "content-delta":
            text += event.delta.message.content.text
        elif event.type == "tool-call-start":
            calls[event.index] = (event.delta.message.tool_calls.function.name, "")
        elif event.type == "tool-call-delta":
            name, arguments = calls[event.index]
            calls[event.index] = (name, arguments + event.delta.message.tool_calls.function.arguments)
    return text, [(name, json.loads(arguments)) for name, arguments in calls.values()]


def bedrock_sdk(stream: bool) -> Found:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=BASE,
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    asked = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    if not stream:
        content = client.converse(**asked)["output"]["message"]["content"]
        uses = [block["toolUse"] for block in content if "toolUse" in block]
        return "".join(block.get("text", "") for block in content), [(use["name"], use["input"]) for use in uses]
    return together(client.converse_stream(**asked)["stream"])


def together(events: Iterable[dict[str, Any]]) -> Found:
    text, calls = "", {}
    for event in events:
        if "contentBlockStart" in event and "toolUse" in event["contentBlockStart"]["start"]:
            start = event["contentBlockStart"]
            calls[start["contentBlockIndex"]] = (start["start"]["toolUse"]["name"], "")
        elif "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]
            text += delta["delta"].get("text", "")
            if "toolUse" in delta["delta"]:
                name, arguments = calls[delta["contentBlockIndex"]]
                calls[delta["contentBlockIndex"]] = (name, arguments + delta["delta"]["toolUse"]["input"])
    return text, [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]


SDKS: dict[str, tuple[str, Callable[[bool], Found], frozenset[str]]] = {
    "openai": ("openai", openai_sdk, frozenset()),
    "mistralai": ("openai", mistral_sdk, frozenset({"call_in_one_chunk", "finish_in_call_chunk", "content_empty"})),
    "anthropic": ("anthropic", anthropic_sdk, frozenset({"caller"})),
    "google-genai": ("gemini", google_sdk, frozenset()),
    "ollama": ("ollama", ollama_sdk, frozenset()),
    "cohere": ("cohere", cohere_sdk, frozenset()),
    "boto3": ("bedrock", bedrock_sdk, frozenset()),
}


@pytest.mark.filterwarnings("ignore")  # the SDKs' own warnings are theirs
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("sdk", SDKS)
def test_the_sdk_finds_what_was_rendered(sdk: str, reply: Reply, stream: bool) -> None:
    dialect, ask, quirks = SDKS[sdk]
    pytest.importorskip(sdk.replace("google-genai", "google.genai"), reason=f"the extra `sdks` is not installed: {sdk}")
    sent = DIALECTS[dialect].render(reply, stream=stream, quirks=quirks)
    with answering(lambda _: sent):
        assert ask(stream) == (reply.text, [(call.name, call.parameters) for call in reply.calls])


def test_an_async_sdk_finds_it_too() -> None:
    import openai

    sent = DIALECTS["openai"].render(REPLIES["calls"])

    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=BASE, api_key="none", max_retries=0) as client:
            answer = await client.chat.completions.create(model="m", messages=QUESTION)
            return [call.function.name for call in answer.choices[0].message.tool_calls]

    with answering(lambda _: sent):
        assert asyncio.run(ask()) == [call.name for call in CALLS]
