"""The laws of names: what goes out is legal and one to one, and what comes back is the tool's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.laws.law import Law
from harness.wire.profiles import profile

if TYPE_CHECKING:
    from harness.laws.trial import Trial


def _sent(trial: Trial) -> bool:
    """Whether the tools can be read off a request that went out."""
    return bool(trial.requests) and trial.question.kind != "doubled" and bool(trial.mentions.tools)


def legal(trial: Trial) -> str | None:
    if not _sent(trial):
        return None
    rule = profile(trial.question.provider).names
    bad = [name for name in trial.mentions.tools if not rule.allows(name)]
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
    rule = profile(trial.question.provider).names
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
    if trial.question.kind not in {"plain", "broken"} or not trial.question.reply.calls or not trial.requests:
        return None
    if trial.reply is None:
        return None if trial.question.kind == "broken" else f"raised {trial.error!r}"
    expected = [call.name for call in trial.question.reply.calls]
    found = [call.name for call in trial.reply.calls]
    return "" if found == expected else f"tools {expected} were called, {found} came back"


def consistent(trial: Trial) -> str | None:
    if not _sent(trial) or not (trial.question.choice or trial.question.past):
        return None
    wire, said = trial.wire, trial.mentions
    if trial.question.choice and said.choice is not None and said.choice != wire.get(trial.question.choice):
        return f"tool_choice names {said.choice!r}, the tool is sent as {wire.get(trial.question.choice)!r}"
    if trial.question.past:
        first = wire.get(trial.question.tools[0])
        wrong = [name for name in (*said.calls, *said.results) if name != first]
        if wrong:
            return f"the history names {wrong}, the tool is sent as {first!r}"
        if said.result_ids and set(said.result_ids) != set(said.call_ids):
            return f"results answer the ids {said.result_ids}, calls have {said.call_ids}"
    return ""


def untouched(trial: Trial) -> str | None:
    return "" if trial.untouched else "the caller's own messages, tools or options were changed"


def doubled(trial: Trial) -> str | None:
    if trial.question.kind != "doubled":
        return None
    name = trial.question.tools[0]
    if trial.requests:
        return f"two tools called {name!r} were sent to the provider"
    if trial.error is None:
        return f"two tools called {name!r} raised nothing"
    return (
        ""
        if name in str(trial.error) or repr(name)[1:-1] in str(trial.error)
        else f"the error does not name {name!r}: {trial.error}"
    )


def unknown(trial: Trial) -> str | None:
    if trial.question.kind != "unknown" or not trial.requests:
        return None
    strange = [call.name for call in trial.question.reply.calls if call.name not in trial.question.tools]
    if trial.error is not None:
        return "" if strange[0] in str(trial.error) else f"raised {trial.error!r}, which does not name {strange[0]!r}"
    assert trial.reply is not None
    offered = set(trial.question.tools)
    passed = [call.name for call in trial.reply.calls if call.name not in offered]
    if passed:
        return f"calls to {passed} were handed on, and no such tool was offered"
    if len(trial.reply.calls) != len(trial.question.reply.calls) - len(strange):
        return f"{len(trial.question.reply.calls) - len(strange)} calls were good, {len(trial.reply.calls)} came back"
    named = [error.name for error in trial.reply.errors]
    return "" if strange[0] in named else f"no error names {strange[0]!r}"


LAWS = (
    Law("N1", "legal: every name sent is one that the provider accepts", legal),
    Law("N2", "injective: different tools have different names on the wire", injective),
    Law("N3", "identity: a legal, free name goes out unchanged, a plain a/b as a__b", identity),
    Law("N4", "round trip: the name that comes home is the tool's own", round_trip),
    Law("N5", "consistent: one mapping for tools, choice, history and answer", consistent),
    Law("N7", "untouched: the caller's data is never changed", untouched),
    Law("N8", "duplicates: two tools of one name are refused before anything is sent", doubled),
    Law("N9", "unknown: a call to a tool that was not offered is an error that names it", unknown),
)
