"""Each known fault, shown on litellm alone: a litellm without it turns its test red, and its line goes."""

from __future__ import annotations

import json

import pytest

from harness.backend.known_faults import KNOWN_FAULTS
from harness.cassette.doors import answering
from harness.exchange import Chunk, HttpResponse

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

ASKED = [{"role": "user", "content": "Hi"}]
AT = {"api_base": "http://127.0.0.1:9", "api_key": "k"}
AWS = {
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
    "aws_region_name": "us-east-1",
    "aws_bedrock_runtime_endpoint": "http://127.0.0.1:9",
}


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def ask(model, body, *, stream=False, seen=None, **options):
    """What litellm itself makes of ``body``."""
    import litellm

    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = HttpResponse(200, (("content-type", "application/json"),), (Chunk(data),))

    def answer(request):
        if seen is not None:
            seen.append(request)
        return response

    at = AWS if model.startswith("bedrock") else AT
    with answering(answer):
        found = litellm.completion(model=model, messages=ASKED, stream=stream, num_retries=0, **at, **options)
        return list(found) if stream else found


def events(*bodies):
    return b"".join(
        b"data: " + (body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\n\n" for body in bodies
    )


def openai(finish="stop", **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def delta(content=None, finish=None):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def gemini(part, **usage):
    counts = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2, **usage}
    candidate = {"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": counts}


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def fails(*args, **options):
    with pytest.raises(Exception) as raised:
        ask(*args, **options)
    return raised.value


def groq_service_tier():
    assert "service_tier" in str(fails("groq/m", openai(content="Hi")))


def groq_error_event():
    error = {"error": {"message": "no", "type": "x", "code": "tool_use_failed", "status_code": 400}}
    assert "tool_use_failed" in str(fails("groq/m", events(error), stream=True))


def snowflake_custom_placeholder():
    call = {**CALL, "custom": {"input": "", "name": ""}}
    assert "custom" in str(fails("snowflake/m", openai(tool_calls=[call]), account_id="x"))


def gemini_call_without_args():
    assert "args" in str(fails("gemini/m", gemini({"functionCall": {"name": "f"}})))


def gemini_null_counts():
    assert "NoneType" in str(fails("gemini/m", events(gemini({"text": "Hi"}, totalTokenCount=None)), stream=True))


def cohere_event_stream():
    start = b"event: message-start\n" + events({"type": "message-start", "id": "1", "delta": {}})
    assert "message-start" in str(fails("cohere_chat/m", start, stream=True))


def cohere_text_beside_calls():
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}], "tool_calls": [CALL]}
    body = {"id": "1", "message": message, "finish_reason": "TOOL_CALL", "usage": {"tokens": {}}}
    (choice,) = ask("cohere_chat/m", body).choices
    assert (choice.message.content, choice.finish_reason) == (None, "stop")


def cohere_counts_wanted():
    body = {"id": "1", "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}}
    assert "usage" in str(fails("cohere_chat/m", {**body, "finish_reason": "COMPLETE"}))


def tool_choice_dropped():
    seen = []
    body = {"id": "1", "message": {"content": [{"type": "text", "text": "Hi"}]}, "usage": {"tokens": {}}}
    ask("cohere_chat/m", body, seen=seen, tools=[tool("f")], tool_choice="required")
    assert "tool_choice" not in json.loads(seen[-1].body)


def ollama_generate_reason():
    body = {"model": "m", "response": "Hi", "done": True, "done_reason": "length"}
    assert ask("ollama/m", body).choices[0].finish_reason == "stop"


def huggingface_asks_home():
    seen = []
    ask("huggingface/some/model", openai(content="Hi"), seen=seen)
    assert any(request.url.startswith("https://huggingface.co/") for request in seen)


def damaged_line_skipped():
    body = events(delta("A"), b'{"choices": [{"delta": {"content": "B', delta("C"), delta(finish="stop"), b"[DONE]")
    said = [chunk.choices[0].delta.content for chunk in ask("hosted_vllm/m", body, stream=True) if chunk.choices]
    assert "".join(filter(None, said)) == "AC"


def finish_reason_rewritten():
    assert ask("openai/m", openai(tool_calls=[CALL])).choices[0].finish_reason == "tool_calls"


def random_ids():
    body = gemini({"functionCall": {"name": "f", "args": {}}})
    first, second = (ask("gemini/m", body).choices[0].message.tool_calls[0].id for _ in range(2))
    assert first != second


def ollama_invents_calls():
    body = {"model": "m", "response": '{"name": "Ada", "arguments": "x"}', "done": True}
    assert ask("ollama/m", body, format="json").choices[0].message.tool_calls[0].function.name == "Ada"


def ollama_asks_localhost():
    seen = []
    body = {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": True}
    ask("ollama_chat/never-seen-before", body, seen=seen)
    assert "http://localhost:11434/api/show" in [request.url for request in seen]


def bedrock_names_shared():
    model = "bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0"
    use = {"toolUse": {"toolUseId": "1", "name": "shared_name", "input": {}}}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    body = {"output": {"message": {"role": "assistant", "content": [use]}}, "stopReason": "tool_use"}
    body |= {"usage": usage, "metrics": {"latencyMs": 1}}
    ask(model, body, tools=[tool("shared/name")])
    (call,) = ask(model, body, tools=[tool("shared_name")]).choices[0].message.tool_calls
    assert call.function.name == "shared/name"


SHOWN = {
    show.__name__.replace("_", "-"): show
    for show in (
        groq_service_tier,
        groq_error_event,
        snowflake_custom_placeholder,
        gemini_call_without_args,
        gemini_null_counts,
        cohere_event_stream,
        cohere_text_beside_calls,
        cohere_counts_wanted,
        tool_choice_dropped,
        ollama_generate_reason,
        huggingface_asks_home,
        damaged_line_skipped,
        finish_reason_rewritten,
        random_ids,
        ollama_invents_calls,
        ollama_asks_localhost,
        bedrock_names_shared,
    )
}


@pytest.mark.parametrize("fault", KNOWN_FAULTS, ids=lambda fault: fault.name)
def test_the_fault_is_still_there(litellm_offline, fault):
    SHOWN[fault.name]()


def test_every_fault_is_shown_once():
    assert [fault.name for fault in KNOWN_FAULTS] == list(SHOWN)
