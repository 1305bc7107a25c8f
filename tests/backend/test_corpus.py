"""Real providers' recorded answers, served to litellm, read by the backend, compared with a reader that knows neither.

The corpus is not part of the project: ``HARNESS_CORPUS`` says where it is, and without it this is skipped.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from harness.backend.completion import complete
from harness.backend.recorded_answers import parsed
from harness.backend.request import prepare_request
from harness.core.errors import BadRequestError, HarnessError, UnreadableReplyError
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.interception.clients import answering

ROOT = Path(__file__).parent.parent.parent
CORPUS = Path(os.environ.get("HARNESS_CORPUS", ROOT.parent / "shared" / "corpus"))

pytestmark = [
    pytest.mark.skipif(
        not (CORPUS / "exchanges.jsonl.gz").exists(), reason=f"no corpus at {CORPUS}: set HARNESS_CORPUS"
    ),
    pytest.mark.timeout(600),
    # litellm leaves sockets and event loops behind
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

AT = {"api_base": "http://127.0.0.1:9/v1", "api_key": "k"}
AWS = {
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
    "aws_region_name": "us-east-1",
    "aws_bedrock_runtime_endpoint": "http://127.0.0.1:9",
}
MODELS = {
    "openai_responses": "openai/responses/m",
    "anthropic_messages": "anthropic/m",
    "gemini": "gemini/m",
    "ollama_chat": "ollama_chat/m",
    "bedrock_converse": "bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0",
    "cohere_v2": "cohere_chat/m",
}
# litellm's names for the corpus' providers of OpenAI's dialect; those that it does not know speak plain OpenAI.
OPENAI_CHAT = {
    "azure": "azure",
    "cerebras": "cerebras",
    "deepseek": "deepseek",
    "groq": "groq",
    "huggingface": "huggingface",
    "mistral": "mistral",
    "openrouter": "openrouter",
    "snowflake": "snowflake",
    "together": "together_ai",
    "vercel_gateway": "vercel_ai_gateway",
    "vllm_or_local": "hosted_vllm",
    "writer": "openai",
    "xai": "xai",
    "zai": "zai",
}
# What the corpus counts as answers without calls, and what are no answers: error objects and texts with status 200.
NO_ANSWER = {
    "lmnr-ai/lmnr-python/tests/test_instrumentations/test_openai/traces/cassettes/test_azure/"
    "test_prompt_content_filtering.yaml#0": BadRequestError,  # a 400 of Azure's, recorded as 200
    "pydantic/pydantic-ai/tests/models/cassettes/test_groq/test_tool_use_failed_error_streaming.yaml#0": BadRequestError,
    "pydantic/pydantic-ai/tests/models/cassettes/test_groq/"
    "test_tool_use_failed_error_streaming_with_text.yaml#0": BadRequestError,
    "pydantic/pydantic-ai/tests/models/cassettes/test_openai/test_invalid_response.yaml#0": UnreadableReplyError,
    "pydantic/pydantic-ai/tests/models/cassettes/test_openai/test_text_response.yaml#0": UnreadableReplyError,
    "pydantic/pydantic-ai/tests/models/cassettes/test_openrouter/test_openrouter_stream_error.yaml#0": BadRequestError,
}
SPEAKS = {
    "openai_responses": "openai_responses",
    "openai_chat": "openai",
    "anthropic_messages": "anthropic",
    "gemini": "gemini",
    "ollama_chat": "ollama",
    "bedrock_converse": "bedrock",
    "cohere_v2": "cohere",
}
# The index leaves these out: a search for tools that the client must run (execution: client) is a call of its own.
_SEARCHES = "pydantic/pydantic-ai/tests/cassettes/test_tool_search"
CLIENT_SEARCHES = {
    f"{_SEARCHES}/test_openai_client_tool_search_streaming.yaml#0",
    f"{_SEARCHES}/test_openai_execution_client_round_trip.yaml#0",
}
READ_ALONE = Counter()
"""How many answers of each API litellm's parsers alone have read, the same as its whole call."""


def lines(name):
    with gzip.open(CORPUS / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def exchanges(litellm_offline):
    """Every chat exchange of status 200, by dialect, with what the index found in it."""
    index = {entry["id"]: entry for entry in lines("index.jsonl.gz")}
    found = {}
    for exchange in lines("exchanges.jsonl.gz"):
        if exchange["status"] == 200 and index[exchange["id"]]["kind"] in ("chat", "responses"):
            found.setdefault(exchange["api"], []).append((exchange, index[exchange["id"]]))
    return found


def asked(exchange, declared):
    """The model, options and tools of a question that an exchange answers, and the answer."""
    model = MODELS.get(exchange["api"]) or f"{OPENAI_CHAT.get(exchange['provider'], 'openai')}/m"
    text = exchange["response_body"]
    data = base64.b64decode(text) if exchange.get("response_encoding") == "base64" else text.encode()
    kind = "text/event-stream" if exchange["stream"] else "application/json"
    response = HttpResponse(200, (("content-type", kind),), (Chunk(data),))
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        for name in dict.fromkeys(declared)
    ]
    return model, AWS if model.startswith("bedrock") else AT, tools, response


