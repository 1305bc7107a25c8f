"""The page in a real browser: Debian's chromium, without which these tests are skipped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.report.cards.page import page

from . import chrome
from .sample import CARDS, CATALOGUE, CHANGES, HOSTILE, exchange, hostile, hostile_changes, hostile_exchange, many

pytestmark = pytest.mark.skipif(
    chrome.BINARY is None, reason="NO BROWSER: the page is not looked at; apt-get install chromium, and run this again"
)

FOCUSED = "document.activeElement.dataset.cell"
OPEN = "document.querySelector('#panel').open"
SHOWN = "[...document.querySelectorAll('#grid tbody tr:not(.topic)')].filter((one) => one.offsetHeight).length"
PANEL = "document.querySelector('#panel').innerText"
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"

# The contrast of every text on the page with what is behind it, the least first.
CONTRAST = """(() => {
  const parts = (text) => {
    const numbers = text.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
    const unit = text.startsWith("color(srgb") ? 1 : 255;
    return { rgb: numbers.slice(0, 3).map((one) => one / unit), alpha: numbers[3] ?? 1 };
  };
  const over = (top, under) => top.rgb.map((one, n) => one * top.alpha + under[n] * (1 - top.alpha));
  const behind = (node) => {
    if (!node) return [1, 1, 1];
    const own = parts(getComputedStyle(node).backgroundColor);
    return own.alpha === 1 ? own.rgb : over(own, behind(node.parentElement));
  };
  const light = (rgb) => rgb.map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, n) => sum + one * [0.2126, 0.7152, 0.0722][n], 0);
  const found = [];
  const root = document.querySelector("#panel[open]") || document.body;
  for (const node of root.querySelectorAll("*")) {
    if (!node.offsetHeight || node.matches("script, style, option")) continue;
    if (![...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim())) continue;
    const ground = behind(node), ink = over(parts(getComputedStyle(node).color), ground);
    const [low, high] = [light(ground), light(ink)].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), node.tagName + "." + node.className + ": " + node.textContent.slice(0, 30)]);
  }
  return [found.length, ...found.sort((a, b) => a[0] - b[0]).slice(0, 3)];
})()"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chrome.browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "card.html"
    file.write_text(page(CARDS, CATALOGUE, exchange, CHANGES), encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def silent(tab):
    """Whatever a test does: no address was asked for, and nothing was logged, thrown or refused."""
    yield
    assert tab.asked == []
    assert tab.complaints == []


def cell(check: str, mode: str, card: int = 0) -> int:
    before = sum(len(one.cells) for one in CARDS[:card])
    return before + next(at for at, one in enumerate(CARDS[card].cells) if (one.check, one.mode) == (check, mode))


def test_a_click_opens_the_evidence_and_escape_goes_back(tab, sample):
    tab.look(sample)
    assert tab.run("document.querySelectorAll('td[data-cell]').length") == 80
    number = cell("D1", "whole")
    tab.click(f'td[data-cell="{number}"]')
    assert tab.run(OPEN)
    said = tab.run(PANEL)
    for words in (
        "D1 single, whole",
        "openai/smollm2-135m",
        CATALOGUE["D1"][2],
        "3 of 5 held 23 to 88 %",
        "the arguments are no object of the schema: 'city' is missing",
        "harness cassettes show cassettes/streaming/call/openai+smollm2-135m.json 0",
        "2026-11-24T",
        "llama.cpp",
        "1.109.1",
        "POST http://127.0.0.1:8790/v1/chat/completions",
        "chunk 0, after",
        '"finish_reason":"tool_calls"',
        "Decoded, by the harness's own reader",
        "tool_calls (the provider's word: tool_calls)",
    ):
        assert words in said
    assert " ago)" in said or "(today)" in said
    assert tab.run("location.hash") == f"#cell-{number}"
    tab.press("Escape")
    assert not tab.run(OPEN)
    tab.until(FOCUSED, str(number))
    tab.until("location.hash", "")


def select(tab, name, value):
    tab.run(
        f"{{ const one = document.querySelector('#{name}'); one.value = '{value}'; "
        "one.dispatchEvent(new Event('change')); one.value }"
    )


def by_topic(tab):
    select(tab, "order", "catalogue")
    tab.run("focus(0, 0, true)")


def first_cells(tab):
    return tab.run("rows.slice(0, 2).map((row) => row.line.querySelector('th b').innerText)")


def test_rows_with_failures_come_first_until_the_topics_are_asked_for(tab, sample):
    tab.look(sample)
    failed = {one.check for card in CARDS for one in card.cells if one.verdict == "fail"}
    assert set(first_cells(tab)) == failed
    by_topic(tab)
    assert first_cells(tab) == ["N1", "N2"]


def test_what_a_finding_speaks_of_is_marked_in_the_evidence(tab, tmp_path):
    told = "text__translate({}) does not fit the tool's schema: 'text' is a required property"
    cells = [
        replace(one, findings=tuple(replace(found, message=told) for found in one.findings)) for one in CARDS[0].cells
    ]
    file = tmp_path / "marked.html"
    file.write_text(page([replace(CARDS[0], cells=tuple(cells))], CATALOGUE, exchange), encoding="utf-8")
    tab.look(file, fragment=f"#cell-{cell('D1', 'whole')}")
    marks = "[...document.querySelectorAll('#panel .exchange mark')].map((one) => one.textContent)"
    assert {"text__translate", "text"} <= set(tab.run(marks))


def test_models_are_sorted_by_the_rate_of_a_check(tab, tmp_path):
    file = tmp_path / "many.html"
    file.write_text(page(many(5), CATALOGUE, exchange), encoding="utf-8")
    tab.look(file)
    by_topic(tab)
    heads = "[...document.querySelectorAll('thead .model')].map((one) => one.innerText)"
    before = tab.run(heads)
    tab.run("sortBy(rows.find((row) => row.line.querySelector('th b').innerText === 'D1'))")
    rates = "data.cards.map((_, n) => rateOf(sortedBy, ranks[n]))"
    falling = tab.run(rates)
    assert falling == sorted(falling, reverse=True)
    assert sorted(tab.run(heads)) == sorted(before)
    assert tab.run(
        "rows.every((row) => row.spots.every((node, n) => !node.dataset.cell || cellOf(node).card === cardAt(n)))"
    )
    tab.press("s")
    assert tab.run("document.querySelectorAll('th.sorted').length") == 1


def test_two_models_are_compared_by_their_differences(tab, tmp_path):
    file = tmp_path / "many.html"
    file.write_text(page((*CARDS, *many(3)), CATALOGUE, exchange), encoding="utf-8")
    tab.look(file)
    select(tab, "one", "0")
    select(tab, "other", "1")
    heads = (
        "[...document.querySelectorAll('thead .model')].filter((one) => one.offsetWidth).map((one) => one.innerText)"
    )
    assert tab.run(heads) == [card.model for card in CARDS]
    tab.click("#differing")
    differing = {
        one.check
        for one in CARDS[0].cells
        if (other := CARDS[1].cell(one.check, one.mode)) is not None and other.verdict != one.verdict
    }
    assert differing
    assert tab.run(SHOWN) == len(differing)


def test_keys_move_in_the_matrix_and_open_cells(tab, sample):
    tab.look(sample)
    by_topic(tab)
    for _ in range(20):
        tab.press("Tab")
        if tab.run("document.activeElement.tagName") == "TD":
            break
    assert tab.run(FOCUSED) == str(cell("N1", "whole"))
    outline = tab.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    tab.press("ArrowRight", "ArrowDown")
    assert tab.run(FOCUSED) == str(cell("N2", "stream"))
    tab.press("End")
    assert tab.run(FOCUSED) == str(cell("N2", "stream", 1))
    tab.press("ArrowRight", "ArrowUp", "ArrowUp", "Home")
    assert tab.run(FOCUSED) == str(cell("N1", "whole"))
    tab.press("Enter")
    assert "N1 legal, whole" in tab.run(PANEL)
    tab.press("ArrowRight")
    assert "N1 legal, streamed" in tab.run(PANEL)
    tab.press("Escape")
    tab.until(FOCUSED, str(cell("N1", "stream")))
    tab.press(*["ArrowDown"] * 10)
    assert tab.run(FOCUSED) == str(cell("S1", ""))
    tab.press("ArrowRight")
    assert tab.run(FOCUSED) == str(cell("S1", "", 1))
    assert tab.run("document.querySelectorAll('#grid [tabindex]').length") == 1


def test_a_link_to_a_cell_opens_it(tab, sample):
    tab.look(sample, fragment=f"#cell-{cell('D9', 'stream')}")
    assert "D9 call as text, streamed" in tab.run(PANEL)


def test_filters_by_verdict_words_and_model(tab, sample):
    tab.look(sample)
    tab.click('.chip[data-verdict="fail"]')
    assert tab.run(SHOWN) == 2
    assert tab.run("document.querySelector('#status').textContent") == "2 of 23 rows shown"
    tab.click('.chip[data-verdict="fail"]')
    assert tab.run(SHOWN) == 23
    tab.press("/", *"bytes")
    assert tab.run(SHOWN) == 1
    tab.press("Escape")
    tab.press(*"markers")
    assert tab.run(SHOWN) == 2  # a law, and what was found
    tab.press("Escape")
    tab.press(*"anthropic")
    assert tab.run(SHOWN) == 23
    heads = (
        "[...document.querySelectorAll('thead .model')].filter((one) => one.offsetWidth).map((one) => one.innerText)"
    )
    assert tab.run(heads) == ["anthropic/smollm2-135m"]
    assert tab.run("document.querySelector('#status').textContent") == "1 of 2 models, 23 of 23 rows shown"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out(tab, sample, dark):
    tab.look(sample, dark=dark)
    number, *least = tab.run(CONTRAST)
    assert number > 150
    assert least[0][0] >= 4.5, least
    for chosen in (cell("D1", "stream"), cell("J1", "whole", 1), cell("S7", "stream", 1)):
        tab.click(f'td[data-cell="{chosen}"]')
        number, *least = tab.run(CONTRAST)
        assert number > 20
        assert least[0][0] >= 4.5, least
        tab.press("Escape")


def test_the_theme_can_be_chosen(tab, sample):
    tab.look(sample)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = tab.run(ground)
    tab.click("#theme")
    assert (tab.run(ground), tab.run("document.querySelector('#theme').textContent")) == (light, "Theme: light")
    tab.click("#theme")
    assert tab.run(ground) != light
    tab.look(sample)
    assert tab.run(ground) != light  # remembered
    tab.click("#theme")
    assert tab.run(ground) == light


@pytest.mark.parametrize("width", [320, 380, 420, 700])
def test_a_narrow_screen_never_scrolls_sideways(tab, sample, width):
    tab.look(sample, width=width, height=800)
    assert tab.run(SIDEWAYS) == 0
    tab.click("td.fail")
    assert tab.run(SIDEWAYS) == 0
    assert tab.run("document.querySelector('#panel').scrollWidth") <= width
    assert tab.run("document.querySelector('#panel').offsetWidth") == min(width, 736)


@pytest.mark.parametrize("number", [2, 25], ids=["two", "many"])
def test_a_print_fits_the_paper_and_has_no_controls(tab, tmp_path, number):
    file = tmp_path / "print.html"
    file.write_text(page(many(number), CATALOGUE, exchange), encoding="utf-8")
    width = 718 if number == 2 else 1040  # what A4 has between its margins, upright or across
    tab.look(file, width=width, height=1000)
    tab.do("Emulation.setEmulatedMedia", media="print")
    try:
        assert tab.run(SIDEWAYS) == 0
        shown = (
            "[...document.querySelectorAll('button, select, input, dialog')].filter((one) => one.offsetHeight).length"
        )
        assert tab.run(shown) == 0
        assert tab.run("document.querySelector('thead').offsetHeight") < 300
        inside = "[...document.querySelectorAll('thead .model')].every((one) => one.scrollWidth <= one.offsetWidth + 1)"
        assert tab.run(inside)
    finally:
        tab.do("Emulation.setEmulatedMedia", media="")


def test_heads_stay_where_a_wide_matrix_scrolls(tab, tmp_path):
    file = tmp_path / "many.html"
    file.write_text(page(many(20), CATALOGUE, exchange), encoding="utf-8")
    tab.look(file)
    tab.run("document.querySelector('.scroll').scrollTo(900, 500)")
    box = tab.run("document.querySelector('.scroll').getBoundingClientRect().toJSON()")
    head = tab.run("document.querySelector('thead').getBoundingClientRect().toJSON()")
    label = tab.run("document.querySelector('tbody th[scope=row]').getBoundingClientRect().toJSON()")
    assert abs(head["top"] - box["top"]) <= 1.5
    assert abs(label["left"] - box["left"]) <= 1.5
    assert tab.run(SIDEWAYS) == 0


def test_the_policy_refuses_what_a_text_might_try(tab, sample):
    tab.look(sample)
    refused = "(() => { try { document.body.innerHTML = '<img src=x>'; return 'done' } catch (error) { return error.name } })()"
    assert tab.run(refused) == "TypeError"
    said = [one for one in tab.complaints if "TrustedHTML" in one]
    assert said
    tab.events.clear()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_is_shown_and_does_nothing(tab, tmp_path, text):
    file = tmp_path / "card.html"
    cards, catalogue = hostile(text)
    words = cards, catalogue, lambda *_: hostile_exchange(text), hostile_changes(text)
    file.write_text(page(*words, title=text), encoding="utf-8")
    tab.look(file)
    for number in range(sum(len(card.cells) for card in cards)):
        tab.run(f"document.querySelector('td[data-cell=\"{number}\"]').click()")
        tab.run("document.querySelectorAll('#panel details').forEach((one) => { one.open = true; })")
        tab.run("document.querySelectorAll('#panel .body button').forEach((one) => one.click())")
        said = tab.run("document.querySelector('#panel').textContent")
        assert "pwn" in said
        assert "unreadable call" in said
    assert tab.run("[typeof window.__pwned, document.querySelectorAll('script').length]") == ["undefined", 3]
    tags = 'img, iframe, object, embed, form, a:not([href^="#cell-"]), #panel svg, #panel style, [onload], [onerror], [onmouseover], #panel [style]'
    assert tab.run(f"document.querySelectorAll('{tags}').length") == 0
    assert not [one for one in tab.events if one["method"] == "Page.javascriptDialogOpening"]
