"""What secrets look like: known values in every form they are written in, and values that look like keys.

Every pattern takes time linear in the text: none repeats a long group, each repetition is of one class, and the long
one of a JWT begins but once in a run of its letters.
"""

from __future__ import annotations

import base64
import json
import os
import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 8
"""No run of so many characters of a secret is ever written."""

MARK = "REDACTED"
# No placeholder; one that letters follow may be what is left of another key.
_OURS = r"(?!(?:[a-z0-9]{2,7}-){0,2}REDACTED-\d{1,6}(?![A-Za-z0-9_-]))"
SHAPES = {
    "an OpenAI-style key": rf"\bsk-{_OURS}(?:ant-|or-v1-|proj-|svcacct-)?[A-Za-z0-9_-]{{20,512}}",
    "a Google API key": rf"\bAIza{_OURS}[0-9A-Za-z_-]{{35}}",
    "a Google access token": rf"\bya29\.{_OURS}[0-9A-Za-z_-]{{20,2048}}",
    "an AWS access key id": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Groq key": r"\bgsk_[A-Za-z0-9]{32,128}",
    "an xAI key": r"\bxai-[A-Za-z0-9]{32,128}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,128}",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,255}",
    "a Slack token": rf"\bxox[abposr]-{_OURS}[A-Za-z0-9-]{{20,255}}",
    "a JWT": r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,2048}",
    "a private key": r"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY-----(?!(?:\s|\\{1,3}n)REDACTED-)[^-]{0,8192}"
    r"(?:-----END [A-Z ]{0,40}-----)?",
    "a password in a URL": r"\bhttps?://[^\s/@:\"'\\<>]{1,64}:[^\s/@:\"'\\<>]{3,128}@",
}
# What every key of a shape begins with: looking for that first is many times as fast as trying the patterns.
_STARTS = {
    "an OpenAI-style key": ("sk-",),
    "a Google API key": ("AIza",),
    "a Google access token": ("ya29.",),
    "an AWS access key id": ("AKIA", "ASIA"),
    "a Groq key": ("gsk_",),
    "an xAI key": ("xai-",),
    "a Hugging Face token": ("hf_",),
    "a GitHub token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "a Slack token": ("xoxa-", "xoxb-", "xoxp-", "xoxo-", "xoxs-", "xoxr-"),
    "a JWT": ("eyJ",),
    "a private key": ("-----BEGIN ",),
    "a password in a URL": ("http://", "https://"),
}
_PATTERNS = tuple(
    (start.encode(), re.compile(pattern.encode()), name) for name, pattern in SHAPES.items() for start in _STARTS[name]
)

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|AUTH)(?:_|$)", re.IGNORECASE
)
_ORDINARY = re.compile(r"[/~.]\S*|[A-Za-z]:\\\S*|[\d.]+|[a-z]+", re.DOTALL)  # a path, a number, a word
_PREFIX = re.compile(
    r"sk-(?:ant-api\d\d-|ant-|or-v1-|proj-|svcacct-)?|AIza|ya29\.|gsk_|xai-|hf_|gh[pousr]_|xox[abposr]-|AKIA|ASIA|nvapi-"
)
_MANY = 8
_GRAM = 4
_TURNS = 3
_ESCAPES = (
    (b"\\n", b"\n"),
    (b"\\r", b"\r"),
    (b"\\t", b"\t"),
    (b"\\b", b"\b"),
    (b"\\f", b"\f"),
    (b'\\"', b'"'),
    (b"\\/", b"/"),
)
_BY_NUMBER = re.compile(rb"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_PEM = re.compile(r"(-----BEGIN [A-Z ]*-----)(\s|\\{1,3}n).*?(-----END [A-Z ]*-----|\Z)", re.DOTALL)


def from_environment() -> Iterator[str]:
    """The values of environment variables that are named like secrets; paths, numbers and plain words are none."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and not _ORDINARY.fullmatch(value):
            yield value


def known_secrets(given: Iterable[str] = ()) -> tuple[str, ...]:
    """``given`` and those of the environment, the longest first.

    Values under eight characters are left out: they would be found in ordinary text.
    """
    found = {value for value in (*given, *from_environment()) if len(value) >= SHORTEST}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def shaped(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of whatever looks like a key."""
    for start, pattern, name in _PATTERNS:
        at = data.find(start)
        while at >= 0:
            found = pattern.match(data, at)
            if found:
                yield at, found.end(), name
            at = data.find(start, found.end() if found else at + 1)


def unescaped(data: bytes, levels: int = 3) -> Iterator[bytes]:
    """``data`` without the escapes of JSON, once for each of ``levels`` while there are any. After a line break that
    is written as an escape a key stands behind a letter, where no pattern looks for its beginning.
    """
    for _ in range(levels):
        if b"\\" not in data:
            return
        data = data.replace(b"\\\\", b"\0\1")
        for escape, instead in _ESCAPES:
            data = data.replace(escape, instead)
        if b"\\u" in data or b"\\x" in data:
            data = _BY_NUMBER.sub(_letter, data)
        data = data.replace(b"\0\1", b"\\")
        yield data


def _letter(found: re.Match[bytes]) -> bytes:
    return chr(int(found[1] or found[2], 16)).encode("utf-8", "surrogatepass")


def placeholder(secret: str, number: int, written: str | None = None) -> str:
    """What stands in a secret's place: of its shape, where clients care for it. ``written`` is how it stood there."""
    if secret.startswith("eyJ") and secret.count(".") == 2:  # noqa: PLR2004 - a JWT's three parts
        return f"eyJhbGciOiJub25lIn0.e30.{MARK}-{number}"
    if pem := _PEM.match(written or secret):
        first, end, last = pem.groups()
        return f"{first}{end}{MARK}-{number}{end}{last}"
    prefix = _PREFIX.match(secret)
    return f"{prefix[0] if prefix else ''}{MARK}-{number}"


def random_part(secret: str) -> str:
    """The secret without the start that all keys of its kind share; empty where it does not look random."""
    prefix = _PREFIX.match(secret)
    rest = secret[prefix.end() :] if prefix else secret
    mixed = any(letter.isdigit() for letter in rest) and any(letter.isalpha() for letter in rest)
    return rest if len(rest) >= 2 * SHORTEST and mixed and len(set(rest)) >= _MANY else ""


@lru_cache(maxsize=256)
def forms(secret: str) -> tuple[bytes, ...]:
    """The secret as it stands in text, in JSON and in a URL."""
    found = (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""))
    twice = json.dumps(found[1])[1:-1]
    return tuple(dict.fromkeys(form.encode("utf-8", "surrogatepass") for form in (*found, twice)))


