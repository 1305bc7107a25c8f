"""Proofs on the terminal and as JSON: a table of providers and laws, and each fault once, in plain words."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING

from harness.core.chat import CallError
from harness.core.finding import count
from harness.laws import BY_ID
from harness.laws.law import GRADES
from harness.laws.replies import reference
from harness.laws.shrink import size
from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from harness.core.chat import Json, Reply, ToolCall
    from harness.laws import Law, Trial
    from harness.laws.prove import BrokenLaw, Proof
    from harness.laws.selfcheck import Caught

_CELLS = {"holds": ("✓", "green"), "broken": ("✗", "bold red"), "silent": ("·", "dim"), "known": ("!", "yellow")}
_BYTES = 240


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken law: the smallest counterexample of all, and where else it was broken."""

    proof: Proof
    broken: BrokenLaw
    elsewhere: tuple[str, ...]


def faults(proofs: Sequence[Proof]) -> list[Fault]:
    """Each broken law once, the most dangerous first."""
    by_law: dict[str, list[tuple[Proof, BrokenLaw]]] = {}
    for proof in proofs:
        for law, broken in proof.broken.items():
            by_law.setdefault(law, []).append((proof, broken))
    made = []
    for found in by_law.values():
        # The smallest; of equal ones the first, so that a whole answer shows it rather than a stream.
        proof, broken = min(found, key=lambda one: size(replace(one[1].trial.question, stream=False)))
        others = tuple(f"{one.provider} {one.mode}" for one, _ in found if one is not proof)
        along = frozenset().union(*(one.others for _, one in found))
        made.append(Fault(proof, replace(broken, others=along - by_law.keys()), others))
    return sorted(made, key=_danger)


def _danger(fault: Fault) -> tuple[int, int]:
    """First by the gravest law of the same cause, then by the law that is blamed for it."""
    return min(map(_rank, _named(fault.broken))), _rank(fault.broken.law.id)


def _rank(law: str) -> int:
    return GRADES.index(BY_ID[law].grade)


def _named(broken: BrokenLaw) -> frozenset[str]:
    """The law that is blamed, and those that the same cause breaks."""
    return broken.others | {broken.law.id}


def tables(proofs: Sequence[Proof], laws: Sequence[Law], width: int) -> list[Table]:
    """Provider × law over all modes: ✓ holds, ✗ broken, ! holds but for a known fault of litellm, · never judged.

    Several tables where ``width`` characters are too few for one.
    """
    names = max((len(proof.provider) for proof in proofs), default=0)
    room = width - names - _COUNTS
    rows: list[list[Law]] = [[]]
    for law in laws:
        if rows[-1] and sum(len(one.id) + 2 for one in (*rows[-1], law)) > room:
            rows.append([])
        rows[-1].append(law)
    return [_table(proofs, row) for row in rows]


_COUNTS = 24
"""Characters that a row needs for its counts and edges."""


def _table(proofs: Sequence[Proof], laws: Sequence[Law]) -> Table:
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    made.add_column("provider", no_wrap=True)
    for law in laws:
        made.add_column(law.id, justify="center", no_wrap=True)
    made.add_column("exemplars", justify="right", no_wrap=True)
    made.add_column("drawn", justify="right", no_wrap=True)
    for provider in dict.fromkeys(proof.provider for proof in proofs):
        of_it = [proof for proof in proofs if proof.provider == provider]
        cells = [Text(*_CELLS[_cell(of_it, law)]) for law in laws]
        counts = (sum(proof.fixed for proof in of_it), sum(proof.drawn for proof in of_it))
        made.add_row(provider, *cells, *(f"{count:,}" for count in counts))
    return made


def _cell(proofs: Sequence[Proof], law: Law) -> str:
    if any(law.id in _named(broken) for proof in proofs for broken in proof.broken.values()):
        return "broken"
    if any(law.id in proof.known for proof in proofs):
        return "known"
    return "holds" if any(proof.judged.get(law.id) for proof in proofs) else "silent"


def shown(proofs: Sequence[Proof], fault: str) -> int:
    """How many judgements came out as the known fault called ``fault``."""
    return sum(counts.get(fault, 0) for proof in proofs for counts in proof.known.values())


