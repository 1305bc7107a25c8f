"""Hostile text of models and servers, in every report."""

from __future__ import annotations

import io
import json
import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.core.chat import Reply
from harness.core.finding import Finding, Observation
from harness.engine.events import CaseFinished, CaseResult, Problem, Scorecard
from harness.report import runs, safe_text

HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m",
    "a\u202eb\u2066c",
    "one\u2028two\u2029three",
    "\x00\x08\x7f",
    "\ud800 alone",
    "\ufffe\uffff",
    "::set-output name=x::y",
    "  ::error::boom",
    "line\n::error::boom",
    "##[group]x",
    "##vso[task.setvariable variable=x]y",
    "##teamcity[buildStop]",
    "<script>alert(1)</script>",
    "]]>",
    "[bold red]markup[/bold red] [link=http://evil]x[/link]",
    "\r\rover",
    "\U000e0041\u200b\ufeff",
)


def card(text: str) -> Scorecard:
    seen = Observation("s", "c", "m", {}, Reply(text=text))
    finding = Finding("text", "fail", f"{text} is not wanted")
    results = (
        CaseResult("s", text, "m", "c.json", (finding,), (seen,)),
        CaseResult("s", "other", text, text, problem=Problem("CassetteMiss", text, 2, (text,))),
    )
    return Scorecard(results, (text,))


def on_terminal(scorecard: Scorecard, *, colours: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=colours, color_system="truecolor" if colours else None)
    runs.show(console, scorecard)
    return out.getvalue()


def obeys(text: str) -> bool:
    """Whether a CI system would take a line for a command, as GitHub, Azure and TeamCity do."""
    return any(
        one.lstrip().startswith("::") or "##[" in one or "##vso[" in one or "##team" in one for one in text.splitlines()
    )


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_the_terminal_shows_it_and_does_nothing_else(text):
    shown = on_terminal(card(text))
    assert all(character.isprintable() or character == "\n" for character in shown), shown
    assert not obeys(shown)
    assert "http://evil" not in on_terminal(card(text), colours=True).split("\x1b]8;")[1:]


def test_markup_of_our_terminal_library_is_text():
    assert "[bold red]markup[/bold red]" in on_terminal(card("[bold red]markup[/bold red]"))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_junit_is_xml_that_any_parser_reads(text):
    written = runs.junit_xml(card(text))
    root = ET.fromstring(written.encode())
    assert [one.get("tests") for one in root] == ["2", "1"]
    assert len(root.findall(".//error")) == 1
    assert not obeys(written)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_is_ascii_and_reads_back_as_it_was(text):
    written = runs.as_json(card(text), harness="0")
    assert written.isascii()
    assert json.loads(written)["results"][0]["turns"][0]["reply"]["text"] == text
    line = runs.event_line(CaseFinished(1, card(text).results[0]))
    assert line.count("\n") == 1
    assert json.loads(line)["event"] == "case_finished"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_becomes_one_printable_line(text):
    shown = safe_text.line(text)
    assert all(one.isprintable() or one == "\u200d" or unicodedata.category(one) == "Zs" for one in shown)
    assert not obeys(shown)


@given(st.text(alphabet="ab:# \n\r\t[\x1bvso"))
def test_any_text_becomes_a_harmless_block(text):
    shown = safe_text.block(text)
    assert all(one.isprintable() or one in "\n\t" for one in shown)
    assert not obeys(shown)


def test_long_text_is_shortened_and_says_so():
    assert safe_text.line("x" * 100_000_000) == "x" * 2000 + "… (100,000,000 characters)"
    assert safe_text.block("x" * 60_000).endswith("… (60,000 characters)")


def test_ordinary_text_of_any_language_stays_as_it_is():
    for text in ("plain", "Grüße, 世界 👩‍👧", "a: b :: c # d"):
        assert safe_text.line(text) == text
