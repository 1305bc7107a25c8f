"""Exchanges that are hard to record and to find again, and suites that are hard to read."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.strategies.chat import texts, values

if TYPE_CHECKING:
    from harness.core.chat import Json

SCHEMA: dict[str, Json] = {
    "type": ["object", "null"],
    "properties": {"a": {"type": ["string", "null"]}, "id": {"type": ["integer"], "enum": [1, None]}},
}
_FUNCTION = {"name": "f", "parameters": SCHEMA}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_FORMAT = {"type": "json_schema", "name": "n", "schema": SCHEMA}
_CALLED = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
_PARTS = [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}]
BODIES: tuple[tuple[str, dict[str, Json]], ...] = (
    ("/v1/chat/completions", {"messages": [{"role": "assistant", "tool_calls": [_CALL]}], "tools": [_FUNCTION]}),
    ("/v1/chat/completions", {"messages": [], "response_format": {"type": "json_schema", "json_schema": _FORMAT}}),
    ("/v1/responses", {"input": [{"type": "function_call_output", "call_id": "c1"}], "text": {"format": _FORMAT}}),
    ("/v1/messages", {"messages": [_CALLED], "output_format": {"type": "json_schema", "schema": SCHEMA}}),
    ("/v1beta/models/g:generateContent", {"contents": _PARTS, "generationConfig": {"responseJsonSchema": SCHEMA}}),
    ("/model/m/converse", {"messages": [], "toolConfig": {"tools": [{"toolSpec": {"inputSchema": {"json": SCHEMA}}}]}}),
    ("/v2/chat", {"messages": [{"role": "assistant", "tool_calls": [_CALL]}], "tools": [_FUNCTION]}),
    ("/api/chat", {"messages": [{"role": "assistant", "tool_calls": [_CALL]}], "format": SCHEMA}),
)
"""A path of each dialect and a request in which a schema with lists of types stands beside calls."""
HEADERS = (
    ("etag", '"33a64df5"'),
    ("link", '</next>; rel="next"'),
    ("operation-location", "/operations/7"),
    ("retry-after", "7"),
    ("request-id", "req_011CQ"),
    ("x-amzn-bedrock-input-token-count", "12"),
    ("x-goog-upload-status", "active"),
    ("x-ratelimit-remaining-requests", "59"),
    ("anthropic-ratelimit-tokens-remaining", "100"),
    ("mcp-protocol-version", "2025-06-18"),
)
"""Headers of answers that clients read."""
CODINGS = ("", "gzip")


@st.composite
def exchanges(draw: st.DrawFn, origin: str = "http://provider.test") -> Exchange:
    """A request to ``origin``, perhaps packed, and an answer: of JSON, events or any bytes, with headers that clients
    read, its content type right, wrong, masked or missing. Texts may hold half a surrogate pair, escaped.
    """
    path, body = draw(st.sampled_from(BODIES))
    text = draw(st.text(max_size=6) | st.sampled_from(["\ud83d", "a\udc00b", "\u2028", "\x00"]))
    sent = json.dumps({**body, "model": "m", "user": text, "metadata": draw(values())}).encode()
    headers = [("content-type", "application/json")]
    coding = draw(st.sampled_from(CODINGS))
    if coding:
        headers.append(("content-encoding", coding))
        sent = gzip.compress(sent, mtime=draw(st.integers(0, 2**31)))
    answer = json.dumps({"text": draw(texts()), "half": text})
    streamed = [f"data: {answer}\n\n".encode(), b"data: [DONE]\n\n"]
    pieces: list[bytes] = draw(st.sampled_from([[answer.encode()], streamed, [b"\x00\xff", b"\xed\xa0\x80"]]))
    kind = draw(st.sampled_from(["application/json", "text/event-stream", "**REDACTED**", ""]))
    more = draw(st.lists(st.sampled_from(HEADERS), max_size=4, unique=True))
    sent_back = [*([("content-type", kind)] if kind else []), *more]
    return Exchange(
        HttpRequest("POST", f"{origin}{path}", tuple(headers), sent),
        HttpResponse(draw(st.sampled_from([200, 200, 400, 429, 503])), tuple(sent_back), tuple(map(Chunk, pieces))),
    )


UNUSUAL_URLS = (
    "http://[::1/v1/chat/completions",
    "http://h:99999/v1/messages",
    f"http://h:{'9' * 5000}/x",
    "http://a\u2100b/x",
    "x",
    "",
    "http://h/\ud800",
    "https://bedrock-runtime.<AWS_REGION>.amazonaws.com/model/m/converse",
)


@st.composite
def cassette_texts(draw: st.DrawFn) -> bytes:
    """A cassette's file in which an URL, a header, a source or a status is what no client sends."""
    url = draw(st.sampled_from(UNUSUAL_URLS) | st.just("http://h/v1/chat/completions"))
    line = draw(st.sampled_from(["content-type: application/json", "content-type: \ud800", "a b: c", ": : x", "x"]))
    status = draw(st.sampled_from([200, 200, 101, 999, 0, "200"]))
    source = draw(st.sampled_from(["a test", "\ud800", "\x00"]))
    response = {"status": status, "headers": [line], "body": {"json": {}}}
    request = {"method": "POST", "url": url, "headers": [], "body": {"json": {"a": 1}}}
    origin = {"kind": "synthetic", "recorded": "2026-01-01T00:00:00+00:00", "source": source}
    exchange = {"request": request, "response": response}
    return json.dumps({"format": 1, "provenance": origin, "exchanges": [exchange]}).encode()


_SCALARS = (
    *("a", "1", "null", "true", "-0", "1e999", "2026-01-01", "'x'", '"\\ud800"'),
    *("&a b", "*a", "!x y", "{}", "[]", "~"),
)
_KEYS = (
    *("models", "tools", "cases", "defaults", "id", "messages", "user"),
    *("expect", "calls", "name", "<<", "1", "null", "[a]"),
)
_PLACES = ("cases", "tools", "defaults", "models", "world")


@st.composite
def suite_texts(draw: st.DrawFn) -> str:
    """A suite's YAML of known keys in places where they belong and where not, some of them twice."""
    inner = st.recursive(
        st.sampled_from(_SCALARS),
        lambda one: (
            st.lists(one, max_size=3).map(lambda items: f"[{', '.join(items)}]")
            | st.lists(st.tuples(st.sampled_from(_KEYS), one), max_size=4).map(
                lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
            )
        ),
        max_leaves=8,
    )
    whole = draw(st.lists(st.tuples(st.sampled_from(_PLACES), inner), max_size=3))
    cases = draw(st.sampled_from(["", "cases: [{id: a, messages: [{user: x}]}]\n"]))
    return "models: [openai/m]\n" + cases + "".join(f"{key}: {value}\n" for key, value in whole)
