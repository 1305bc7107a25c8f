"""What stands in a text in another writing: base64 in base64, hex, URLs, entities, UTF-16, gzip. A secret may hide in
there.
"""

from __future__ import annotations

import base64
import binascii
import html
import importlib
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from harness.cassette.format import encodings
from harness.cassette.secrets import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A whole secret is longer in any writing; of a message that was cut, a part may stand there.
_WHOLE, _PART = 22, 11
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_KINDS = bytes(ord("a") if letter in _LETTERS else ord(" ") for letter in range(256))
_HEX = re.compile(rb"[0-9a-fA-F]{16,}")
_QUOTED = re.compile(rb"%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(rb"&#(?:[0-9]{2,7}|[xX][0-9a-fA-F]{2,6})")
# Only of letters that keys are made of: others are escaped in any text.
_ESCAPED = re.compile(rb"\\(?:u00|x)(?:2[dDfF]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")
_BY_NUMBER = re.compile(rb"\\{1,4}(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")
# Zero-width letters, soft hyphens, marks of direction, variation selectors: in UTF-8, and as JSON's escapes.
_PRINTABLE, _EQUALS = re.compile(rb"=[0-9A-F]{2}(?:=[0-9A-F]{2}){5}"), re.compile(rb"=([0-9A-F]{2})")
_OCTAL, _OCTALS = re.compile(rb"\\\\?[0-7]{2,3}(?:\\{1,2}[0-7]{2,3}){5}"), re.compile(rb"\\{1,2}([0-7]{2,3})")
_BRACED = re.compile(rb"\\\\?u\{([0-9a-fA-F]{2})\}")
_WIDE = re.compile(rb"\xef(?:\xbc[\x90-\xbf]|\xbd[\x81-\x9a])(?:\xef(?:\xbc[\x90-\xbf]|\xbd[\x81-\x9a])){2}")
_MATHS = re.compile(rb"\xf0\x9d[\x90-\x9f][\x80-\xbf](?:\xf0\x9d[\x90-\x9f][\x80-\xbf]){2}")
_CSS, _POINTS = re.compile(rb"\\{1,2}0{0,4}([2-7][0-9a-fA-F]) ?"), re.compile(rb"[uU]\+00([2-7][0-9a-fA-F])[ ,]{0,2}")
_TAG = re.compile(rb"</?(?:wbr|b|i|em|strong|span|code|u|mark)/?>")
_COLOUR, _COLOUR_ESCAPED = re.compile(rb"\x1b\[[0-9;]{0,12}m"), re.compile(rb"\\u001[bB]\[[0-9;]{0,12}m")
_BASE32, _BASE32_SMALL = re.compile(rb"[A-Z2-7]{24,}"), re.compile(rb"[a-z2-7]{24,}")
_INVISIBLE = re.compile(
    rb"(?:\xc2\xad|\xcd\x8f|\xd8\x9c|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xb8[\x80-\x8f]|"
    rb"\xef\xbb\xbf|\\u(?:00(?:00|[aA][dD])|200[b-fB-F]|202[a-eA-E]|206[0-9a-fA-F]|[fF][eE][fF][fF]|[fF][eE]0[0-9a-fA-F]))"
)
_MARKS = (
    *"\u00ad \u034f \u061c \u180e \u200b \u200c \u200d \u200e \u2060 \ufeff".encode().split(),
    *(b"\\u200", b"\\u206", b"\\ufeff", b"\\uFEFF", b"\\u00ad", b"\\u0000", b"\xef\xb8"),
)
_ASCII = bytes(range(128))
# UTF-16 and UTF-32, of either order, and a NUL in the middle of a word.
_NULS = bytes(ord("a") if 32 <= letter < 127 else ord("0") if not letter else ord(" ") for letter in range(256))  # noqa: PLR2004 - ASCII
_NUL_SHAPES = (b"a0a0a0a0a0a0", b"a000a000a000a000", b"aaaa0aaaa")
_NEXT_LINE = re.compile(rb"(?:\r?\n|\\r\\n|\\n)[ \t]{0,8}([A-Za-z0-9+/_-]{1,1000}={0,2})")
_STANDARD = bytes.maketrans(b"-_", b"+/")
# Hex with separators, as kinds of letters: h is a digit of it.
_DUMP = bytes(
    ord("h") if chr(letter) in "0123456789abcdefABCDEF" else ord(" ") if chr(letter) in " :,-;_\n\t" else letter
    for letter in range(256)
)
_DUMPED = (
    b"hh hh hh hh hh hh hh hh",
    b"hhhh hhhh hhhh hhhh hhhh hhhh",
    b"hxhh hxhh hxhh hxhh hxhh",
    b"hxhh  hxhh  hxhh  hxhh",
    b"\\xhh\\xhh\\xhh\\xhh\\xhh",
)
_ONE_OF_DUMP = re.compile(rb"(?:(?:0x|\\{1,2}x)?[0-9a-fA-F]{2}(?:[ :,;_\n\t-]{1,2}|(?=\\))?)+", re.DOTALL)
_PAIRS = re.compile(rb"(?:0x|\\{1,2}x)?([0-9a-fA-F]{2})")
_SHORT = 1000
_NEAR = 2000
PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x78\x01": "deflate",
    b"\x78\x5e": "deflate",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
    b"\x28\xb5": "zstd",
    b"BZ": "bz2",
    b"\xfd7": "lzma",
}
_BY_PYTHON = {"bz2": "BZ2Decompressor", "lzma": "LZMADecompressor"}
_LARGEST = 2**24
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
    return rules.runs(data, least, _KINDS)


