"""Chat completions, Ollama and Cohere: what they carry is read back whole, what they can't is refused, damage is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from harness.core.chat import CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import ProviderError, StreamCutError, UnreadableReplyError, UsageError
from harness.core.exchange import Chunk, HttpRequest, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.arguments import strict_json
from harness.dialects.openai_chat.facts import QUIRKS
from harness.dialects.providers import PROFILES

NAMES = ("openai", "ollama", "ollama_generate", "cohere")
MODES = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
REPORTED = (StreamCutError, UnreadableReplyError, ProviderError)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
TOOLS = st.sampled_from(["a", "get_x", "a.b:c", "日本", "x" * 130])
IDS = st.integers(0, 10**6).map("call_{}".format) | st.sampled_from(["functions.get_x:0", "x" * 60, "né\u2028w"])
OBJECTS = st.just({}) | st.dictionaries(TEXT, VALUES, max_size=3)
BROKEN = ('{"x": 1', '{"x": "a', "{x: 1}", "[1]", "[]", "5", "true", '"text"', '{"x": NaN}', '{"x": 1e999}', "{} {}")
BROKEN += ('{"x": 1, "x": 2}', '{"x": "\\ud800"}', '{"x":' * 200 + "1" + "}" * 200, "print(a)\r\n\u2028", "")
USAGE = st.builds(lambda a, b: Usage(a, b, a + b), st.integers(0, 9999), st.integers(0, 9999))
GOOD = st.builds(ToolCall, TOOLS, OBJECTS, IDS)
FINISHES = ("stop", "tool_calls", "length", "content_filter", "error", None)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Any reply there is, the odd ones included: many are more than a wire can carry."""
    faults = st.sampled_from(["arguments", "cut_off"])
    bad = st.builds(CallError, faults, st.just(""), st.sampled_from(BROKEN) | TEXT, TOOLS, IDS)
    nameless = st.builds(CallError, st.just("name"), st.just(""), st.just('{"x": 1}'), st.none(), IDS)
    made = draw(st.lists(GOOD | GOOD | bad | nameless, max_size=3))
    alone = len(made) == 1 and draw(st.booleans())
    return Reply(
        text="" if alone else draw(TEXT),
        calls=tuple(one for one in made if isinstance(one, ToolCall)),
        errors=tuple(replace(one, index=at) for at, one in enumerate(made) if isinstance(one, CallError)),
        finish=draw(st.sampled_from(FINISHES)),
        usage=draw(st.none() | USAGE),
        reasoning="" if alone else draw(TEXT),
        refusal=draw(st.sampled_from(["", "", "", "I can't"])),
    )


def ids(name: str, reply: Reply, quirks: frozenset[str]) -> list[str]:
    """What is left of the calls' ids, in order."""
    calls = in_order(reply)
    given = [call.id or "" for call in calls]
    if quirks & {"id_missing", "id_empty", "function_call"} or name == "ollama_generate":
        return ["" for _ in calls]
    if "id_dotted" in quirks:
        return [f"functions.{call.name}:{0 if 'id_same' in quirks else at}" for at, call in enumerate(calls)]
    if "id_same" in quirks:
        given = given[:1] * len(given)
    return [one.ljust(41, "0") for one in given] if "id_long" in quirks else given


def in_order(reply: Reply) -> list[ToolCall | CallError]:
    made: list[ToolCall | CallError] = list(reply.calls)
    for error in reply.errors:
        made.insert(error.index, error)
    return made


def finish_of(name: str, reply: Reply, quirks: frozenset[str]) -> str | None:
    if quirks & {"finish_null", "finish_empty", "finish_missing"}:
        return None
    lies = "finish_stop" in quirks or name.startswith("ollama")  # Ollama has no other word
    return "stop" if lies and reply.finish == "tool_calls" else reply.finish


def parts(reply: Reply, given: list[str], *, as_json: bool) -> list[tuple[object, ...]]:
    """The calls, good and bad, as comparable values. Where arguments travel as JSON the value is what counts."""
    made: list[tuple[object, ...]] = []
    for call, one in zip(in_order(reply), given, strict=True):
        if isinstance(call, ToolCall):
            made.append((call.name, repr(call.parameters), one))
        else:
            made.append((call.fault, call.name, value(call.raw) if as_json else call.raw, one))
    return made


def value(raw: str) -> str:
    try:
        return repr(strict_json(raw))
    except ValueError:
        return repr(raw)


