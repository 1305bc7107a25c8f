"""The laws of tool calling, for any backend: an explicit table, each a judgement over a trial.

``prove(complete)`` in ``harness.run.prove`` draws trials and judges them all; a law alone is
``BY_ID["N4"].judge(ask(question, complete))``.
"""

from harness.laws import decoding, names, streaming
from harness.laws.law import Law
from harness.laws.trial import Question, Trial, aask, ask

ALL_LAWS: tuple[Law, ...] = (*names.LAWS, *decoding.LAWS, *streaming.LAWS)
BY_ID: dict[str, Law] = {law.id: law for law in ALL_LAWS}

__all__ = ["ALL_LAWS", "BY_ID", "Law", "Question", "Trial", "aask", "ask"]
