"""The laws can fail: every backend that is wrong on purpose is caught, for what it does, and the right one is not."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.laws import ALL_LAWS, BY_ID, bare
from harness.laws.broken_backends import BROKEN
from harness.laws.broken_backends.own_laws import OWN
from harness.laws.prove import Effort, prove_one
from harness.laws.selfcheck import MOST, OTHER_TOOLS, ROUNDS, self_check
from harness.laws.tested_backend import OURS, Backend, backend_at

BLUNT = {"N1", "N2", "D8", "D11", "D12"}
"""Laws that no broken backend here breaks alone. Their own tests are beside this."""
USUAL = BROKEN[::36]


def test_faults_are_many_and_named_once():
    names = Counter(one.name for one in BROKEN)
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 160
    assert names.keys() == OWN.keys()
    assert {law for laws in OWN.values() for law in laws.split()} <= BY_ID.keys()


def test_each_law_has_a_backend_that_breaks_it():
    assert {law.id for law in ALL_LAWS} - {law for laws in OWN.values() for law in laws.split()} <= BLUNT


def test_one_in_thirty_six_is_caught_by_what_is_drawn_and_blamed_for_nothing_else():
    judge(self_check(USUAL, beyond=10))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_are_caught_by_what_is_drawn_and_blamed_for_nothing_else():
    judge(self_check())


def judge(caught):
    caught = list(caught)
    assert [one.broken.name for one in caught if not one.drawn] == []
    assert max(one.drawn for one in caught) <= MOST
    assert {one.broken.name: one.strange for one in caught if one.strange} == {}


@pytest.mark.parametrize(("provider", "mode"), OTHER_TOOLS)
def test_the_backend_they_are_put_into_is_right(provider, mode):
    proof = prove_one(
        Backend(bare.complete, custom_tools=(provider, mode) not in ROUNDS), provider, mode, effort=Effort(150)
    )
    assert {law: one.complaint for law, one in proof.broken.items()} == {}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_the_right_backend_stays_green_at_two_thousand(mode):
    proof = prove_one(backend_at(OURS), "openai", mode, effort=Effort(2000))
    assert proof.drawn == 2000
    assert not proof.broken
