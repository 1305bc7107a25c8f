"""Anthropic, Gemini and Bedrock: what they carry is read back whole, what they can't is refused, damage is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
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
from harness.dialects.framing import eventstream

NAMES = ("anthropic", "gemini", "bedrock")
REPORTED = (StreamCutError, UnreadableReplyError, ProviderError)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
TOOL_NAMES = st.sampled_from(["a", "get_x", "web_search", "x" * 64])
IDS = st.integers(0, 10**6).map("toolu_{}".format)
OBJECTS = st.just({}) | st.dictionaries(TEXT, VALUES, max_size=3)
BROKEN = ('{"x": 1', '{"x": "a', "{x: 1}", "[1]", "[]", "5", "true", '"text"', '{"x": NaN}', '{"x": 1e999}', "{} {}")
BROKEN += ('{"x": 1, "x": 2}', '{"x": "\\ud800"}', '{"x":' * 200 + "1" + "}" * 200, "print(a)", "")
USAGE = st.builds(lambda a, b: Usage(a, b, a + b), st.integers(0, 9999), st.integers(0, 9999))
GOOD = st.builds(ToolCall, TOOL_NAMES, OBJECTS, IDS)
RESULTS = st.none() | st.fixed_dictionaries(
    {"content": st.lists(st.builds(lambda text: {"text": text}, TEXT), max_size=2)}
)
RAN = st.builds(ProviderCall, TOOL_NAMES, OBJECTS, IDS, RESULTS)
FINISHES = ("stop", "tool_calls", "length", "content_filter", "error", None)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Any reply there is, the odd ones included: many are more than a wire can carry."""
    bad = st.builds(
        CallError,
        st.sampled_from(["arguments", "cut_off"]),
        st.just(""),
        st.sampled_from(BROKEN) | TEXT,
        TOOL_NAMES,
        IDS,
    )
    nameless = st.builds(CallError, st.just("name"), st.just(""), st.just('{"x": 1}'), st.none(), IDS)
    made = draw(st.lists(GOOD | GOOD | bad | nameless, max_size=3))
    return Reply(
        text=draw(TEXT),
        calls=tuple(one for one in made if isinstance(one, ToolCall)),
        errors=tuple(replace(one, index=at) for at, one in enumerate(made) if isinstance(one, CallError)),
        provider_calls=tuple(draw(st.lists(RAN, max_size=2, unique_by=lambda one: one.id))),
        finish=draw(st.sampled_from(FINISHES)),
        usage=draw(st.none() | USAGE),
        reasoning=draw(TEXT),
    )


def as_value(raw: str) -> object:
    """Arguments that travel as JSON lose their spelling: the value is what counts."""
    try:
        return repr(strict_json(raw))
    except ValueError:
        return repr(raw)


def parts(name: str, reply: Reply, quirks: frozenset[str], *, stream: bool) -> dict[str, object]:
    """A reply as its wire and these quirks can tell it: Gemini drops ids and has no word for tool calls."""
    raw = str if stream and name != "gemini" else as_value
    named = name != "gemini" or "id" in quirks
    finish = reply.finish
    if finish == "tool_calls" and (name == "gemini" or "finish_stop" in quirks):
        finish = "stop"
    return {
        "text": reply.text,
        "calls": [(call.name, repr(call.parameters), call.id if named else "") for call in reply.calls],
        "errors": [
            (one.fault, raw(one.raw), one.name, (one.id or "") if named else "", one.index) for one in reply.errors
        ],
        "theirs": [(one.name, repr(one.parameters), one.id, one.result) for one in reply.provider_calls],
        "finish": finish,
        "usage": None if "no_usage" in quirks else reply.usage,
        "reasoning": reply.reasoning,
    }


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), reply=replies())
def test_what_is_carried_is_read_back(name: str, stream: bool, data: st.DataObject, reply: Reply) -> None:
    dialect = DIALECTS[name]
    quirks = data.draw(st.frozensets(st.sampled_from(sorted(dialect.quirks)), max_size=4))
    try:
        sent = dialect.render(reply, stream=stream, quirks=quirks)
    except UsageError:
        event("refused")
        return
    event(f"carried, {len(reply.calls)} good and {len(reply.errors)} bad calls")
    found = dialect.read(sent)
    assert parts(name, found, quirks, stream=stream) == parts(name, reply, quirks, stream=stream)
    assert found.raw_finish is not None or reply.finish is None