def _one_level(data: bytes, least: int) -> Iterator[bytes]:
    yield from _written(data)
    yield from _dumps(data)
    if packed := _unpacked(data):
        yield packed
    yield from _base64(data, least)


def _written(data: bytes) -> Iterator[bytes]:
    """Where something is written by its number, and invisible letters."""
    rare = b"" if data.isascii() else data.translate(None, _ASCII)
    escapes = data if b"\\u" in data else b""
    for marks, pattern, read in _WRITINGS:
        if any(mark in (escapes if mark[:2] == b"\\u" else data if mark.isascii() else rare) for mark in marks):
            yield from _near(data, pattern, read)
    if b"\0" in data:
        yield from _without_nuls(data)


def _without_nuls(data: bytes) -> Iterator[bytes]:
    kinds = data.translate(_NULS)
    for shape in _NUL_SHAPES:
        at = kinds.find(shape)
        while at >= 0:
            yield data[max(0, at - _NEAR) : at + _NEAR].replace(b"\0", b"")
            at = kinds.find(shape, at + _NEAR)


def _base64(data: bytes, least: int) -> Iterator[bytes]:
    decoded: set[bytes] = set()
    resume = 0
    for start, end in runs(data, least):
        run = data[start:end]
        if start < resume or run in decoded:
            continue
        decoded.add(run)
        whole, resume = _over_lines(data, run, end)
        for inner in (found for one in dict.fromkeys((run, whole)) for found in _decoded(one)):
            yield inner
            if packed := _unpacked(inner):
                yield packed


