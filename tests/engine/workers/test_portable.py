"""Errors cross to another process and come out the same, whatever they are made of."""

from __future__ import annotations

import inspect
import pickle

import pytest

from harness.core import errors
from harness.core.chat import CallError, Reply, ToolCall
from harness.engine.budget import BudgetSpentError

GIVEN = {
    "SuiteError": ((["a.yaml:1: no", "b.yaml:2: no"],), {}),
    "DuplicateToolError": ((["a", "b"],), {}),
    "ToolCallError": (([CallError("arguments", "no JSON", "{", "a")], [ToolCall("b", {"x": [1]}, "i")], "text"), {}),
    "StreamCutError": (("cut", Reply(text="half")), {}),
    "UnreadableReplyError": (("no", "raw"), {}),
    "MissingExtraError": (("local", "the model's server"), {}),
    "CassetteMiss": (("no",), {"cassette": "c.json", "nearest": 2, "differences": ["a: 1 and 2"]}),
}
KINDS = [
    kind
    for kind in [*vars(errors).values(), BudgetSpentError]
    if inspect.isclass(kind) and issubclass(kind, (errors.HarnessError, errors.CassetteMiss))
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_comes_out_as_it_went_in(kind):
    words, more = GIVEN.get(kind.__name__, (("what went wrong",), {}))
    if issubclass(kind, errors.ProviderError):
        more = {"status": 429, "retry_after": 1.5, "provider": "openai"}
    if issubclass(kind, errors.CassetteError):
        more = {"path": "c.json", "place": "line 1"}
    error = kind(*words, **more)
    error.add_note("a note")
    came = pickle.loads(pickle.dumps(error))
    assert type(came) is kind
    assert (str(came), came.args, vars(came)) == (str(error), error.args, vars(error))
