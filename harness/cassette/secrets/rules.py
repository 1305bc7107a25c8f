"""Finds what looks like a key: by how keys of a kind begin, and by the name that stands before a value.

Keys of most kinds begin with a literal: those are searched for in one pass over what is long enough to be a key, and
only there a pattern is tried. ``rules.json`` is made from a maintained rule set (it has its name, date and
what licence), ``own_rules`` adds model providers' kinds.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.cassette.secrets.own_rules import PREFIXED, PrefixedRule

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = b"REDACTED"
_SHORTEST_RUN = 14
_LONGEST_RUN = 4096
_LONGEST_KEY = 16_384
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/=~"
_KINDS = bytes(ord("a") if letter in _LETTERS else ord(" ") for letter in range(256))
_DIGITS = b"0123456789"
_NAMED = re.compile(rb"[0-9=]")
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_LETTERS_SET = frozenset(_LETTERS) - frozenset(b"=.")
_BLOB = 400  # a run of that length is base64, and in base64 anything may stand by chance
_ESCAPED = frozenset(b"nrtbf")
_BEFORE_VALUE = b" \t\r\n\\'\"`=:>?|"
_IN_NAMES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_. \t-"
_LAST_WORDS = (b"bearer", b"basic", b"token", b"password", b"passwd", b"key", b" is")
_SEPARATORS = re.compile(rb"[=:>|]")
_SPOKEN = re.compile(
    rb"(?:password|passwd|(?:api|access|secret|private)[ _-]?key|(?:api|access|auth) token)"
    rb"[ \t]{1,3}(?:is[ \t]{1,3})?\Z",
    re.IGNORECASE,
)
_PAIRED = re.compile(
    rb"(?:key|name)[\"'\\ :=]{2,12}([\w.-]{2,60})[\"'\\]{1,6}[ ,]{1,3}[\"'\\]{0,4}value\Z", re.IGNORECASE
)
_SCHEME = re.compile(rb"(?:authorization|bearer|basic)[ \\'\":=]{1,8}(?:bearer|basic|token) {1,4}\Z", re.IGNORECASE)
_PEM = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?!(?:\s|\\{1,3}n)REDACTED-)[^-]{0,16384}"
    rb"(?:-----END [A-Z0-9 ]{0,40}-----)?"
)
_URL = re.compile(rb"://[^\s/@:\"'\\<>{}$*%]{0,64}:(?!//)([^\s/@:\"'\\<>{}$*]{3,128})@")
_EXAMPLES = frozenset(
    {b"password", b"pass", b"passwd", b"pwd", b"secret", b"redacted", b"xxx", b"xxxx", b"xxxxx", b"your_password"}
)
_SECRET_NAME = re.compile(
    r"(?:key|secret|token|passwd|password|pwd|passphrase|credentials?|authorization|_auth|(?:amz|goog)-signature)=?$|"
    r"^auth=?$|(?:^|[_-])(?:sig|sid|session(?:id)?)=$|^(?:wandb|exa|serper|deepgram)"
)
_NO_SECRET_NAME = re.compile(
    r"page|next|cache|idempot|partition|public|sort|primary|foreign|continu|sync|cursor|pagina|dedup|tokeniz|max|"
    r"completion|prompt|stop|special|finger|metadata|object|storage|routing|lookup|group|map|hot|index|answer"
)
_ZHIPU, _ZHIPU_LENGTH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}\.[A-Za-z0-9]{16}\Z"), 49
_VALUE = re.compile(rb"[A-Za-z0-9_+/=.~-]{16,512}")
_CHUNK = re.compile(rb"[A-Za-z0-9]+")
_GENERIC, _HEX = 3.5, 3.0
_ONLY_HEX = re.compile(rb"[0-9a-f-]+|[0-9A-F-]+")
_TURNS = 5


class _Named(NamedTuple):
    name: str
    value: str
    flags: int
    entropy: float


@cache
def _data() -> dict[str, list[dict[str, Any]]]:
    text = resources.files(__package__).joinpath("rules.json").read_text(encoding="utf-8")
    made: dict[str, list[dict[str, Any]]] = json.loads(text)
    return made


@cache
def _by_start() -> dict[bytes, tuple[PrefixedRule, ...]]:
    """The rules by the literal that their keys begin with; ours come first, for their names are for people."""
    made: dict[bytes, list[PrefixedRule]] = {}
    for rule in (*PREFIXED, *map(_prefixed_rule, _data()["prefixed"])):
        for start in rule.starts:
            made.setdefault(start.encode(), []).append(rule)
    return {start: tuple(rules) for start, rules in made.items()}


def _prefixed_rule(rule: dict[str, Any]) -> PrefixedRule:
    flags = re.IGNORECASE if rule["ignore_case"] else 0
    name, starts, entropy = f"a key ({rule['name']})", tuple(rule["starts"]), _entropy_of(rule)
    return PrefixedRule(name, starts, str(rule["pattern"]), bool(rule["boundary"]), flags=flags, entropy=entropy)


@cache
def _starts() -> re.Pattern[bytes]:
    """One pattern for all beginnings, as a tree: most letters begin none."""
    return re.compile(_tree(sorted(_by_start())))


def _tree(words: list[bytes]) -> bytes:
    if b"" in words:
        return b""
    made: dict[bytes, list[bytes]] = {}
    for word in words:
        made.setdefault(word[:1], []).append(word[1:])
    parts = [re.escape(first) + _tree(rest) for first, rest in made.items()]
    return parts[0] if len(parts) == 1 else b"(?:" + b"|".join(parts) + b")"


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[bytes]:
    return re.compile(pattern.encode(), flags)


def _entropy_of(rule: dict[str, Any]) -> float:
    return float(str(rule.get("entropy", 0)))


def shaped(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of whatever looks like a key."""
    unprefixed: set[bytes] = set()
    plain: set[bytes] = set()
    for start, end in runs(data):
        piece = data[start : min(end, start + _LONGEST_RUN)]
        if piece in plain:
            continue
        if piece not in unprefixed:
            clean = True
            for found in _prefixed(data, piece, start):
                clean = False
                yield found
            if clean:
                unprefixed.add(piece)
                if not _NAMED.search(piece) and len(piece) < _ZHIPU_LENGTH:
                    plain.add(piece)  # no name makes a key of it
                    continue
        yield from _named(data, start, end, piece)
        if _ZHIPU_LENGTH <= len(piece) <= _ZHIPU_LENGTH + 1 and _ZHIPU.search(piece):
            yield start, end, "a Zhipu key"
    yield from _marked(data)