@lru_cache(maxsize=256)
def coded(secret: str) -> tuple[bytes, ...]:
    """The secret in hex, and the middle of its base64 at each of the three offsets it can stand at."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = [raw.hex().encode(), raw.hex().upper().encode()]
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw)[(0, 2, 3)[offset] : -4]
        found += [text, text.replace(b"+", b"-").replace(b"/", b"_")]
    return tuple(dict.fromkeys(form for form in found if len(form) >= SHORTEST))


def _random(window: bytes) -> bool:
    """Whether a piece is unlike a time, a version and words: upper case, lower case and digits alternate in it."""
    kinds = [letter.isdigit() + 2 * letter.isupper() for letter in window.decode("latin-1") if letter.isalnum()]
    return sum(one != other for one, other in pairwise(kinds)) >= _TURNS


class Pieces:
    """Finds runs of eight or more characters of random secrets, whole or cut. A piece that is not random by itself is
    none: the time in a cookie stands in every answer of the next minutes.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._of: dict[bytes, str] = {}
        grams: dict[bytes, None] = {}
        for secret in secrets:
            raw = random_part(secret).encode("utf-8", "surrogatepass")
            windows = (raw[start : start + SHORTEST] for start in range(len(raw) - SHORTEST + 1))
            self._of.update((window, secret) for window in windows if _random(window) and window not in self._of)
            # Eight in a row hold one of these, whichever eight they are.
            grams.update(
                (raw[start : start + _GRAM], None) for start in range(0, len(raw) - _GRAM + 1, SHORTEST - _GRAM + 1)
            )
        self._grams = tuple(grams)

    def runs(self, data: bytes) -> Iterator[tuple[int, int, str]]:
        """Start, end and secret of each run."""
        for gram in self._grams:
            at = data.find(gram)
            while at >= 0:
                end = at + 1
                for start in range(max(0, at + _GRAM - SHORTEST), at + 1):
                    secret = self._of.get(data[start : start + SHORTEST])
                    if secret is not None:
                        end = self._end(data, start)
                        yield start, end, secret
                        break
                at = data.find(gram, end)

    def _end(self, data: bytes, start: int) -> int:
        end = start + SHORTEST
        while data[end - SHORTEST + 1 : end + 1] in self._of:
            end += 1
        return end
