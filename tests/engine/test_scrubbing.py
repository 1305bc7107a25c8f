"""Nothing that a result says holds a secret, errors of every shape included."""

from __future__ import annotations

import dataclasses

import pytest

from harness.core.chat import CallError, Reply, ToolCall
from harness.core.errors import DuplicateToolError, ProviderError, RateLimitError, StreamCutError, ToolCallError
from harness.core.exchange import Exchange, HttpRequest
from harness.core.finding import Evidence, Finding
from harness.core.observation import Observation
from harness.engine.events import CaseResult, Problem
from harness.engine.scrubbing import scrubbed

BAD = CallError("arguments", "holds KEY", "KEY{", "KEY", "KEY", 0)
REPLY = Reply(text="a KEY", calls=(ToolCall("KEY", {"KEY": ["KEY", 1, {"x": "KEY"}]}, "KEY"),), errors=(BAD,))


def clean(text: str) -> str:
    return text.replace("KEY", "gone")


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("KEY", status=429, retry_after=2.5, provider="KEY"),
        StreamCutError("KEY", REPLY),
        ToolCallError([BAD], [], "KEY"),
        DuplicateToolError(["KEY"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_but_exchanges_is_scrubbed(error):
    exchange = Exchange(HttpRequest("POST", "http://KEY"), None)
    seen = Observation("KEY", "KEY", "KEY", {"messages": ["KEY"]}, REPLY, error, 0, "KEY", ((0, exchange),))
    finding = Finding("KEY", "fail", "KEY", "KEY", Evidence("KEY", (1,)))
    problem = Problem("X", "KEY", 2, ("KEY",))
    made = scrubbed(CaseResult("KEY", "KEY", "KEY", "KEY", (finding,), (seen,), problem), clean)
    (observation,) = made.observations
    assert observation.exchanges == seen.exchanges
    without = dataclasses.replace(made, observations=(dataclasses.replace(observation, exchanges=()),))
    assert "KEY" not in repr(without)
    assert type(observation.error) is type(error)
    assert "KEY" not in f"{observation.error} {vars(observation.error)}"
    if isinstance(error, ProviderError):
        assert (observation.error.status, observation.error.retry_after) == (429, 2.5)


def test_what_was_given_stays_as_it_was():
    result = CaseResult("KEY", "c", "m", "")
    assert scrubbed(result, clean).suite == "gone"
    assert result.suite == "KEY"
