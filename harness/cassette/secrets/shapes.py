"""Known secrets: which values are, in what forms they are written, in what pieces they are found."""

from __future__ import annotations

import base64
import json
import os
import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.cassette.secrets import rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHORTEST = 8
"""No run of so many characters of a secret is ever written."""

MARK = "REDACTED"
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|AUTH)(?:_|$)", re.IGNORECASE
)
_ORDINARY = re.compile(r"[/~.]\S*|[A-Za-z]:\\\S*|[\d.]+|[a-z]+", re.DOTALL)  # a path, a number, a word
_PREFIX = re.compile(
    r"sk-(?:ant-api\d\d-|ant-|or-v1-|proj-|svcacct-|lf-)?|pk-lf-|AIza|ya29\.|gsk_|xai-|hf_|gh[pousr]_|github_pat_|"
    r"xox[abposr]-|AKIA|ASIA|ABSK|nvapi-|pplx-|r8_|fw_|csk-|lsv2_(?:pt|sk)_|tvly-|llx-|pcsk_|GOCSPX-|sk_live_|sk_test_"
)
_MANY = 8
_SHORTEST_WORD = 5
_NUMBERS = re.compile(r"[\d.:/TZ+, -]*|[<\[{(*$%].*|custom-header-value", re.DOTALL)
# What stands for a key where none is needed, and what answers are made of: as a word it is in any text.
_WORDS = frozenset(
    [
        *("apikey", "api-key", "api_key", "your-api-key", "your_api_key", "my-key", "mykey", "test-key", "testkey"),
        *("fake-key", "dummy-key", "sk-test", "sk-none", "sk-fake", "sk-dummy", "sk-xxx", "no-key", "nokey"),
        *("not-needed", "notneeded", "not-used", "unused", "dummy", "dummy-token", "placeholder", "empty", "false"),
        *("undefined", "anything", "whatever", "something", "nothing", "testing", "tests", "example", "examples"),
        *("sample", "local", "localhost", "lm-studio", "ollama", "vllm", "openai", "anthropic", "gemini", "google"),
        *("mistral", "cohere", "bedrock", "azure", "secret", "secrets", "password", "token", "tokens", "public"),
        *("private", "admin", "default", "guest", "anonymous", "bearer", "basic", "value", "string", "number"),
        *("object", "array", "function", "functions", "tool_calls", "tool_use", "tools", "assistant", "system"),
        *("developer", "message", "messages", "content", "delta", "choices", "index", "role", "model", "usage"),
        *("stream", "text", "reason", "refusal", "finish", "finish_reason", "length", "stop", "end_turn"),
        *("max_tokens", "completion", "response", "request", "error", "errors", "status", "completed", "created"),
        *("updated", "input", "output", "arguments", "parameters", "name", "title", "description", "required"),
        *("properties", "enabled", "disabled", "development", "production", "staging", "debug", "information"),
        *("warning", "please", "hello", "world", "weather", "thinking", "reasoning", "image", "audio", "video"),
        *("document", "application/json", "text/plain"),
    ]
)
_GRAM = 4
_ROT13 = bytes.maketrans(
    *(
        f"{a}{b}{a.lower()}{b.lower()}".encode()
        for a, b in (("ABCDEFGHIJKLM", "NOPQRSTUVWXYZ"), ("NOPQRSTUVWXYZ", "ABCDEFGHIJKLM"))
    )
)
_TURNS = 3
_PEM = re.compile(r"(-----BEGIN [A-Z ]*-----)(\s|\\{1,3}n).*?(-----END [A-Z ]*-----|\Z)", re.DOTALL)


