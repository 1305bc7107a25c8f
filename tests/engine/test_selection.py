"""Which cases are asked of which models."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.engine.events import ALL, Selection, jobs
from harness.suite import load_suites

SUITE = "models: [openai/m, {name: m, backend: openai, label: mine}, anthropic/n]\ncases:\n"
SUITE += "".join(f"  - {{id: {name}, messages: [{{user: hi}}]}}\n" for name in ("one", "two", "three"))


@pytest.fixture
def chosen(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(SUITE)
    suites = load_suites([tmp_path])
    (tmp_path / "a-one-mine").touch()

    def names(choice):
        found = jobs(suites, choice, lambda suite, case, model: tmp_path / f"{suite}-{case}-{model}".replace("/", "+"))
        return [(job.suite, job.case.id, job.model.called) for job in found]

    return names


def test_everything_in_the_order_of_the_files(chosen):
    found = chosen(ALL)
    assert len(found) == 18
    assert found[:4] == [
        ("a", "one", "openai/m"),
        ("a", "one", "mine"),
        ("a", "one", "anthropic/n"),
        ("a", "two", "openai/m"),
    ]


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        (Selection(suites=("b",)), 9),
        (Selection(cases=("t*",)), 12),
        (Selection(cases=("one", "two")), 12),
        (Selection(models=("mine",)), 6),
        (Selection(models=("openai/*",)), 12),  # a label doesn't hide the id
        (Selection(models=("groq/x",)), 6),
        (Selection(models=("mine", "groq/x")), 12),
        (Selection(missing=True), 17),
    ],
)
def test_patterns(chosen, choice, number):
    assert len(chosen(choice)) == number


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (Selection(suites=("c",)), "no suite fits c; there are a, b"),
        (Selection(cases=("four",)), "no case fits four; there are one, two, three"),
        (Selection(models=("gpt",)), "no model fits gpt; there are openai/m, mine, anthropic/n; name others"),
        (Selection(models=("zzz/*",)), "no model fits zzz/*"),
        (Selection(("a",), ("one",), ("mine",), missing=True), "nothing to record"),
    ],
)
def test_nothing_left_says_what_there_is(chosen, choice, sentence):
    with pytest.raises(UsageError) as caught:
        chosen(choice)
    assert sentence in str(caught.value)
