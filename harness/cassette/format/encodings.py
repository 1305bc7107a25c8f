"""Bodies out of their compression, chunk by chunk, so that they can be redacted and read."""

from __future__ import annotations

import importlib
import importlib.util
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.core.exchange import Chunk, header

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.core.exchange import HttpResponse

LARGEST = 64 * 2**20
"""A body that grows beyond this is kept as it came."""

_ANY_ZLIB = 47  # zlib's window bits for gzip and zlib alike
_RAW = -15


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
            chunks = _out(chunks, _maker(name, chunks))
    except (_StaysError, zlib.error, ValueError, RuntimeError, EOFError, Exception):  # noqa: BLE001 - br and zstd have errors of their own, and whatever it was, the body is kept as it came
        return response
    kept = tuple(pair for pair in response.headers if pair[0].lower() not in {"content-encoding", "content-length"})
    return replace(response, headers=kept, chunks=chunks)


def _out(chunks: tuple[Chunk, ...], decoder: Any) -> tuple[Chunk, ...]:
    made, size = [], 0
    for chunk in chunks:
        data = decoder.decompress(chunk.data)
        size += len(data)
        if size > LARGEST:
            raise _StaysError
        if data:
            made.append(replace(chunk, data=data))
    if not decoder.eof or decoder.unused_data:
        raise _StaysError
    return tuple(made)


def _maker(name: str, chunks: tuple[Chunk, ...]) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "gzip": lambda: _Zlib(_ANY_ZLIB),
        "x-gzip": lambda: _Zlib(_ANY_ZLIB),
        "deflate": lambda: _Zlib(_ANY_ZLIB if chunks and chunks[0].data[:1] == b"\x78" else _RAW),
        "br": _Brotli,
        "zstd": lambda: importlib.import_module("zstandard").ZstdDecompressor().decompressobj(),
    }
    return makers[name]()


class _Zlib:
    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    def decompress(self, data: bytes) -> bytes:
        return self._inner.decompress(data, LARGEST + 1)

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

    def decompress(self, data: bytes) -> bytes:
        made: bytes = self._inner.process(data)
        return made

    @property
    def eof(self) -> bool:
        finished: bool = self._inner.is_finished()
        return finished
