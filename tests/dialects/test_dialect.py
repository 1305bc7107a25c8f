"""What holds for every dialect alike; what each carries and reads back is tested beside it."""

from __future__ import annotations

import pytest

from harness.core.chat import CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.core.exchange import HttpResponse
from harness.dialects import DIALECTS

CALL, OTHER = ToolCall("a", {}, "call_1"), ToolCall("b", {"x": "long enough to be cut", "y": 1}, "call_2")
SAMPLES = (
    Reply(text="hello there", finish="stop", usage=Usage(1, 2, 3), reasoning="because"),
    Reply(calls=(CALL,), finish="tool_calls"),
    Reply(text="hello", finish="stop", usage=Usage(1, 2, 3)),
    Reply(text="so", calls=(OTHER, CALL, OTHER), finish="tool_calls", usage=Usage(1, 2, 3)),
    Reply(
        text="so", calls=(CALL,), provider_calls=(ProviderCall("web_search", {"q": "x"}, "s_1"),), finish="tool_calls"
    ),
    Reply(text="no more", finish="content_filter"),
    Reply(finish="content_filter"),
    Reply(calls=(CALL,), finish="error"),
    Reply(calls=(ToolCall("patch", {"input": "a text"}, "call_1"),), finish="tool_calls"),
    Reply(errors=(CallError("arguments", "not Python", "print(a)", index=0),), finish="error"),
)


def answered(name: str, reply: Reply, *, stream: bool, quirks: frozenset[str] = frozenset()) -> HttpResponse | None:
    try:
        return DIALECTS[name].render(reply, stream=stream, quirks=quirks)
    except UsageError:
        return None


@pytest.mark.parametrize("name", DIALECTS)
def test_every_quirk_changes_some_answer(name: str) -> None:
    for quirk in DIALECTS[name].quirks:
        changed = [
            made
            for one in SAMPLES
            for stream in (False, True)
            if (made := answered(name, one, stream=stream, quirks=frozenset({quirk})))
            and made != answered(name, one, stream=stream)
        ]
        assert changed, quirk


@pytest.mark.parametrize("name", DIALECTS)
def test_an_unknown_quirk_is_refused_and_the_known_ones_are_named(name: str) -> None:
    with pytest.raises(UsageError, match="no quirk nonsense; it has "):
        DIALECTS[name].render(Reply(text="x", finish="stop"), quirks=frozenset({"nonsense"}))


@pytest.mark.parametrize("name", DIALECTS)
def test_the_same_reply_is_the_same_bytes(name: str) -> None:
    for reply in SAMPLES:
        for stream in (False, True):
            assert answered(name, reply, stream=stream) == answered(name, reply, stream=stream)


def test_dialects_stand_under_their_own_names() -> None:
    assert {name: dialect.name for name, dialect in DIALECTS.items()} == {name: name for name in DIALECTS}
