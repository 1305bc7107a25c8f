"""Bodies out of their compression, chunk by chunk, so that they can be redacted and read."""

from __future__ import annotations

import importlib
import importlib.util
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from harness.core.exchange import Chunk, header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.exchange import HttpResponse

LARGEST = 64 * 2**20
"""A body that grows beyond this stays as it came."""

_ANY_ZLIB = 47  # zlib's window bits for gzip and zlib alike
_RAW = -15
_PIECE = 2**20
_FED = 256


class _StaysError(Exception):
    """The body can't be taken out of its compression, or not back in the same length."""


def decoded(response: HttpResponse) -> HttpResponse:
    """``response`` without its Content-Encoding; as it is where that is unknown, wrong or cut off."""
    names = [name.strip().lower() for name in (header(response.headers, "content-encoding") or "").split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if not names:
        return response
    chunks = response.chunks
    try:
        for name in reversed(names):
            chunks = _out(chunks, _maker(name, chunks[0].data if chunks else b""))
    except (_StaysError, zlib.error, ValueError, RuntimeError, EOFError, Exception):  # noqa: BLE001 - br and zstd have errors of their own, and whatever it was, the body is kept as it came
        return response
    headers = tuple(pair for pair in response.headers if pair[0].lower() not in {"content-encoding", "content-length"})
    return replace(response, headers=headers, chunks=chunks)


def expanded(data: bytes, names: str, most: int = LARGEST) -> bytes:
    """What ``data`` holds, unpacked by the encodings of a header as far as it goes, and no further than ``most``."""
    for name in reversed([one.strip().lower() for one in names.split(",")]):
        if name in {"", "identity"}:
            continue
        made = bytearray()
        try:
            for piece in _maker(name, data).pieces(data):
                made += piece
                if len(made) >= most:
                    break
        except Exception:  # noqa: BLE001 - as above: what was read until then is looked at
            if not made:
                return b""
        data = bytes(made[:most])
    return data


def _out(chunks: tuple[Chunk, ...], decoder: _Decoder) -> tuple[Chunk, ...]:
    made, size = [], 0
    for chunk in chunks:
        parts = []
        for piece in decoder.pieces(chunk.data):
            size += len(piece)
            if size > LARGEST:
                raise _StaysError
            parts.append(piece)
        if data := b"".join(parts):
            made.append(replace(chunk, data=data))
    if not decoder.eof or decoder.unused_data:
        raise _StaysError
    return tuple(made)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def pieces(self, data: bytes) -> Iterator[bytes]: ...


def _maker(name: str, begin: bytes) -> _Decoder:
    makers: dict[str, Callable[[], _Decoder]] = {
        "gzip": lambda: _Zlib(_ANY_ZLIB),
        "x-gzip": lambda: _Zlib(_ANY_ZLIB),
        "deflate": lambda: _Zlib(_ANY_ZLIB if begin[:1] == b"\x78" else _RAW),
        "br": _Brotli,
        "zstd": _Zstd,
    }
    return makers[name]()


class _Zlib:
    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield self._inner.decompress(data, _PIECE)
            data = self._inner.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Brotli:
    unused_data = b""

    def __init__(self) -> None:
        self._inner = importlib.import_module("brotli").Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.process(data, output_buffer_limit=_PIECE)
        while not self._inner.can_accept_more_data():
            yield self._inner.process(b"", output_buffer_limit=_PIECE)

    @property
    def eof(self) -> bool:
        finished: bool = self._inner.is_finished()
        return finished


class _Zstd:
    """Fed a little at a time: a block of a few bytes may stand for 128 KB."""

    def __init__(self) -> None:
        self._inner = importlib.import_module("zstandard").ZstdDecompressor(max_window_size=LARGEST).decompressobj()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _FED):
            if self._inner.eof:
                raise _StaysError
            yield self._inner.decompress(data[start : start + _FED])

    @property
    def eof(self) -> bool:
        ended: bool = self._inner.eof
        return ended

    @property
    def unused_data(self) -> bytes:
        left: bytes = self._inner.unused_data
        return left
