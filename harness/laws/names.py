"""The laws of names: what goes out is legal and one to one, and what comes back is the tool's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.checks.json_equality import same
from harness.core.finding import count
from harness.laws.complaints import differ, number_differs
from harness.laws.law import Law
from harness.laws.replies import differences

if TYPE_CHECKING:
    from harness.laws.trial import Trial


def _sent(trial: Trial) -> bool:
    """Whether the tools can be read off a request that went out."""
    return (
        bool(trial.requests) and trial.question.kind != "doubled" and not trial.question.dialect.facts.tools_in_prompt
    )


def legal(trial: Trial) -> str | None:
    if not _sent(trial):
        return None
    rule, mentions = trial.question.profile.names, trial.mentions
    names = (
        *mentions.tools,
        *([mentions.choice] if mentions.choice else ()),
        *mentions.calls,
        *mentions.results,
    )
    bad = sorted({name for name in names if not rule.allows(name)})
    return f"sent {bad}, which {trial.question.provider} refuses ({rule.source})" if bad else ""


def injective(trial: Trial) -> str | None:
    if not _sent(trial):
        return None
    tools = trial.mentions.tools
    doubled = sorted(name for name in set(tools) if tools.count(name) > 1) if len(set(tools)) < len(tools) else []
    return f"two tools are both sent as {doubled}" if doubled else ""


def _matched(trial: Trial) -> bool:
    """Whether each tool of the request is known by its own name: else Q2 has it."""
    sent = trial.mentions.tools
    return _sent(trial) and len(sent) == len(trial.question.tools) == len(set(sent))


def identity(trial: Trial) -> str | None:
    if not _matched(trial):
        return None
    rule = trial.question.profile.names
    offered, sent = trial.question.tools, trial.wire
    wishes = [name.replace("/", "__") for name in offered]
    for name, plain in zip(offered, wishes, strict=True):
        wire = sent.get(name)
        if wire != name and rule.allows(name):
            return f"{name!r} is legal and free, but went out as {wire!r}"
        if plain not in (name, wire) and wishes.count(plain) == 1 and rule.allows(plain):
            return f"{name!r} went out as {wire!r}, not as {plain!r}"
    return ""


def round_trip(trial: Trial) -> str | None:
    drawn = trial.question.reply
    if trial.question.kind not in {"plain", "broken"} or not (drawn.calls or drawn.errors) or trial.reply is None:
        return None
    if trial.question.kind == "plain":
        return differences(trial).get("name", "")
    wrong = differences(trial).get("name")
    if wrong:
        return wrong
    names = [error.name for error in trial.reply.errors]
    expected = [error.name for error in drawn.errors]
    if len(names) != len(expected):
        return ""
    return "" if names == expected else f"the broken call was to {expected[0]!r}, its error names {names[0]!r}"


def consistent(trial: Trial) -> str | None:
    question, sent, wire = trial.question, trial.mentions, trial.wire
    if not _matched(trial) or not (question.choice or question.history):
        return None
    if question.choice and sent.choice and sent.choice != wire.get(question.choice):
        return f"tool_choice names {sent.choice!r}, the tool is sent as {wire.get(question.choice)!r}"
    if len(sent.calls) != len(question.history):
        return None  # Q5 has it
    for past, call in zip(question.history, sent.calls, strict=True):
        if past.name in wire and call != wire[past.name]:
            return f"an earlier call names {call!r}, the tool is sent as {wire[past.name]!r}"
        if past.name not in wire and call in wire.values():
            return f"an earlier call of {past.name!r}, no longer offered, goes out as {call!r}, which is another tool"
    if sent.results and sent.results != sent.calls:
        return f"results name {sent.results}, their calls {sent.calls}"
    return ""


_CONTENT = frozenset({"calls", "name", "no_arguments", "value", "string", "text"})


_BESIDE = {
    "": "at the same time as",
    "threads": "at the same time as",
    "loops": "one after the other, in an event loop of its own, with",
}


def isolated(trial: Trial) -> str | None:
    if not trial.beside:
        return None
    for one in (trial, *trial.beside):
        if one.declined:
            continue
        if one.reply is None:
            return f"asked {_BESIDE[trial.question.together]} others, it raised {one.error!r}"
        complaint = next((words for name, words in differences(one).items() if name in _CONTENT), "")
        if complaint:
            return f"asked {_BESIDE[trial.question.together]} {count(len(trial.beside), 'other')}: {complaint}"
    return ""


def untouched(trial: Trial) -> str | None:
    unchanged = trial.untouched and all(one.untouched for one in trial.beside)
    return "" if unchanged else f"the caller's own data was changed: {_changed(trial)}"


def _changed(trial: Trial) -> str:
    if trial.arguments is None or same(trial.arguments, trial.pristine):
        return "while the request was made, and put back"
    assert trial.pristine is not None
    return differ("what the caller gave", list(trial.pristine), list(trial.arguments)) or "in place"


def doubled(trial: Trial) -> str | None:
    if trial.question.kind != "doubled" or not trial.question.tools:
        return None
    name = trial.question.tools[0]
    if trial.requests:
        return f"two tools called {name!r} were sent to the provider"
    if trial.error is None:
        return f"two tools called {name!r} raised nothing"
    words = str(trial.error)
    named = name in words or repr(name)[1:-1] in words
    return "" if named else f"the error does not name {name!r}: {trial.error}"


def unknown(trial: Trial) -> str | None:
    # A call that names a namespace is of a tool that the provider's own search found, and known by that.
    if trial.question.kind != "unknown" or "namespace" in trial.question.quirks:
        return None
    offered, sent = set(trial.question.tools), set(trial.wire.values())
    drawn = trial.question.reply.calls
    strange = [call.name for call in drawn if call.name not in offered]
    if not strange or set(strange) & sent:
        return None  # all were offered, or another tool happens to be called so on the wire
    good = [call for call in drawn if call.name in offered]
    if trial.error is not None:
        if not trial.typed:
            return f"crashed: {trial.error!r}"
        if strange[0] not in str(trial.error):
            return f"raised {trial.error!r}, which does not name {strange[0]!r}"
        complaint = number_differs(good, getattr(trial.error, "calls", ()))
        return f"beside a call to a tool that was not offered: {complaint}" if complaint else ""
    assert trial.reply is not None
    passed = [call.name for call in trial.reply.calls if call.name not in offered]
    if passed:
        return f"calls to {passed} were handed on, and no such tool was offered"
    complaint = number_differs(good, trial.reply.calls)
    if complaint:
        return f"beside a call to a tool that was not offered: {complaint}"
    indices = [index for index, call in enumerate(drawn) if call.name not in offered]
    found = [(error.name, error.index) for error in trial.reply.errors]
    if trial.question.reply.provider_calls:  # whether those count in a call's place is nobody's rule
        found, indices = [(name, 0) for name, _ in found], [0] * len(strange)
    return (
        "" if found == list(zip(strange, indices, strict=True)) else f"errors name {found}, not {strange} at {indices}"
    )


LAWS = (
    Law("N1", "legal: every name sent is one that the provider accepts", legal, grade="contract"),
    Law("N2", "injective: different tools have different names on the wire", injective, grade="danger"),
    Law(
        "N3",
        "identity: a legal, free name goes out unchanged, a plain a/b as a__b",
        identity,
        grade="opinion",
    ),
    Law("N4", "round trip: the decoded name is the tool's own", round_trip, grade="danger"),
    Law("N5", "consistent: one mapping for tools, choice, history and answer", consistent, grade="contract"),
    Law("N6", "isolated: requests under way at the same time don't mix", isolated, grade="danger"),
    Law("N7", "untouched: the caller's data is never changed", untouched, grade="contract"),
    Law("N8", "duplicates: two tools of one name are refused before anything is sent", doubled, grade="opinion"),
    Law("N9", "unknown: a call to a tool that was not offered is an error that names it", unknown, grade="danger"),
)