def runs(data: bytes, least: int = _SHORTEST_RUN, letters: bytes = _KINDS) -> Iterator[tuple[int, int]]:
    """Where letters stand in a row that keys are made of, or others: ``letters`` is a table like ``_KINDS``."""
    found, run = data.translate(letters), b"a" * least
    start = found.find(run)
    while start >= 0:
        end = found.find(b" ", start)
        end = len(data) if end < 0 else end
        yield start, end
        start = found.find(run, end)


def _prefixed(data: bytes, piece: bytes, at: int) -> Iterator[tuple[int, int, str]]:
    position, blob = 0, len(piece) > _BLOB
    while hit := _starts().search(piece, position):
        place = at + hit.start()
        position = hit.start() + 1  # one beginning may stand in another: `napi_` behind a line break's `n`
        for rule in _rules_at(hit[0]):
            if (rule.boundary or blob) and not rule.back and not _begins(data, place, _LETTERS_SET if blob else _WORD):
                continue
            found = _match(rule, data, place)
            if found is not None and _counts(found, rule.entropy):
                position = found.end() - at
                yield found.start(), found.end(), rule.name
                break


@lru_cache(maxsize=1024)
def _rules_at(start: bytes) -> tuple[PrefixedRule, ...]:
    """Those of a shorter beginning count too: the tree stops at the first that it comes to."""
    table = _by_start()
    longer = [rule for other, rules in table.items() if other.startswith(start) for rule in rules]
    return tuple(dict.fromkeys(longer))


def _match(rule: PrefixedRule, data: bytes, place: int) -> re.Match[bytes] | None:
    pattern = _compiled(rule.pattern, rule.flags)
    if rule.back:
        return pattern.search(data, max(0, place - rule.back), min(len(data), place + _LONGEST_RUN))
    return pattern.match(data, place, place + _LONGEST_KEY)


def _begins(data: bytes, place: int, word: frozenset[int]) -> bool:
    """Whether a word begins here: behind no letter, or behind one that ends an escape such as that of a line break."""
    if place == 0 or data[place - 1] not in word:
        return True
    if place >= 2 and data[place - 2] == 0x5C and data[place - 1] in _ESCAPED:  # noqa: PLR2004 - a backslash
        return True
    return place >= 6 and data[place - 6 : place - 4] == b"\\u"  # noqa: PLR2004 - the length of such an escape


def _counts(found: re.Match[bytes], entropy: float) -> bool:
    text = found[0]
    if MARK in text and not text.startswith((b"sk-", b"xox", b"ya29.", b"AIza")):
        return False
    secret = next((one for one in found.groups() if one), text)
    return not entropy or shannon(secret) >= entropy