def assert_kept(name: str, found: Reply, reply: Reply, quirks: frozenset[str]) -> None:
    as_json = name.startswith("ollama")
    read_ids = [call.id or "" for call in in_order(found)]
    assert parts(found, read_ids, as_json=as_json) == parts(reply, ids(name, reply, quirks), as_json=as_json)
    told = (found.text, found.reasoning, found.refusal, found.finish, found.usage)
    usage = None if "no_usage" in quirks else reply.usage
    assert told == (reply.text, reply.reasoning, reply.refusal, finish_of(name, reply, quirks), usage)


def looks_like_a_call(text: str) -> bool:
    try:
        return isinstance(strict_json(text), dict)
    except ValueError:
        return False


@MODES
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), reply=replies())
def test_what_is_carried_is_read_back_however_it_is_cut(
    name: str, stream: bool, data: st.DataObject, reply: Reply
) -> None:
    dialect = DIALECTS[name]
    quirks = data.draw(st.frozensets(st.sampled_from(sorted(dialect.quirks)), max_size=6))
    try:
        sent = dialect.render(reply, stream=stream, quirks=quirks)
    except UsageError:
        event("refused")
        return
    if name == "ollama_generate" and looks_like_a_call(reply.text):
        return  # /api/generate can't tell such a text from a call
    event(f"carried, {len(reply.calls)} good and {len(reply.errors)} bad calls")
    found = dialect.read(sent)
    assert_kept(name, found, reply, quirks)
    index = data.draw(st.integers(0, len(sent.body)))
    assert dialect.read(in_two(sent, index)) == found


def in_two(sent: HttpResponse, index: int) -> HttpResponse:
    return replace(sent, chunks=(Chunk(sent.body[:index]), Chunk(sent.body[index:])))


CALLS = (ToolCall("get_x", {"city": "Zürich 🙂", "n": 2**60}, "call_1"), ToolCall("b", {}, "call_2"))
RICH = {
    "openai": Reply("Let me sée 🙂", CALLS, finish="tool_calls", usage=Usage(3, 4, 7), reasoning="hm"),
    "ollama": Reply("Let me sée 🙂", CALLS, finish="tool_calls", usage=Usage(3, 4, 7), reasoning="hm"),
    "ollama_generate": Reply(calls=CALLS[:1], finish="tool_calls", usage=Usage(3, 4, 7), reasoning="hm"),
    "cohere": Reply("Let me sée 🙂", CALLS, finish="tool_calls", usage=Usage(3, 4, 7), reasoning="hm"),
}


@MODES
@pytest.mark.parametrize(("name", "quirk"), [(name, quirk) for name in NAMES for quirk in DIALECTS[name].quirks])
def test_every_quirk_is_read_back_on_its_own(name: str, quirk: str, stream: bool) -> None:
    for reply in (RICH[name], replace(RICH[name], calls=RICH[name].calls[:1]), Reply("Hi", finish="stop")):
        try:
            sent = DIALECTS[name].render(reply, stream=stream, quirks=frozenset({quirk}))
        except UsageError:
            assert (quirk, len(reply.calls) != 1) == ("function_call", True)
            continue
        assert_kept(name, DIALECTS[name].read(sent), reply, frozenset({quirk}))


@MODES
@pytest.mark.parametrize("name", NAMES)
def test_every_cut_in_two_gives_the_same_reply(name: str, stream: bool) -> None:
    sent = DIALECTS[name].render(RICH[name], stream=stream)
    found = DIALECTS[name].read(sent)
    for index in range(len(sent.body) + 1):
        assert DIALECTS[name].read(in_two(sent, index)) == found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quirked", [False, True])
def test_a_stream_cut_anywhere_is_cut_or_whole_and_never_has_half_a_call(name: str, quirked: bool) -> None:
    dialect = DIALECTS[name]
    quirks = {"openai": {"call_in_one_chunk", "crlf", "comments"}, "cohere": {"ndjson"}}.get(name, set())
    sent = dialect.render(RICH[name], stream=True, quirks=frozenset(quirks if quirked else ()))
    whole, outcomes = dialect.read(sent), {"cut": 0, "whole": 0}
    for index in range(len(sent.body)):
        torn, found = None, None
        try:
            found = dialect.read(replace(sent, chunks=(Chunk(sent.body[:index]),)))
        except StreamCutError as error:
            torn = error.reply
        outcomes["whole" if found else "cut"] += 1
        if found:
            assert (found.text, found.calls, found.errors) == (whole.text, whole.calls, whole.errors)
            continue
        assert torn is not None
        assert torn.calls == ()
        assert all(one.fault == "cut_off" for one in torn.errors)
        assert name == "ollama_generate" or whole.text.startswith(torn.text)
        assert whole.reasoning.startswith(torn.reasoning)
    assert outcomes["cut"] > outcomes["whole"]


