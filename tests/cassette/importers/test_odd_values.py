"""Recorders' files with values put where they don't belong: each is taken over or left with a reason, none crashes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.cassette.format.document import from_bytes, to_text
from harness.cassette.importers import bounded
from harness.cassette.importers.bounded import Foreign, Lines
from harness.cassette.importers.importer import imported
from harness.core.errors import HarnessError

FILES = sorted(path for path in (Path(__file__).parent / "files").iterdir() if path.suffix != ".md")
LINE = {
    "id": "a#0",
    "repo": "r",
    "method": "GET",
    "url": "http://x/",
    "request_headers": {"a": "b"},
    "request_body": {"a": 1},
    "status": 200,
    "response_headers": {"date": "x"},
    "response_body": "x",
    "response_encoding": None,
}
SCALARS = (None, True, 0, -1, 99999, 1.5, float("nan"), float("inf"), 10**400, b"\xff", Foreign("!x"))
TEXTS = ("", "no", "x\r\ny", "\ud800", "\0", "base64", "http://[", "Tue, 99 Nov 2026 21:30:49 GMT", "2026-99-99")
TIMES = ("0001-01-01T00:00:00+14:00", "9999999999999-01-01T00:00:00")
KINDS = ([], {}, [[]], [None], ["a"], {"a": 1}, {1: 2}, {None: [None]}, {"string": None}, {"base64_string": "&"})
ODD = (*SCALARS, *TEXTS, *TIMES, *KINDS, {"type": "json", "content": {1: 2}})


def places(value, before=()):
    if before:
        yield before
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*before, key))


def put(value, place, new):
    if not place:
        return new
    made = dict(value) if isinstance(value, dict) else list(value)
    made[place[0]] = put(value[place[0]], place[1:], new)
    return made


@pytest.mark.parametrize("many", [50, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("path", [*FILES, None], ids=lambda path: path.name if path else "lines")
def test_no_value_breaks_an_import(path, many):
    document = bounded.parsed(bounded.content(path), path) if path else Lines((LINE,))
    lines = isinstance(document, Lines)
    document = list(document.values) if lines else document
    known = list(places(document))
    draw = random.Random(0)
    for _ in range(many):
        place, odd = draw.choice(known), draw.choice(ODD)
        odd_one = put(document, place, odd)
        try:
            result = imported(Lines(tuple(odd_one)) if lines else odd_one, Path("a file"))
        except HarnessError:
            continue
        for cassette in result.cassettes.values():
            assert from_bytes(to_text(cassette).encode(), "back") == cassette, (place, odd)
