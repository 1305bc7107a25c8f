"""The reference readers against real exchanges of hosted providers, which other people recorded and indexed.

Where reader and index disagree, the bytes were looked at, and ``EXPLAINED`` says who is right.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.core.exchange import Chunk, HttpRequest, HttpResponse
from harness.dialects import DIALECTS, dialect_at

CORPUS = Path(os.environ.get("HARNESS_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
SPEAKS = {
    "openai_chat": "openai",
    "openai_responses": "openai_responses",
    "anthropic_messages": "anthropic",
    "gemini": "gemini",
    "bedrock_converse": "bedrock",
    "bedrock_invoke": "bedrock_invoke",
    "vertex_rawpredict": "anthropic",
    "cohere_v2": "cohere",
    "ollama_chat": "ollama",
    "ollama_generate": "ollama_generate",
}
# Exchange id → what the bytes say. Nothing else may disagree.
_FANTASY = "charmbracelet/fantasy/providertests/testdata"
_AI = "pydantic/pydantic-ai/tests/models/cassettes"
_NOVA = "the call is of type server_tool_use: Nova ran it itself; it is in provider_calls"
_GENERATE = "traceloop/openllmetry/packages/opentelemetry-instrumentation-ollama/tests/cassettes"
_UNREAD = "the index does not look into /api/generate: the bytes hold text and done_reason stop, see the test below"
_SEARCH = "the search for tools is the client's to run (execution: client): a call, though not of a function"
EXPLAINED: dict[str, str] = {
    "traceloop/openllmetry/packages/opentelemetry-instrumentation-bedrock/tests/traces/cassettes/test_anthropic/"
    "test_anthropic_2_completion.yaml#0": "Claude 2's text completion, another API under the same path",
    "pydantic/pydantic-ai/tests/cassettes/test_tool_search/test_openai_client_tool_search_streaming.yaml#0": _SEARCH,
    "pydantic/pydantic-ai/tests/cassettes/test_tool_search/test_openai_execution_client_round_trip.yaml#0": _SEARCH,
    f"{_FANTASY}/TestOpenAICompatibleCommon/avian-kimi/tool_streaming.yaml#0": "the text is one space: text all the same",
    f"{_FANTASY}/TestOpenAICompatibleThinking/avian-kimi/thinking-streaming.yaml#0": "the text is one space",
    "lmnr-ai/lmnr-python/tests/test_instrumentations/test_openai/traces/cassettes/test_azure/"
    "test_prompt_content_filtering.yaml#0": "an error object under status 200 is a ProviderError, not an empty answer",
    f"{_AI}/test_groq/test_tool_use_failed_error_streaming.yaml#0": "an error event inside the stream",
    f"{_AI}/test_groq/test_tool_use_failed_error_streaming_with_text.yaml#0": "an error event inside the stream",
    f"{_AI}/test_openrouter/test_openrouter_stream_error.yaml#0": "an error event inside the stream",
    f"{_AI}/test_openai/test_invalid_response.yaml#0": "an echo service's JSON, no chat completion",
    f"{_AI}/test_openai/test_text_response.yaml#0": "an echo service's plain text, no chat completion",
    f"{_AI}/test_google/test_google_model_armor_prompt_template_text_gets_blocked.yaml#1": "the prompt was blocked: no "
    "candidate has a finish reason, and the reader gives promptFeedback's",
    f"{_AI}/test_bedrock/test_bedrock_model_code_execution_tool_stream.yaml#0": _NOVA,
    f"{_AI}/test_bedrock/test_bedrock_model_with_code_execution_tool.yaml#0": _NOVA,
    f"{_AI}/test_bedrock/test_bedrock_model_with_code_execution_tool.yaml#1": _NOVA,
    f"{_GENERATE}/test_generation/test_ollama_async_generation_legacy.yaml#0": _UNREAD,
    f"{_GENERATE}/test_generation/test_ollama_async_streaming_generation_legacy.yaml#0": _UNREAD,
    f"{_GENERATE}/test_generation/test_ollama_generation_legacy.yaml#0": _UNREAD,
    f"{_GENERATE}/test_generation/test_ollama_streaming_generation_legacy.yaml#0": _UNREAD,
    f"{_GENERATE}/test_ollama_metrics/test_ollama_streaming_metrics.yaml#0": _UNREAD,
}

pytestmark = pytest.mark.skipif(
    not (CORPUS / "exchanges.jsonl.gz").exists(), reason=f"no corpus of real exchanges at {CORPUS}: set HARNESS_CORPUS"
)


def rows(name: str) -> list[dict[str, object]]:
    with gzip.open(CORPUS / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def served(exchange: dict) -> HttpResponse:
    text = exchange["response_body"] or ""
    body = base64.b64decode(text) if exchange.get("response_encoding") == "base64" else text.encode()
    return HttpResponse(exchange["status"], tuple((exchange["response_headers"] or {}).items()), (Chunk(body),))


def skipped(exchange: dict) -> str:
    if exchange["api"] not in SPEAKS:
        return f"dialect not spoken here: {exchange['api']}"
    if exchange["api"] == "bedrock_invoke" and dialect_at(exchange["url"]) is None:
        return "bedrock_invoke: a family of models whose bodies are not known here"
    if exchange["status"] != 200:
        return f"{exchange['api']}: HTTP status {exchange['status']}"
    if exchange["kind"] not in {"chat", "completion", "responses"}:
        return f"{exchange['api']}: no chat, but {exchange['kind']}"
    return ""


def arguments(value: object) -> object:
    """Arguments as a value, however the index holds them; the text itself where they can't be read."""
    if value in (None, "", "null"):
        return {}
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def summary(row: dict) -> object:
    finish = row["finish"][:1]  # of several choices the first is read
    return [(call["name"], call["id"] or "", arguments(call["args"])) for call in row["calls"]], row["text"], finish


