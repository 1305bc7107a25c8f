"""Cards as JSON and back."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.core.card import Card, Cell, rate
from harness.core.errors import UsageError
from harness.core.finding import Evidence, Finding
from harness.report.cards.document import read, schema, write

from .sample import CARDS, HOSTILE, hostile, many

TEXT = write(CARDS, harness="0.1.0", litellm="1.109.1")
SCHEMA = Draft202012Validator(schema())


def test_what_is_written_reads_back():
    assert read(TEXT) == CARDS
    assert write(read(TEXT), harness="0.1.0", litellm="1.109.1") == TEXT
    assert read(write((), harness="", litellm="")) == ()


def test_the_published_schema_holds():
    Draft202012Validator.check_schema(schema())
    SCHEMA.validate(json.loads(TEXT))
    SCHEMA.validate(json.loads(write((Card("m", "", ()),), harness="", litellm="")))


def test_each_cell_stands_on_a_line_of_its_own():
    lines = TEXT.splitlines()
    assert sum('"mode":' in line for line in lines) == sum(len(card.cells) for card in CARDS)
    changed = (many(1)[0], CARDS[1])
    fewer = write((Card(**{**_fields(changed[0]), "cells": changed[0].cells[1:]}), changed[1]), harness="", litellm="")
    assert len(set(write(changed, harness="", litellm="").splitlines()) ^ set(fewer.splitlines())) == 1


def _fields(card: Card) -> dict:
    return {name: getattr(card, name) for name in Card.__slots__}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_any_text_reads_back_as_it_was(text):
    cards, _ = hostile(text)
    written = write(cards, harness=text, litellm=text)
    assert written.isascii()
    if "\ud800" in text:  # it has no bytes, and is written as the mark of what can't be read
        cards, _ = hostile(text.replace("\ud800", "\ufffd"))
    assert read(written) == cards
    SCHEMA.validate(json.loads(written))


WORDS = st.text(max_size=8)
PROOFS = st.builds(Evidence, WORDS, st.lists(st.integers(0, 9), max_size=3).map(tuple))
VERDICTS = st.sampled_from(["pass", "fail", "quirk", "unsupported", "infra", "unseen"])
FINDINGS = st.builds(Finding, WORDS, VERDICTS, WORDS, WORDS, st.none() | PROOFS)
RATES = st.integers(0, 9).flatmap(lambda n: st.integers(0, n).map(lambda held: rate(held, n)))
CELLS = st.builds(
    Cell,
    WORDS,
    st.sampled_from(["", "whole", "stream"]),
    VERDICTS,
    RATES,
    st.integers(0, 9),
    st.integers(0, 9),
    st.lists(FINDINGS, max_size=2).map(tuple),
    st.lists(PROOFS, max_size=2).map(tuple),
    WORDS,
)


@settings(max_examples=60)
@given(st.lists(CELLS, max_size=4).map(tuple), st.dictionaries(WORDS, RATES, max_size=2))
def test_any_card_reads_back_as_it_was(cells, measures):
    cards = (Card("m", "p", cells, {}, measures),)
    written = write(cards, harness="", litellm="")
    assert read(written) == cards
    SCHEMA.validate(json.loads(written))


def put(value, *path):
    """The document with ``value`` at ``path``; with ``...`` for a value, without what is there."""
    document = copy.deepcopy(json.loads(TEXT))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


TRUE = True
CELL = ("cards", 0, "cells", 0)
FAILED = ("cards", 0, "cells", next(at for at, one in enumerate(CARDS[0].cells) if one.findings))
WRONG = {
    "another format": (put("harness-report", "format"), "holds no cards"),
    "a later version": (put(2, "version"), "version 2 of the format, and this harness reads 1"),
    "a version as text": (put("1", "version"), "version '1'"),
    "a version that is true": (put(TRUE, "version"), "version True"),
    "no harness": (put(..., "harness"), "harness .*field required"),
    "an unknown key": (put(1, "more"), "more .*unexpected"),
    "no list": (put({}, "cards"), "cards .*valid array"),
    "no object": (put([], "cards", 0), r"cards\[0\] .*an object"),
    "an unknown key of a card": (put(1, "cards", 0, "x"), r"cards\[0\]\.x .*unexpected"),
    "a model that is none": (put(None, "cards", 0, "model"), r"cards\[0\]\.model .*valid string"),
    "cells that are none": (put(None, "cards", 0, "cells"), r"cards\[0\].cells .*valid array"),
    "a cell that is none": (put(None, *CELL), r"cells\[0\]"),
    "a cell as a list": (put([], *CELL), r"cells\[0\]"),
    "an unknown key of a cell": (put(1, *CELL, "x"), r"cells\[0\]\.x .*unexpected"),
    "no rate": (put(..., *CELL, "rate"), r"cells\[0\]\.rate .*field required"),
    "an unknown mode": (put("both", *CELL, "mode"), r"cells\[0\]\.mode .*'whole', 'stream'"),
    "a mode as a list": (put([], *CELL, "mode"), r"cells\[0\]"),
    "an unknown verdict": (put("great", *CELL, "verdict"), r"cells\[0\]\.verdict .*'pass', 'fail'"),
    "a check as a number": (put(1, *CELL, "check"), r"cells\[0\]\.check .*valid string"),
    "a negative count": (put(-1, *CELL, "infra"), r"cells\[0\]\.infra .*greater than or equal to 0"),
    "a count that is true": (put(TRUE, *CELL, "infra"), r"cells\[0\]\.infra .*valid integer"),
    "more held than asked": (put(9, *CELL, "rate", "held"), r"cells\[0\]\.rate .*held up to n"),
    "held that is true": (put(TRUE, *CELL, "rate", "held"), r"rate.held .*valid integer"),
    "an interval beyond 1": (put(1.5, *CELL, "rate", "high"), r"rate.high .*less than or equal to 1"),
    "a rate with more": (put(1, *CELL, "rate", "x"), r"rate.x .*unexpected"),
    "a rate that is a number": (put(1, *CELL, "rate"), r"cells\[0\]"),
    "findings that are none": (put([None], *FAILED, "findings"), r"cells\[\d+\]"),
    "findings as text": (put("abc", *FAILED, "findings"), r"cells\[\d+\]"),
    "evidence as a number": (put(5, *FAILED, "evidence"), r"cells\[\d+\]"),
    "an unknown key of a finding": (
        put(1, *FAILED, "findings", 0, "x"),
        r"cells\[\d+\]\.findings\[0\]\.x .*unexpected",
    ),
    "exchanges as text": (put("12", *FAILED, "findings", 0, "evidence", "exchanges"), r"cells\[\d+\]"),
    "an exchange before the first": (
        put([-1], *FAILED, "findings", 0, "evidence", "exchanges"),
        r"exchanges\[0\] .*greater than or equal to 0",
    ),
    "recordings as a list": (put([], "cards", 0, "recordings"), r"recordings .*an object"),
    "a recording that is none": (put({"x": None}, "cards", 0, "recordings"), r"recordings.x"),
    "a measure that is none": (put({"x": None}, "cards", 0, "measures"), r"measures.x"),
    "a list": ([], "holds no cards"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_such_document_is_told_in_one_sentence(name):
    document, said = WRONG[name]
    with pytest.raises(UsageError, match=said) as told:
        read(json.dumps(document), "card.json")
    assert str(told.value).startswith("card.json")
    assert "\n" not in str(told.value)
    assert list(SCHEMA.iter_errors(document)) or name == "more held than asked"


def test_a_recording_of_an_unknown_kind():
    path = next(iter(CARDS[0].recordings))
    with pytest.raises(UsageError, match=r"kind .*'live', 'local'"):
        read(json.dumps(put("dreamt", "cards", 0, "recordings", path, "kind")))


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", "[" * 100_000, '{"version": ' + "1" * 5000 + "}", "\x00"], ids=len
)
def test_what_is_no_json_is_told_in_one_sentence(text):
    with pytest.raises(UsageError, match="is no JSON document") as told:
        read(text, "card.json")
    assert len(str(told.value)) < 300
