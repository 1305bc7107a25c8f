"""The binary event stream against botocore's own, both ways, and against every kind of wrong byte."""

from __future__ import annotations

import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError
from harness.dialects.framing import eventstream

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HEADERS = st.dictionaries(TEXT.filter(bool), TEXT, max_size=4)
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=60)), max_size=4)


def built(header: bytes, payload: bytes = b"") -> bytes:
    """A message around header bytes that ``write`` would not make, its checksums right."""
    start = struct.pack(">II", 16 + len(header) + len(payload), len(header))
    body = start + struct.pack(">I", zlib.crc32(start)) + header + payload
    return body + struct.pack(">I", zlib.crc32(body))


@settings(max_examples=200, deadline=None)
@given(frames=FRAMES, data=st.data())
def test_botocore_and_this_reader_find_what_was_written(frames: list, data: st.DataObject) -> None:
    written = b"".join(eventstream.write(headers, payload) for headers, payload in frames)
    assert [(frame.headers, frame.payload) for frame in eventstream.frames(written)] == frames
    buffer = EventStreamBuffer()
    place = data.draw(st.integers(0, len(written)))
    theirs = []
    for piece in (written[:place], written[place:]):
        buffer.add_data(piece)
        theirs += [(message.headers, message.payload) for message in buffer]
    assert theirs == frames


def test_every_type_of_header_is_stepped_over_as_botocore_does() -> None:
    typed = {
        0: b"",
        1: b"",
        2: b"\x07",
        3: b"\x00\x07",
        4: b"\x00\x00\x00\x07",
        5: b"\x00" * 8,
        6: b"\x00\x03abc",
        7: b"\x00\x02hi",
        8: b"\x00" * 8,
        9: b"\x01" * 16,
    }
    header = b"".join(bytes([2]) + f"h{kind}".encode() + bytes([kind]) + value for kind, value in typed.items())
    (frame,) = eventstream.frames(built(header, b"body"))
    buffer = EventStreamBuffer()
    buffer.add_data(built(header, b"body"))
    (theirs,) = buffer
    assert len(theirs.headers) == len(typed)
    assert frame == eventstream.Frame({"h7": "hi"}, theirs.payload)


WRITTEN = eventstream.write({":event-type": "x", ":message-type": "event"}, b'{"a": 1}') * 2


@pytest.mark.parametrize("place", range(len(WRITTEN)))
def test_a_wrong_byte_anywhere_is_told(place: int) -> None:
    for bits in (1, 128, 255):
        wrong = bytearray(WRITTEN)
        wrong[place] ^= bits
        with pytest.raises(UnreadableReplyError):
            list(eventstream.frames(bytes(wrong)))


@pytest.mark.parametrize("place", range(1, len(WRITTEN)))
def test_a_cut_anywhere_but_between_messages_is_told(place: int) -> None:
    if place == len(WRITTEN) // 2:
        assert len(list(eventstream.frames(WRITTEN[:place]))) == 1
        return
    with pytest.raises(StreamCutError):
        list(eventstream.frames(WRITTEN[:place]))


@pytest.mark.parametrize(
    "header",
    [
        b"\x02ab\x07\x00\x09short",  # runs out of its message
        b"\x02ab\x07\x00",  # half a length
        b"\x02ab\x0a",  # no such type
        b"\x09ab",  # half a name
        b"\x02ab\x00\x02ab\x01",  # twice
        b"\x00\x00",  # nameless
        b"\x02ab\x07\x00\x01\xff",  # not UTF-8
    ],
)
def test_a_broken_header_under_right_checksums_is_told(header: bytes) -> None:
    with pytest.raises(UnreadableReplyError, match="broken headers"):
        list(eventstream.frames(built(header)))


def test_impossible_lengths_are_told() -> None:
    for total, headers in (
        (15, 0),
        (20, 8),
        (16 + eventstream.MOST_PAYLOAD + 1, 0),
        (2**31, eventstream.MOST_HEADERS + 1),
    ):
        start = struct.pack(">II", total, headers)
        with pytest.raises(UnreadableReplyError, match="impossible lengths"):
            list(eventstream.frames(start + struct.pack(">I", zlib.crc32(start)) + b"\x00" * 8))


def test_what_is_too_long_to_write_is_refused() -> None:
    for headers, payload in (
        ({"n" * 256: ""}, b""),
        ({"n": "v" * 65_536}, b""),
        ({}, b"x" * (eventstream.MOST_PAYLOAD + 1)),
    ):
        with pytest.raises(UsageError, match="too long"):
            eventstream.write(headers, payload)
