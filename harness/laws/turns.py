"""The laws of handed-over conversations: what another provider left in the history is made fit for this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.laws.law import Law

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.chat import Json
    from harness.laws.trial import Trial

RESULTS = frozenset({"tool", "function"})
"""Roles of a message that is a call's result."""


def foreign(trial: Trial) -> str | None:
    question, mentions = trial.question, trial.mentions
    if not question.history or not trial.requests or not mentions.calls:
        return None
    rules = question.profile
    bad = [one for one in mentions.call_ids if not rules.ids.allows(one)]
    if rules.exact_id_length:
        bad += [one for one in mentions.call_ids if len(one) != rules.ids.longest]
    if bad:
        return f"sent the ids {bad}, which {question.provider} refuses ({rules.ids.source})"
    if mentions.call_ids and len(set(mentions.call_ids)) != len(question.history):
        return f"{len(question.history)} earlier calls with ids of their own have the ids {mentions.call_ids}"
    if mentions.result_ids != mentions.call_ids:
        return f"results answer the ids {mentions.result_ids}, their calls have {mentions.call_ids}"
    return ""


def fit(trial: Trial) -> str | None:
    """What goes out for an ``unfit`` conversation is one that the provider accepts."""
    question, request = trial.question, trial.chat_request
    if question.kind != "unfit" or request is None:
        return None
    answered: set[str] = set()
    called = [call for message in request.messages for call in message.get("tool_calls") or ()]
    if not all(call["function"]["name"] for call in called):
        return "an earlier call went out without a tool's name"
    for message in request.messages if question.dialect.facts.pairs_results else ():
        one = message.get("tool_call_id")
        if message.get("role") not in RESULTS or one is None:
            continue
        if one not in {call.get("id") for call in called}:
            return f"the result of call {one!r} went out, which no message makes"
        if one in answered:
            return f"two results of call {one!r} went out"
        answered.add(one)
    if question.dialect.facts.refuses_blank_text:
        return next(_blanks(request.body), "")
    return ""


def _blanks(value: Json) -> Iterator[str]:
    """Complaints about messages and parts whose text has no visible character; a tool's result may be empty."""
    if isinstance(value, dict) and value.get("role") not in RESULTS:
        for key in ("text", "content"):
            if isinstance(value.get(key), str) and not value[key].strip() and value.get("type") != "tool_result":
                yield f"the blank text {value[key]!r} went out"
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _blanks(inner)


LAWS = (
    Law(
        "T5",
        "foreign history: ids of another provider go out legal, each result still with its call",
        foreign,
        grade="contract",
    ),
)