def describe(fault: Fault, width: int = 100) -> str:
    """A fault in plain words, in lines of ``width``: what was sent, what should have come back, what did."""
    proof, broken = fault.proof, fault.broken
    trial, question = broken.trial, broken.trial.question
    lines = [
        f"{broken.law.id} ({broken.law.grade}) does not hold for {proof.provider}, {proof.mode}: {broken.law.title}"
    ]
    if others := sorted(map(_with_grade, fault.broken.others), key=_by_danger):
        lines.append(f"  same cause:       {', '.join(others)}")
    sent = trial.mentions.tools
    lines += [
        f"  what is wrong:    {broken.complaint}",
        f"  tools offered:    {_few(question.tools) or 'none'}",
        *([f"  sent to provider: {_few(sent) or 'no tools'}"] if sent != question.tools else ()),
        *([f"  quirks:           {', '.join(sorted(question.quirks))}"] if question.quirks else ()),
    ]
    if broken.law.id in _OF_REQUESTS and trial.requests:
        lines.append(f"  the request:      {_around(trial.requests[0].body, [_quoted(broken.complaint)])}")
    else:
        bytes_ = _around(trial.served.body, _places(broken)) if trial.served else "nothing"
        expected, got = _expected(broken), _got(trial)
        lines += [f"  provider answers: {bytes_}", f"  should have been: {expected}", f"  came back:        {got}"]
    if fault.elsewhere:
        more = f" and {len(fault.elsewhere) - _PLACES} more" if len(fault.elsewhere) > _PLACES else ""
        lines.append(f"  broken in:        {', '.join(fault.elsewhere[:_PLACES])}{more}")
    return "\n".join(_wrapped(safe_text.line(line, _LINE), width) for line in lines)


_TOOLS, _PLACES, _LINE = 6, 6, 500
_OF_REQUESTS = frozenset({"Q1", "Q2", "Q3", "Q4", "Q5", "Q7", "N1", "N2", "N3", "N5", "T5", "T6", "T7"})
_INDENT = 20


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(line, width, subsequent_indent=" " * _INDENT, break_on_hyphens=False)


def _with_grade(law: str) -> str:
    return f"{law} ({BY_ID[law].grade})"


def _by_danger(named: str) -> tuple[int, str]:
    return _rank(named.partition(" ")[0]), named


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOOLS} more" if len(names) > _TOOLS else ""
    return f"{', '.join(map(repr, names[:_TOOLS]))}{more}"


def _quoted(complaint: str) -> str:
    """The first quoted thing of a complaint: where in the bytes to look."""
    quoted = complaint.split("'")
    return quoted[1][:20] if len(quoted) > 2 else ""  # noqa: PLR2004 - a pair of quotes


def _places(broken: BrokenLaw) -> list[str]:
    """What to look for in the bytes of an answer, the likeliest first: the first call that did not come back as it was
    made, by its id, what was sent for its arguments, its name; then what the complaint quotes.
    """
    trial = broken.trial
    drawn, right = trial.question.reply, reference(trial)
    got = _calls(trial.reply) if trial.reply is not None else []
    found = []
    for place, one in enumerate(_calls(drawn)):
        if place < len(got) and _call(got[place]) == _call(one):
            continue
        sent = _calls(right)[place].id if right is not None and place < len(_calls(right)) else ""
        found = [
            sent or "",
            one.raw if isinstance(one, CallError) else "",
            trial.wire.get(one.name or "", one.name or ""),
        ]
        break
    return [*found, _quoted(broken.complaint)]