def _near(data: bytes, pattern: re.Pattern[bytes], read: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """The neighbourhood of what ``pattern`` finds, as it reads."""
    start = end = 0
    for found in pattern.finditer(data):
        if found.start() > end:
            if end:
                yield read(data[start:end])
            start = max(end, found.start() - _NEAR)
        end = found.end() + _NEAR
    if end:
        yield read(data[start:end])


def _entities(part: bytes) -> bytes:
    return html.unescape(part.decode("latin-1")).encode("utf-8", "surrogatepass")


def _normal(part: bytes) -> bytes:
    return unicodedata.normalize("NFKC", part.decode("utf-8", "replace")).encode()


def _two_digits(found: re.Match[bytes]) -> bytes:
    return binascii.unhexlify(found[1])


def _letter(found: re.Match[bytes]) -> bytes:
    return chr(int(found[1] or found[2], 16)).encode("utf-8", "surrogatepass")


_WRITINGS: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    ((b"%",), _QUOTED, unquote_to_bytes),
    ((b"&#",), _ENTITY, _entities),
    ((b"\\u00", b"\\x"), _ESCAPED, lambda part: _BY_NUMBER.sub(_letter, part)),
    ((b"\\/",), re.compile(rb"\\/"), lambda part: part.replace(b"\\/", b"/")),
    ((b"=",), _PRINTABLE, lambda part: _EQUALS.sub(lambda one: binascii.unhexlify(one[1]), part)),
    ((b"\\",), _OCTAL, lambda part: _OCTALS.sub(lambda one: bytes([int(one[1], 8) & 255]), part)),
    (
        (b"\\",),
        re.compile(rb"\\\\?0{0,4}[2-7][0-9a-fA-F] (?:\\{1,2}0{0,4}[2-7][0-9a-fA-F] ){5}"),
        lambda part: _CSS.sub(_two_digits, part),
    ),
    (
        (b"U+00", b"u+00"),
        re.compile(rb"\+00[2-7][0-9a-fA-F](?:[ ,]{0,2}[uU]\+00[2-7][0-9a-fA-F]){5}"),
        lambda part: _POINTS.sub(_two_digits, part),
    ),
    ((b"\\-", b"\\_"), re.compile(rb"\\[-_]"), lambda part: re.sub(rb"\\{1,4}([-_])", rb"\1", part)),
    ((b"<wbr", b"</"), _TAG, lambda part: _TAG.sub(b"", part)),
    ((b"\x1b[",), _COLOUR, lambda part: _COLOUR.sub(b"", part)),
    ((b"\\u001b[", b"\\u001B["), _COLOUR_ESCAPED, lambda part: _COLOUR_ESCAPED.sub(b"", part)),
    ((b"u{",), _BRACED, lambda part: _BRACED.sub(lambda one: chr(int(one[1], 16) & 127).encode(), part)),
    ((b"\xef\xbc", b"\xef\xbd"), _WIDE, _normal),
    ((b"\xf0\x9d",), _MATHS, _normal),
    (_MARKS, _INVISIBLE, lambda part: _INVISIBLE.sub(b"", part)),
)


def _dumps(data: bytes) -> Iterator[bytes]:
    """Hex with separators between digits: ``73 6b 2d``, ``73:6b:2d``, ``0x73, 0x6b``."""
    kinds = data.translate(_DUMP)
    for shape in _DUMPED:
        at = kinds.find(shape)
        while at >= 0:
            found = _ONE_OF_DUMP.match(data, at, at + _LARGEST)
            end = found.end() if found else at + 1
            if found:
                yield binascii.unhexlify(b"".join(_PAIRS.findall(found[0])))
            at = kinds.find(shape, max(end, at + 1))


def _over_lines(data: bytes, run: bytes, end: int) -> tuple[bytes, int]:
    """A run of base64 with the lines that go on with it, and where they end."""
    parts, more = [run], _NEXT_LINE.match(data, end)
    while more:
        parts.append(more[1])
        end = more.end()
        more = _NEXT_LINE.match(data, end)
    return b"".join(parts), end if len(parts) > 1 else 0


def _decoded(run: bytes) -> Iterator[bytes]:
    if _HEX.fullmatch(run) and len(run) % 2 == 0:
        yield binascii.unhexlify(run)
    if _BASE32.fullmatch(run) or _BASE32_SMALL.fullmatch(run):
        yield base64.b32decode(run[: len(run) // 8 * 8].upper())
    plain = run.translate(_STANDARD).replace(b"=", b"")  # joined lines may each end in padding
    # Letters may stand before it, as in a path, so a short run is read from each of its first four.
    for start in range(_QUAD if len(run) < _SHORT else 1):
        rest = plain[start:]
        rest = rest[: len(rest) - (len(rest) % _QUAD == 1)]
        yield base64.b64decode(rest + b"=" * (-len(rest) % _QUAD))


def _unpacked(data: bytes) -> bytes:
    name = PACKED.get(data[:2], "")
    if name in _BY_PYTHON:
        try:
            made: bytes = importlib.import_module(name).__dict__[_BY_PYTHON[name]]().decompress(data, _LARGEST)
        except (OSError, EOFError, ValueError, importlib.import_module("lzma").LZMAError):
            return b""
        return made
    if not name and 2 * _WHOLE <= len(data) <= 8 * _SHORT and not data.isascii():
        name = "br"  # it has no mark by which to know it
    return encodings.expanded(data, name, _LARGEST) if name else b""
