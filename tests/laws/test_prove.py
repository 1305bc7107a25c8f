"""A proof: how far it goes, what it keeps, and how small its counterexamples become."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

import pytest

from harness.backend.library import load_offline
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.laws import BY_ID, bare
from harness.laws.broken_backends import BROKEN
from harness.laws.broken_backends.corruption import on_parameters, text_only
from harness.laws.counterexample import Counterexample, from_json, stored_questions, to_json
from harness.laws.draw import questions
from harness.laws.exemplars import exemplars
from harness.laws.prove import BARE_MODES, BrokenLaw, Effort, Proof, asker, chosen_laws, judged, prove, prove_one
from harness.laws.question import History, Question, Turn, carried
from harness.laws.schemas import schema_complaint
from harness.laws.tested_backend import OURS, Backend, backend_at
from harness.laws.trial import run_trial
from harness.laws.workers import Workers
from harness.report.proofs import describe, faults

WRONG = {faulty.name: faulty.spoil for faulty in BROKEN}


@pytest.fixture(scope="module")
def ours():
    load_offline()
    return backend_at(OURS)


def broken(fault, law, provider="openai", mode="stream", examples=20, **effort):
    backend = Backend(WRONG[fault](bare.complete))
    laws = chosen_laws([law, "D1", "D2"])  # what a stream is blamed for is found by the laws of calls
    proof = prove_one(backend, provider, mode, laws=laws, effort=Effort(examples, **effort))
    return proof.broken[law]


def test_a_naive_name_shrinks_to_one_tool_of_few_letters():
    found = broken("naive-replace", "N4")
    (name,) = found.trial.question.tools
    assert len(name) <= 4
    assert found.trial.question.quirks == frozenset()
    assert len(found.trial.question.reply.calls) == 1


def test_a_stream_that_loses_its_last_delta_shrinks_to_one_call():
    question = broken("last-delta-lost", "S1").trial.question
    assert len(question.reply.calls) == 1
    assert question.cuts == ()
    assert len(question.tools) == 1
    assert len(json.dumps(question.reply.calls[0].parameters)) < 20


def test_an_integer_past_the_limit_is_all_that_is_left():
    question = broken("big-ints-through-float", "D5").trial.question
    (call,) = question.reply.calls
    assert len(call.parameters) == 1
    assert next(iter(call.parameters.values())) > 2**53


def test_the_count_is_kept_and_a_seed_repeats(ours):
    one, two = (prove_one(ours, "ollama", "whole", effort=Effort(60, seed=7)) for _ in range(2))
    assert one.drawn == two.drawn == 60
    assert one.fixed == len(exemplars("ollama", stream=False))
    assert one.judged == two.judged
    assert prove_one(ours, "openai", "bare stream", effort=Effort(bare=7, exemplars=False)).examples == 7


def test_a_counterexample_is_put_first_the_next_time(ours):
    question = replace(exemplars("ollama_chat", stream=False)[0], prompt="Only this.")

    def complete(model, messages, **options):
        reply = ours.complete(model, messages, **options)
        return replace(reply, calls=()) if messages[-1]["content"] == "Only this." else reply

    effort = Effort(0, first=(question,), exemplars=False)
    broken = prove_one(Backend(complete), "ollama_chat", "whole", effort=effort).broken
    assert {law: one.others for law, one in broken.items()} == {"D1": {"D2"}}
    assert prove_one(Backend(complete), "ollama_chat", "whole", effort=replace(effort, first=())).fixed == 0


def test_only_what_was_chosen_is_judged(ours):
    proof = prove_one(ours, "openai", "bare whole", laws=chosen_laws(["N1", "D2"]), effort=Effort(bare=60))
    assert proof.judged.keys() == {"N1", "D2"}
    with pytest.raises(UsageError, match="no law N44; there are N1, N2"):
        chosen_laws(["N44"])


def test_a_backend_that_asks_nothing_is_judged_for_that_alone():
    def silent(*given, **options):
        return Reply(text="hi")

    def refusing(*given, **options):
        raise UsageError("not today")

    for backend in (Backend(silent), Backend(refusing)):
        proof = prove_one(backend, "openai", "whole", effort=Effort(10, shrink=False))
        assert proof.broken.keys() - {"N8"} == {"Q6"}
        assert proof.judged.keys() == {"Q6", "N8"}


def test_a_backend_that_cannot_be_awaited_is_not(ours):
    effort = Effort(1, exemplars=False)
    modes = [proof.mode for proof in prove(Backend(ours.complete), providers=("ollama",), effort=effort)]
    assert modes == ["whole", "stream"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nonsense", "'nonsense' is no backend; write module:attribute"),
        ("no_such_module:x", "there is no backend at 'no_such_module:x'"),
        ("json:nothing", "there is no backend at 'json:nothing'"),
        ("math:pi", "'math:pi' can't be called"),
    ],
)
def test_a_backend_that_is_not_there_is_told(name, told):
    with pytest.raises(UsageError, match=told):
        backend_at(name)


def test_a_backend_may_be_awaited_only(ours):
    found = backend_at("harness.backend.completion:acomplete")
    assert found.acomplete is not None
    proof = prove_one(found, "openai", "whole", effort=Effort(3, exemplars=False))
    assert not proof.broken


@pytest.mark.parametrize("mode", ["whole", "async stream", "bare whole"])
def test_a_kept_counterexample_is_the_same_question(ours, mode):
    question = Question(
        "mistral",
        ("a/b", "é"),
        exemplars("mistral", stream=True)[0].reply,
        quirks=frozenset({"no_done"}),
        turns=(Turn("Hi", "So.", (History("a/b", "functions.x:0", {"x": [1.5]}, "42"),)),),
        details=(("First.", {"type": "object"}),),
        system=("S",),
        options={"stop": ["x"]},
        cuts=(3, 9),
        stream=True,
        beside=(Question("mistral", ("x",), exemplars("mistral", stream=True)[1].reply),),
    )
    assert carried(question)  # which writes its answer down
    kept = Counterexample("N4", OURS, mode, question)
    again = from_json(json.loads(json.dumps(to_json(kept))), "here")
    earlier = to_json(kept)  # as it was written while these had other names
    earlier["question"]["asked"] = earlier["question"].pop("prompt")
    for turn in earlier["question"]["turns"]:
        turn["said"] = turn.pop("answer")
    assert from_json(earlier, "here") == again
    assert again == kept
    trial = asker(ours, mode)(replace(question, tools=("a/b", "get_x", "Other"), beside=(), turns=()))
    assert judged(trial, BY_ID["N4"], mode).holds


@pytest.mark.parametrize("value", [None, {}, [], {"law": "N4", "backend": "x", "mode": "whole", "question": {}}])
def test_what_is_no_counterexample_is_told(value):
    with pytest.raises(UsageError, match=r"here\.json: no counterexample"):
        from_json(value, "here.json")


def test_bare_modes_hold_for_every_reply_that_is_drawn(ours):
    for mode in BARE_MODES:
        assert prove_one(ours, "bedrock", mode, effort=Effort(bare=100, seed=11)).holds


def test_a_failed_answer_is_no_question_without_a_failure_in_its_bytes():
    """Shrinking took the failure out, and then showed a good answer as one that failed."""
    question = replace(exemplars("openai", stream=False)[0], kind="failed")
    assert not carried(question)
    assert any(carried(replace(question, quirks=frozenset({one}))) for one in question.dialect.failures)


def test_a_schema_that_goes_out_whole_is_whole_on_a_wire_with_a_subset_too():
    item = {"type": "object", "properties": {"k": {"type": "string"}}}
    given = {"type": "object", "properties": {"item": {"$ref": "#/$defs/Item"}}, "$defs": {"Item": item}}
    assert schema_complaint(given, given, "gemini") == ""
    words = {"type": "string", "enum": ["1"]}
    assert "enum was ['1']" in schema_complaint(words, {"type": "string", "enum": [1]}, "gemini")
    assert "properties" in schema_complaint(given, {"type": "object", "properties": {"item": {}}}, "gemini")


def test_two_processes_prove_what_one_does(monkeypatch, tmp_path):
    source = "from dataclasses import replace\nfrom harness.laws import bare\n\n"
    source += "class Odd(Exception):\n    def __reduce__(self): raise TypeError\n\n"
    source += "def complete(*given, **options):\n    reply = bare.complete(*given, **options)\n"
    source += "    if reply.refusal: raise Odd(reply.refusal)\n    return replace(reply, usage=None)\n"
    (tmp_path / "careless_twice.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    found = backend_at("careless_twice:complete")
    chosen = {"providers": ("openai", "anthropic"), "modes": ("whole",), "laws": chosen_laws(["S7", "D18", "D3"])}
    effort = Effort(40, seed=0, shrink=False, exemplars=False)
    workers = Workers(2, "careless_twice:complete", time.time)
    one, two = (list(prove(found, **chosen, effort=effort, workers=by)) for by in (None, workers))
    assert [proof.provider for proof in one] == ["openai", "anthropic"]
    assert any("D3" in proof.broken for proof in one)
    for here, there in zip(one, two, strict=True):
        assert (here.provider, here.drawn, here.judged) == (there.provider, there.drawn, there.judged)
        assert here.broken.keys() == there.broken.keys() >= {"S7"}
        for law, broken in here.broken.items():
            assert broken.trial.question == there.broken[law].trial.question
            assert broken.complaint == there.broken[law].complaint


@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_one_cause_breaks_one_law_and_names_the_others_beside_it(mode):
    backend = Backend(WRONG["first-call-only"](bare.complete))
    laws = chosen_laws(grades=("danger", "loss", "contract"))
    broken = prove_one(backend, "openai", mode, laws=laws, effort=Effort(60, shrink=False)).broken
    assert broken.keys() == {"D2"}
    assert broken["D2"].others >= {"D10", "N9"}


def test_a_dangerous_law_is_shown_before_a_lesser_one_whose_cause_breaks_another():
    trial = run_trial(next(questions("openai", stream=False)), bare.complete)
    legal = BrokenLaw(BY_ID["N1"], "illegal", trial, 1, frozenset({"N4"}))
    lost = BrokenLaw(BY_ID["Q5"], "lost", trial, 1)
    mixed = BrokenLaw(BY_ID["N2"], "doubled", trial, 1)
    shown = faults([Proof("openai", "whole", broken={"N1": legal, "Q5": lost, "N2": mixed})])
    assert [fault.broken.law.id for fault in shown] == ["N2", "N1", "Q5"]


def test_what_has_a_cause_of_its_own_is_not_named_beside_another():
    wrong = WRONG["bad-call-dropped"](WRONG["first-call-only"](bare.complete))
    broken = prove_one(Backend(wrong), "openai", "whole", effort=Effort(20)).broken
    assert {"D2", "D10"} <= broken.keys()


def test_what_only_questions_beside_others_showed_is_found_where_it_is_wrong_alone_too():
    question = next(one for one in questions("openai", stream=False, seed="") if one.beside and one.reply.calls)

    def losing(*given, **options):
        reply = bare.complete(*given, **options)
        lost = [call.parameters for call in reply.calls] == [call.parameters for call in question.reply.calls]
        return replace(reply, calls=reply.calls[:-1]) if lost else reply

    effort = Effort(0, first=(question,), exemplars=False, shrink=False)
    broken = prove_one(Backend(losing), "openai", "whole", effort=effort).broken
    assert broken.keys() & {"D1", "D2"}
    assert "N6" not in broken


@pytest.mark.parametrize(
    ("fault", "laws", "seed"), [("messages-reversed", ["Q1", "Q6"], 0), ("stopped-calls-dropped", ["D1", "D2"], 1)]
)
def test_what_is_chosen_is_named_where_the_proof_of_all_laws_names_it(fault, laws, seed):
    backend, effort = Backend(WRONG[fault](bare.complete)), Effort(60, seed=seed, shrink=False, exemplars=False)

    def named(chosen):
        broken = prove_one(backend, "anthropic", "whole", laws=chosen, effort=effort).broken
        assert broken.keys() <= {one.id for one in chosen}
        return set(broken).union(*(one.others for one in broken.values()))

    assert named(chosen_laws()) >= set(laws)
    for law in laws:
        assert named(chosen_laws([law])) == {law}
        assert law in named(chosen_laws(grades=[BY_ID[law].grade]))


class Own:
    """A call of a class of its own, in a field where there should be an error."""

    name, parameters, id = "x", {}, "call_1"


@pytest.mark.parametrize(
    "changed",
    [
        {"errors": ({"name": "x"},)},
        {"errors": (Own(),)},
        {"errors": (CallError("arguments", "", "{", index=None),)},
        {"calls": {"name": "x"}},
        {"calls": None},
        {"calls": ({"name": "x", "parameters": {}, "id": "call_1"},)},
        {"calls": (ToolCall("x", {1, 2}, []),)},
        {"provider_calls": 3},
        {"usage": {"prompt": 1}},
        {"text": None},
        {"state": None},
    ],
)
def test_a_reply_of_wrong_types_is_judged_and_reported(changed):
    def wrong(*given, **options):
        return replace(bare.complete(*given, **options), **changed)

    fixed = exemplars("anthropic", stream=False)
    first = tuple({one.kind: one for one in fixed}.values())
    proof = prove_one(
        Backend(wrong), "anthropic", "whole", effort=Effort(8, first=first, exemplars=False, shrink=False)
    )
    assert proof.broken
    assert all(describe(fault) for fault in faults([proof]))


@pytest.mark.parametrize("mode", ["whole", "async whole"])
def test_a_backend_that_exits_is_judged_for_it(mode):
    def leaving(*given, **options):
        sys.exit(3)

    async def aleaving(*given, **options):
        sys.exit(3)

    proof = prove_one(Backend(leaving, aleaving), "openai", mode, effort=Effort(2, exemplars=False, shrink=False))
    assert any("SystemExit" in repr(one.trial.error) for one in proof.broken.values())


def test_a_counterexample_too_deep_to_be_read_is_left_alone(tmp_path):
    (tmp_path / "deep.law.json").write_text("[" * 100_000)
    assert stored_questions(tmp_path, OURS) == ()


@pytest.mark.parametrize("law", ["S1", "D1", "D10"])
def test_a_law_chosen_alone_keeps_what_another_law_would_be_blamed_for(law):
    backend = Backend(WRONG["last-delta-lost"](bare.complete))
    proof = prove_one(backend, "openai", "stream", laws=chosen_laws([law]), effort=Effort(20, shrink=False))
    assert proof.broken.keys() == proof.judged.keys() == {law}


def test_what_one_of_several_questions_does_by_itself_is_no_mixing_of_them():
    short = Reply(calls=(ToolCall("a", {"x": "1"}, "call_1"),), finish="tool_calls", usage=Usage(1, 1, 2))
    long = replace(short, calls=(ToolCall("b", {"x": "é" * 90}, "call_1"),))
    asked = Question("openai", ("a",), short, beside=(Question("openai", ("b",), long),))
    cut = on_parameters(text_only(lambda text: text[:50]))
    effort = Effort(0, exemplars=False, first=(asked,))
    proof = prove_one(Backend(cut(bare.complete)), "openai", "whole", effort=effort)
    assert {law: one.others for law, one in proof.broken.items()} == {"D6": {"N6"}}
    assert proof.broken["D6"].trial.question.tools == ("b",)
