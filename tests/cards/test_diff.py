"""Two cards compared: the difference says which cells a decoder that breaks has broken, and whose doing it is."""

from collections import Counter
from dataclasses import replace

import pytest

from harness.cards.build import CardBuilder
from harness.cards.diff import CONSEQUENCES, diff, paired, trigger_f1
from harness.core.card import Card, Cell, rate
from harness.core.chat import ToolCall
from harness.core.errors import UsageError
from harness.core.finding import Evidence, Finding
from tests.checks.card.looking import BROKEN, CALLED, PARIS, ROME, SAID, called, seen

SLASH = called(replace(PARIS, name="city__weather"))
HOME = called(replace(PARIS, name="city/weather"))
BESIDE = replace(CALLED, text="Let me see.")
EMPTY = called(ToolCall("clock", {}, "call_1"))
CUT = replace(CALLED, calls=(), errors=(BROKEN,))


def asked(break_):
    """One model's answers as a backend has them that does to each reply what ``break_`` does."""
    words = {"offered": ("city/weather",), "sent": ("city__weather",)}
    sitting = CardBuilder("openai/m")
    rows = [
        (CALLED, CALLED, {}),
        (called(PARIS, ROME), called(PARIS, ROME), {}),
        (SLASH, HOME, words),
        (BESIDE, BESIDE, {}),
        (EMPTY, EMPTY, {"offered": ("clock",), "schema": {"type": "object"}}),
        (CUT, CUT, {}),
        (SAID, SAID, {}),
    ]
    for number, (wire, reply, more) in enumerate(rows):
        for stream in (False, True):
            one = seen(wire, break_(reply), stream=stream, case=f"case-{number}", **more)
            sitting.add(one.observation, one.expect)
    return sitting.card({})


def each_call(change):
    return lambda reply: replace(reply, calls=tuple(map(change, reply.calls)))


