"""OpenAI's Responses: what is carried is read back however it is cut, odd streams are told, SDKs find the same."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from harness.core.chat import CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import ProviderError, StreamCutError, UnreadableReplyError, UsageError
from harness.core.exchange import Chunk, HttpRequest, HttpResponse
from harness.dialects import DIALECTS, dialect_at
from harness.dialects.openai_responses.facts import FAILURES, QUIRKS
from harness.dialects.registry import read_chat_request
from harness.interception.clients import answering
from harness.strategies import broken_replies, replies

RESPONSES = DIALECTS["openai_responses"]
MODES = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
REPORTED = (StreamCutError, UnreadableReplyError, ProviderError)
NAMES = ("get_x", "a.b", "日本")
CALLS = (ToolCall("get_x", {"city": "Zürich 🙂", "n": 2**63}, "call_1"), ToolCall("clock", {}, "call_2"))
USAGE = Usage(3, 4, 7)
RICH = Reply("Let me see.", CALLS, finish="tool_calls", usage=USAGE, reasoning="because")
CUSTOM = Reply("", (ToolCall("apply_patch", {"input": "*** Begin {\n"}, "call_1"),), finish="tool_calls", usage=USAGE)
SAMPLES = (
    RICH,
    CUSTOM,
    Reply("Hello.", finish="stop", usage=USAGE, reasoning="so"),
    Reply(refusal="I can't.", finish="stop", usage=USAGE),
    Reply("Half a", finish="length", usage=USAGE),
    Reply("", finish="content_filter"),
    Reply(errors=(CallError("cut_off", "", '{"x": 1', "get_x", "call_1"),), finish="length", usage=USAGE),
    Reply("Found.", provider_calls=(ProviderCall("web_search", {"q": "x"}, "ws_1"),), finish="stop", usage=USAGE),
    Reply(
        "Ran.",
        provider_calls=(ProviderCall("ask_wiki", {"q": "x"}, "mcp_1", {"output": "A page"}),),
        finish="stop",
        usage=USAGE,
    ),
)


def served(items: list[dict[str, Any]], status: str = "completed", **more: Any) -> HttpResponse:
    body = {"id": "resp_1", "object": "response", "status": status, "model": "m", "output": items, **more}
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(body).encode()),))


def stream_of(*events: dict[str, Any]) -> HttpResponse:
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in events).encode()
    return HttpResponse(200, (("content-type", "text/event-stream"),), (Chunk(body),))


def expected(reply: Reply, quirks: frozenset[str]) -> Reply:
    def renamed(one: Any) -> Any:
        return replace(one, id=(one.id or "").ljust(41, "0")) if "id_long" in quirks else one

    usage = None if "no_usage" in quirks else reply.usage
    if usage is not None and "total_missing" in quirks:
        usage = replace(usage, total=None)
    calls = tuple(map(renamed, reply.calls))
    theirs = tuple(replace(one, id="") for one in reply.provider_calls)
    provider_calls = theirs if "item_id_missing" in quirks else reply.provider_calls
    errors = tuple(replace(renamed(one), detail="") for one in reply.errors)
    return replace(reply, calls=calls, errors=errors, usage=usage, provider_calls=provider_calls)


def found(response: HttpResponse) -> Reply:
    reply = RESPONSES.read(response)
    return replace(reply, errors=tuple(replace(one, detail="") for one in reply.errors))


def in_pieces(sent: HttpResponse, size: int) -> HttpResponse:
    body = sent.body
    return replace(sent, chunks=tuple(Chunk(body[at : at + size]) for at in range(0, len(body), size)))


@MODES
@given(data=st.data())
def test_what_is_carried_is_read_back_under_any_quirks(stream: bool, data: st.DataObject) -> None:
    reply = data.draw(replies(NAMES) | broken_replies(NAMES) | st.sampled_from(SAMPLES))
    quirks = data.draw(st.frozensets(st.sampled_from(sorted(QUIRKS)), max_size=4))
    try:
        sent = RESPONSES.render(reply, stream=stream, quirks=quirks)
    except UsageError:
        event("refused")
        return
    event("carried")
    assert found(in_pieces(sent, data.draw(st.integers(1, 400)))) == expected(reply, quirks)


@MODES
@pytest.mark.parametrize("quirk", QUIRKS)
def test_every_quirk_is_read_back_on_its_own(stream: bool, quirk: str) -> None:
    carried = 0
    for reply in SAMPLES:
        quirks = frozenset({quirk})
        try:
            sent = RESPONSES.render(reply, stream=stream, quirks=quirks)
        except UsageError:
            continue
        carried += 1
        assert found(sent) == expected(reply, quirks)
    assert carried


def came_of(sent: HttpResponse) -> Reply | None:
    """The reply, or what had come of one that was cut."""
    try:
        return RESPONSES.read(sent)
    except StreamCutError as error:
        return error.reply


@pytest.mark.parametrize("quirks", [(), ("output_empty",), ("items_only_done",), ("arguments_only_done", "lean")])
@pytest.mark.parametrize("reply", SAMPLES)
def test_a_stream_cut_anywhere_is_cut_or_whole_and_never_has_half_a_call(reply: Reply, quirks: tuple[str, ...]) -> None:
    sent = RESPONSES.render(reply, stream=True, quirks=frozenset(quirks))
    whole = RESPONSES.read(sent)
    for index in range(0, len(sent.body), 7):
        came = came_of(replace(sent, chunks=(Chunk(sent.body[:index]),)))
        assert came is not None
        assert came == whole or (not came.calls and reply.text.startswith(came.text))


@pytest.mark.parametrize("seed", range(60))
def test_doubled_lost_and_swapped_events_never_change_a_call(seed: int) -> None:
    chance = random.Random(seed)
    sent = RESPONSES.render(RICH, stream=True, quirks=frozenset({"output_empty"} if seed % 2 else ()))
    chunks = list(sent.chunks[:-1])
    index = chance.randrange(len(chunks) - 1)
    if seed % 3 == 0:
        chunks.insert(index, chunks[index])
    elif seed % 3 == 1:
        chunks[index], chunks[index + 1] = chunks[index + 1], chunks[index]
    elif b"output_item.done" not in chunks[index].data:
        del chunks[index]
    try:
        reply = RESPONSES.read(replace(sent, chunks=(*chunks, sent.chunks[-1])))
    except REPORTED:
        return
    assert reply.calls == RICH.calls
    assert reply.errors == ()


def test_pieces_of_an_item_that_never_started_are_that_item() -> None:
    reply = RESPONSES.read(
        stream_of(
            {"type": "response.function_call_arguments.delta", "output_index": 1, "item_id": "fc_1", "delta": '{"x'},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"},
            {"type": "response.completed", "response": {"status": "completed", "output": []}},
        )
    )
    assert reply.text == "Hi"
    assert [(one.fault, one.raw) for one in reply.errors] == [("name", '{"x')]


def test_items_of_an_unknown_kind_are_kept_by_name_and_never_the_clients() -> None:
    reply = RESPONSES.read(served([{"type": "quantum_call", "id": "q_1", "status": "completed", "depth": 3}]))
    assert reply.provider_calls == (ProviderCall("quantum_call", {"depth": 3}, "q_1"),)
    assert (reply.calls, reply.errors, reply.finish) == ((), (), "stop")


@pytest.mark.parametrize(
    ("item", "call"),
    [
        (
            {"type": "computer_call", "id": "cu_1", "call_id": "call_1", "action": {"type": "click"}},
            ToolCall("computer", {"action": {"type": "click"}}, "call_1"),
        ),
        (
            {"type": "tool_search_call", "execution": "client", "call_id": "call_1", "arguments": {"paths": ["a"]}},
            ToolCall("tool_search", {"paths": ["a"]}, "call_1"),
        ),
    ],
)
def test_what_the_client_must_run_is_a_call_of_its_own(item: dict[str, Any], call: ToolCall) -> None:
    reply = RESPONSES.read(served([item]))
    assert (reply.calls, reply.provider_calls, reply.finish) == ((call,), (), "tool_calls")


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_background_answer_that_has_not_ended_has_no_finish(status: str) -> None:
    reply = RESPONSES.read(served([], status))
    assert (reply.finish, reply.raw_finish, reply.text) == (None, status, "")


def test_a_stopped_answer_makes_an_error_of_arguments_that_did_not_end() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "get_x", "arguments": "", "status": "incomplete"}
    reply = RESPONSES.read(served([call], "incomplete", incomplete_details={"reason": "content_filter"}))
    assert [(one.fault, one.id) for one in reply.errors] == [("cut_off", "call_1")]
    assert (reply.finish, reply.raw_finish) == ("content_filter", "content_filter")


@MODES
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_under_status_200_is_the_providers_error(stream: bool, failure: str) -> None:
    if failure == "error_event" and not stream:
        with pytest.raises(UsageError):
            RESPONSES.render(RICH, quirks=frozenset({failure}))
        return
    with pytest.raises(ProviderError) as raised:
        RESPONSES.read(RESPONSES.render(RICH, stream=stream, quirks=frozenset({failure})))
    assert raised.value.status == 500


def spoiled(value: Any) -> Iterator[Any]:
    """``value`` with one thing in it of another shape, or gone."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        for other in (None, 5, "x", [], {}, [5], [None]):
            made = copy.copy(value)
            made[key] = other
            yield made
        gone = copy.copy(value)
        del gone[key]
        yield gone
        for inner in spoiled(value[key]):
            made = copy.copy(value)
            made[key] = inner
            yield made


