"""T6 and T7: state goes back to the model that made it, and to no other; what is wrong is named."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from harness.adapters import litellm_alone
from harness.backend.completion import acomplete, complete
from harness.dialects import DIALECTS
from harness.laws import ALL_LAWS, BY_ID, aask, bare, run_trial
from harness.laws.draw import questions
from harness.laws.exemplars import exemplars
from harness.laws.guilt import guilty
from harness.laws.prove import complaint_of
from harness.laws.provider_options import provers
from harness.laws.state import STATEFUL, drawn

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def asked(provider, origin, seed=0, *, stream=False):
    return drawn(Random(seed), provider, stream=stream, origin=origin)


def complaints(trial):
    return {law: BY_ID[law].judge(trial) for law in ("T6", "T7")}


@pytest.mark.parametrize("provider", STATEFUL)
@pytest.mark.parametrize("stream", [False, True])
def test_state_goes_back_to_its_model(provider, stream):
    for seed in range(2):
        question = asked(provider, provider, seed, stream=stream)
        assert complaints(run_trial(question, complete)) == {"T6": "", "T7": None}
        assert complaints(aask(question, acomplete)) == {"T6": "", "T7": None}
        assert not complaints(run_trial(question, bare.complete))["T6"]


@pytest.mark.parametrize("provider", provers())
def test_state_goes_to_no_other_model(provider):
    for seed, origin in enumerate(one for one in ("anthropic", "gemini", "openai/responses") if one != provider):
        assert complaints(run_trial(asked(provider, origin, seed), complete)) == {"T6": None, "T7": ""}


def test_every_kind_of_state_is_drawn_for_every_provider():
    for provider in ("mistral", "anthropic", "ollama"):
        found = [one for one in exemplars(provider, stream=True) if one.kind == "state"]
        assert {one.origin for one in found} - {provider}
        assert (provider in {one.origin for one in found}) is (provider in STATEFUL)
    kinds = {DIALECTS[one.dialect.name].facts.state for one in (asked(name, name) for name in STATEFUL)}
    assert kinds == {"thinking", "signed", "details", "items", "signatures"}
    stream = questions("anthropic", stream=True)
    assert any(next(stream).kind == "state" for _ in range(200))


def wrong(change):
    return lambda *given, **options: change(bare.complete(*given, **options))


def test_a_message_without_its_state_breaks_t6():
    question = asked("anthropic", "anthropic")
    trial = run_trial(question, wrong(lambda reply: replace(reply, state={})))
    assert "the next request holds None, the answer held [{'type': 'thinking'" in BY_ID["T6"].judge(trial)


def test_state_that_goes_to_another_model_breaks_t7():
    def anywhere(reply):
        return replace(reply, state={key: one for key, one in reply.state.items() if key != "state_of"})

    complaint = BY_ID["T7"].judge(run_trial(asked("openai", "anthropic"), wrong(anywhere)))
    assert complaint.startswith("the request to openai holds 'sig")
    assert complaint.endswith("which is state of anthropic")


def test_a_text_that_is_lost_beside_state_breaks_it():
    question = next(one for seed in range(9) if (one := asked("openai", "anthropic", seed)).reply.text)

    def silent(model, messages, **options):
        return bare.complete(model, [{**one, "content": one["content"] or ""} for one in mute(messages)], **options)

    def mute(messages):
        return [{**one, "content": None} if one["role"] == "assistant" else one for one in messages]

    assert BY_ID["T7"].judge(run_trial(question, silent)) == "the assistant 'So.' did not go out"


def test_a_first_answer_that_is_read_wrongly_is_judged_by_its_own_laws_where_its_provider_is_judged():
    trial = run_trial(asked("anthropic", "anthropic"), wrong(lambda reply: replace(reply, calls=())))
    assert trial.question.kind == "plain"
    assert complaints(trial) == {"T6": None, "T7": None}
    assert BY_ID["D2"].judge(trial) or BY_ID["D1"].judge(trial)
    trial = run_trial(asked("openai", "anthropic"), wrong(lambda reply: replace(reply, calls=())))
    assert [law.id for law in ALL_LAWS if complaint_of(law, trial)] == []


def test_what_is_lost_without_state_too_is_no_fault_of_state():
    def forgetful(model, messages, **options):
        return bare.complete(model, [one for one in messages if one["role"] == "user"], **options)

    question = asked("openai", "anthropic")

    def breaks(one):
        return bool(complaint_of(BY_ID["T7"], run_trial(one, forgetful)))

    assert breaks(question)
    assert guilty("T7", question, breaks) == ""


def test_litellm_alone_sends_anthropics_signatures_to_openai():
    assert "which is state of anthropic" in BY_ID["T7"].judge(
        run_trial(asked("openai", "anthropic"), litellm_alone.complete, (Exception,))
    )
