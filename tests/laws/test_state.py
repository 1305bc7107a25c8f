"""T6 and T7 for our backend, over drawn answers; and that a backend without state breaks T6."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.backend.completion import acomplete, complete
from harness.laws.state import PROVIDERS, T6, T7, run_state_trial
from harness.strategies.sample import sample
from harness.strategies.state import stateful

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(600),
]
FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def awaited(*args, **options):
    return asyncio.run(acomplete(*args, **options))


@pytest.mark.parametrize("provider", PROVIDERS)
@FEW
@given(data=st.data())
def test_state_goes_back_and_stays_with_its_model(provider, data):
    answer = data.draw(stateful(provider))
    stream = data.draw(st.booleans())
    trial = run_state_trial(provider, answer, data.draw(st.sampled_from([complete, awaited])), stream=stream)
    assert T6.judge(trial) == ""
    assert T7.judge(trial) == ""


def test_a_backend_that_gives_nothing_back_breaks_t6():
    answer = sample(stateful("anthropic"), 1, 0)[0]

    def forgetful(*args, **options):
        return replace(complete(*args, **options), state={})

    assert T6.judge(run_state_trial("anthropic", answer, forgetful, stream=False))