def from_environment(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The values of environment variables that are named like secrets; paths, numbers and plain words are none."""
    # Looked up here: a test may have put another mapping in the place of `os.environ`.
    for name, value in (os.environ if environment is None else environment).items():
        if _SECRET_NAME.search(name) and not _ORDINARY.fullmatch(value):
            yield value


def known_secrets(secrets: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """``secrets`` and those of the environment, the longest first.

    Values under eight characters are left out: they would be found in ordinary text.
    """
    found = {value for value in (*secrets, *from_environment(environment)) if len(value) >= SHORTEST}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def placeholder(secret: str, number: int, written: str | None = None) -> str:
    """What stands in a secret's place: of its shape, where clients care for it. ``written`` is how it stood there."""
    if secret.startswith("eyJ") and secret.count(".") == 2:  # noqa: PLR2004 - a JWT's three parts
        return f"eyJhbGciOiJub25lIn0.e30.{MARK}-{number}"
    if pem := _PEM.match(written or secret):
        first, end, last = pem.groups()
        return f"{first}{end}{MARK}-{number}{end}{last}"
    prefix = _PREFIX.match(secret)
    return f"{prefix[0] if prefix else ''}{MARK}-{number}"


def strength(value: str, *, sure: bool) -> str:
    """How a value that came with a request is looked for: ``strong`` anywhere, ``weak`` as a word by itself, ``""`` not
    at all. ``sure``: it is a secret by where it stood.
    """
    if len(value) < _SHORTEST_WORD or MARK in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        return ""  # half a surrogate pair stands in no text
    if random_part(value) and (sure or rules.random_text(value.encode())):
        return "strong"
    if not sure or _NUMBERS.fullmatch(value) or value.lower() in _WORDS:
        return ""
    return "strong" if len(value) >= SHORTEST and _random(value.encode(), 2) and not value.islower() else "weak"


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
    """The secret in hex, spaced, backwards, in rot13, and the middle of its base64 and base85 at each of the offsets it
    can stand at.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    found = [raw.hex().encode(), raw.hex().upper().encode()]
    if random_part(secret):
        found += [one for one in (raw.upper(), raw.lower()) if one != raw]
    found += [b" ".join(raw[at : at + 1] for at in range(len(raw))), raw[::-1], raw.translate(_ROT13)]
    for offset in range(4):
        whole = (offset + len(raw)) // 4 * 5
        found += [form(b"\0" * offset + raw)[5 * bool(offset) : whole] for form in (base64.b85encode, base64.a85encode)]
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw)[(0, 2, 3)[offset] : -4]
        found += [text, text.replace(b"+", b"-").replace(b"/", b"_")]
    return tuple(dict.fromkeys(form for form in found if len(form) >= SHORTEST))


def places(data: bytes, form: bytes) -> Iterator[int]:
    """Where ``form`` stands in ``data``."""
    start = data.find(form)
    while start >= 0:
        yield start
        start = data.find(form, start + len(form))


def _random(window: bytes, least: int = _TURNS) -> bool:
    """Whether a piece is unlike a time, a version and words: upper case, lower case and digits alternate in it."""
    kinds = [letter.isdigit() + 2 * letter.isupper() for letter in window.decode("latin-1") if letter.isalnum()]
    return sum(one != other for one, other in pairwise(kinds)) >= least


class Pieces:
    """Finds runs of eight or more characters of random secrets, whole or cut. A piece that is not random by itself is
    none: the time in a cookie stands in every answer of the next minutes.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._of: dict[bytes, str] = {}
        self._raw: dict[str, bytes] = {}
        grams: dict[bytes, None] = {}
        for secret in secrets:
            raw = self._raw[secret] = random_part(secret).encode("utf-8", "surrogatepass")
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
                        begin, end = self._grown(data, start)
                        yield begin, end, secret
                        break
                at = data.find(gram, end)

    def _grown(self, data: bytes, start: int) -> tuple[int, int]:
        """The run around a piece, with the letters beside it that the secret has there too, random or not."""
        secret = self._raw[self._of[data[start : start + SHORTEST]]]
        place = secret.find(data[start : start + SHORTEST])
        end = start + SHORTEST
        after = secret[place + SHORTEST :]
        more = 0
        while more < len(after) and data[end + more : end + more + 1] == after[more : more + 1]:
            more += 1
        back = 0
        while back < min(place, start) and data[start - back - 1] == secret[place - back - 1]:
            back += 1
        return start - back, end + more
