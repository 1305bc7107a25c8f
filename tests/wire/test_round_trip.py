"""What a dialect writes, it reads back: any reply that it can carry, under any quirks, whole and streamed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.chat import CallError, Reply, ToolCall, Usage
from harness.errors import StreamCutError, UsageError
from harness.exchange import Chunk, HttpResponse
from harness.wire import DIALECTS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
CALLS = st.builds(
    ToolCall,
    name=st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True),
    parameters=st.dictionaries(TEXT, VALUES, max_size=3),
    id=st.uuids().map(lambda one: f"call_{one.hex[:12]}"),
)
NO_USAGE = frozenset({"no_usage"})
USAGE = st.builds(lambda a, b: Usage(a, b, a + b), st.integers(0, 9999), st.integers(0, 9999))
LOSSY_IDS = {"id_missing", "id_empty", "id_same", "function_call"}
# Dialects that name calls by their place alone, and say STOP after them.
IDLESS = {"gemini", "ollama", "ollama_generate"}
LOSSY_FINISH = {"finish_stop", "finish_null", "finish_empty", "finish_missing"}


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    calls = draw(st.lists(CALLS, max_size=3, unique_by=lambda call: call.id))
    return Reply(
        text=draw(TEXT),
        calls=tuple(calls),
        finish="tool_calls" if calls else draw(st.sampled_from(["stop", "length"])),
        usage=draw(st.none() | USAGE),
    )


def plain(name: str, reply: Reply, quirks: frozenset[str]) -> tuple[object, ...]:
    """The parts of a reply that its dialect and quirks let through."""
    ids = not quirks & LOSSY_IDS and (name not in IDLESS or "id" in quirks)
    calls = tuple((call.name, repr(call.parameters), call.id if ids else "") for call in reply.calls)
    finish = None if quirks & LOSSY_FINISH else reply.finish
    if name in IDLESS and finish == "tool_calls":
        finish = "stop"  # these have no other word
    usage = None if "no_usage" in quirks else reply.usage
    return reply.text, calls, reply.errors, finish, usage


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=300, deadline=None)
@given(data=st.data(), reply=replies(), stream=st.booleans())
def test_what_is_written_is_read_back(name: str, data: st.DataObject, reply: Reply, stream: bool) -> None:
    dialect = DIALECTS[name]
    quirks = frozenset(data.draw(st.lists(st.sampled_from(sorted(dialect.quirks)), max_size=3, unique=True)))
    try:
        sent = dialect.render(reply, stream=stream, quirks=quirks)
    except UsageError:
        return  # this dialect, so quirked, has no place for this reply
    if quirks & {"finish_null", "finish_empty"} and "no_done" in quirks:
        return  # nothing then says that the stream is over
    if stream and "id_same" in quirks and quirks & {"index_missing", "index_minus_one"}:
        return  # a call of its own and a repeated head then look the same
    assert plain(name, dialect.read(sent), quirks) == plain(name, reply, quirks)


@pytest.mark.parametrize("name", DIALECTS)
def test_every_quirk_changes_the_bytes_of_some_reply(name: str) -> None:
    dialect = DIALECTS[name]
    call, other = ToolCall("a", {}, "call_1"), ToolCall("b", {"x": "long enough to be cut", "y": 1}, "call_2")
    samples = [
        Reply(text="hello there", finish="stop", usage=Usage(1, 2, 3), reasoning="because"),
        Reply(calls=(call,), finish="tool_calls"),
        Reply(text="hello", finish="stop", usage=Usage(1, 2, 3)),
        Reply(text="so", calls=(other, call, other), finish="tool_calls", usage=Usage(1, 2, 3)),
        Reply(
            text="so",
            calls=(call,),
            provider_calls=(ToolCall("web_search", {"q": "x"}, "srvtoolu_1"),),
            finish="tool_calls",
        ),
        Reply(errors=(CallError("arguments", "", "Malformed function call: print(a)"),), finish="error"),
        Reply(calls=(call,), finish="error"),
        Reply(finish="content_filter"),
    ]
    for quirk in dialect.quirks:
        assert any(
            written(name, one, stream, {quirk}) != written(name, one, stream, set())
            for one in samples
            for stream in (False, True)
        ), quirk


def written(name: str, reply: Reply, stream: bool, quirks: set[str]) -> bytes | None:
    try:
        return DIALECTS[name].render(reply, stream=stream, quirks=frozenset(quirks)).body
    except UsageError:
        return None


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=40, deadline=None)
@given(reply=replies())
def test_a_stream_cut_anywhere_is_a_cut_stream_or_the_whole_reply(name: str, reply: Reply) -> None:
    dialect = DIALECTS[name]
    try:
        sent = dialect.render(reply, stream=True)
    except UsageError:
        return  # this dialect has no place for this reply
    whole = sent.body
    for place in range(0, len(whole), 3):
        cut = HttpResponse(sent.status, sent.headers, (Chunk(whole[:place]),))
        try:
            found = dialect.read(cut)
        except StreamCutError as error:
            half = error.reply.calls if error.reply else ()
            assert half == ()
        else:
            assert plain(name, found, NO_USAGE)[:3] == plain(name, reply, NO_USAGE)[:3]


@pytest.mark.parametrize("name", DIALECTS)
def test_an_unknown_quirk_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no quirk nonsense"):
        DIALECTS[name].render(Reply(text="x", finish="stop"), quirks=frozenset({"nonsense"}))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ('{"x": 1', "arguments"),
        ("[1]", "arguments"),
        ('"{}"', "arguments"),
        ('{"x": NaN}', "arguments"),
        ('{"x": 1e999}', "arguments"),
        ('{"x": 1, "x": 2}', "arguments"),
        ('{"x": "\\ud800"}', "arguments"),
        ("{} {}", "arguments"),
        ('{"x":' * 200 + "1" + "}" * 200, "arguments"),
    ],
)
def test_broken_arguments_are_errors_with_their_text(raw: str, fault: str, stream: bool) -> None:
    good = ToolCall("good", {"a": 1}, "call_1")
    broken = CallError(fault, "", raw, "bad", "call_2", index=0)  # type: ignore[arg-type]
    dialect = DIALECTS["openai"]
    found = dialect.read(
        dialect.render(Reply(text="hm", calls=(good,), errors=(broken,), finish="tool_calls"), stream=stream)
    )
    assert found.calls == (good,)
    assert found.text == "hm"
    assert [(error.fault, error.raw, error.index) for error in found.errors] == [(fault, raw, 0)]


def test_nothing_sent_before_the_limit_is_cut_off_and_not_no_arguments() -> None:
    dialect = DIALECTS["openai"]
    reply = Reply(calls=(ToolCall("a", {}, "1"), ToolCall("b", {}, "2")), finish="length")
    found = dialect.read(dialect.render(reply, quirks=frozenset({"arguments_empty_string"})))
    assert [call.name for call in found.calls] == ["a"]
    assert [(error.name, error.fault) for error in found.errors] == [("b", "cut_off")]
