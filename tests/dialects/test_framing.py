"""How a body is framed, judged by its bytes."""

from __future__ import annotations

import pytest

from harness.core.chat import Reply, ToolCall
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import DIALECTS
from harness.dialects.framing import Feed, framing
from harness.dialects.framing.sse import EventFeed, SseEvent, events

EVENTS = "text/event-stream"
BODIES = {
    "events": (b"data: {}\n\n", "events"),
    "events after a mark": (b"\xef\xbb\xbfdata: {}\n\n", "events"),
    "events after a comment": (b": hello\n\nevent: x\ndata: {}\n\n", "events"),
    "events after an id": (b"id: 1\nretry: 10\ndata:{}\r\r", "events"),
    "lines": (b'{"a": 1}\n{"a": 2}\n', "lines"),
    "an array": (b'[{"a": 1},\n{"a": 2}]', "array"),
    "one value": (b'{"a": 1}', "whole"),
    "one value over lines": (b'{\n  "a": 1\n}\n', "whole"),
    "a text": (b"id: 5 is not found", "whole"),
    "an html page": (b"<html>", "whole"),
    "nothing": (b"", "whole"),
}


@pytest.mark.parametrize("said", [None, "**REDACTED**", "application/json", "text/plain"])
@pytest.mark.parametrize(("body", "kind"), BODIES.values(), ids=BODIES)
def test_a_body_is_judged_by_its_bytes(body: bytes, kind: str, said: str | None) -> None:
    headers = () if said is None else (("content-type", said),)
    assert framing(HttpResponse(200, headers, (Chunk(body),))) == kind


def test_the_header_decides_where_the_bytes_can_not() -> None:
    def judged(body: bytes, said: str) -> str:
        return framing(HttpResponse(200, (("content-type", said),), (Chunk(body),)))

    assert judged(b"", EVENTS) == "events"
    assert judged(b": only a comment\n\n", EVENTS) == "events"
    assert judged(b'{"a": 1}\n', "application/x-ndjson") == "lines"
    assert judged(b"\0\0", "application/vnd.amazon.eventstream") == "frames"


REPLY = Reply(text="Hello", calls=(ToolCall("get_x", {"a": 1}, "call_1"),), finish="tool_calls")


@pytest.mark.parametrize("said", [None, "**REDACTED**", "application/json", EVENTS])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "ollama_generate"])
def test_every_reader_reads_every_answer_whatever_its_content_type(name: str, stream: bool, said: str | None) -> None:
    sent = DIALECTS[name].render(REPLY, stream=stream)
    bare = HttpResponse(200, () if said is None else (("content-type", said),), sent.chunks)
    assert DIALECTS[name].read(bare) == DIALECTS[name].read(sent)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_the_same_however_the_bytes_are_cut(end: bytes) -> None:
    """Byte by byte and at each place: inside the mark, inside CR LF, inside a character."""
    lines = ["\ufeffdata: {", "data: ü🙂}", "", ": x", "id: 1", "data:b", "", "event: e", "data: c", "", ""]
    body = end.join(line.encode() for line in lines)
    whole = [SseEvent("", "{\nü🙂}"), SseEvent("", "b"), SseEvent("e", "c")]
    assert list(events(body)) == whole
    for place in range(len(body) + 1):
        feed = EventFeed()
        found = [*feed.feed(body[:place]), *feed.feed(b""), *feed.feed(body[place:]), *feed.end()]
        assert found == whole
    feed = EventFeed()
    assert [one for n in range(len(body)) for one in feed.feed(body[n : n + 1])] + feed.end() == whole


def test_line_ends_may_be_mixed() -> None:
    body = b"data: a\r\ndata: b\n\rdata: c\r\r\ndata: d\n\r\n"
    assert [event.data for event in events(body)] == ["a\nb", "c", "d"]


def test_a_value_over_several_lines_is_one_piece():
    feed = Feed()
    made = [*feed.feed(b'{"a": 1}\n{\n  "b": 2\n'), *feed.feed(b'}\n\n{"c": \xc3'), *feed.feed(b"\xa9}\n"), *feed.end()]
    assert [event.data for event in made] == ['{"a": 1}', '{\n  "b": 2\n}', '{"c": é}']


def test_an_array_is_read_when_it_has_ended():
    feed = Feed()
    assert feed.feed(b'[{"a": 1},') == feed.feed(b' {"a": 2}]') == []
    assert [event.data for event in feed.end()] == ['{"a": 1}', '{"a": 2}']