MISTYPED: tuple[Any, ...] = (None, 5, "x", [], {}, [1], {"x": 1}, True, -1, "")


def spoiled(value: Any) -> Iterator[Any]:
    """``value`` with one leaf or branch of it replaced, deleted or doubled."""
    if isinstance(value, dict):
        for key in value:
            yield {other: inner for other, inner in value.items() if other != key}
            yield from ({**value, key: one} for one in spoiled(value[key]))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield [*value[: at + 1], *value[at:]]
            yield from ([*value[:at], one, *value[at + 1 :]] for one in spoiled(inner))
    yield from (copy.deepcopy(one) for one in MISTYPED)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_answer_of_the_wrong_shape_is_read_or_named_and_never_a_crash(name: str) -> None:
    dialect = DIALECTS[name]
    sent = dialect.render(RICH[name])
    named = 0
    for body in spoiled(json.loads(sent.body)):
        try:
            dialect.read(replace(sent, chunks=(Chunk(json.dumps(body).encode()),)))
        except REPORTED:
            named += 1
    assert named > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_with_one_event_of_the_wrong_shape_is_read_or_named_and_never_a_crash(name: str) -> None:
    dialect = DIALECTS[name]
    sent = dialect.render(RICH[name], stream=True)
    named = 0
    for index, chunk in enumerate(sent.chunks):
        before, brace, rest = chunk.data.partition(b"{")
        if not brace:
            continue
        for body in spoiled(json.loads(brace + rest)):
            made = Chunk(before + json.dumps(body).encode() + b"\n" * (1 if "json" in sent.headers[0][1] else 2))
            try:
                dialect.read(replace(sent, chunks=(*sent.chunks[:index], made, *sent.chunks[index + 1 :])))
            except REPORTED:
                named += 1
    assert named > 100


@pytest.mark.parametrize("name", ["ollama", "cohere"])
def test_lost_doubled_and_swapped_pieces_are_found_where_the_wire_tells(name: str) -> None:
    dialect = DIALECTS[name]
    chunks = dialect.render(RICH[name], stream=True, quirks=frozenset({"no_usage"})).chunks
    sent = dialect.render(RICH[name], stream=True)
    ends = len(chunks) - (name == "cohere")
    late = replace(sent, chunks=(*sent.chunks[:ends], sent.chunks[1], *sent.chunks[ends:]))
    with pytest.raises(UnreadableReplyError):
        dialect.read(late)
    if name == "cohere":
        starts = [at for at, one in enumerate(sent.chunks) if b"-start" in one.data or b"-end" in one.data]
        for at in starts:
            with pytest.raises((UnreadableReplyError, StreamCutError)):
                dialect.read(replace(sent, chunks=(*sent.chunks[:at], *sent.chunks[at + 1 :])))
            with pytest.raises(UnreadableReplyError):
                dialect.read(replace(sent, chunks=(*sent.chunks[: at + 1], *sent.chunks[at:])))


@pytest.mark.parametrize(
    ("name", "failure", "stream", "status"),
    [
        ("openai", "error_event", True, 400),
        ("openai", "error_chunk", True, 502),
        ("openai", "error_body", False, 400),
        ("ollama", "error_line", True, None),
        ("ollama_generate", "error_line", True, None),
        ("cohere", "error_end", True, None),
    ],
)
def test_a_failure_under_status_200_is_the_providers_error(
    name: str, failure: str, stream: bool, status: int | None
) -> None:
    dialect = DIALECTS[name]
    sent = dialect.render(RICH[name], stream=stream, quirks=frozenset({failure}))
    assert sent.status == 200
    with pytest.raises(ProviderError) as raised:
        dialect.read(sent)
    assert raised.value.status == status
    assert str(raised.value)
    with pytest.raises(UsageError):
        dialect.render(RICH[name], stream=not stream, quirks=frozenset({failure}))


def test_all_failures_are_tested() -> None:
    assert {name: set(DIALECTS[name].failures) for name in NAMES} == {
        "openai": {"error_event", "error_chunk", "error_body"},
        "ollama": {"error_line"},
        "ollama_generate": {"error_line"},
        "cohere": {"error_end"},
    }


