"""The laws can fail: every backend that is wrong on purpose is caught, and the right one is not."""

from __future__ import annotations

import pytest

from harness.backend.library import load_offline
from harness.laws import ALL_LAWS
from harness.laws.broken_backends.catalogue import FAULTY
from harness.laws.prove import Effort, prove_one
from harness.laws.selfcheck import ROUNDS, self_check
from harness.laws.tested_backend import OURS, Backend, backend_at

MOST = 200
BLUNT = {"D11"}
"""No faulty backend breaks it alone: litellm shows no markers to leave in. Its own test is beside this."""


@pytest.fixture(scope="module")
def ours():
    load_offline()
    return backend_at(OURS)


def test_faults_are_many_and_named_once():
    assert len({faulty.name for faulty in FAULTY}) == len(FAULTY) > 90
    assert sum(examples for _, _, examples in ROUNDS) == MOST


def test_every_fault_is_caught_within_two_hundred_examples(ours):
    caught = list(self_check(ours))
    assert len(caught) == len(FAULTY)
    assert [one.faulty.name for one in caught if not one.laws] == []
    assert [one.faulty.name for one in caught if one.after > MOST] == []


@pytest.mark.slow
def test_every_law_catches_something(ours):
    found = set()
    for faulty in FAULTY:
        for provider, mode, examples in ROUNDS:
            proof = prove_one(
                Backend(faulty.spoil(ours.complete)), provider, mode, effort=Effort(examples, shrink=False)
            )
            found |= proof.broken.keys()
    assert {law.id for law in ALL_LAWS} - found <= BLUNT


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("provider", "mode", "_"), ROUNDS)
def test_the_right_backend_stays_green_at_two_thousand(provider, mode, _, ours):
    proof = prove_one(ours, provider, mode, effort=Effort(2000))
    assert proof.examples == 2000
    assert not proof.broken
