"""Names on the wire: legal, one to one, and home again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from harness.checks.card.blame import unjudged
from harness.checks.card.context import CardCheck, failed, judged, names, passing, quirk
from harness.core.finding import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.checks.card.context import CheckContext
    from harness.core.finding import Blame, Finding


def _sender(seen: CheckContext) -> Blame:
    """Who wrote the names that went out: this backend, or the program whose recording it is."""
    return "backend" if seen.own else "caller"


def legal(seen: CheckContext) -> Iterator[Finding]:
    said = seen.mentions
    if said is None or not said.tools:
        return
    rule = seen.profile.names
    mentioned = (*said.tools, *([said.choice] if said.choice else ()), *said.calls, *said.results)
    sent = dict.fromkeys(name for name in mentioned if isinstance(name, str))
    bad = [name for name in sent if not rule.allows(name)]
    if not bad:
        yield passing(f"{count(len(sent), 'name')} sent, all legal")
    elif seen.observation.reply is not None:
        yield quirk(
            f"sent {names(bad)}, against the rule known ({rule.source}), and the provider took it", blame=_sender(seen)
        )
    else:
        yield failed(f"sent {names(bad)}, which the provider refuses ({rule.source})", blame=_sender(seen))


def injective(seen: CheckContext) -> Iterator[Finding]:
    said = seen.mentions
    if said is None or not said.tools:
        return
    doubled = sorted({name for name in said.tools if said.tools.count(name) > 1})
    offered = len(seen.tools) if seen.own else len(said.tools)
    if len(said.tools) < offered:
        yield failed(f"tools offered: {offered}, sent: {len(said.tools)}", blame=_sender(seen))
    else:
        wrong = f"two tools are both sent as {names(doubled)}" if doubled else None
        yield judged(wrong, "every tool has its own name", blame=_sender(seen))


def identity(seen: CheckContext) -> Iterator[Finding]:
    if not seen.own or not seen.wire:
        return
    rule, sent = seen.profile.names, {own: wire for wire, own in seen.wire.items()}
    for own, wire in sent.items():
        plain = own.replace("/", "__")
        alone = sum(1 for other in sent if other.replace("/", "__") == plain) == 1
        if rule.allows(own):
            yield judged(f"{own!r} is legal, but went out as {wire!r}" if wire != own else None, f"{own!r} unchanged")
        elif alone and own != plain and rule.allows(plain):
            yield judged(f"{own!r} went out as {wire!r}" if wire != plain else None, f"{own!r} went out as {plain!r}")


def round_trip(seen: CheckContext) -> Iterator[Finding]:
    if seen.both is None:
        return
    reading, reply = seen.both
    expected = [seen.wire.get(call.name, call.name) for call in seen.own_calls(reading)]
    if expected:
        found = [call.name for call in reply.calls]
        wrong = f"called were {names(expected)}, {names(found)} came back" if found != expected else None
        yield judged(wrong, f"{names(found)} came back")


def consistent(seen: CheckContext) -> Iterator[Finding]:
    said = seen.mentions
    if said is None or not said.tools or not (said.calls or said.choice):
        return
    if said.choice and said.choice not in said.tools:
        yield failed(
            f"tool_choice names {said.choice!r}, which is no tool of the request", "choice", blame=_sender(seen)
        )
    elif said.choice:
        yield passing("tool_choice names a tool of the request", "choice")
    if said.calls and said.results:
        strange = [name for name in said.results if name and name not in said.calls]
        wrong = f"results name {names(strange)}, which was not called" if strange else None
        yield judged(wrong, "results name the calls that they answer", "results", blame=_sender(seen))


def unknown(seen: CheckContext) -> Iterator[Finding]:
    if seen.both is None or not seen.tools:
        return
    reading, reply = seen.both
    if not reading.calls:
        return
    strange = [call.name for call in reading.calls if call.name not in seen.wire]
    passed = [call.name for call in reply.calls if call.name not in seen.tools]
    if strange and seen.limits.other_tools:
        yield unjudged("tools that are no functions were offered too", names(strange), "caller")
    elif passed:
        yield failed(f"calls to {names(passed)} came back as if such a tool were offered")
    elif strange and not {error.name for error in reply.errors} >= set(strange):
        yield failed(f"{names(strange)} was called and not offered, and no error names it")
    elif strange:
        yield quirk(f"the model called {names(strange)}, which was not offered; the backend says so", blame="model")
    else:
        yield passing("every call is to a tool that was offered")


_PROVED = "a law of the backend, whatever the model: `harness prove`"

_naming = partial(CardCheck, topic="names")

CHECKS = (
    _naming(
        "N1",
        "legal",
        "every tool name sent is one that the provider's rule allows",
        judge=legal,
        needs="a request with tools",
    ),
    _naming(
        "N2",
        "injective",
        "different tools have different names on the wire",
        judge=injective,
        needs="a request with tools",
    ),
    _naming(
        "N3",
        "identity",
        "a legal, free name goes out unchanged, a plain a/b as a__b",
        judge=identity,
        needs="the card's own questions",
    ),
    _naming("N4", "round trip", "the name that comes back is the tool's own", judge=round_trip, needs="a call"),
    _naming(
        "N5",
        "consistent",
        "one mapping serves tools, choice, earlier calls, results and the answer",
        judge=consistent,
        needs="a request that names its tools more than once",
    ),
    _naming("N6", "isolated", "requests under way at the same time don't mix their names", note=_PROVED),
    _naming("N7", "untouched", "the caller's own tools and messages are never changed", note=_PROVED),
    _naming("N8", "duplicates", "two tools of one name are refused before anything is sent", note=_PROVED),
    CardCheck(
        "N9",
        "unknown",
        "a call to a tool that was not offered is an error that names it",
        "answers",
        unknown,
        needs="a call",
        about="model",
    ),
)
