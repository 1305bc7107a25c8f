"""The laws of tool calling, for any backend: an explicit table, each a judgement over a trial.

``prove(backend)`` in ``harness.laws.prove`` draws trials and judges them all; a law alone is
``BY_ID["N4"].judge(ask(question, complete))``. ``harness.laws.bare`` holds those that need no litellm.
"""

from harness.laws import decoding, failures, names, requests, state, streaming, turns
from harness.laws.law import Law
from harness.laws.question import History, Question, Turn
from harness.laws.trial import Trial, aask, run_trial

ALL_LAWS: tuple[Law, ...] = (
    *names.LAWS,
    *requests.LAWS,
    *decoding.LAWS,
    *streaming.LAWS,
    *turns.LAWS,
    *state.LAWS,
    *failures.LAWS,
)
BY_ID: dict[str, Law] = {law.id: law for law in ALL_LAWS}

__all__ = ["ALL_LAWS", "BY_ID", "History", "Law", "Question", "Trial", "Turn", "aask", "run_trial"]