def found(exchange: dict) -> object:
    reply = DIALECTS[SPEAKS[exchange["api"]]].read(served(exchange))
    calls = [(call.name, call.id, call.parameters) for call in reply.calls]
    for error in sorted(reply.errors, key=lambda one: one.index):
        calls.insert(error.index, (error.name, error.id, arguments(error.raw)))
    finish = [] if reply.raw_finish is None else [reply.raw_finish]
    return calls, bool(reply.text), finish


def test_the_readers_agree_with_the_index() -> None:
    index = {row["id"]: row for row in rows("index.jsonl.gz")}
    agree: Counter[str] = Counter()
    explained: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    wrong = {}
    for exchange in rows("exchanges.jsonl.gz"):
        reason = skipped(exchange)
        if reason:
            left_out[reason] += 1
            continue
        expected = summary(index[exchange["id"]])
        try:
            got = found(exchange)
        except HarnessError as error:
            got = repr(error)
        if got == expected:
            agree[exchange["api"]] += 1
        else:
            explained[exchange["api"]] += exchange["id"] in EXPLAINED
            wrong[exchange["id"]] = (expected, got)
    print(f"\nagree: {dict(agree)}; explained: {dict(explained)}; left out: {dict(left_out)}")
    assert {name: both for name, both in wrong.items() if name not in EXPLAINED} == {}
    assert wrong.keys() == EXPLAINED.keys()


def test_what_ollama_generated_is_its_lines_put_together() -> None:
    exchanges = [one for one in rows("exchanges.jsonl.gz") if one["api"] == "ollama_generate"]
    assert len(exchanges) == 5
    for exchange in exchanges:
        lines = [json.loads(line) for line in exchange["response_body"].split("\n") if line]
        reply = DIALECTS["ollama_generate"].read(served(exchange))
        assert reply.text == "".join(line["response"] for line in lines)
        assert (reply.calls, reply.errors, reply.raw_finish) == ((), (), lines[-1]["done_reason"])
        assert reply.text


def nested(body: object) -> bool:
    """Whether a request to the Responses API declares tools where the index does not look: added by an item of the
    conversation, or inside a namespace.
    """
    given = body if isinstance(body, dict) else {}
    items = [*(given.get("tools") or ()), *(given["input"] if isinstance(given.get("input"), list) else ())]
    return any(isinstance(item, dict) and item.get("type") in ("additional_tools", "namespace") for item in items)


def test_the_requests_mention_the_tools_that_they_declare() -> None:
    index = {row["id"]: row for row in rows("index.jsonl.gz")}
    seen: Counter[str] = Counter()
    wrong = {}
    for exchange in rows("exchanges.jsonl.gz"):
        if exchange["api"] not in SPEAKS:
            continue
        given = exchange["request_body"]
        body = (given if isinstance(given, str) else json.dumps(given)).encode()
        found = DIALECTS[SPEAKS[exchange["api"]]].mentions(HttpRequest("POST", exchange["url"], (), body))
        # What the provider runs itself, and marks of its cache, are no tools of the client's.
        declared = [name for name in index[exchange["id"]]["declared_tools"] or () if not name.startswith("builtin:")]
        if list(found.tools) != declared and not nested(given):
            wrong[exchange["id"]] = (found.tools, declared)
        remembered = isinstance(given, dict) and (given.get("previous_response_id") or given.get("conversation"))
        known = set(found.result_ids) <= set(found.call_ids) or remembered
        assert known or exchange["status"] != 200, exchange["id"]
        seen[exchange["api"]] += 1
    print(f"\nrequests read: {dict(seen)}")
    assert wrong == {}
