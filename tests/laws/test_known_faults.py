"""What litellm breaks and no backend can mend: each still shows. One that does not show any more is to be deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.backend.library import load_offline
from harness.laws import BY_ID, run_trial
from harness.laws.known_faults import KNOWN, known
from harness.laws.question import carried
from harness.laws.tested_backend import OURS, backend_at


@pytest.fixture(scope="module")
def put():
    load_offline()
    backend = backend_at(OURS)
    return lambda question: run_trial(question, backend.complete)


@pytest.mark.parametrize("fault", KNOWN, ids=lambda fault: fault.name)
def test_it_still_shows(fault, put):
    assert carried(fault.question)
    trial = put(fault.question)
    broken = {law for law in fault.laws if BY_ID[law].judge(trial)}
    assert broken, f"litellm has mended {fault.name}: delete it, and what is written of it in docs/litellm-faults.md"
    assert all(known(trial, law) is not None for law in broken)


@pytest.mark.parametrize("fault", KNOWN, ids=lambda fault: fault.name)
def test_it_excuses_nothing_else(fault, put):
    """The same question to a provider without the fault, and without the quirk, is judged."""
    said = replace(fault.question.reply, text="hi")
    plain = replace(fault.question, provider="openai", quirks=frozenset(), kind="plain", reply=said)
    trial = put(plain)
    assert not [law for law in BY_ID if known(trial, law)]
    assert not [complaint for law in BY_ID.values() if (complaint := law.judge(trial))]
