"""What stands in a text in another writing: base64 in base64, hex, URLs, gzip. A secret may hide in there."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

# A whole secret is longer in any writing; of a message that was cut, a part may stand there.
_WHOLE, _PART = 22, 11
_LETTER, _OTHER = b"a", b" "
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_KINDS = bytes(_LETTER[0] if letter in _LETTERS else _OTHER[0] for letter in range(256))
_HEX = re.compile(rb"[0-9a-fA-F]{16,}")
_QUOTED = re.compile(rb"%[0-9A-Fa-f]{2}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SHORT = 1000
_NEAR = 2000
_LARGEST = 2**20
_PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_ANY_ZLIB = 47  # zlib's window bits for gzip and zlib alike
_QUAD = 4


def unfolded(data: bytes, levels: int = 3, *, cut: bool = False) -> Iterator[bytes]:
    """What stands in ``data`` in other writings, all of it in one text for each of ``levels``; with ``cut`` short
    parts too.
    """
    for _ in range(levels):
        found = list(_one_level(data, _PART if cut else _WHOLE))
        if not found:
            return
        data = b"\n".join(found)
        yield data


def runs(data: bytes, least: int = _WHOLE) -> Iterator[tuple[int, int]]:
    """Where letters of base64 or hex stand in a row: what may be another writing."""
    kinds, wanted = data.translate(_KINDS), _LETTER * least
    start = kinds.find(wanted)
    while start >= 0:
        end = kinds.find(_OTHER, start)
        end = len(data) if end < 0 else end
        yield start, end
        start = kinds.find(wanted, end)


def _one_level(data: bytes, least: int) -> Iterator[bytes]:
    yield from _unquoted(data)
    if data[:2] in _PACKED:
        yield _unpacked(data)
    for run in dict.fromkeys(data[start:end] for start, end in runs(data, least)):
        for inner in _decoded(run):
            yield inner
            if inner[:2] in _PACKED:
                yield _unpacked(inner)


def _unquoted(data: bytes) -> Iterator[bytes]:
    """The neighbourhood of what is written as in a URL."""
    start = end = 0
    for found in _QUOTED.finditer(data) if b"%" in data else ():
        if found.start() > end:
            if end:
                yield unquote_to_bytes(data[start:end])
            start = max(end, found.start() - _NEAR)
        end = found.end() + _NEAR
    if end:
        yield unquote_to_bytes(data[start:end])


def _decoded(run: bytes) -> Iterator[bytes]:
    if _HEX.fullmatch(run) and len(run) % 2 == 0:
        yield binascii.unhexlify(run)
    plain = run.translate(_STANDARD)
    # Letters may stand before it, as in a path, so a short run is read from each of its first four.
    for start in range(_QUAD if len(run) < _SHORT else 1):
        usable = (len(plain) - start) // _QUAD * _QUAD
        yield base64.b64decode(plain[start : start + usable])


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(_ANY_ZLIB).decompress(data, _LARGEST)
    except zlib.error:
        return b""
