"""AWS's binary event stream (vnd.amazon.eventstream): prelude, headers, payload, each guarded by a CRC-32.

Layout after the AWS documentation, "Event stream encoding": total length, header length, prelude CRC, headers,
payload, message CRC; big-endian.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import StreamCutError, UnreadableReplyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_STRING = 7
# Header types of fixed width: true, false, byte, short, int, long, timestamp, uuid; 6 and 7 carry a length.
_WIDTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_SIZED = {6, _STRING}
# botocore's own limits (eventstream.py): headers 128 KiB, a payload 24 MiB.
MOST_HEADERS = 128 * 1024
MOST_PAYLOAD = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its text headers and its payload."""

    headers: dict[str, str]
    payload: bytes


def write(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message as bytes, both checksums right. Raises ``UsageError`` for what is too long for the format."""
    try:
        packed = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    except struct.error as error:
        raise UsageError(f"a header is too long for an event stream: {error}") from error
    if len(packed) > MOST_HEADERS or len(payload) > MOST_PAYLOAD:
        raise UsageError(f"an event of {len(packed)} bytes of headers and {len(payload)} of payload is too long")
    total = _PRELUDE.size + len(packed) + len(payload) + _CRC.size
    start = struct.pack(">II", total, len(packed))
    body = start + _CRC.pack(zlib.crc32(start)) + packed + payload
    return body + _CRC.pack(zlib.crc32(body))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _STRING, len(value)) + value


def frames(data: bytes) -> Iterator[Frame]:
    """The messages in ``data``. Raises ``StreamCutError`` where the last is not whole, ``UnreadableReplyError`` where a
    checksum, length or header is wrong.
    """
    start = 0
    while start < len(data):
        if len(data) - start < _PRELUDE.size:
            raise StreamCutError("the event stream ends inside a prelude")
        total, header_length, crc = _PRELUDE.unpack_from(data, start)
        raw = repr(data[start : start + _PRELUDE.size])
        if zlib.crc32(data[start : start + 8]) != crc:
            raise UnreadableReplyError(f"wrong prelude checksum at byte {start}", raw)
        payload_length = total - header_length - _PRELUDE.size - _CRC.size
        if not 0 <= payload_length <= MOST_PAYLOAD or header_length > MOST_HEADERS:
            raise UnreadableReplyError(f"impossible lengths {total} and {header_length} at byte {start}", raw)
        message = data[start : start + total]
        if len(message) < total:
            raise StreamCutError("the event stream ends inside a message")
        if zlib.crc32(message[: -_CRC.size]) != _CRC.unpack(message[-_CRC.size :])[0]:
            raise UnreadableReplyError(f"wrong message checksum at byte {start}", repr(message[:200]))
        split = _PRELUDE.size + header_length
        yield Frame(_headers(message[_PRELUDE.size : split]), message[split : -_CRC.size])
        start += total


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    names: set[str] = set()
    start = 0
    try:
        while start < len(data):
            end = start + 1 + data[start]
            name, kind = data[start + 1 : end].decode(), data[end]
            start = end + 1
            if kind in _SIZED:
                (width,) = struct.unpack_from(">H", data, start)
                start += 2
            else:
                width = _WIDTHS[kind]
            if start + width > len(data) or not name or name in names:
                raise ValueError(f"header {name!r} is doubled, nameless or runs out of its message")  # noqa: TRY301 - one place raises all
            names.add(name)
            if kind == _STRING:
                found[name] = data[start : start + width].decode()
            start += width
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise UnreadableReplyError(f"broken headers: {error!r}", repr(data)) from error
    return found