def test_an_answer_of_the_wrong_shape_is_read_or_named_and_never_a_crash() -> None:
    for reply in (RICH, SAMPLES[7]):
        sent = RESPONSES.render(reply, quirks=frozenset({"lean"}))
        for body in spoiled(json.loads(sent.body)):
            try:
                RESPONSES.read(replace(sent, chunks=(Chunk(json.dumps(body).encode()),)))
            except REPORTED:
                continue


def test_a_stream_with_one_event_of_the_wrong_shape_is_read_or_named_and_never_a_crash() -> None:
    sent = RESPONSES.render(RICH, stream=True, quirks=frozenset({"lean", "no_event_lines"}))
    events = [json.loads(chunk.data.removeprefix(b"data: ")) for chunk in sent.chunks]
    for index, one in enumerate(events):
        for other in (*spoiled(one), None, 5, "x", []):
            try:
                RESPONSES.read(stream_of(*events[:index], other, *events[index + 1 :]))
            except REPORTED:
                continue


@pytest.mark.parametrize(
    "reply",
    [
        Reply("x", CALLS, finish="stop"),
        Reply("x", finish="tool_calls"),
        Reply("x", finish="error"),
        Reply("x"),
        Reply("\ud800", finish="stop"),
        Reply("", provider_calls=(ProviderCall("file_search", {"type": "x"}, ""),), finish="stop"),
    ],
)
def test_replies_that_the_wire_has_no_words_for_are_refused(reply: Reply) -> None:
    with pytest.raises(UsageError):
        RESPONSES.render(reply)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/responses",
        "/responses",
        "/openai/v1/responses",
        "/openai/responses?api-version=2025-04-01-preview",
        "/backend-api/codex/responses",
        "/api/v1/responses",
    ],
)
def test_it_is_served_at(path: str) -> None:
    assert dialect_at(f"https://host{path}") is RESPONSES


