"""Detectors: each finds its quirk in what the renderer writes with it, and in nothing that is written without."""

import pytest

from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.dialects import DIALECTS
from harness.dialects.detection import parse_answer
from harness.dialects.rendering import LABELS

COUNTS = Usage(11, 7, 18)
FIRST = ToolCall("get_x", {"path": "some text here", "n": 5}, "call_1Xa7Kq02ZpTfW4")
BARE = ToolCall("get_y", {}, "call_2Xa7Kq02ZpTfW4")
THIRD = ToolCall("get_x", {"n": "another text here"}, "call_3Xa7Kq02ZpTfW4")
UNREAD = CallError("arguments", "", "get_x(", None, None, 1)
REPLIES = [
    Reply(calls=(FIRST,), finish="tool_calls", usage=COUNTS),
    Reply(calls=(BARE,), finish="tool_calls", usage=COUNTS),
    Reply(calls=(FIRST, BARE, THIRD), finish="tool_calls", usage=COUNTS),
    Reply("I will do it now", (FIRST, THIRD), finish="tool_calls", usage=COUNTS, reasoning="because of that"),
    Reply("said \u2028 this \x85 and: data: that", finish="stop", usage=COUNTS),
    Reply("said", reasoning="thought of it", finish="stop", usage=COUNTS),
    Reply(finish="content_filter", usage=COUNTS),
    Reply(calls=(FIRST,), errors=(UNREAD,), finish="error", usage=COUNTS),
    Reply(calls=(FIRST, BARE), finish="error", usage=COUNTS),
]
# What a provider runs is by the request too: the tools it has there, or a model that is made of them (groq/compound).
RUN_THERE = {"mcp_tool", "executed_tools"}
ASKED_FOR = {*LABELS, *RUN_THERE, "custom", "namespace", "reasoning_encrypted", "json_array", "partial_args", "ndjson"}
"""Quirks that the request decides on; recorders leave a content type out by themselves."""


def shown(dialect, reply, quirks, stream):
    """What each detector says; None where the dialect has no place for the reply under these quirks."""
    try:
        response = dialect.render(reply, stream=stream, quirks=quirks)
    except UsageError:
        return None
    answer = parse_answer(response, dialect.read(response))
    return {name: detector(answer) for name, detector in dialect.detectors.items()}


@pytest.mark.parametrize("name", [one.name for one in DIALECTS.values() if one.detectors])
def test_each_detector_finds_its_quirk_and_no_other(name):
    dialect = DIALECTS[name]
    assert dialect.quirks.keys() - dialect.detectors.keys() <= ASKED_FOR
    assert dialect.detectors.keys() <= dialect.quirks.keys()
    asked = [(reply, stream) for reply in REPLIES for stream in (False, True)]
    plains = [shown(dialect, reply, frozenset(), stream) for reply, stream in asked]
    for quirk in dialect.detectors:
        found = False
        for (reply, stream), plain in zip(asked, plains, strict=True):
            made = shown(dialect, reply, frozenset({quirk}), stream)
            found = found or bool(made and made[quirk])
            if made is not None and plain is not None:
                assert not plain[quirk], (quirk, stream, reply)
                assert plain[quirk] is None or made[quirk] or quirk in ("args_missing", "malformed_call"), quirk
                others = {one for one in made if made[one] and not plain[one]} - {quirk}
                assert not others or plain[quirk] is None, (quirk, others, reply)
        assert found, quirk
