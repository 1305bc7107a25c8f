"""Scores added up: rates with n and interval, trigger F1, schema accuracy, mistakes by kind."""

from __future__ import annotations

import pytest

from harness.checks.suite.structure import Mistake
from harness.evaluation.scoring import Score, Turn
from harness.evaluation.summary import EVERY, Trigger, tally


def score(outcome="right", *turns, skilled=None):
    return Score("c", "id", "m", outcome, outcome == "right" if skilled is None else skilled, turns)


def turn(**more):
    return Turn(**{"wants": True, "called": True, "free": True, **more})


def test_rates_come_with_n_and_wilsons_interval():
    made = tally("c", "m", [score()] * 8 + [score("wrong")] * 2)
    assert (made.right.held, made.right.n) == (8, 10)
    assert (made.right.low, made.right.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_what_could_not_be_judged_is_in_no_rate():
    made = tally("c", "m", [score(), score("infra"), score("unsupported"), score("unseen"), score("unseen")])
    assert (made.right.n, made.infra, made.unsupported, made.unseen) == (1, 1, 1, 2)


def test_names_repaired_are_counted_apart():
    made = tally("c", "m", [score("wrong", turn(respelt=1, renamed=2), skilled=True), score("wrong")])
    assert (made.right.held, made.skill.held, made.respelt, made.renamed) == (0, 1, 1, 2)


def test_trigger_counts_only_free_choices_with_one_right_answer():
    turns = [
        turn(wants=True, called=True),
        turn(wants=True, called=False),
        turn(wants=False, called=True),
        turn(wants=False, called=False),
        turn(wants=None, called=True),
        turn(wants=True, called=True, free=False),
    ]
    assert tally("c", "m", [score("wrong", *turns)]).trigger == Trigger(hits=1, false=1, missed=1, quiet=1)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    one = Trigger(hits=6, false=2, missed=4, quiet=9)
    precision, recall = one.precision.share, one.recall.share
    assert (precision, recall, one.n) == (0.75, 0.6, 12)
    assert one.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    low, high = one.interval
    assert 0 < low < one.f1 < high < 1


def test_f1_of_more_answers_has_a_narrower_interval():
    few, many = Trigger(3, 1, 1), Trigger(300, 100, 100)
    assert few.f1 == many.f1
    assert many.interval[0] > few.interval[0]
    assert many.interval[1] < few.interval[1]


def test_f1_of_nothing_is_not_known():
    assert Trigger(quiet=5).f1 is None


def test_schema_accuracy_is_of_calls_not_of_cases():
    made = tally(EVERY, "m", [score("right", turn(calls=3, valid=2)), score("wrong", turn(calls=1, valid=0))])
    assert (made.schema.held, made.schema.n) == (2, 4)


def test_a_case_with_two_mistakes_of_a_kind_counts_once():
    wrong = turn(mistakes=(Mistake("value", "a"), Mistake("value", "b"), Mistake("type", "c")))
    made = tally("c", "m", [score("wrong", wrong)])
    assert (made.mistakes["value"], made.mistakes["type"], made.mistakes["count"]) == (1, 1, 0)


def test_no_cases_have_no_share():
    made = tally("c", "m", [])
    assert (made.right.share, made.schema.share, made.trigger.f1) == (None, None, None)
