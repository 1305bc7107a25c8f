"""Answers made for a test: what is on the wire, and what came back for it, apart."""

import json
from dataclasses import replace

from harness.checks.card import look
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.core.expectation import Expectation, TextExpectation
from harness.core.finding import Observation
from harness.dialects import DIALECTS

URLS = {
    "openai": "https://api.openai.com/v1/chat/completions",
    "anthropic": "https://api.anthropic.com/v1/messages",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
USAGE = Usage(10, 5, 15)
PARIS = ToolCall("weather", {"city": "Paris"}, "call_1")
ROME = ToolCall("weather", {"city": "Rome"}, "call_2")
CALLED = Reply(calls=(PARIS,), finish="tool_calls", usage=USAGE, raw_finish="tool_calls")
SAID = Reply(text="Good morning.", finish="stop", usage=USAGE, raw_finish="stop")
BROKEN = CallError("arguments", "no JSON", '{"city": ', "weather", "call_1", 0)


def tool(name, parameters=CITY):
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def called(*calls, **more):
    return replace(CALLED, calls=calls, **more)


def seen(
    wire=CALLED,
    reply=None,
    *,
    offered=("weather",),
    sent=None,
    schema=CITY,
    dialect="openai",
    model="openai/gpt-4o-mini",
    asked=None,
    body=None,
    stream=False,
    error=None,
    status=200,
    headers=(),
    response=None,
    exchanges=1,
    failure=None,
    rechunked=(),
    suite="suite",
    case="case",
    repeat=0,
    expect=None,
    own=True,
    quirks=frozenset(),
    url=None,
):
    """One answer: ``wire`` is what the provider sends, ``reply`` what the backend made of it (the same by default),
    ``offered`` the caller's names of tools and ``sent`` theirs on the wire.
    """
    names = offered if sent is None else sent
    question = {"model": "m", "messages": [{"role": "user", "content": "?"}], "stream": stream}
    if names:
        question["tools"] = [tool(name, schema) for name in names]
    if dialect == "openai":
        words = asked or {}
        question |= {key: words[key] for key in ("tool_choice", "response_format") if key in words}
        if words.get("message_return_type") == "json":
            question["response_format"] = {"type": "json_object"}
    request = HttpRequest("POST", url or URLS[dialect], (), json.dumps(question | (body or {})).encode())
    if response is None:
        response = DIALECTS[dialect].render(wire, stream=stream, quirks=quirks)
    response = replace(response, status=status, headers=(*response.headers, *headers))
    one = Exchange(request, None if failure else response, failure)
    words = {"messages": [], "stream": stream}
    if offered:
        words["tools"] = [tool(name, schema) for name in offered]
    observation = Observation(
        suite=suite,
        case=case,
        model=model,
        asked=words | (asked or {}),
        reply=None if error else wire if reply is None else reply,
        error=error,
        cassette="c.json",
        exchanges=tuple((place, one) for place in range(exchanges)),
        repeat=repeat,
        rechunked=rechunked,
    )
    return look(observation, expect or Expectation(), own=own)


def body_of(text, kind="text/event-stream"):
    return HttpResponse(200, (("content-type", kind),), (Chunk(text.encode()),))


def expecting(text):
    return Expectation(text=TextExpectation(contains=text))