RICH = Reply(
    text="Let me sée 🙂",
    calls=(ToolCall("get_x", {"city": "Zürich 🙂", "n": 2**60}, "toolu_1"), ToolCall("b", {}, "toolu_2")),
    provider_calls=(ProviderCall("web_search", {"query": "日本"}, "srvtoolu_1", {"content": [{"text": "日"}]}),),
    finish="tool_calls",
    usage=Usage(3, 4, 7),
    reasoning="hm",
)


@pytest.mark.parametrize("quirked", [False, True], ids=["plain", "every quirk"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
def test_every_two_part_cut_reads_alike(name: str, stream: bool, quirked: bool) -> None:
    dialect = DIALECTS[name]
    quirks = frozenset(dialect.quirks if quirked else ())
    sent = dialect.render(RICH, stream=stream, quirks=quirks)
    body = sent.body
    whole = dialect.read(sent)
    assert parts(name, whole, quirks, stream=stream) == parts(name, RICH, quirks, stream=stream)
    for index in range(len(body) + 1):
        assert dialect.read(replace(sent, chunks=(Chunk(body[:index]), Chunk(body[index:])))) == whole


def come(name: str, sent: HttpResponse) -> tuple[Reply, bool]:
    """What came of a stream, and whether it came whole."""
    try:
        return DIALECTS[name].read(sent), True
    except StreamCutError as error:
        return error.reply, False


@pytest.mark.parametrize(
    ("name", "quirk"), [*((name, None) for name in NAMES), ("gemini", "json_array")], ids=lambda one: one or "plain"
)
def test_a_stream_that_ends_early_is_cut_at_every_byte(name: str, quirk: str | None) -> None:
    dialect = DIALECTS[name]
    sent = dialect.render(RICH, stream=True, quirks=frozenset({quirk} if quirk else ()))
    body = sent.body
    cut = 0
    for index in range(len(body)):
        found, whole = come(name, replace(sent, chunks=(Chunk(body[:index]),)))
        if whole:
            assert [(call.name, call.parameters) for call in found.calls] == [
                (c.name, c.parameters) for c in RICH.calls
            ]
            assert found.text == RICH.text
        else:
            cut += 1
            assert found.calls == ()
            assert RICH.text.startswith(found.text)
    assert cut > len(body) * 0.7


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
@pytest.mark.parametrize("raw", BROKEN[:-1])
def test_a_stream_carries_every_broken_call(name: str, raw: str) -> None:
    broken = CallError("arguments", "", raw, "bad", "toolu_9", index=0)
    reply = Reply(text="hm", calls=(ToolCall("a", {"x": 1}, "toolu_1"),), errors=(broken,), finish="tool_calls")
    found = DIALECTS[name].read(DIALECTS[name].render(reply, stream=True))
    assert found.calls == reply.calls
    assert [replace(error, detail="") for error in found.errors] == [broken]


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
@pytest.mark.parametrize("raw", ["", '{"x": 1', '{"x": "'])
def test_a_call_that_the_limit_cut_is_cut_off(name: str, raw: str) -> None:
    broken = CallError("cut_off", "", raw, "bad", "toolu_9", index=1)
    reply = Reply(calls=(ToolCall("a", {}, "toolu_1"),), errors=(broken,), finish="length")
    found = DIALECTS[name].read(DIALECTS[name].render(reply, stream=True))
    assert found.calls == reply.calls
    assert [replace(error, detail="") for error in found.errors] == [broken]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("raw", ["[1]", "5", "true", '"text"', "[]"])
def test_a_whole_answer_carries_arguments_that_are_json_but_no_object(name: str, raw: str) -> None:
    reply = Reply(errors=(CallError("arguments", "", raw, "bad", "toolu_9"),), finish="tool_calls")
    (error,) = DIALECTS[name].read(DIALECTS[name].render(reply)).errors
    assert (error.fault, as_value(error.raw)) == ("arguments", as_value(raw) if raw != '"text"' else "'text'")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("raw", ['{"x": 1', '{"x": NaN}', '{"x": 1e999}', '{"x": 1, "x": 2}', '{"x": "\\ud800"}', ""])
def test_a_whole_answer_refuses_what_is_no_json(name: str, raw: str) -> None:
    reply = Reply(errors=(CallError("arguments", "", raw, "bad", "toolu_9"),), finish="tool_calls")
    with pytest.raises(UsageError, match="sends arguments as JSON"):
        DIALECTS[name].render(reply)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(refusal="I won't", finish="stop"), "no field for a refusal"),
        (Reply(text="x", finish="refusal"), "no stop reason for 'refusal'"),
        (Reply(text="\ud800", finish="stop"), "lone surrogates"),
        (Reply(calls=(ToolCall("", {}, "1"),), finish="tool_calls"), "without a usable name"),
        (Reply(calls=(ToolCall("a", {"x": float("nan")}, "1"),), finish="tool_calls"), "nan is no JSON number"),
        (Reply(errors=(CallError("arguments", "", '{"x": 1}', "a", "1"),), finish="tool_calls"), "a good call"),
        (Reply(errors=(CallError("cut_off", "", "[1]", "a", "1"),), finish="tool_calls"), "can't carry"),
    ],
)
def test_what_would_be_lost_is_refused(name: str, stream: bool, reply: Reply, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        DIALECTS[name].render(reply, stream=stream)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_no_arguments_at_the_limit_look_cut_off_where_nothing_sent_looks_so_too(stream: bool) -> None:
    reply = Reply(calls=(ToolCall("a", {}, "toolu_1"),), finish="length")
    for name in ("anthropic", "bedrock"):
        with pytest.raises(UsageError, match="cut off before any arguments"):
            DIALECTS[name].render(reply, stream=stream)
    sent = DIALECTS["bedrock"].render(reply, stream=True, quirks=frozenset({"empty_object"}))
    assert DIALECTS["bedrock"].read(sent).calls == reply.calls
    assert len(DIALECTS["gemini"].read(DIALECTS["gemini"].render(reply, stream=stream)).calls) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_failure_is_a_provider_error_in_a_200_stream(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.failures
    for failure in dialect.failures:
        sent = dialect.render(RICH, stream=True, quirks=frozenset({failure}))
        assert sent.status == 200
        with pytest.raises(ProviderError) as caught:
            dialect.read(sent)
        assert caught.value.provider == name
        assert str(caught.value)
        with pytest.raises(UsageError, match="status of its own"):
            dialect.render(RICH, quirks=frozenset({failure}))


# Damage


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
@given(
    at=st.floats(0, 0.999), bits=st.integers(1, 255), quirks=st.sampled_from([frozenset(), frozenset({"json_array"})])
)
def test_a_wrong_byte_is_a_reply_or_a_typed_error(
    name: str, stream: bool, at: float, bits: int, quirks: frozenset[str]
) -> None:
    sent = DIALECTS[name].render(RICH, stream=stream, quirks=quirks & DIALECTS[name].quirks.keys())
    body = bytearray(sent.body)
    body[int(at * len(body))] ^= bits
    damaged = replace(sent, chunks=(Chunk(bytes(body)),))
    if name == "bedrock" and stream:
        with pytest.raises((StreamCutError, UnreadableReplyError)):
            DIALECTS[name].read(damaged)
        return
    try:
        DIALECTS[name].read(damaged)
    except REPORTED as error:
        event(type(error).__name__)


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_an_event_lost_doubled_or_swapped_is_told_unless_it_is_a_piece_among_pieces(name: str) -> None:
    sent = DIALECTS[name].render(RICH, stream=True)
    count = len(sent.chunks)
    silent = []
    for index in range(count):
        one = sent.chunks[index]
        lost = (*sent.chunks[:index], *sent.chunks[index + 1 :])
        doubled = (*sent.chunks[: index + 1], *sent.chunks[index:])
        swapped = (*sent.chunks[:index], *sent.chunks[index + 1 : index + 2], one, *sent.chunks[index + 2 :])
        for how, chunks in (("lost", lost), ("doubled", doubled), ("swapped", swapped)):
            try:
                found = DIALECTS[name].read(replace(sent, chunks=chunks))
            except REPORTED:
                continue
            if (found.text, found.calls, found.errors) != (RICH.text, RICH.calls, ()):
                silent.append((how, index, one.data))
    # A piece is a piece: nothing in these streams counts them. A lost or doubled one is text like any other.
    assert [entry for entry in silent if b"elta" not in entry[2]] == []


def kinds(name: str, sent: HttpResponse) -> list[tuple[str, int]]:
    """The kind of each event of a stream, in the dialect's own word, and the block it is about."""
    if name == "bedrock":
        frames = [next(eventstream.frames(chunk.data)) for chunk in sent.chunks]
        return [(one.headers[":event-type"], json.loads(one.payload).get("contentBlockIndex", -1)) for one in frames]
    bodies = [_payload(name, chunk.data) for chunk in sent.chunks]
    return [(one.get("type", ""), one.get("index", -1)) for one in bodies]


ORDER = {
    "anthropic": ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
    "bedrock": ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"),
}


@pytest.mark.parametrize("broken", ["begun twice", "started twice", "late piece", "stopped twice", "open", "headless"])
@pytest.mark.parametrize("name", ORDER)
def test_what_breaks_the_order_is_unreadable(name: str, broken: str) -> None:
    begin, start, delta, stop, end = ORDER[name]
    sent = DIALECTS[name].render(RICH, stream=True)
    said = kinds(name, sent)
    block = next(index for kind, index in said if kind == start and index > 0)
    at = {kind: said.index((kind, block)) for kind in (start, delta, stop)}
    chunks = list(sent.chunks)
    if broken == "begun twice":
        chunks.insert(2, chunks[said.index((begin, -1))])
    elif broken == "started twice":
        chunks.insert(at[stop], chunks[at[start]])
    elif broken == "late piece":
        chunks.insert(at[stop] + 1, chunks[at[delta]])
    elif broken == "stopped twice":
        chunks.insert(at[stop] + 1, chunks[at[stop]])
    elif broken == "open":
        del chunks[at[stop]]
    else:
        del chunks[said.index((begin, -1))]
    assert (end, -1) in said
    with pytest.raises(UnreadableReplyError) as caught:
        DIALECTS[name].read(replace(sent, chunks=tuple(chunks)))
    assert caught.value.raw


@pytest.mark.parametrize("name", ORDER)
def test_a_piece_in_a_block_of_another_kind_is_unreadable(name: str) -> None:
    sent = DIALECTS[name].render(RICH, stream=True)
    said = kinds(name, sent)
    delta = ORDER[name][2]
    places = {index: [at for at, one in enumerate(said) if one == (delta, index)] for _, index in said}
    first = {index: _payload(name, sent.chunks[at[0]].data) for index, at in places.items() if at}
    key = "index" if name == "anthropic" else "contentBlockIndex"
    for piece in first.values():
        for other, theirs in first.items():
            if alike(piece["delta"], theirs["delta"]):
                continue
            chunks = [*sent.chunks]
            index = places[other][-1]
            chunks[index] = Chunk(_with_payload(name, chunks[index].data, {**piece, key: other}))
            with pytest.raises(UnreadableReplyError):
                DIALECTS[name].read(replace(sent, chunks=tuple(chunks)))
    assert len(first) >= 4


def alike(delta: dict[str, Any], other: dict[str, Any]) -> bool:
    return delta.get("type") == other.get("type") and delta.keys() == other.keys()


@pytest.mark.parametrize("quirk", ["calls_apart", "json_array"])
def test_a_call_after_geminis_finish_reason_is_unreadable(quirk: str) -> None:
    sent = DIALECTS["gemini"].render(RICH, stream=True, quirks=frozenset({quirk}))
    last = -2 if quirk == "json_array" else -1
    chunks = [*sent.chunks]
    chunks.insert(len(chunks) + last + 1, sent.chunks[last])
    with pytest.raises(UnreadableReplyError, match="after the finish reason"):
        DIALECTS["gemini"].read(replace(sent, chunks=tuple(chunks)))


def test_an_array_that_is_closed_is_not_cut_but_wrong() -> None:
    sent = DIALECTS["gemini"].render(RICH, stream=True, quirks=frozenset({"json_array"}))
    wrong = sent.body.replace(b'"candidates":', b'"candidates";', 1)
    with pytest.raises(UnreadableReplyError, match="no JSON"):
        DIALECTS["gemini"].read(replace(sent, chunks=(Chunk(wrong),)))
    with pytest.raises(StreamCutError):
        DIALECTS["gemini"].read(replace(sent, chunks=(Chunk(wrong[:-1]),)))


def mistyped(value: Any) -> Iterator[Any]:
    """``value`` with one of its nodes, any of them, gone or of another type."""
    for path in _paths(value):
        for wrong in (None, 7, "seven", [], {}, [[]], True):
            made = copy.deepcopy(value)
            if not path:
                yield wrong
                continue
            node = made
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = wrong
            yield made
            del node[path[-1]]
            yield made


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from _paths(one, (*path, step))


def read_or_tell(name: str, sent: HttpResponse) -> None:
    with suppress(*REPORTED):
        reply = DIALECTS[name].read(sent)
        assert isinstance(reply.text, str)
        assert all(isinstance(call.name, str) and isinstance(call.parameters, dict) for call in reply.calls)


@pytest.mark.parametrize("name", NAMES)
def test_a_mistyped_field_of_a_whole_answer_is_a_typed_error_or_a_reply(name: str) -> None:
    sent = DIALECTS[name].render(RICH)
    for wrong in mistyped(json.loads(sent.body)):
        read_or_tell(name, replace(sent, chunks=(Chunk(json.dumps(wrong).encode()),)))


@pytest.mark.parametrize("name", NAMES)
def test_a_mistyped_field_of_an_event_is_a_typed_error_or_a_reply(name: str) -> None:
    sent = DIALECTS[name].render(RICH, stream=True)
    for index, chunk in enumerate(sent.chunks):
        for wrong in mistyped(_payload(name, chunk.data)):
            chunks = [*sent.chunks]
            chunks[index] = Chunk(_with_payload(name, chunk.data, wrong))
            read_or_tell(name, replace(sent, chunks=tuple(chunks)))


def _payload(name: str, data: bytes) -> Any:
    if name == "bedrock":
        (frame,) = eventstream.frames(data)
        return json.loads(frame.payload)
    return json.loads(data.partition(b"data: ")[2])


def _with_payload(name: str, data: bytes, wrong: Any) -> bytes:
    if name == "bedrock":
        (frame,) = eventstream.frames(data)
        return eventstream.write(frame.headers, json.dumps(wrong).encode())
    head, mark, _ = data.partition(b"data: ")
    return head + mark + json.dumps(wrong).encode() + b"\n\n"


# Requests


@pytest.mark.parametrize("name", NAMES)
def test_any_request_body_gives_mentions(name: str) -> None:
    body = {
        "tools": [{"name": "a", "toolSpec": {"name": "a"}, "functionDeclarations": [{"name": "a"}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]},
        "messages": [{"role": "user", "content": [{"toolUse": {"name": "a", "toolUseId": "1"}}]}],
        "contents": [{"parts": [{"functionCall": {"name": "a"}}]}],
    }
    for wrong in mistyped(body):
        DIALECTS[name].mentions(HttpRequest("POST", "http://x", (), json.dumps(wrong).encode()))
    for raw in (b"", b"\xff", b"[]", b"null", b"[" * 100_000):
        mentions = DIALECTS[name].mentions(HttpRequest("POST", "http://x", (), raw))
        assert mentions.tools == ()
