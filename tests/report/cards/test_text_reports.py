"""Cards, and what changed between them, on the terminal, as Markdown and as JUnit."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from harness.core.card import Card, rate
from harness.report import changes as drawn
from harness.report.cards import ci, terminal

from .sample import CARDS, CATALOGUE, CHANGES, HOSTILE, hostile, hostile_changes, many, obeys

TODAY = dt.date(2026, 12, 4)


def on_terminal(cards, catalogue=CATALOGUE, width=80, *, colours=False, today=None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colours, color_system="truecolor" if colours else None)
    terminal.show(console, cards, catalogue, today=today)
    return out.getvalue()


def wrapped(shown: str) -> list[str]:
    """The lines that must fit: not the commands, which are to be copied."""
    return [line for line in shown.splitlines() if not line.startswith("    harness cassettes show")]


def changed(changes, width=80) -> str:
    out = io.StringIO()
    drawn.show(Console(file=out, width=width), changes)
    return out.getvalue()


def test_the_terminal_has_a_row_for_each_check_and_a_column_for_each_model():
    shown = on_terminal(CARDS, today=TODAY)
    row = next(line for line in shown.splitlines() if line.startswith("   D9 call as text"))
    assert row.split("text")[1].split() == ["~", "5/5", "~", "5/5", "✓", "5/5", "✓", "5/5"]
    assert all(len(line) <= 80 for line in wrapped(shown[: shown.index("✓ pass")]))
    assert "FAIL  openai/smollm2-135m  D1 single, streamed: 3/5 (23–88 %)" in shown
    assert "D1 (turn 0.calls[0]): the arguments are no object of the schema: 'city' is missing" in shown
    assert "see: harness cassettes show cassettes/streaming/call/openai+smollm2-135m.json 0" in shown
    assert "recordings are local; recorded 2026-11-24 (10 days old); decoded by harness 0.1.0" in shown
    order = [shown.index(f"\n{word}  ") for word in ("FAIL", "infra", "quirk", "unsupported")]
    assert order == sorted(order)


@pytest.mark.parametrize(("number", "width"), [(2, 40), (4, 80), (8, 80), (9, 80), (50, 80), (50, 200), (3, 300)])
def test_any_number_of_models_fits_any_width(number, width):
    shown = on_terminal(many(number), width=width)
    table = shown[: shown.index("✓ pass")]
    assert all(len(line) <= width for line in wrapped(table))
    flat = "".join(table.split())
    assert all(f"name-{at}" in flat for at in range(number)) or width < 60
    assert f"{number} models, 23 checks" in shown


def test_of_very_many_cells_only_the_gravest_are_told_one_by_one():
    shown = on_terminal(many(50))
    assert shown.count("see: harness cassettes show") == terminal.MOST_LISTED
    assert "… and 200 cells more that are not pass" in shown


def test_every_report_says_first_whether_the_model_can_be_used():
    wanting = [replace(one, check="A1", rate=rate(1, 10), verdict="fail") for one in CARDS[0].cells[:1]]
    card = replace(CARDS[0], cells=(*wanting, *CARDS[0].cells[1:]))
    said = "smollm2-135m through openai: not fit for tool calling: it hardly calls tools; it called a tool in 1 of 10"
    assert on_terminal([card], width=200).startswith(said)
    assert said in ci.markdown([card], CATALOGUE)
    plain = on_terminal(CARDS[:1], width=200).splitlines()
    assert "answers in these recordings" in plain[0]
    assert "takes the card's own questions" in plain[1]


def test_recordings_without_a_date_are_of_an_unknown_time():
    undated = {path: replace(one, recorded="") for path, one in CARDS[0].recordings.items()}
    shown = on_terminal([replace(CARDS[0], recordings=undated)], width=200)
    assert "recordings are local; recorded at an unknown time; decoded by" in shown


def test_no_card_is_said():
    assert "no card was made" in on_terminal(())
    assert "1 model, 0 checks" in on_terminal((Card("m", "", ()),))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_the_terminal_shows_hostile_text_and_does_nothing_else(text):
    cards, catalogue = hostile(text)
    for shown in (on_terminal(cards, catalogue), on_terminal(cards * 5, catalogue), changed(hostile_changes(text))):
        assert all(character.isprintable() or character == "\n" for character in shown), ascii(shown)
        assert not obeys(shown)
    coloured = on_terminal(cards, catalogue, colours=True)
    assert "\x1b]8;" not in coloured


def test_changes_stand_side_by_side():
    shown = changed(CHANGES)
    assert shown.index("contract") < shown.index("shape") < shown.index("cosmetic")
    assert any('"name": "weather/get",       "name": "weather/get",' in line for line in shown.splitlines())
    assert any(line.split() == ["Hello", "there!", "Hello!"] for line in shown.splitlines())
    assert "changed: 1 contract, 1 shape, 1 cosmetic" in shown
    assert changed({"m": ()}) == "nothing changed\n"


def test_of_very_many_changes_some_are_counted():
    every = {"m": CHANGES["openai/smollm2-135m"] * 100}
    assert "… and 60 contract changes more" in changed(every)
    assert len(drawn.markdown(every)) < 200_000


def test_a_summary_for_ci():
    text = ci.markdown(CARDS, CATALOGUE, today=TODAY)
    assert "| `openai/smollm2-135m` | 32 | 2 |  | 3 |  | 3 | 12/20 (39–78 %) |" in text
    assert "- ✗ **fail** `openai/smollm2-135m` `D1 single, whole`: 3/5 (23–88 %)" in text
    assert "| `S7` usage | – / ~ 5/5 | – / ! |" in text
    assert "`recorded 2026-11-24 (10 days old)`" in text
    assert "Nothing failed, and nothing deviates." in ci.markdown((Card("m", "", ()),), CATALOGUE)


def test_a_summary_of_very_many_models_stays_below_what_github_takes():
    text = ci.markdown(many(300), CATALOGUE)
    assert len(text.encode()) < 200_000
    assert "… and 200 models more." in text
    assert "… and 2,640 more" not in text
    assert "more; the JSON report and the page have them all" in text


TAG = re.compile("</?(details|summary|table|tr|th|td)>")
OURS = {
    "<details>",
    "<summary>",
    "</summary>",
    "</details>",
    "<table>",
    "<tr>",
    "<th>",
    "</th>",
    "</tr>",
    "<td>",
    "</td>",
}


def parts(text: str):
    """Every token of ``text`` as GitHub's Markdown, inner ones too."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for token in reader.parse(text):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_markdown_holds_hostile_text_in_code_alone(text):
    cards, catalogue = hostile(text)
    for written in (ci.markdown(cards, catalogue), drawn.markdown(hostile_changes(text))):
        assert not obeys(written)
        assert all(one.isprintable() or one in "\n\t" for one in written)
        tokens = list(parts(written))
        assert not {one.type for one in tokens} & {"link_open", "image", "s_open"}
        code = [one for one in tokens if one.type in {"code_inline", "fence"}]
        assert any("pwn" in one.content for one in code)
        for one in tokens:
            if one.type == "text":
                assert not set(one.content) & set("@<>`|#"), one.content
                assert "://" not in one.content
                assert "www." not in one.content
            if one.type == "html_inline":
                assert one.content in OURS
            if one.type == "html_block":
                assert "pwn" not in one.content or "<summary>" in one.content
                assert one.content.count("<") == len(TAG.findall(one.content))