FAULTS = {
    "calls lost beside text": (lambda reply: replace(reply, calls=()) if reply.text else reply, {"D7", "S5", "D1"}),
    "names not mapped back": (each_call(lambda call: replace(call, name=call.name.replace("/", "__"))), {"N4", "D1"}),
    "every __ becomes a slash": (each_call(lambda call: replace(call, name=call.name.replace("a", "/"))), {"N4", "N9"}),
    "only the last call": (lambda reply: replace(reply, calls=reply.calls[-1:]), {"D2"}),
    "ids made anew": (each_call(lambda call: replace(call, id="x" + call.id)), {"D13"}),
    "broken arguments become {}": (
        lambda reply: called(replace(PARIS, parameters={})) if reply.errors else reply,
        {"D10"},
    ),
    "no arguments become null": (
        each_call(lambda call: call if call.parameters else replace(call, parameters=None)),
        {"D4"},
    ),
    "the text is trimmed away": (lambda reply: replace(reply, text=""), {"D3", "D7", "S1"}),
    "counts are lost": (lambda reply: replace(reply, usage=None), {"S7"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_decoder_breaks_the_right_contracts_and_is_no_fault_of_the_models(name):
    break_, wanted = FAULTS[name]
    before, after = asked(lambda reply: reply), asked(break_)
    red = {cell.check for cell in before.cells if cell.verdict == "fail"}
    assert red == {"C6"}  # the model wrote broken arguments, and that is its own fault
    changes = diff([before], [after])["openai/m"]
    broken = {change.path.split()[0] for change in changes if change.grade == "contract"}
    assert broken >= wanted
    found = [one for cell in after.cells for one in cell.findings if one.verdict == "fail"]
    ours = {one.check for one in found if one.blame in {"litellm", "backend"}}
    assert broken == ours
    assert {cell.check for cell in after.cells if cell.verdict == "fail"} <= red  # the model did nothing else
    shown = next(change for change in changes if change.grade == "contract")
    assert shown.before["verdict"] in {"pass", "quirk"}
    assert shown.after["finding"]
    assert shown.evidence


def test_equal_cards_have_no_difference():
    assert diff([asked(lambda reply: reply)], [asked(lambda reply: reply)]) == {}


def cell(verdict="pass", held=5, n=5, findings=()):
    return Cell("D1", "whole", verdict, rate(held, n), 0, 0, findings, (Evidence("c.json", (0,)),), "")


def one(*cells, model="openai/m", **more):
    return Card(model, "openai", cells, **more)


@pytest.mark.parametrize(("verdicts", "grade"), CONSEQUENCES.items())
def test_each_change_of_verdict_has_its_consequence(verdicts, grade):
    before, after = verdicts
    (change,) = diff([one(cell(before))], [one(cell(after))])["openai/m"]
    assert (change.grade, change.path) == (grade, "D1 whole")
    assert change.message == f"was {before}, is {after}"


@pytest.mark.parametrize(
    ("before", "after", "grade"),
    [
        (cell("fail", 90, 100), cell("fail", 10, 100), "contract"),
        (cell("fail", 10, 100), cell("fail", 90, 100), "shape"),
        (
            cell("quirk", findings=(Finding("D1", "quirk", "a", "x"),)),
            cell("quirk", findings=(Finding("D1", "quirk", "a", "y"),)),
            "shape",
        ),
        (cell("fail", 4, 5), cell("fail", 3, 5), "cosmetic"),
        (
            cell("quirk", findings=(Finding("D1", "quirk", "a"),)),
            cell("quirk", findings=(Finding("D1", "quirk", "b"),)),
            "cosmetic",
        ),
    ],
)
def test_the_same_verdict_may_still_have_changed(before, after, grade):
    (change,) = diff([one(before)], [one(after)])["openai/m"]
    assert change.grade == grade


def test_models_and_checks_that_only_one_has():
    assert counted(diff([one(cell())], []))["shape"] == 1
    assert counted(diff([], [one(cell())]))["cosmetic"] == 1
    assert counted(diff([one()], [one(cell("fail", 0, 5))]))["contract"] == 1
    assert counted(diff([one(cell())], [one()]))["shape"] == 1


def names(pairs):
    return [(was.model, now.model) for was, now in pairs]


def test_cards_are_paired_by_name_by_model_and_by_being_left():
    a, b, c = one(model="openai/a"), one(model="openai/b"), one(model="openai/c")
    assert names(paired([a, b], [b, c])) == [("openai/b", "openai/b"), ("openai/a", "openai/c")]
    other, odd = one(model="azure/a"), one(model="x/y")
    assert names(paired([a, b], [other, odd])) == [("openai/a", "azure/a"), ("openai/b", "x/y")]
    assert names(paired([a, b, c], [odd, other])) == [("openai/a", "azure/a")]
    assert names(paired([a, b], [c, b], {"openai/a": "openai/b"})) == [
        ("openai/a", "openai/b"),
        ("openai/b", "openai/c"),
    ]
    assert names(paired([a, b], [c, a], by_position=True)) == [("openai/a", "openai/c"), ("openai/b", "openai/a")]
    assert paired([a], []) == ()
    with pytest.raises(UsageError, match="the second file has no card of 'openai/z'; it has openai/b"):
        paired([a], [b], {"openai/a": "openai/z"})


def test_a_pair_of_other_names_is_shown_under_both():
    changes = diff([one(cell(), model="openai/a")], [one(cell("fail", 0), model="openai/b")])
    assert list(changes) == ["openai/a → openai/b"]
    assert counted(changes)["contract"] == 1


def test_a_measure_that_falls_beyond_chance_breaks_a_contract():
    before = one(measures={"schema_accuracy": rate(99, 100)})
    assert counted(diff([before], [one(measures={"schema_accuracy": rate(70, 100)})]))["contract"] == 1
    assert not diff([before], [one(measures={"schema_accuracy": rate(95, 100)})])


def test_trigger_f1_counts_answers_as_the_reference_has_them():
    reference = one(finishes={"a": ("tool_calls", "tool_calls"), "b": ("stop", "stop"), "c": ("tool_calls",)})
    mine = one(finishes={"a": ("tool_calls", "stop"), "b": ("tool_calls", "stop"), "d": ("tool_calls",)})
    assert trigger_f1(mine, reference) == (0.5, 4)
    assert trigger_f1(reference, reference) == (1.0, 5)
    assert trigger_f1(one(), reference) is None


def counted(changes):
    return Counter(change.grade for inside in changes.values() for change in inside)
