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

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(rb"[0-9a-fA-F]{16,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SHORT = 1000
_LARGEST = 2**20
_PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_ANY_ZLIB = 47  # zlib's window bits for gzip and zlib alike
_QUAD = 4


def unfolded(data: bytes, levels: int = 3) -> Iterator[tuple[bytes, int]]:
    """Each text that stands in ``data`` in another writing, and where it begins; ``levels`` deep."""
    for inner, at in _one_level(data):
        yield inner, at
        if levels > 1:
            for deeper, _ in unfolded(inner, levels - 1):
                yield deeper, at


def _one_level(data: bytes) -> Iterator[tuple[bytes, int]]:
    if b"%" in data and (unquoted := unquote_to_bytes(data)) != data:
        yield unquoted, 0
    if data[:2] in _PACKED and (plain := _unpacked(data)):
        yield plain, 0
    for run in dict.fromkeys(_RUN.findall(data)):
        at = data.find(run)
        for inner in _decoded(run):
            yield inner, at


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