@pytest.mark.parametrize("name", NAMES)
def test_replies_that_the_wire_has_no_words_for_are_refused(name: str) -> None:
    for reply in (
        Reply("hi", provider_calls=(ProviderCall("a", {}, "1"),), finish="stop"),
        Reply("\ud800", finish="stop"),
        Reply("hi", finish="refusal"),
        Reply(calls=(ToolCall("a", {"x": float("nan")}, "1"),), finish="tool_calls"),
        Reply(errors=(CallError("arguments", "", '{"x": 1}', "a", "1"),), finish="tool_calls"),
    ):
        for stream in (False, True):
            with pytest.raises(UsageError):
                DIALECTS[name].render(reply, stream=stream)


@pytest.mark.parametrize(
    ("quirks", "reply"),
    [
        ({"no_done", "finish_null"}, Reply("hi", finish="stop")),
        ({"no_done"}, Reply("hi", finish=None)),
        ({"function_call"}, RICH["openai"]),
        ({"function_call"}, Reply("hi", finish="stop")),
        ({"function_call", "function_call_empty"}, replace(RICH["openai"], calls=CALLS[:1])),
        ({"index_missing", "id_same"}, RICH["openai"]),
        ({"index_minus_one", "id_same"}, RICH["openai"]),
        ({"arguments_empty_string"}, replace(RICH["openai"], finish="length")),
        ({"arguments_missing"}, replace(RICH["openai"], finish="length")),
    ],
)
def test_quirks_that_would_make_another_reply_are_refused(quirks: set[str], reply: Reply) -> None:
    with pytest.raises(UsageError):
        DIALECTS["openai"].render(reply, stream=True, quirks=frozenset(quirks))


def test_every_quirk_of_a_provider_is_one_of_its_dialect() -> None:
    for profile in PROFILES.values():
        assert profile.quirks <= DIALECTS[profile.dialect].quirks.keys(), profile.provider


def test_an_error_answer_has_the_providers_shape() -> None:
    refused = DIALECTS["openai"].error(429, "slow down", retry_after=2.5)
    assert refused.status == 429
    assert ("retry-after", "2.5") in refused.headers
    assert json.loads(refused.body)["error"]["code"] == "rate_limit_exceeded"
    assert json.loads(DIALECTS["ollama"].error(404, "no model").body) == {"error": "no model"}
    assert json.loads(DIALECTS["cohere"].error(500, "oh").body)["message"] == "oh"


ASKED_FOR = {
    "tools": [{"type": "function", "function": {"name": "a__b"}}, {"type": "custom", "custom": {"name": "sh"}}],
    "tool_choice": {"type": "function", "function": {"name": "a__b"}},
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "a__b", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "name": "a__b", "content": "done"},
        {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "done"},
    ],
}


@pytest.mark.parametrize("name", ["openai", "ollama", "cohere"])
def test_a_request_mentions_tools_calls_and_results(name: str) -> None:
    found = DIALECTS[name].mentions(HttpRequest("POST", "http://x", body=json.dumps(ASKED_FOR).encode()))
    assert (found.tools, found.choice) == (("a__b", "sh"), "a__b")
    assert (found.calls, found.results) == (("a__b", "old"), ("a__b", "old"))
    assert (found.call_ids, found.result_ids) == (("1",), ("1",))


@pytest.mark.parametrize("body", [b"", b"no JSON", b"5", b"[1]", b'{"messages": 5}', b'{"tools": [5]}', b"\xff"])
def test_another_request_mentions_nothing(body: bytes) -> None:
    found = DIALECTS["openai"].mentions(HttpRequest("POST", "http://x", body=body))
    assert (found.tools, found.calls, found.call_ids) == ((), (), ())


def test_the_quirk_table_names_everything_that_the_renderer_looks_at() -> None:
    sample = DIALECTS["openai"].render(Reply("hi", finish="stop"), quirks=frozenset(QUIRKS) - {"function_call"})
    assert sample.status == 200


def test_bytes_that_are_no_answer_are_unreadable() -> None:
    for name in NAMES:
        for body in (b"", b"<html>", b"[]", b"null", b"5", b'"x"', b"{}", b"\xff\xfe"):
            with pytest.raises((UnreadableReplyError, StreamCutError)):
                DIALECTS[name].read(HttpResponse(200, (("content-type", "application/json"),), (Chunk(body),)))


@pytest.mark.parametrize("count", ["1e400", "-1e400", '"x"'])
def test_a_token_count_that_is_no_number_is_an_answer_that_cannot_be_read(count: str) -> None:
    body = '{"message": {"role": "assistant"}, "finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": %s}}}'
    with pytest.raises(UnreadableReplyError):
        DIALECTS["cohere"].read(HttpResponse(200, (), (Chunk((body % count).encode()),)))
