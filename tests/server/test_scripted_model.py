"""The scripted model on every wire: it solves every task of the worlds, and cards find the mistakes that it is given."""

import contextlib
import functools
from dataclasses import replace
from pathlib import Path

import pytest

from harness import complete
from harness.app.card_runs import of_results
from harness.checks.card.choice import NOT_SENT
from harness.core.card import rate
from harness.core.errors import UsageError
from harness.core.exchange import Provenance
from harness.core.expectation import Expectation
from harness.dialects.providers import NO_KEY, speaker
from harness.engine.events import ALL, Selection, jobs
from harness.engine.runner import play
from harness.interception.clients import answering
from harness.server.expected_answers import correct
from harness.server.scripted_model import MISTAKES, ScriptedModel
from harness.server.synthetic import Synthetic
from harness.suite import Model, probes
from harness.suite.packs import pack

DIALECTS = ["openai", "openai_responses", "anthropic", "gemini", "bedrock", "cohere", "ollama"]
CHECKS = {
    "no_call": "A1",
    "needless_call": "A2",
    "wrong_value": "A3",
    "missing_call": "A4",
    "text_when_required": "C3",
    "wrong_tool": "C4",
    "misfit": "C6",
    "empty": "D3",
    "markup": "D11",
    "no_json": "J1",
    "thought_alone": "R3",
    "result_unused": "T1",
    "lost_at_the_end": "A5",
}


class _Tape:
    def __init__(self):
        self.taken, self.unused, self.miss_messages, self.provenance = [], (), [], Provenance("synthetic", "")


def results(chosen, dialect, scripted, *, stream=None):
    """What a scripted model answers to ``chosen``, in the bytes of ``dialect``, through litellm and the backend."""
    row, source, made = speaker(dialect), Synthetic(scripted.choose), []
    for job in chosen:
        tape = _Tape()

        def answer(request, tape=tape):
            exchange = source.answer(request).exchange
            tape.taken.append((len(tape.taken), exchange))
            return exchange.response

        @contextlib.contextmanager
        def opened(_job, tape=tape, answer=answer):
            with answering(answer):
                yield tape

        def ask(_model, words, *, wrong_key):
            assert not wrong_key
            options = {"api_key": NO_KEY, **row.options, **words}
            options.pop("temperature", None)  # models that reason take none
            if stream is not None:
                options["stream"] = stream
            return complete(row.model, options.pop("messages"), **options)

        made.append(play(job, ask=ask, open_tape=opened))
    return made


def tasks(dialect):
    suites = pack("worlds", [Model(name="scripted", backend=speaker(dialect).name.partition("/")[0])])
    return jobs(suites, ALL, lambda *_: Path("world.json"))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_solves_a_task_of_each_kind_on_each_wire(dialect, stream):
    some = [job for job in tasks(dialect) if job.case.id in {"two-jobs", "clear-day", "order-if-cheap", "hand-over"}]
    found = results(some, dialect, ScriptedModel(), stream=stream)
    assert {one.name: [f.message for f in one.findings if f.verdict != "pass"] for one in found} == {
        one.name: [] for one in found
    }


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_solves_every_task(dialect, stream):
    found = results(tasks(dialect), dialect, ScriptedModel(), stream=stream)
    assert [one.name for one in found if one.verdict != "pass"] == []


@functools.cache
def card(dialect, planted, repeats, only=()):
    """The card of the scripted model by the card's own questions."""
    model = Model(name="scripted", backend=speaker(dialect).name.partition("/")[0])
    chosen = jobs(probes((model,)), Selection(cases=only), lambda *_: Path("card.json"))
    chosen = [replace(job, probing=True, repeats=repeats) for job in chosen if not job.case.wrong_key]
    scripted = ScriptedModel(dict.fromkeys(planted, 0.5))
    return scripted, of_results("scripted", chosen, results(chosen, dialect, scripted))


def failed(made):
    return {cell.check for cell in made.cells if cell.verdict == "fail"}


@pytest.mark.parametrize("dialect", ["openai"])
def test_a_card_of_it_names_no_mistake_that_it_does_not_make(dialect):
    _, made = card(dialect, (), 1)
    assert failed(made) == set(), [cell.findings for cell in made.cells if cell.verdict == "fail"]


@pytest.mark.parametrize("given", [{"lies": 0.5}, {"no_call": 1.5}])
def test_an_unknown_mistake_and_no_share_are_refused(given):
    with pytest.raises(UsageError, match=r"no mistake lies|from 0 to 1"):
        ScriptedModel(given)


def test_every_mistake_has_its_check():
    assert CHECKS.keys() == MISTAKES.keys()


# Mistakes for which a wire gives no occasion: litellm sends no tool choice there, or refuses to ask for JSON.
UNASKED = {"cohere": {"text_when_required", "wrong_tool", "no_json"}, "ollama": {"text_when_required", "wrong_tool"}}
# A check finds what other mistakes break as well.
ALSO = {"A3": "misfit", "C6": "wrong_tool"}


def found(made, name):
    """How many answers the check of a mistake accuses."""
    return sum(cell.rate.n - cell.rate.held for cell in made.cells if cell.check == CHECKS[name])


@pytest.mark.slow
@pytest.mark.parametrize("dialect", [*DIALECTS, "bedrock_invoke"])
def test_its_card_names_the_planted_mistakes_at_their_rates_and_no_other(dialect):
    planted = MISTAKES.keys() - UNASKED.get(dialect, set())
    scripted, made = card(dialect, tuple(MISTAKES), 4)
    assert len(planted) >= 10
    assert scripted.made.keys() == planted
    assert failed(made) == {CHECKS[name] for name in planted}
    for name in planted:
        beside = ALSO.get(CHECKS[name], name)
        several = {name, beside} & planted
        chances, mistakes = (sum(count[one] for one in several) for count in (scripted.chances, scripted.made))
        assert found(made, name) == mistakes, name
        interval = rate(found(made, name), chances)
        assert interval.low <= 0.5 <= interval.high, name


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
def test_json_that_is_asked_for_by_a_tool_and_not_given_is_found(dialect):
    scripted, made = card(dialect, ("no_json",), 2, ("j2-schema",))
    assert scripted.made == {"no_json": 1}
    assert failed(made) == {"J1"}


@pytest.mark.parametrize("dialect", ["cohere", "ollama"])
def test_a_choice_that_is_not_sent_is_judged_by_nobody(dialect):
    _, made = card(dialect, (), 1, ("*c2-none*", "*c3-required*", "*c4-named*"))
    for check in ("C2", "C3", "C4"):
        cell = made.cell(check, "whole")
        assert (cell.verdict, cell.rate.n) == ("unseen", 0)
        assert NOT_SENT in cell.note
        assert {one.blame for one in cell.findings} == {"litellm"}


def test_a_tool_whose_schema_leads_back_to_itself_is_called_all_the_same():
    node = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}}
    asked = {
        "messages": [{"role": "user", "content": "Go."}],
        "tools": [{"function": {"name": "go", "parameters": node}}],
    }
    (call,) = correct(Expectation(call_count=1), asked, ["go"]).calls
    assert "next" in call.parameters["next"]
