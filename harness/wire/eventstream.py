"""AWS's binary event stream (vnd.amazon.eventstream): prelude, headers, payload, each guarded by a CRC-32.

Layout after the AWS documentation, "Event stream encoding": total length, header length, prelude CRC, headers,
payload, message CRC; big-endian.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import StreamCutError, UnreadableReplyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_STRING = 7
# Header types of fixed width: true, false, byte, short, int, long, (6 and 7 carry a length), timestamp, uuid.
_WIDTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its text headers and its payload."""

    headers: dict[str, str]
    payload: bytes


def write(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message as bytes, both checksums right."""
    packed = b"".join(
        struct.pack(">B", len(name.encode()))
        + name.encode()
        + struct.pack(">BH", _STRING, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    total = _PRELUDE.size + len(packed) + len(payload) + _CRC.size
    start = struct.pack(">II", total, len(packed))
    body = start + _CRC.pack(zlib.crc32(start)) + packed + payload
    return body + _CRC.pack(zlib.crc32(body))


def frames(data: bytes) -> Iterator[Frame]:
    """The messages in ``data``. Raises ``StreamCutError`` where the last is not whole, ``UnreadableReplyError`` where a
    checksum or length is wrong.
    """
    place = 0
    while place < len(data):
        if len(data) - place < _PRELUDE.size:
            raise StreamCutError("the event stream ends inside a prelude")
        total, header_length, crc = _PRELUDE.unpack_from(data, place)
        if zlib.crc32(data[place : place + 8]) != crc:
            raise UnreadableReplyError(f"wrong prelude checksum at byte {place}", repr(data[place : place + 12]))
        if total < _PRELUDE.size + header_length + _CRC.size:
            raise UnreadableReplyError(f"impossible length {total} at byte {place}", repr(data[place : place + 12]))
        message = data[place : place + total]
        if len(message) < total:
            raise StreamCutError("the event stream ends inside a message")
        if zlib.crc32(message[: -_CRC.size]) != _CRC.unpack(message[-_CRC.size :])[0]:
            raise UnreadableReplyError(f"wrong message checksum at byte {place}", repr(message[:200]))
        split = _PRELUDE.size + header_length
        yield Frame(_headers(message[_PRELUDE.size : split]), message[split : -_CRC.size])
        place += total


def _headers(data: bytes) -> dict[str, str]:
    found = {}
    place = 0
    try:
        while place < len(data):
            end = place + 1 + data[place]
            name, kind = data[place + 1 : end].decode(), data[end]
            place = end + 1
            width = _WIDTHS.get(kind)
            if width is None:
                (width,) = struct.unpack_from(">H", data, place)
                place += 2
            if kind == _STRING:
                found[name] = data[place : place + width].decode()
            place += width
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise UnreadableReplyError(f"broken headers: {error}", repr(data)) from error
    return found