REQUEST = {
    "model": "gpt-5.4",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gA=="},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "call_1", "name": "get_x", "arguments": '{"x": 1}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "done"},
    ],
    "tools": [
        {"type": "function", "name": "get_x", "description": "Gets.", "parameters": {"type": "object"}, "strict": True},
        {"type": "web_search"},
        {"type": "custom", "name": "apply_patch"},
    ],
    "tool_choice": {"type": "function", "name": "get_x"},
    "parallel_tool_calls": False,
    "max_output_tokens": 5,
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
    "stream": True,
}


def requested(body: object) -> HttpRequest:
    return HttpRequest("POST", "https://api.openai.com/v1/responses", body=json.dumps(body).encode())


@pytest.mark.parametrize("rest", [b"", b'data: {"type": "resp'])
def test_a_cut_stream_with_an_item_of_no_type_is_unreadable(rest: bytes) -> None:
    added = b'data: {"type": "response.output_item.added", "output_index": 0, "item": {"typ": "message"}}\n\n'
    with pytest.raises(UnreadableReplyError):
        RESPONSES.read(HttpResponse(200, (("content-type", "text/event-stream"),), (Chunk(added + rest),)))


def test_a_request_is_read() -> None:
    chat = read_chat_request(requested(REQUEST))
    assert chat is not None
    assert list(chat.schemas) == ["get_x", "apply_patch"]
    assert [message["role"] for message in chat.messages] == ["system", "user", "assistant", "tool"]
    assert chat.messages[2]["tool_calls"][0]["id"] == "call_1"
    assert (chat.provider, chat.model, chat.stream, chat.parallel) == ("openai", "gpt-5.4", True, False)
    assert (chat.choice, chat.json, chat.options) == (
        {"type": "function", "function": {"name": "get_x"}},
        {"type": "object"},
        {"max_tokens": 5},
    )
    mentions = RESPONSES.mentions(requested(REQUEST))
    assert (mentions.tools, mentions.choice, mentions.calls) == (("get_x", "apply_patch"), "get_x", ("get_x",))
    assert (mentions.call_ids, mentions.result_ids) == (("call_1",), ("call_1",))


