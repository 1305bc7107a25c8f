"""From answers to a card: verdicts, rates, what is kept, and what the harness says of itself."""

from dataclasses import replace

import pytest

from harness.app import card_runs, self_checks
from harness.cards.build import CardBuilder, least_n
from harness.cassette import Cassette, save
from harness.checks.card import BY_ID, CARD_CHECKS, CardCheck
from harness.core.card import rate
from harness.core.errors import RateLimitError, StreamCutError
from harness.core.exchange import Provenance
from harness.core.expectation import Expectation
from harness.core.finding import Finding
from harness.engine.events import CaseResult, Problem
from harness.report.cards.summary import headline
from tests.checks.card.looking import CALLED, PARIS, SAID, called, seen

LOCAL = {"c.json": Provenance("local", "2026-11-25T00:00:00+00:00", "a server", "1.109.1", "0.1.0")}
BUSY = RateLimitError("slow down", status=429, provider="openai")
REQUIRED = {"tool_choice": "required", "temperature": 0}
WRONG = called(replace(PARIS, parameters={"city": "Rome"}))
UNFIT = called(replace(PARIS, parameters={}))


def card(*all_seen, checks=CARD_CHECKS, own=True):
    sitting = CardBuilder("openai/m", checks)
    for one in all_seen:
        sitting.add(one.observation, one.expect, own=own)
    return sitting.card(LOCAL, harness="0.1.0", litellm="1.109.1")


def test_a_cell_says_how_many_held_of_how_many_and_cites_the_exchange():
    made = card(seen(), seen(repeat=1), seen(UNFIT, repeat=2))
    cell = made.cell("C6", "whole")
    assert (cell.verdict, cell.rate.held, cell.rate.n) == ("fail", 2, 3)
    assert cell.findings[0].verdict == "fail"
    assert cell.evidence[0].cassette == "c.json"
    assert made.recordings == LOCAL
    assert made.cell("D1", "stream").verdict == "unseen"
    assert made.cell("D1", "stream").note == "no recording shows an answer with one call"


def test_what_litellm_or_the_backend_lost_is_told_and_reddens_nothing():
    made = card(seen(), seen(reply=WRONG, repeat=1))
    cell = made.cell("D1", "whole")
    assert (cell.verdict, cell.rate.n) == ("pass", 1)
    assert cell.excluded == {"backend: not the model's doing": 1}
    assert (cell.findings[0].verdict, cell.findings[0].blame) == ("fail", "backend")
    assert "not judged" in card(seen(reply=WRONG)).cell("D1", "whole").note
    assert made.cell("C6", "whole").excluded == {"the backend's answer is not the wire's": 1}


