"""Server-sent events as the HTML standard has them, and what stands in their data."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.errors import StreamCutError, UnreadableReplyError
from harness.dialects.framing import json_lines, json_whole
from harness.dialects.framing.sse import SseEvent, events, json_events, loads, write

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_of_the_standard_ends_a_line(end: str) -> None:
    body = end.join(["event: one", "data: a", "data: b", "", "data: c", "", ""]).encode()
    assert list(events(body)) == [SseEvent("one", "a\nb"), SseEvent("", "c")]


@pytest.mark.parametrize("ordinary", ["\u2028", "\u2029", "\u0085", "\u000b", "\u000c", "\u001c"])
def test_what_python_takes_for_a_line_end_is_text(ordinary: str) -> None:
    assert list(events(write(f"a{ordinary}b"))) == [SseEvent("", f"a{ordinary}b")]


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert list(events(b"\xef\xbb\xbfdata: a\n\n")) == [SseEvent("", "a")]


def test_comments_ids_and_unknown_fields_are_passed_over() -> None:
    body = b": OPENROUTER PROCESSING\n\nid: 7\nretry: 10\nfoo: bar\ndata: a\n: inside\n\n"
    assert list(events(body)) == [SseEvent("", "a")]


def test_one_space_after_the_colon_belongs_to_the_format() -> None:
    body = b"data:a\n\ndata: a\n\ndata:  a\n\ndata\n\n"
    assert [event.data for event in events(body)] == ["a", "a", " a", ""]


def test_a_type_without_data_is_forgotten_at_the_blank_line() -> None:
    assert list(events(b"event: lost\n\ndata: a\n\n")) == [SseEvent("", "a")]


def test_an_event_without_its_blank_line_is_given_and_marked() -> None:
    assert list(events(b"data: a\n\ndata: b\n")) == [SseEvent("", "a"), SseEvent("", "b", whole=False)]
    assert list(events(b"data: a\n\ndata: b")) == [SseEvent("", "a"), SseEvent("", "b", whole=False)]


def test_a_stream_that_ends_inside_a_character_is_cut() -> None:
    body = write("Zürich 🙂")
    for place in range(1, len(body)):
        try:
            found = list(events(body[:place]))
        except StreamCutError:
            with pytest.raises(UnicodeDecodeError):
                body[:place].decode()
        else:
            assert "\ufffd" not in "".join(event.data for event in found)


def test_a_broken_character_before_the_end_is_unreadable() -> None:
    with pytest.raises(UnreadableReplyError, match="not UTF-8"):
        list(events(b"data: \xff\n\n"))


def test_json_stops_at_done_and_keeps_the_type() -> None:
    body = write('{"a":1}', event="one") + write("[DONE]") + write("never read")
    assert list(json_events(body)) == [("one", {"a": 1}), ("", None)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_cut_anywhere_gives_a_beginning_of_its_events(end: str) -> None:
    values = [{"a": 1}, {"b": "ü🙂"}, {"c": [1, 2]}]
    texts = ('{"a": 1}', '{"b": "ü🙂"}', '{"c": [1, 2]}')
    body = "".join(f"data: {text}{end}{end}" for text in texts).encode()
    for place in range(len(body)):
        found = []
        with suppress(StreamCutError):
            for _, value in json_events(body[:place]):
                found.append(value)
        assert found == values[: len(found)]
        assert len(found) >= body[:place].count((end * 2).encode())


def test_an_event_in_the_middle_that_is_no_json_is_unreadable_and_one_at_the_end_is_cut() -> None:
    with pytest.raises(UnreadableReplyError, match="no JSON"):
        list(json_events(b'data: {"a":\n\ndata: {}\n\n'))
    with pytest.raises(StreamCutError, match="inside an event"):
        list(json_events(b'data: {"a":'))


def test_lines_of_json_end_at_line_feeds_alone() -> None:
    assert list(json_lines('{"a":"\u2028\u0085"}\r\n\n{"b":2}'.encode())) == [
        ("", {"a": "\u2028\u0085"}),
        ("", {"b": 2}),
    ]
    with pytest.raises(StreamCutError, match="inside a line"):
        list(json_lines(b'{"a":1}\n{"b"'))
    with pytest.raises(UnreadableReplyError, match="no JSON"):
        list(json_lines(b'{"a"\n{"b":1}\n'))


def test_a_body_is_one_json_value_in_utf_8() -> None:
    assert json_whole(b'\xef\xbb\xbf\n  {"a": 1}\n') == {"a": 1}
    for body in (b"", b"{", b"{} {}", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"):
        with pytest.raises(UnreadableReplyError):
            json_whole(body)


@given(st.text(alphabet='{}[]":,.eE+-019 \\u\n\ufeffaé\ud800truefalsnNIity', max_size=30))
@example('{"a": 1, "a": 2}')
@example(" 1")
@example("1 ")
@example("1 2")
@example("NaN")
@example(f"1{'0' * 400}.5")
@example("")
def test_a_small_text_is_read_as_pythons_own_reader_reads_it(text: str) -> None:
    assert _outcome(loads, text) == _outcome(json.loads, text)


def _outcome(read: Callable[[str], object], text: str) -> str:
    try:
        return repr(read(text))
    except ValueError as error:
        return str(error)