@pytest.mark.parametrize(
    ("chosen", "meant"),
    [
        ("auto", "auto"),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_x"}]}, "auto"),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_x"}]},
            {"type": "function", "function": {"name": "get_x"}},
        ),
        ({"type": "web_search"}, "required"),
        (5, None),
        (None, None),
    ],
)
def test_a_choice_of_tools_is_read(chosen: object, meant: object) -> None:
    chat = read_chat_request(requested({"input": "Hi", "tool_choice": chosen}))
    assert chat is not None
    assert chat.choice == meant
    assert chat.messages == ({"role": "user", "content": "Hi"},)


@pytest.mark.parametrize("body", [5, [1], {"input": 5}, {"tools": [5]}, {"tools": 5}, {"input": [{"type": 5}]}])
def test_a_request_of_another_shape_is_read_as_far_as_it_goes(body: object) -> None:
    assert RESPONSES.mentions(requested(body)).calls == ()
    assert read_chat_request(requested(body)) is not None


@MODES
@pytest.mark.parametrize("reply", [SAMPLES[0], SAMPLES[1], SAMPLES[2], SAMPLES[7]])
@pytest.mark.parametrize("quirks", [(), ("lean",), ("reasoning_encrypted", "reasoning_between", "text_messages")])
def test_the_official_sdk_finds_what_was_rendered(stream: bool, reply: Reply, quirks: tuple[str, ...]) -> None:
    import openai

    chosen = {*quirks, "custom"} if reply is CUSTOM else set(quirks)
    sent = RESPONSES.render(reply, stream=stream, quirks=frozenset(chosen))
    client = openai.OpenAI(base_url="http://provider.test/v1", api_key="none", max_retries=0)
    with answering(lambda _: sent):
        if stream:
            with client.responses.stream(model="m", input="hi") as events:
                answer = events.get_final_response()
        else:
            answer = client.responses.create(model="m", input="hi")
    calls = [
        (item.name, json.loads(item.arguments) if item.type == "function_call" else {"input": item.input}, item.call_id)
        for item in answer.output
        if item.type in ("function_call", "custom_tool_call")
    ]
    assert answer.output_text == reply.text
    assert calls == [(call.name, call.parameters, call.id) for call in reply.calls]
    assert [item.id for item in answer.output if item.type == "web_search_call"] == [
        one.id for one in reply.provider_calls
    ]
