"""The laws of names: what goes out is legal and one to one, and what comes back is the tool's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.laws.json_identity import differing
from harness.laws.law import Law

if TYPE_CHECKING:
    from harness.laws.trial import Trial

CHOICE_DROPPED = {"mistral", "cohere", "cohere_chat", "ollama", "ollama_chat"}
"""Providers for which litellm drops a named ``tool_choice`` without a word (a known fault, and no matter of names)."""


def _sent(trial: Trial) -> bool:
    """Whether the tools can be read off a request that went out."""
    return (
        bool(trial.requests) and trial.question.kind != "doubled" and trial.question.dialect.name != "ollama_generate"
    )


def legal(trial: Trial) -> str | None:
    if not _sent(trial):
        return None
    rule, said = trial.question.profile.names, trial.mentions
    names = (*said.tools, *([said.choice] if said.choice else ()), *said.calls, *said.results)
    bad = sorted({name for name in names if not rule.allows(name)})
    return f"sent {bad}, which {trial.question.provider} refuses ({rule.source})" if bad else ""


def injective(trial: Trial) -> str | None:
    if not _sent(trial):
        return None
    sent = trial.mentions.tools
    if len(sent) != len(trial.question.tools):
        return f"{len(trial.question.tools)} tools were offered, {len(sent)} were sent"
    doubled = sorted({name for name in sent if sent.count(name) > 1})
    return f"two tools are both sent as {doubled}" if doubled else ""


def identity(trial: Trial) -> str | None:
    if not _sent(trial):
        return None
    rule = trial.question.profile.names
    offered = trial.question.tools
    for name in offered:
        wire = trial.wire.get(name)
        plain = name.replace("/", "__")
        alone = [one for one in offered if one.replace("/", "__") == plain] == [name]
        if rule.allows(name) and wire != name:
            return f"{name!r} is legal and free, but went out as {wire!r}"
        if name != plain and rule.allows(plain) and alone and wire != plain:
            return f"{name!r} went out as {wire!r}, not as {plain!r}"
    return ""


def round_trip(trial: Trial) -> str | None:
    drawn = trial.question.reply
    if trial.question.kind not in {"plain", "broken"} or not (drawn.calls or drawn.errors):
        return None
    if trial.reply is None:
        return None if trial.question.kind == "broken" else f"raised {trial.error!r}"
    expected = [call.name for call in drawn.calls]
    found = [call.name for call in trial.reply.calls]
    if found != expected:
        return f"tools {expected} were called, {found} came back"
    told = [error.name for error in trial.reply.errors]
    strange = [name for name in told if name not in trial.question.tools]
    return f"an error names {strange}, no tool that was offered" if strange else ""


def consistent(trial: Trial) -> str | None:
    question, said, wire = trial.question, trial.mentions, trial.wire
    if not _sent(trial) or not (question.choice or question.history):
        return None
    if question.choice and question.provider not in CHOICE_DROPPED and said.choice != wire.get(question.choice):
        return f"tool_choice names {said.choice!r}, the tool is sent as {wire.get(question.choice)!r}"
    if len(said.calls) != len(question.history):
        return f"the conversation holds {len(question.history)} earlier calls, {len(said.calls)} were sent"
    for past, call in zip(question.history, said.calls, strict=True):
        if past.name in wire and call != wire[past.name]:
            return f"an earlier call names {call!r}, the tool is sent as {wire[past.name]!r}"
        if past.name not in wire and call in wire.values():
            return f"an earlier call of {past.name!r}, no longer offered, goes out as {call!r}, which is another tool"
    if said.results and said.results != said.calls:
        return f"results name {said.results}, their calls {said.calls}"
    return ""


def isolated(trial: Trial) -> str | None:
    if trial.beside is None:
        return None
    for one in (trial, trial.beside):
        if one.reply is None:
            return f"asked at the same time as another, it raised {one.error!r}"
        complaint = differing(one.question.reply.calls, one.reply.calls)
        if complaint:
            return f"asked at the same time as another with the tools {_other(one, trial)}: {complaint}"
    return ""


def _other(one: Trial, trial: Trial) -> list[str]:
    assert trial.beside is not None
    return list((trial.beside if one is trial else trial).question.tools)


def untouched(trial: Trial) -> str | None:
    return "" if trial.untouched else "the caller's own messages, tools or options were changed"


def doubled(trial: Trial) -> str | None:
    if trial.question.kind != "doubled" or not trial.question.tools:
        return None
    name = trial.question.tools[0]
    if trial.requests:
        return f"two tools called {name!r} were sent to the provider"
    if trial.error is None:
        return f"two tools called {name!r} raised nothing"
    told = str(trial.error)
    named = name in told or repr(name)[1:-1] in told
    return "" if named else f"the error does not name {name!r}: {trial.error}"


def unknown(trial: Trial) -> str | None:
    if trial.question.kind != "unknown":
        return None
    offered, sent = set(trial.question.tools), set(trial.wire.values())
    strange = [call.name for call in trial.question.reply.calls if call.name not in offered]
    if not strange or set(strange) & sent:
        return None  # all were offered, or another tool happens to be called so on the wire
    if trial.error is not None:
        if not isinstance(trial.error, HarnessError):
            return f"crashed: {trial.error!r}"
        return "" if strange[0] in str(trial.error) else f"raised {trial.error!r}, which does not name {strange[0]!r}"
    assert trial.reply is not None
    passed = [call.name for call in trial.reply.calls if call.name not in offered]
    if passed:
        return f"calls to {passed} were handed on, and no such tool was offered"
    good = [call for call in trial.question.reply.calls if call.name in offered]
    complaint = differing(good, trial.reply.calls)
    if complaint:
        return f"beside a call to a tool that was not offered: {complaint}"
    named = [error.name for error in trial.reply.errors]
    return "" if named == strange else f"errors name {named}, not {strange}"


LAWS = (
    Law("N1", "legal: every name sent is one that the provider accepts", legal),
    Law("N2", "injective: different tools have different names on the wire", injective),
    Law("N3", "identity: a legal, free name goes out unchanged, a plain a/b as a__b", identity),
    Law("N4", "round trip: the name that comes home is the tool's own", round_trip),
    Law("N5", "consistent: one mapping for tools, choice, history and answer", consistent),
    Law("N6", "isolated: requests under way at the same time don't mix their names", isolated),
    Law("N7", "untouched: the caller's data is never changed", untouched),
    Law("N8", "duplicates: two tools of one name are refused before anything is sent", doubled),
    Law("N9", "unknown: a call to a tool that was not offered is an error that names it", unknown),
)