def _around(body: bytes, places: Sequence[str]) -> str:
    """The bytes around the first of ``places`` that is in them, or the first ones."""
    forms = (form.encode() for place in places if place for form in (place, json.dumps(place)[1:-1]))
    at = next((found for form in forms if (found := body.find(form)) >= 0), 0)
    start = max(0, min(at - _BYTES // 3, len(body) - _BYTES))
    ends = ("…" if start else "", "…" if start + _BYTES < len(body) else "")
    return f"{ends[0]}{body[start : start + _BYTES].decode(errors='replace')}{ends[1]}"


def _calls(reply: Reply) -> list[ToolCall | CallError]:
    """Calls and errors together, in the order in which the model made them."""
    made: list[ToolCall | CallError] = list(reply.calls)
    for one in reply.errors:
        made.insert(one.index, one)
    return made


def _call(one: ToolCall | CallError) -> str:
    if isinstance(one, CallError) or hasattr(one, "raw"):  # the class may be the backend's own
        return f"an error holding {one.raw!r}"
    return f"{one.name}({_short(one.parameters)})"


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE else f"{text[: _VALUE // 2]} … {text[-_VALUE // 2 :]}"


_VALUE, _MOST = 80, 3


def _reply_text(reply: Reply, other: Reply | None) -> str:
    """Text and calls, and what else of ``reply`` is not as in ``other``; of many calls those around the first that
    differs.
    """
    calls = [_call(one) for one in _calls(reply)]
    theirs = [_call(one) for one in _calls(other)] if other is not None else []
    same = next(
        (n for n, (one, two) in enumerate(zip(calls, theirs, strict=False)) if one != two), min(len(calls), len(theirs))
    )
    first = max(0, min(same - 1, len(calls) - _MOST))
    shown = calls[first : first + _MOST]
    before, after = first, len(calls) - first - len(shown)
    listed = [
        *([f"{count(before, 'call')} before"] if before else ()),
        *shown,
        *([f"{count(after, 'call')} more"] if after else ()),
    ]
    beside = [
        f"{name} {_short(getattr(reply, name))}"
        for name in _FIELDS
        if other is not None and getattr(reply, name) != getattr(other, name)
    ]
    texts = [f"text {_short(reply.text)}"] if reply.text or not calls or (other is not None and other.text) else []
    return ", ".join([*texts, *(listed or ["no calls"]), *beside])


_FIELDS = ("finish", "usage", "reasoning", "refusal", "provider_calls", "model", "id")


def _right(trial: Trial) -> Reply:
    """The reply that should have come back: as drawn, and what the wire says of it beside."""
    found = reference(trial)
    drawn = trial.question.reply
    if found is None:
        return drawn
    return replace(drawn, **{name: getattr(found, name) for name in _FIELDS if name != "provider_calls"})


def _got(trial: Trial) -> str:
    if trial.reply is None:
        return f"{type(trial.error).__name__}: {trial.error}"
    return _reply_text(trial.reply, _right(trial))


def _expected(broken: BrokenLaw) -> str:
    trial, question = broken.trial, broken.trial.question
    words = {
        "cut": "an error, for the answer was cut",
        "doubled": "an error before anything is sent",
        "refused": f"the error for status {question.status}",
        "failed": "an error: the provider failed in its answer",
        "unreachable": "an error: no connection",
    }
    if question.kind in words:
        return words[question.kind]
    if broken.law.id == "Q6":
        return "one request"
    if question.kind == "unknown":
        good = [one for one in question.reply.calls if one.name in question.tools]
        strange = next((one.name for one in question.reply.calls if one.name not in question.tools), "")
        return f"{', '.join(map(_call, good)) or 'no calls'}, an error naming {strange!r}, which was not offered"
    return _reply_text(_right(trial), trial.reply)


def summary(proofs: Sequence[Proof], found: Sequence[Fault]) -> str:
    """One line: how much was proved, and what broke."""
    counts = (sum(proof.fixed for proof in proofs), sum(proof.drawn for proof in proofs))
    judged = sum(sum(proof.judged.values()) for proof in proofs)
    named = (
        " and ".join([one.broken.law.id, ", ".join(sorted(one.broken.others))])
        if one.broken.others
        else one.broken.law.id
        for one in found
    )
    broken = f"broken laws: {'; '.join(named)}" if found else "no broken laws"
    with_litellm = f" (litellm {metadata.version('litellm')})" if "litellm" in sys.modules else ""
    return (
        f"{count(len(proofs), 'proof')}, {count(counts[0], 'exemplar')} and {count(counts[1], 'drawn example')}, "
        f"{count(judged, 'judgement')}: "
        f"{broken}{with_litellm}"
    )


def as_json(proofs: Sequence[Proof]) -> Json:
    """Every proof with its counts and what broke, for machines."""
    return [
        {
            "provider": proof.provider,
            "mode": proof.mode,
            "exemplars": proof.fixed,
            "drawn": proof.drawn,
            "judged": dict(sorted(proof.judged.items())),
            "known": {law: dict(sorted(counts.items())) for law, counts in sorted(proof.known.items())},
            "broken": {
                law: {
                    "grade": one.law.grade,
                    "complaint": one.complaint,
                    "after": one.after,
                    "others": sorted(one.others),
                }
                for law, one in proof.broken.items()
            },
        }
        for proof in proofs
    ]


def caught_line(caught: Caught) -> str:
    """One broken backend and what became of it."""
    drawn = f"{caught.drawn:,} drawn" if caught.drawn else "NOT DRAWN"
    fixed = count(caught.fixed, "exemplar") if caught.fixed else "no exemplar"
    wrong = f"; NOT ITS OWN: {', '.join(caught.strange)}" if caught.strange else ""
    return f"{caught.broken.name:34} {', '.join(caught.laws) or 'SURVIVED':16} after {drawn}, {fixed}{wrong}"


def caught_summary(caught: Sequence[Caught]) -> str:
    """How many the drawn examples catch by themselves, and how many the exemplars."""
    total = len(caught)
    drawn, fixed = (sum(bool(getattr(one, name)) for one in caught) for name in ("drawn", "fixed"))
    most = max((one.drawn for one in caught), default=0)
    strange = sum(bool(one.strange) for one in caught)
    return (
        f"{total} broken backends: {drawn} caught by drawn examples alone (after {most:,} at most), {fixed} by "
        f"exemplars alone; {strange} accused of what they do not do"
    )
