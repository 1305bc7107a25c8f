"""The kinds of keys: where they are from, that each is found, and that ordinary exchanges hold none."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import string
from importlib import resources
from pathlib import Path
from re import _constants as sre
from re import _parser as parser

import pytest

from harness.cassette.secrets import rules
from harness.cassette.secrets.own_rules import PREFIXED

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("HARNESS_CORPUS", ROOT.parent / "shared" / "corpus")) / "exchanges.jsonl.gz"
DATA = json.loads(resources.files("harness.cassette.secrets").joinpath("rules.json").read_text())
KINDS = [(one["name"], one["pattern"], one["ignore_case"], one.get("entropy", 0)) for one in DATA["prefixed"]]
KINDS += [(f"{one.name}, {one.starts[0]}", one.pattern, False, 0) for one in PREFIXED]


def test_the_rules_say_where_they_are_from():
    assert "gitleaks" in DATA["source"]
    assert DATA["licence"].startswith("MIT License")
    assert re.fullmatch(r"[0-9a-f]{40}", DATA["commit"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", DATA["date"])
    assert len(DATA["prefixed"]) + len(DATA["named"]) + len(PREFIXED) >= 230
    assert all(DATA["left_out"].values())


OPEN = 200  # a repetition that the rule set leaves open


def sample(items, draw):
    """A text that a parsed pattern matches: letters of its classes drawn, repetitions kept short."""
    made = ""
    for kind, value in items:
        if kind is sre.LITERAL:
            made += chr(value)
        elif kind is sre.IN:
            made += draw.choice(letters(value))
        elif kind in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
            least, most, inner = value
            made += "".join(sample(inner, draw) for _ in range(min(max(least, 12 if most >= OPEN else 1), most)))
        elif kind is sre.SUBPATTERN:
            made += sample(value[3], draw)
        elif kind is sre.BRANCH:
            made += sample(draw.choice(value[1]), draw)
        elif kind is sre.ANY:
            made += "x"
        elif kind in {sre.AT, sre.ASSERT, sre.ASSERT_NOT}:
            continue
        else:
            raise NotImplementedError(kind)
    return made


def letters(value):
    found = ""
    for kind, one in value:
        if kind is sre.LITERAL:
            found += chr(one)
        elif kind is sre.RANGE:
            found += "".join(map(chr, range(one[0], one[1] + 1)))
        elif kind is sre.CATEGORY:
            found += string.digits if one is sre.CATEGORY_DIGIT else string.ascii_letters + string.digits
        else:
            return string.ascii_letters + string.digits
    return found


def drawn(pattern, enough, count=3):
    """Samples of a pattern that are as random as its rule wants keys to be."""
    draw = random.Random(pattern)
    parsed = parser.parse(pattern)
    found = []
    for _ in range(200):
        one = sample(parsed, draw)
        if enough(one):
            found.append(one)
        if len(found) == count:
            break
    assert found, pattern
    return found


@pytest.mark.parametrize("kind", KINDS, ids=[kind[0] for kind in KINDS])
def test_a_key_of_each_kind_is_found_in_a_prompt(kind):
    _, pattern, ignore_case, entropy = kind
    starts = {start.decode() for start in rules._by_start()}
    compiled = re.compile(pattern, re.ASCII | (re.IGNORECASE if ignore_case else 0))

    def enough(key):
        known = any(start in key for start in starts)
        return known and compiled.fullmatch(key) and rules.shannon(key.encode()) >= max(entropy, 2) + 0.3

    for key in drawn(pattern, enough):
        assert list(rules.shaped(json.dumps({"content": f"it is\n{key} "}).encode())), key


def test_a_name_of_words_that_begins_like_a_key_is_none():
    for name in (
        "sk-folding-cube-loading-spinner",
        "sk-bratislava-city-breaks-2024",
        "sk-ant-colony-optimization-in-words",
    ):
        assert not list(rules.shaped(f"<a class={name} href='https://shop.test/{name}/'>{name}".encode())), name
    for rest in (
        "4f1c0b7de92a4c55b0a1d3e8f6a7c9d2",
        "abcdefghijklmnopqrstuvwxyz",
        "one-two-three-four-Q7x",
        "a1-two-three-four-five",
    ):
        assert list(rules.shaped(f'"sk-{rest}"'.encode())), rest


@pytest.mark.parametrize("rule", DATA["named"], ids=[one["name"] for one in DATA["named"]])
def test_a_value_behind_each_name_is_found_in_an_env_file_and_in_json(rule):
    def enough(value):
        return any(map(str.isdigit, value)) and rules.shannon(value.encode()) >= rule.get("entropy", 0) + 0.2

    for value in drawn(rule["value"], enough):
        for name in rule["names"]:
            assert list(rules.shaped(f"A=1\n{name.upper()}_VALUE={value}\n".encode())), (name, value)
            assert list(rules.shaped(json.dumps(json.dumps({f"{name}_value": value})).encode())), (name, value)


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no corpus at {CORPUS}: set HARNESS_CORPUS")
def test_under_one_of_two_thousand_real_exchanges_raises_a_false_alarm():
    alarms, count = [], 0
    with gzip.open(CORPUS, "rb") as lines:
        for line in lines:
            count += 1
            one = json.loads(line)
            parts = [
                one["url"],
                one["request_headers"],
                one["request_body"],
                one["response_headers"],
                one["response_body"],
            ]
            texts = [part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts]
            data = "\n\n".join(texts).encode("utf-8", "surrogatepass")
            alarms += [(one["id"], name) for _, _, name in list(rules.shaped(data))[:1]]
    print(f"{len(alarms)} of {count} exchanges: {alarms}")
    assert len(alarms) * 2000 < count