def served(exchange, declared):
    """The backend's reply to an exchange's answer."""
    model, options, tools, response = asked(exchange, declared)
    messages = [{"role": "user", "content": "Hi"}]
    with answering(lambda _: response):
        reply = complete(model, messages, tools=tools, stream=exchange["stream"], **options)
    quick = parsed(prepare_request(model, messages, tools, options, stream=exchange["stream"]), response)
    if quick is not None:
        READ_ALONE[exchange["api"]] += 1
        assert (quick, quick.raw_finish) == (reply, reply.raw_finish)
    return reply


def calls_of(reply, api):
    """Calls for the client, those to tools that were not declared among them, and those of tools that Bedrock runs
    itself, which the index does not tell apart.
    """
    unknown = [
        (error.name, json.loads(error.raw or "{}"), error.id) for error in reply.errors if error.fault == "unknown_tool"
    ]
    assert len(unknown) == len(reply.errors), reply.errors
    ran = reply.provider_calls if api == "bedrock_converse" else ()
    return [(call.name, call.parameters, call.id) for call in (*reply.calls, *ran)] + unknown


def expected_calls(entry):
    for call in entry["calls"]:
        arguments = call["args"]
        if isinstance(arguments, str):
            arguments = json.loads(arguments or "{}")
        yield call["name"], arguments or {}, call.get("id")


def same(got, expected):
    def plain(calls):
        return sorted(json.dumps([name, arguments], sort_keys=True) for name, arguments, _ in calls)

    # Behind a Gemini id litellm puts the signature that must go back with it.
    ids = {id_.partition("__thought__")[0] for _, _, id_ in got}
    return plain(got) == plain(expected) and all(not id_ or id_ in ids for _, _, id_ in expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("api", "with_calls", "without"),
    [
        ("openai_chat", 354, 798),
        ("openai_responses", 146, 316),
        ("anthropic_messages", 139, 264),
        ("gemini", 274, 302),
        ("ollama_chat", 0, 6),
        ("bedrock_converse", 96, 142),
        ("cohere_v2", 10, 21),
    ],
)
def test_every_recorded_answer_is_read_as_the_index_reads_it(exchanges, api, with_calls, without):
    seen, differ = Counter(), []
    for exchange, entry in exchanges[api]:
        kind = "with calls" if entry["calls"] else "without"
        seen[kind] += 1
        if exchange["id"] in NO_ANSWER:
            with pytest.raises(NO_ANSWER[exchange["id"]]):
                served(exchange, entry["declared_tools"])
            seen["no answer"] += 1
            continue
        reply = served(exchange, entry["declared_tools"])
        got, expected = calls_of(reply, api), list(expected_calls(entry))
        if exchange["id"] in CLIENT_SEARCHES:
            assert [name for name, _, _ in got] == ["tool_search"]
            continue
        if not same(got, expected) or entry["text"] not in (bool(reply.text), bool(reply.text.strip())):
            differ.append((exchange["id"], got, expected, reply.text[:80]))
    print(f"\n{api}: {dict(seen)}, {len(differ)} differ")
    assert differ == []
    assert (seen["with calls"], seen["without"]) == (with_calls, without)
    assert READ_ALONE[api] > 0.97 * (with_calls + without) - seen["no answer"]


def test_the_backend_says_all_that_the_reader_says(exchanges):
    """Text, reasoning, refusal, what the provider ran and the reason for the end, of all answers that both read."""
    seen, differ, examples = Counter(), Counter(), {}
    for api, name in SPEAKS.items():
        for exchange, entry in exchanges[api]:
            model, options, tools, response = asked(exchange, entry["declared_tools"])
            question = prepare_request(
                model, [{"role": "user", "content": "Hi"}], tools, options, stream=exchange["stream"]
            )
            try:
                theirs, ours = DIALECTS[name].read(response), parsed(question, response)
            except HarnessError:
                continue  # read above, by the whole call
            if ours is None:
                continue
            seen[name] += 1
            for field in ("text", "reasoning", "refusal", "finish", "provider_calls"):
                if getattr(ours, field) != getattr(theirs, field):
                    differ[name, field] += 1
                    examples[name, field] = exchange["id"], getattr(ours, field), getattr(theirs, field)
    print(f"\ncompared: {dict(seen)}; differ: {dict(differ)}")
    assert dict(differ) == {}, examples
    assert sum(seen.values()) > 2300