def test_a_table_keeps_its_columns_whatever_a_model_is_called():
    text = ci.markdown(hostile("a | b \\| ` `` c")[0], {})
    kinds = [one.type for one in parts(text)]
    tables = " ".join(kinds).split("table_open")[1:]
    assert len(tables) == 2
    for table in tables:
        rows = [row.count("th_open") + row.count("td_open") for row in table.split("tr_open")[1:]]
        assert len(set(rows)) == 1
    assert "a ¦ b \\¦ ` `` c" in text


def test_junit_has_a_suite_for_each_model_and_a_case_for_each_cell():
    root = ET.fromstring(ci.junit(CARDS, CATALOGUE))
    assert [one.get("name") for one in root] == [card.model for card in CARDS]
    assert [len(one) for one in root] == [len(card.cells) for card in CARDS]
    assert dict(root.items()) == {"name": "harness card", "tests": "80", "failures": "6", "errors": "1", "skipped": "6"}
    failed = root.find(".//testcase[@name='D1 single, streamed']/failure")
    assert failed is not None
    assert failed.get("message") == "D1 (turn 0.calls[0]): the arguments are no object of the schema: 'city' is missing"
    assert "see: harness cassettes show cassettes/streaming/call/openai+smollm2-135m.json 0" in failed.text
    assert root.find(".//testcase[@name='S7 usage, streamed']/error").get("type") == "infra"
    assert {one.get("type") for one in root.iter("skipped")} == {"unseen", "unsupported"}
    odd = root.find(".//testcase[@name='D9 call as text, whole']")
    assert [one.tag for one in odd] == ["system-out"]
    assert odd[0].text.startswith("quirk: 5/5")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_junit_is_xml_that_any_parser_reads(text):
    written = ci.junit(*hostile(text))
    root = ET.fromstring(written.encode())
    assert [one.get("tests") for one in root] == ["4", "4"]
    assert not obeys(written)
