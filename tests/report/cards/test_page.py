"""The page as text: what it may load and run, and how large it gets. In a browser it is tested beside this."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from harness.core.card import Card, Cell, rate
from harness.core.change import Change
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse
from harness.core.finding import Evidence, Finding
from harness.report.cards.page import page, shown_exchange, shown_exchanges

from .sample import (
    CARDS,
    CATALOGUE,
    CHANGES,
    HOSTILE,
    cassette,
    exchange,
    hostile,
    hostile_changes,
    hostile_exchange,
    path,
)

PAGE = page(CARDS, CATALOGUE, exchange, CHANGES)


class Elements(HTMLParser):
    """Every element of a page, and what its scripts and styles hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.inside: list[str] = []
        self.open = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.open = tag in {"script", "style"}
        if self.open:
            self.inside.append("")

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.inside[-1] += data


def island(text: str, name: str = "island"):
    return json.loads(re.search(f'<script type="application/json" id="{name}">(.*?)</script>', text)[1])


def test_the_policy_names_the_one_style_and_the_one_script():
    elements = Elements(PAGE)
    style, data, script, exchanges = elements.inside
    policy = next(one["content"] for tag, one in elements.found if one.get("http-equiv") == "Content-Security-Policy")
    for kind, text in (("style", style), ("script", script)):
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert json.loads(data)
    assert json.loads(exchanges)


def test_nothing_on_it_is_from_elsewhere():
    for tag, words in Elements(PAGE).found:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "audio", "video"}
        assert not [name for name in words if name.startswith("on") or name in {"style", "srcdoc", "src"}]
        assert words.get("href", "data:").startswith(("data:", "#cell-"))
    assert PAGE.count("url(") == PAGE.count('url("data:')


def test_the_same_cards_give_the_same_page():
    assert page(CARDS, CATALOGUE, exchange, CHANGES) == PAGE


def test_each_cell_and_each_cited_exchange_is_there_once():
    words = island(PAGE)
    assert [one["check"] for one in words["cells"]] == [cell.check for card in CARDS for cell in card.cells]
    assert sorted(map(int, re.findall('data-cell="([0-9]+)"', PAGE))) == list(range(80))
    exchanges = island(PAGE, "exchanges")
    assert set(exchanges) == {one for card in CARDS for one in card.recordings}
    shown = exchanges[path("streaming/call", "openai")]["0"]
    raw = cassette(path("streaming/call", "openai")).exchanges[0]
    assert "".join(text for _, text in shown["came"]["chunks"]) == raw.response.body.decode()
    assert shown["body"] == raw.request.body.decode()
    assert [name for name, _ in shown["decoded"]] == ["call", "finish"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_makes_no_element_and_ends_no_script(text):
    cards, catalogue = hostile(text)
    made = page(cards, catalogue, lambda *_: hostile_exchange(text), hostile_changes(text), title=text)
    plain_cards, plain_catalogue = hostile("plain")
    words = plain_cards, plain_catalogue, lambda *_: hostile_exchange("plain"), hostile_changes("plain")
    harmless = Elements(page(*words, title="plain"))
    shape = [(tag, set(one)) for tag, one in Elements(made).found]
    assert shape == [(tag, set(one)) for tag, one in harmless.found]
    assert Elements(made).inside[2] == harmless.inside[2]
    for name in ("island", "exchanges"):
        data = re.search(f'id="{name}">(.*?)</script>', made, re.DOTALL)[1]
        assert not set(data) & set("<>&\u2028\u2029")
        assert data.isascii()
    assert all(one.isprintable() or one == "\n" for one in made), ascii(text)


def test_of_a_change_only_the_sides_that_are_there_are_written():
    heads = {
        (before, after): re.findall("<h4>(before|after)</h4>", page((), {}, exchange, {"m": (change,)}))
        for before, after in (("x", "y"), (None, "y"), ("x", None), (None, None))
        for change in (Change("shape", "usage", "S7", before, after, "it changed"),)
    }
    assert heads == {("x", "y"): ["before", "after"], (None, "y"): ["after"], ("x", None): ["before"], (None, None): []}


def test_a_changed_card_may_stand_alone_and_no_card_is_said():
    alone = page((), {}, exchange, CHANGES)
    assert "the arguments of a decoded call are gone" in alone
    assert 'id="grid"' not in alone
    assert "No card was made" in page((), {}, exchange)


def test_a_page_of_fifty_models_stays_below_ten_megabytes():
    place = Evidence("c.json", tuple(range(5)))
    said = "the decoded call is not what the bytes say, " * 10
    found = tuple(Finding("X", "fail", said, f"turn {at}", place) for at in range(30))
    cells = tuple(
        Cell(f"X{at}", mode, "fail", rate(3, 5), findings=found, evidence=(Evidence(f"{at}.json", tuple(range(9))),))
        for at in range(60)
        for mode in ("whole", "stream")
    )
    huge = Exchange(HttpRequest("POST", "http://x", (), b"a" * 10**6), HttpResponse(200, (), (Chunk(b"b" * 10**7),)))
    cards = tuple(Card(f"provider/model-{at}", "p", cells) for at in range(50))
    made = page(cards, {}, lambda *_: huge)
    assert len(made) < 10_000_000
    words = island(made)
    assert len(words["cells"]) == 6000
    assert words["cells"][0]["left"] == 29
    exchanges = island(made, "exchanges")
    kept = exchanges["c.json"]["0"]
    assert kept["body"].endswith("… (1,000,000 bytes in all)")
    assert kept["came"]["bytes"] == 10**7
    shown = sum(len(one) for one in exchanges.values())
    assert 0 < shown < 60 * 9


def test_where_room_is_short_the_gravest_cells_keep_their_evidence():
    cells = tuple(
        Cell(verdict, "", verdict, rate(1, 1), evidence=(Evidence(f"{verdict}.json", (0,)),))
        for verdict in ("pass", "quirk", "fail")
    )
    one = hostile_exchange("x")
    room = len(json.dumps(shown_exchange(one)))
    kept = shown_exchanges((Card("m", "p", cells),), lambda *_: one, most=2 * room)
    assert list(kept) == ["fail.json", "quirk.json"]


def test_a_broken_response_and_one_that_never_came_are_told():
    refused = shown_exchange(Exchange(HttpRequest("POST", "http://x"), None))
    assert "came" not in refused
    assert refused["decoded"] == [["nothing", "this is no answer of a dialect that is read here"]]
    left = Exchange(HttpRequest("POST", "http://x"), HttpResponse(200), complete=False)
    assert shown_exchange(left)["failure"].startswith("the client stopped reading here")
