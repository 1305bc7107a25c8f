"""Which cards `harness diff` and `harness card --baseline` compare: what `--as` and `--by-position` may say."""

import pytest

from harness.__main__ import main
from harness.cards.build import CardBuilder
from harness.checks.card import BY_ID
from harness.report.cards.document import write
from tests.checks.card.looking import CALLED, seen


def card(model, *ids):
    made = CardBuilder(model, tuple(BY_ID[one] for one in ids))
    one = seen(CALLED)
    made.add(one.observation, one.expect)
    return made.card({})


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cards = {
        "a.json": [card("openai/a", "D1", "D13"), card("openai/b", "D1")],
        "b.json": [card("azure/a", "D1"), card("openai/c", "D1")],
        "c.json": [card("openai/a", "U1")],
    }
    for name, some in cards.items():
        (tmp_path / name).write_text(write(some, harness="0.1.0", litellm="1.109.1"))


WRONG = [
    (("diff", "a.json", "b.json", "--as", "openai/a"), "--as openai/a: write NAME=NAME, the first file's card before"),
    (("diff", "a.json", "b.json", "--as", "=openai/c"), "--as =openai/c: write NAME=NAME"),
    (
        ("diff", "a.json", "b.json", "--as", "openai/a=openai/c", "--as", "openai/b=openai/c"),
        "a card is compared once; name each once on its side",
    ),
    (
        ("diff", "a.json", "b.json", "--as", "openai/a=openai/c", "--as", "openai/a=azure/a"),
        "a card is compared once; name each once on its side",
    ),
    (("diff", "a.json", "b.json", "--as", "openai/x=openai/c"), "the first file has no card of 'openai/x'; it has"),
    (("diff", "a.json", "b.json", "--as", "openai/a=openai/x"), "the second file has no card of 'openai/x'; it has"),
    (
        ("diff", "a.json", "b.json", "--as", "openai/a=openai/c", "--by-position"),
        "--as and --by-position both say what is compared; give one of them",
    ),
    (("diff", "a.json", "c.json"), "nothing was compared: the two files' cards have no check in common"),
    (("card", "--as", "openai/a=openai/c"), "--as and --by-position go with --baseline"),
    (("card", "--by-position"), "--as and --by-position go with --baseline"),
]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "told"), WRONG)
def test_a_wish_that_compares_nothing_or_twice_is_a_usage_error(words, told, capsys):
    assert main([*words]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("files")
def test_cards_of_other_names_are_compared_as_they_are_paired(capsys):
    assert main(["diff", "a.json", "b.json", "--as", "openai/a=openai/c", "--as", "openai/b=azure/a"]) == 0
    told = capsys.readouterr().out
    assert "openai/a → openai/c" in told
    assert main(["diff", "a.json", "b.json", "--by-position"]) == 0
    assert "openai/a → azure/a" in capsys.readouterr().out
