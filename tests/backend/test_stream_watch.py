from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import httpx
import pytest

from harness.backend.stream_watch import LineWatch
from harness.core.errors import ProviderError, UnreadableReplyError
from harness.core.exchange import Chunk, HttpResponse
from tests.backend.test_framings import send


def watched(provider, dialect, *lines):
    """What litellm would be shown, and the watch."""
    parser = SimpleNamespace(streaming_response=iter(lines), response_iterator=None)
    watch = LineWatch(provider, dialect)
    assert watch.attach(SimpleNamespace(completion_stream=parser))
    assert parser.response_iterator is parser.streaming_response
    return list(parser.streaming_response), watch


def data(event):
    return f"data: {json.dumps(event)}"


def test_good_lines_pass_untouched_but_for_comments_and_the_last_word_is_noted():
    lines = [
        data({"choices": [{"finish_reason": None}]}),
        "",
        data({"choices": [{"finish_reason": "stop"}]}),
    ]
    shown, watch = watched("hosted_vllm", "openai", ": hello", "", *lines)
    assert shown == [line for line in lines if line]
    assert (watch.finish_word, watch.ended) == ("stop", False)


@pytest.mark.parametrize(
    ("dialect", "event", "said", "ended"),
    [
        ("anthropic", {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, "tool_use", False),
        ("anthropic", {"type": "message_stop"}, None, True),
        ("gemini", {"candidates": [{"finishReason": "STOP"}]}, "STOP", False),
        ("gemini", {"promptFeedback": {"blockReason": "OTHER"}}, "SAFETY", False),
        ("cohere", {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}, "TOOL_CALL", True),
    ],
)
def test_each_dialect_keeps_its_word_in_its_own_place(dialect, event, said, ended):
    _, watch = watched("x", dialect, data(event))
    assert (watch.finish_word, watch.ended) == (said, ended)


@pytest.mark.parametrize("dialect", ["openai", "ollama", "cohere"])
def test_no_event_holds_the_words_of_the_terminator(dialect):
    event = {"choices": [], "message": {"content": "[DONE] "}}
    (line,), _ = watched("x", dialect, data(event))
    assert "[DONE]" not in line, "litellm 1.106.2 takes such a line for the end"
    assert json.loads(line.removeprefix("data:")) == event


def test_the_terminator_alone_ends_a_stream_without_a_word():
    _, watch = watched("x", "openai", "data: [DONE]")
    assert (watch.finish_word, watch.ended) == (None, True)


def test_an_old_ollama_that_is_done_has_ended_without_a_word():
    _, watch = watched("ollama_chat", "ollama", '{"done": false}', '{"done": true}')
    assert (watch.finish_word, watch.ended) == (None, True)


def test_half_a_line_at_the_end_is_a_cut_and_in_the_middle_damage():
    shown, watch = watched("x", "openai", data({"choices": []}), 'data: {"choi')
    assert len(shown) == 1
    assert watch.finish_word is None
    with pytest.raises(UnreadableReplyError) as raised:
        watched("x", "openai", 'data: {"choi', "", data({"choices": []}), "")
    assert raised.value.raw == '{"choi'


def test_geminis_stream_may_be_one_array_over_many_lines():
    shown, watch = watched("gemini", "gemini", "[{", '"candidates": [{"finishReason": "STOP"}]', "}]")
    assert [json.loads(line.removeprefix("data: ")) for line in shown] == [{
        "candidates": [{"finishReason": "STOP"}],
        "usageMetadata": {},
    }]  # fmt: skip
    assert watch.finish_word == "STOP"


def test_cohere_is_shown_bare_json_only():
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
    shown, _ = watched("cohere_chat", "cohere", "event: message-end", data(end), "")
    assert [json.loads(line)["event"] for line in shown] == ["message-end"]
    assert json.loads(shown[0])["data"]["delta"] == end["delta"]


ERRORS = {
    "groq": ("groq", "openai", data({"error": {"code": "tool_use_failed", "status_code": 422, "message": "no"}}), 422),
    "anthropic": (
        *("anthropic", "anthropic"),
        *(data({"type": "error", "error": {"type": "rate_limit_error", "message": "no"}}), 429),
    ),
    "ollama": ("ollama_chat", "ollama", '{"error": "no"}', None),
    "llama-box": ("openai", "openai", 'error: {"code": 500, "message": "no"}', 500),
    "openrouter": ("openrouter", "openai", data({"choices": [{"error": {"code": 502, "message": "no"}}]}), 502),
}


@pytest.mark.parametrize(("provider", "dialect", "line", "status"), ERRORS.values(), ids=ERRORS)
def test_an_error_in_the_stream_is_raised_with_its_status_and_the_providers_words(provider, dialect, line, status):
    with pytest.raises(ProviderError) as raised:
        watched(provider, dialect, line, "")
    assert (raised.value.status, raised.value.provider, str(raised.value)) == (status, provider, "no")


def test_events_without_a_blank_line_between_them_are_read_one_by_one():
    lines = [data({"choices": [], "n": n}) for n in range(3)]
    assert watched("x", "openai", *lines, "data: [DONE]")[0] == [*lines, "data: [DONE]"]


def test_the_terminator_of_openais_wire_means_nothing_on_anthropics():
    shown, watch = watched("x", "anthropic", data({"type": "ping"}), "", "event: data", "data: [DONE]", "")
    assert len(shown) == 1
    assert not watch.ended


def test_a_stream_of_other_make_goes_unwatched():
    assert not LineWatch("openai", "openai").attach(SimpleNamespace(completion_stream=iter(())))
    assert not LineWatch("openai", "openai").attach(SimpleNamespace())
    assert not LineWatch("x", "no dialect").attach(
        SimpleNamespace(completion_stream=SimpleNamespace(streaming_response=iter(())))
    )


def test_the_bytes_that_the_openai_sdk_reads_are_watched_and_their_text_in_parts_is_joined():
    body = [
        b'data: {"choices": [{"delta": {"content": [{"type": "text", "te',
        b'xt": "Hi"}]}}]}\r\n\r\n',
        b"data: [DONE]",
    ]
    for response in (httpx.Response(200, content=iter(body)), httpx.Response(200, content=b"".join(body))):
        watch = LineWatch("openai", "openai")
        source = SimpleNamespace(response=response)
        assert watch.attach(SimpleNamespace(completion_stream=source))
        first, *rest = source.response.read().split(b"\n\n")
        assert json.loads(first.removeprefix(b"data: "))["choices"][0]["delta"]["content"] == "Hi"
        assert rest == [b"data: [DONE]", b""]
        assert watch.ended


def test_async_lines_are_watched_alike():
    async def lines():
        yield data({"choices": [{"finish_reason": "length"}]})
        yield ""
        yield "data: [DONE]"

    async def drain():
        parser = SimpleNamespace(streaming_response=lines(), response_iterator=None)
        watch = LineWatch("x", "openai")
        watch.attach(SimpleNamespace(completion_stream=parser))
        return [line async for line in parser.streaming_response], watch

    shown, watch = asyncio.run(drain())
    assert len(shown) == 2
    assert (watch.finish_word, watch.ended) == ("length", True)


def test_what_is_no_line_of_text_passes_untouched_and_makes_the_watch_void():
    event = SimpleNamespace(type="response.created")
    shown, watch = watched("openai", "openai", event)
    assert shown == [event]
    assert watch.foreign


@pytest.mark.parametrize(
    ("first", "foreign"),
    [({"type": "message_start"}, True), ({"choices": []}, False)],
)
def test_lines_of_another_dialect_make_the_watch_void(first, foreign):
    shown, watch = watched("azure_ai", "openai", data(first), data({"type": "message_stop"}))
    assert len(shown) == 2
    assert watch.foreign is foreign


def call(**other):
    function = {"name": "get_x", "arguments": '{"a": 1}'}
    return {"id": "c1", "type": "function", "index": 0, "function": function, **other}


UNUSUAL_KINDS = [
    *([call(id=id_)] for id_ in (7, 1.5, True, [])),
    *([call(type=kind)] for kind in (3, {})),
    *([call(index=index)] for index in ("a", 1.5, {}, "0", 0.0, True, 1e400)),
    *([call(function=function)] for function in (None, 5, "x", {"name": 5, "arguments": "{}"})),
    *([call(function={"name": "get_x", "arguments": told})] for told in (5, [], True, {"a": 1})),
    *(
        [call(function={"name": "get_x", "arguments": ""}), {"index": 0, "function": {"arguments": told}}]
        for told in (5, [], True)
    ),
    [call(type="custom", function=None)],
    [5],
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["openai", "azure"])
@pytest.mark.parametrize("pieces", UNUSUAL_KINDS, ids=json.dumps)
def test_a_call_of_odd_kinds_is_read_or_an_error_and_never_lost(provider, pieces, stream):
    said = {"index": 0, "finish_reason": "tool_calls"}
    if stream:
        deltas = [{"choices": [{"index": 0, "delta": {"tool_calls": [one]}}]} for one in pieces]
        events = [*deltas, {"choices": [{**said, "delta": {}}]}]
        kind, body = "text/event-stream", "".join(f"{data(one)}\n\n" for one in events) + "data: [DONE]\n\n"
    else:
        message = {"role": "assistant", "content": None, "tool_calls": pieces[:1]}
        kind, body = "application/json", json.dumps({"id": "x", "choices": [{**said, "message": message}]})
    answer = HttpResponse(200, (("content-type", kind),), (Chunk(body.encode()),))
    try:
        got = send(provider, answer, stream=stream)
    except UnreadableReplyError:
        return
    assert len(got.calls) + len(got.errors) == 1
    empty = not stream and len(pieces) > 1  # the whole answer has the first piece alone, whose arguments are empty
    assert all(one.parameters == ({} if empty else {"a": 1}) for one in got.calls)


@pytest.mark.parametrize("provider", ["openai", "azure", "groq"])
def test_a_bad_call_does_not_take_the_good_one_of_its_chunk_along(provider):
    bad = call(index=1, id=8, function={"name": "get_x", "arguments": 7})
    events = [{"choices": [{"index": 0, "delta": {"tool_calls": [call(id=7), bad]}, "finish_reason": "tool_calls"}]}]
    body = "".join(f"{data(one)}\n\n" for one in events) + "data: [DONE]\n\n"
    got = send(provider, HttpResponse(200, (("content-type", "text/event-stream"),), (Chunk(body.encode()),)))
    assert [(one.id, one.parameters) for one in got.calls] == [("7", {"a": 1})]
    assert [(one.id, one.fault, one.raw) for one in got.errors] == [("8", "arguments", "7")]