def test_one_wrong_call_makes_one_cell_fail():
    schema = {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"]}
    made = card(seen(called(replace(PARIS, parameters={"city": "Oslo"})), schema=schema))
    assert [cell.check for cell in made.cells if cell.verdict == "fail"] == ["C6"]
    assert made.cell("C7", "whole").excluded == {"counted in C6": 1}
    alone = card(seen(replace(SAID, text=""), asked=REQUIRED))
    assert [cell.check for cell in alone.cells if cell.verdict == "fail"] == ["D3"]


def test_a_rate_has_wilsons_interval():
    few, none = rate(5, 5), rate(0, 0)
    assert (round(few.low, 3), few.high) == (0.566, 1.0)
    assert (none.share, none.n) == (None, 0)
    assert (round(rate(50, 100).low, 3), round(rate(50, 100).high, 3)) == (0.404, 0.596)


def test_how_many_answers_a_threshold_takes():
    assert rate(least_n(0.98), least_n(0.98)).low >= 0.98
    assert rate(least_n(0.98) - 1, least_n(0.98) - 1).low < 0.98
    assert least_n(0.98) == 189


def test_a_threshold_below_one_lets_a_few_fail_and_says_what_n_would_show_it():
    many = [seen(repeat=n) for n in range(60)]
    bad = seen(called(replace(PARIS, parameters={})), repeat=60)
    assert card(*many, bad).cell("C6", "whole").verdict != "fail"
    assert card(bad, seen()).cell("C6", "whole").verdict == "fail"
    assert "takes 189 answers" in card(*many).cell("C6", "whole").note


def test_infrastructure_is_counted_and_kept_out_of_every_rate():
    made = card(seen(asked=REQUIRED), seen(asked=REQUIRED, error=BUSY, status=429, repeat=1))
    cell = made.cell("C3", "whole")
    assert (cell.verdict, cell.rate.held, cell.rate.n, cell.infra) == ("pass", 1, 1, 1)
    assert (made.measures["answered"].held, made.measures["answered"].n) == (1, 2)
    assert card(seen(asked=REQUIRED, error=BUSY, status=429)).cell("C3", "whole").verdict == "infra"


def test_a_check_that_crashes_is_a_finding():
    def broken(_):
        raise ZeroDivisionError("oh")

    made = card(seen(), checks=(CardCheck("X1", "broken", "a law", "own", broken),))
    cell = made.cell("X1", "whole")
    assert (cell.verdict, cell.findings[0].blame) == ("unseen", "backend")
    assert "ZeroDivisionError: oh" in cell.findings[0].message


def test_all_findings_but_passes_are_kept():
    wrong = [seen(called(replace(PARIS, parameters={"town": f"Rome {n % 9}"})), repeat=n) for n in range(40)]
    cell = card(*wrong, *(seen(repeat=40 + n) for n in range(20))).cell("C6", "whole")
    assert (cell.rate.held, cell.rate.n) == (20, 60)
    assert [one.verdict for one in cell.findings] == ["fail"] * 40 + ["pass"]


def test_repeats_give_pass_at_k_and_pass_to_the_k():
    rows = [("a", 0, CALLED), ("a", 1, CALLED), ("b", 0, CALLED), ("b", 1, WRONG), ("c", 0, WRONG), ("c", 1, WRONG)]
    made = card(*(seen(reply=reply, case=case, repeat=repeat) for case, repeat, reply in rows))
    assert (made.measures["pass@2"].held, made.measures["pass@2"].n) == (2, 3)
    assert (made.measures["pass^2"].held, made.measures["pass^2"].n) == (1, 3)


def test_finishes_are_kept_for_trigger_f1_answer_by_answer():
    made = card(seen(), seen(SAID, repeat=1), seen(error=BUSY, status=429, repeat=2))
    assert made.finishes == {"suite/case": ("tool_calls", "stop", "RateLimitError")}


def test_recordings_of_others_are_judged_by_what_the_wire_says_alone():
    made = card(seen(), own=False)
    assert not made.finishes
    assert made.cell("N3", "whole").verdict == "unseen"
    assert made.cell("D1", "whole").verdict == "pass"


def result(*all_seen, findings=(), problem=None, kept=True):
    observations = tuple(one.observation for one in all_seen)
    return CaseResult("suite", "case", "openai/m", "c.json", findings, observations, problem, LOCAL["c.json"], kept)


MISS = Problem("CassetteMiss", "c.json: no recording answers POST …", 2)


@pytest.mark.parametrize(
    ("cell", "verdict"),
    [
        (self_checks.no_network([result(seen())]), "pass"),
        (self_checks.no_network([result(seen()), result(problem=MISS)]), "fail"),
        (self_checks.all_used([result(seen())]), "pass"),
        (self_checks.all_used([result(seen(), findings=(Finding("H2", "fail", "unused"),))]), "pass"),
        (self_checks.twice_the_same([result(seen())], [result(seen())]), "pass"),
        (self_checks.twice_the_same([result(seen())], [result(seen(reply=WRONG))]), "fail"),
        (self_checks.twice_the_same([result(seen(error=BUSY))], [result(seen(error=RateLimitError("other")))]), "fail"),
        (self_checks.clean(2, []), "pass"),
        (self_checks.clean(2, [("c.json", "line 3", "an AWS key")]), "fail"),
        (self_checks.evidence(card(seen())), "pass"),
        (self_checks.evidence(replace(card(seen()), recordings={})), "fail"),
        (self_checks.would_notice([], 0), "unseen"),
    ],
)
def test_the_harness_judges_itself(cell, verdict):
    assert cell.verdict == verdict


def test_a_cell_of_every_check_and_mode_is_there_whatever_was_seen():
    made = card()
    assert {cell.check for cell in made.cells} == set(BY_ID)
    assert {cell.verdict for cell in made.cells} == {"unseen"}
    assert Expectation() == seen().expect


def test_an_answer_that_is_held_on_to_holds_no_bytes():
    raised = StreamCutError("cut")
    raised.__cause__ = raised.__context__ = ValueError("litellm's own")
    one = seen(SAID, error=raised, stream=True, own=False)
    builder = CardBuilder("openai/m")
    builder.add(one.observation, one.expect, own=False)
    (held,) = builder.contexts
    assert (held.exchange, held.request, held.observation.exchanges) == (None, None, ())
    assert held.observation.error is raised
    assert (raised.__traceback__, raised.__cause__, raised.__context__) == (None, None, None)


def test_synthetic_answers_have_a_card_of_their_own_that_says_so_first(tmp_path):
    one = seen(own=False).observation.exchanges[0][1]
    for kind in ("synthetic", "local"):
        save(tmp_path / f"{kind}.json", Cassette(Provenance(kind, "2026-01-01T00:00:00+00:00", "a test"), (one,)))
    made = card_runs.from_recordings(sorted(tmp_path.iterdir()))
    assert [card.model for card in made] == ["openai", "openai (synthetic)"]
    assert [{one.kind for one in card.recordings.values()} for card in made] == [{"local"}, {"synthetic"}]
    local, synthetic = (headline(card, card_runs.laws(CARD_CHECKS)).verdict for card in made)
    assert synthetic.startswith("openai (all models): synthetic, no model gave these answers; ")
    assert "synthetic" not in local
    both = replace(made[0], recordings={**made[0].recordings, **made[1].recordings})
    assert "1 of 2 recordings are synthetic; " in headline(both, card_runs.laws(CARD_CHECKS)).verdict


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/m", "", "m through openai"),
        ("openai", "", "openai (all models)"),
        ("faulty", "openai", "faulty through openai"),
    ],
)
def test_a_headline_names_the_model_and_its_provider(model, provider, name):
    made = CardBuilder(model, provider=provider).card({})
    assert headline(made, card_runs.laws(CARD_CHECKS)).verdict.startswith(f"{name}: ")


def test_an_interval_ends_where_a_share_does():
    for n in range(1, 2000):
        assert (rate(n, n).high, rate(0, n).low) == (1.0, 0.0)
        assert rate(n, n).low < 1.0