def shannon(text: bytes) -> float:
    """Bits a letter."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def _named(data: bytes, start: int, end: int, piece: bytes) -> Iterator[tuple[int, int, str]]:
    """A value behind a name of a secret."""
    for name, at in _names(data, start, piece):
        if found := _by_name(data, name, at, end):
            yield found
            return


def _by_name(data: bytes, name: str, at: int, end: int) -> tuple[int, int, str] | None:
    for rule in _rules_of(name):
        found = _compiled(rule.value, rule.flags).match(data, at, min(end, at + _LONGEST_RUN) + 1)
        if found and MARK not in found[0] and shannon(found[0]) >= rule.entropy and _mixed(found[0]):
            return at, found.end(), rule.name
    if _is_secret_name(name):
        found = _VALUE.match(data, at, end)
        if found and MARK not in found[0] and random_text(found[0]):
            return at, found.end(), "a key, by the name before it"
    return None


def _names(data: bytes, start: int, piece: bytes) -> Iterator[tuple[str, int]]:
    """The names that a run of letters may be the value of, in small letters, and where the value begins."""
    equal = piece.find(b"=", 0, 64)
    if 0 < equal < len(piece) - _SHORTEST_RUN:
        yield piece[: equal + 1].lower().decode("ascii", "replace"), start + equal + 1
    if piece.translate(None, _DIGITS) == piece:
        return
    head = data[max(0, start - 96) : start]
    tab = head.endswith(b"\t") or (head.endswith(b"\\") and piece.startswith(b"t"))
    bare = head.rstrip(_BEFORE_VALUE)
    if not tab and not _SEPARATORS.search(head, len(bare)):
        if not bare[-8:].lower().endswith(_LAST_WORDS):
            return
        if _SCHEME.search(head):
            yield "authorization", start
        elif _SPOKEN.search(head):
            yield "password", start
    elif len(name := bare[max(len(bare.rstrip(_IN_NAMES)), len(bare) - 60) :]) > 1:
        pair = _PAIRED.search(bare) if name.strip().lower() == b"value" else None
        yield (pair[1] if pair else name).lower().decode("latin-1").strip(), start


@lru_cache(maxsize=8192)
def _rules_of(name: str) -> tuple[_Named, ...]:
    return tuple(
        _Named(
            f"a key ({rule['name']})",
            str(rule["value"]),
            re.IGNORECASE if rule["ignore_case"] else 0,
            _entropy_of(rule),
        )
        for rule in _data()["named"]
        if any(word in name for word in rule["names"])
    )


@lru_cache(maxsize=8192)
def _is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _NO_SECRET_NAME.search(name)


def _mixed(text: bytes) -> bool:
    return any(letter in _DIGITS for letter in text)


def random_text(text: bytes) -> bool:
    """Whether a text is random rather than made of words, numbers and dates."""
    longest = max(_CHUNK.findall(text), key=len, default=b"")
    kinds = [(48 <= letter < 58) + 2 * (65 <= letter < 91) for letter in text if letter in _WORD]  # noqa: PLR2004 - ASCII
    turns = sum(one != other for one, other in pairwise(kinds))
    least = _HEX if _ONLY_HEX.fullmatch(text) else _GENERIC
    return turns >= _TURNS and len(longest) >= 8 and shannon(text) >= least  # noqa: PLR2004 - no list of short words


def _marked(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Private keys, passwords in URLs, and what else is not one run of letters."""
    for start, back, pattern, name in _MARKED:
        at = data.find(start)
        while at >= 0:
            found = pattern.match(data, at - back, at + _LONGEST_KEY) if back <= at else None
            if found and not _example(found) and (name != _USER or random_text(found[1])):
                yield found.start(), found.end(), name
            at = data.find(start, found.end() if found else at + 1)


def _example(found: re.Match[bytes]) -> bool:
    return bool(found.groups()) and (found[1].lower() in _EXAMPLES or MARK in found[1])


_USER = "a token in a URL"
_MARKED = (
    (b"://", 0, re.compile(rb"://([A-Za-z0-9_-]{16,255})(?::x-oauth-basic)?@"), _USER),
    (b"PuTTY-User-Key-File-", 0, re.compile(rb"PuTTY-User-Key-File-[0-9]: "), "a private key"),
    (b"-----BEGIN ", 0, _PEM, "a private key"),
    (b"://", 0, _URL, "a password in a URL"),
    (b":AA", 8, re.compile(rb"[0-9]{8}:AA[A-Za-z0-9_-]{32,35}(?![A-Za-z0-9_-])"), "a Telegram bot token"),
)
