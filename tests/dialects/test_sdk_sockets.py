"""Official SDKs over a real socket: they accept what is rendered and find the same calls, reasoning, ends and errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.chat import ProviderCall, Reply, ToolCall, Usage
from harness.core.exchange import HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.framing import eventstream
from harness.dialects.rendering import VARIANTS
from harness.strategies import arguments, texts

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDKs' own warnings are theirs


@dataclass
class Provider:
    """A server that answers every request with ``answer``, chunk by chunk."""

    url: str = ""
    answer: HttpResponse = field(default_factory=lambda: HttpResponse(500))


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    served = Provider()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            answer = served.answer
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            pieces = [b"%x\r\n%s\r\n" % (len(chunk.data), chunk.data) for chunk in answer.chunks if chunk.data]
            self.wfile.write(b"".join([*pieces, b"0\r\n\r\n"]))

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield served
    server.shutdown()
    server.server_close()
    thread.join()


# What each SDK found: text, reasoning, calls (name, arguments, id), the provider's word for the end, tokens.


def ask_anthropic(url: str, *, stream: bool) -> dict[str, Any]:
    import anthropic

    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        asked: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        if stream:
            with client.beta.messages.stream(**asked) as events:
                message = events.get_final_message()
        else:
            message = client.beta.messages.create(**asked)
    blocks = {kind: [one for one in message.content if one.type == kind] for kind in ("text", "thinking", "tool_use")}
    return {
        "text": "".join(one.text for one in blocks["text"]),
        "reasoning": "".join(one.thinking for one in blocks["thinking"]),
        "calls": [(one.name, one.input, one.id) for one in blocks["tool_use"]],
        "theirs": [(one.name, one.input) for one in message.content if one.type in ("server_tool_use", "mcp_tool_use")],
        "came": [{"content": one.to_dict()["content"]} for one in message.content if one.type.endswith("tool_result")],
        "finish": message.stop_reason,
        "tokens": (message.usage.input_tokens, message.usage.output_tokens),
    }


def ask_gemini(url: str, *, stream: bool) -> dict[str, Any]:
    from google import genai

    client = genai.Client(api_key="none", http_options={"base_url": url})
    asked: dict[str, Any] = {"model": "m", "contents": "hi"}
    if stream:
        answers = list(client.models.generate_content_stream(**asked))
    else:
        answers = [client.models.generate_content(**asked)]
    client.close()
    last = answers[-1]
    parts = [part for one in answers for part in one.candidates[0].content.parts or ()]
    return {
        "text": "".join(part.text or "" for part in parts if not part.thought),
        "reasoning": "".join(part.text or "" for part in parts if part.thought),
        "calls": [
            (part.function_call.name, part.function_call.args or {}, part.function_call.id or "")
            for part in parts
            if part.function_call
        ],
        "theirs": [(part.tool_call.tool_type.value, part.tool_call.args) for part in parts if part.tool_call],
        "came": [{"response": part.tool_response.response} for part in parts if part.tool_response],
        "finish": last.candidates[0].finish_reason.value,
        "tokens": (last.usage_metadata.prompt_token_count, last.usage_metadata.candidates_token_count),
    }


def ask_bedrock(url: str, *, stream: bool) -> dict[str, Any]:
    asked = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    client = bedrock_client(url)
    if not stream:
        got = client.converse(**asked)
        blocks = got["output"]["message"]["content"]
        return bedrock_found(blocks, got["stopReason"], got["usage"])
    blocks, finish, usage = [], "", {}
    for event in client.converse_stream(**asked)["stream"]:
        ((kind, one),) = event.items()
        if kind == "contentBlockStart":
            assert one["contentBlockIndex"] == len(blocks)
            blank = {"toolUse": {"input": ""}, "toolResult": {"content": []}}
            blocks.append({key: {**value, **blank[key]} for key, value in one["start"].items()})
        elif kind == "contentBlockDelta":
            blocks += [{}] * (one["contentBlockIndex"] + 1 - len(blocks))
            blocks[-1] = added(blocks[-1], one["delta"])
        elif kind == "messageStop":
            finish = one["stopReason"]
        elif kind == "metadata":
            usage = one["usage"]
    for block in blocks:
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return bedrock_found(blocks, finish, usage)


def bedrock_client(url: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def added(block: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    if "toolUse" in delta:
        return {"toolUse": {**block["toolUse"], "input": block["toolUse"]["input"] + delta["toolUse"]["input"]}}
    if "toolResult" in delta:
        return {"toolResult": {**block["toolResult"], "content": block["toolResult"]["content"] + delta["toolResult"]}}
    if "text" in delta:
        return {"text": block.get("text", "") + delta["text"]}
    if "citation" in delta:
        return block
    before = block.get("reasoningContent", {}).get("reasoningText", {})
    return {"reasoningContent": {"reasoningText": {**before, **joined(before, delta["reasoningContent"])}}}


def joined(before: dict[str, str], delta: dict[str, str]) -> dict[str, str]:
    return {key: before.get(key, "") + value for key, value in delta.items()}


def bedrock_found(blocks: list[dict[str, Any]], finish: str, usage: dict[str, int]) -> dict[str, Any]:
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    thoughts = [block["reasoningContent"]["reasoningText"]["text"] for block in blocks if "reasoningContent" in block]
    said = [part for block in blocks for part in block.get("citationsContent", {}).get("content", [block])]
    return {
        "text": "".join(part.get("text", "") for part in said),
        "reasoning": "".join(thoughts),
        "calls": [
            (use["name"], use["input"], use["toolUseId"]) for use in uses if use.get("type") != "server_tool_use"
        ],
        "theirs": [(use["name"], use["input"]) for use in uses if use.get("type") == "server_tool_use"],
        "came": [
            {key: block["toolResult"][key] for key in ("type", "status", "content")}
            for block in blocks
            if "toolResult" in block
        ],
        "finish": finish,
        "tokens": (usage["inputTokens"], usage["outputTokens"]),
    }


ASK = {"anthropic": ask_anthropic, "gemini": ask_gemini, "bedrock": ask_bedrock}
WORDS = {
    "anthropic": {"stop": "end_turn", "tool_calls": "tool_use"},
    "gemini": {"stop": "STOP", "tool_calls": "STOP"},
    "bedrock": {"stop": "end_turn", "tool_calls": "tool_use"},
}
CAME = {
    "anthropic": {"content": [{"type": "text", "text": "日"}]},
    "gemini": {"response": {"found": "日"}},
    "bedrock": {"type": "web_search_result", "status": "success", "content": [{"text": "日"}, {"json": {"n": 1}}]},
}
# Google's own SDK reads neither: an int has no upper(), each line of a stream is to be an event, pieces of a call stay such.
UNREAD = {"gemini": {"finish_enum", "json_array", "partial_args"}}


def expected(name: str, reply: Reply, quirks: frozenset[str]) -> dict[str, Any]:
    ids = name != "gemini" or "id" in quirks
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "calls": [(call.name, call.parameters, call.id if ids else "") for call in reply.calls],
        "theirs": [(call.name, call.parameters) for call in reply.provider_calls],
        "came": [call.result for call in reply.provider_calls if call.result is not None],
        "finish": WORDS[name]["stop" if "finish_stop" in quirks else reply.finish],
        "tokens": (reply.usage.prompt, reply.usage.completion),
    }


@st.composite
def good_replies(draw: st.DrawFn) -> Reply:
    ids = draw(st.lists(st.integers(0, 99).map("toolu_{}".format), max_size=3, unique=True))
    calls = tuple(ToolCall(draw(st.sampled_from(["a", "get_x"])), draw(arguments()), one) for one in ids)
    theirs = draw(st.lists(st.just(ProviderCall("web_search", {"q": "日本"}, "srvtoolu_1")), max_size=1))
    usage = Usage(draw(st.integers(1, 999)), draw(st.integers(1, 999)))
    finish = "tool_calls" if calls else "stop"
    text, reasoning = draw(texts()), draw(texts())
    return Reply(text, calls, provider_calls=tuple(theirs), finish=finish, usage=usage, reasoning=reasoning)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ASK)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), reply=good_replies())
def test_the_sdk_finds_the_reply(
    provider: Provider, name: str, stream: bool, data: st.DataObject, reply: Reply
) -> None:
    # Not every SDK reads every legal framing: docs/adapters.md has which.
    known = sorted(DIALECTS[name].quirks.keys() - UNREAD.get(name, set()) - VARIANTS.keys() - {"no_usage"})
    quirks = data.draw(st.frozensets(st.sampled_from(known), max_size=3))
    result = data.draw(st.sampled_from([None, CAME[name]]))
    reply = replace(reply, provider_calls=tuple(replace(one, result=result) for one in reply.provider_calls))
    provider.answer = DIALECTS[name].render(reply, stream=stream, quirks=quirks)
    found, right = ASK[name](provider.url, stream=stream), expected(name, reply, quirks)
    assert found.pop("came") == right.pop("came")
    assert repr(found) == repr(right)


# Errors


def test_anthropics_sdk_raises_the_error_of_each_status(provider: Provider) -> None:
    import anthropic

    kinds = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}
    kinds |= {403: "PermissionDeniedError", 500: "InternalServerError", 529: "OverloadedError"}
    for status, kind in kinds.items():
        provider.answer = DIALECTS["anthropic"].error(status, "no such luck", retry_after=3)
        with pytest.raises(anthropic.APIStatusError, match="no such luck") as caught:
            ask_anthropic(provider.url, stream=False)
        assert type(caught.value).__name__ == kind
        assert caught.value.response.headers["retry-after"] == "3"
        assert caught.value.body["type"] == "error"
        assert caught.value.request_id == "req_1"


def test_googles_sdk_raises_the_error_of_each_status(provider: Provider) -> None:
    from google.genai import errors

    for status, kind in (
        (400, "INVALID_ARGUMENT"),
        (403, "PERMISSION_DENIED"),
        (429, "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE"),
    ):
        provider.answer = DIALECTS["gemini"].error(status, "no such luck", retry_after=3)
        with pytest.raises(errors.APIError) as caught:
            ask_gemini(provider.url, stream=False)
        assert (caught.value.code, caught.value.status, caught.value.message) == (status, kind, "no such luck")


def test_botocore_raises_the_error_of_each_status(provider: Provider) -> None:
    from botocore.exceptions import ClientError

    model = bedrock_client(provider.url).meta.service_model.operation_model("Converse")
    for shape in model.error_shapes:
        if shape.name == "ModelNotReadyException":
            continue  # a second meaning of 429
        status = shape.metadata["error"]["httpStatusCode"]
        provider.answer = DIALECTS["bedrock"].error(status, "no such luck")
        with pytest.raises(ClientError) as caught:
            ask_bedrock(provider.url, stream=False)
        assert caught.value.response["Error"] == {"Message": "no such luck", "Code": shape.name}
        assert type(caught.value).__name__ == shape.name


FAILING = Reply(
    text="Let me see", calls=(ToolCall("a", {"x": 1}, "toolu_1"),), finish="tool_calls", usage=Usage(1, 2, 3)
)


@pytest.mark.parametrize(("name", "failure"), [(name, one) for name in ASK for one in DIALECTS[name].failures])
def test_an_sdk_raises_where_a_stream_ends_in_a_failure(provider: Provider, name: str, failure: str) -> None:
    from anthropic import APIStatusError
    from botocore.exceptions import ClientError
    from google.genai.errors import APIError

    provider.answer = DIALECTS[name].render(FAILING, stream=True, quirks=frozenset({failure}))
    with pytest.raises((APIStatusError, ClientError, APIError)):
        ASK[name](provider.url, stream=True)


# botocore's own shapes


@pytest.mark.parametrize("quirked", [False, True], ids=["plain", "every quirk"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_botocores_shapes_fit(stream: bool, quirked: bool) -> None:
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    model = get_session().get_service_model("bedrock-runtime")
    bedrock = DIALECTS["bedrock"]
    reply = Reply(
        text="hello",
        calls=(ToolCall("a", {"x": [1, None, {"y": 2.5}]}, "tooluse_1"), ToolCall("b", {}, "tooluse_2")),
        provider_calls=(bedrock.facts.runs,),
        finish="tool_calls",
        usage=Usage(3, 4, 7),
        reasoning="because",
    )
    quirks = frozenset(bedrock.quirks.keys() - {"no_usage"} if quirked else ())
    sent = bedrock.render(reply, stream=stream, quirks=quirks)
    if not stream:
        shapes = [(model.operation_model("Converse").output_shape, json.loads(sent.body))]
    else:
        events = model.operation_model("ConverseStream").output_shape.members["stream"].members
        frames = list(eventstream.frames(sent.body))
        shapes = [(events[frame.headers[":event-type"]], json.loads(frame.payload)) for frame in frames]
    for shape, body in shapes:
        body.pop("p", None)  # padding, which no model names
        report = ParamValidator().validate(body, shape)
        assert not report.has_errors(), report.generate_report()
    sent = bedrock.render(reply, stream=True, quirks=frozenset({"exception"}))
    *_, last = eventstream.frames(sent.body)
    shape = model.shape_for("ModelStreamErrorException")
    assert not ParamValidator().validate(json.loads(last.payload), shape).has_errors()
