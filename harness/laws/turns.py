"""The law of handed-over conversations: what another provider left in the history is made fit for this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.laws.law import Law

if TYPE_CHECKING:
    from harness.laws.trial import Trial


def foreign(trial: Trial) -> str | None:
    question, said = trial.question, trial.mentions
    if not question.history or not trial.requests or not said.calls:
        return None
    rules = question.profile
    bad = [one for one in said.call_ids if not rules.ids.allows(one)]
    if rules.exact_id_length:
        bad += [one for one in said.call_ids if len(one) != rules.ids.longest]
    if bad:
        return f"sent the ids {bad}, which {question.provider} refuses ({rules.ids.source})"
    if said.call_ids and len(set(said.call_ids)) != len(question.history):
        return f"{len(question.history)} earlier calls with ids of their own have the ids {said.call_ids}"
    if said.result_ids != said.call_ids:
        return f"results answer the ids {said.result_ids}, their calls have {said.call_ids}"
    return ""


LAWS = (
    Law(
        "T5",
        "foreign history: ids of another provider go out legal, each result still with its call",
        foreign,
        grade="contract",
    ),
)
