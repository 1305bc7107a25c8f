"""Proofs on the terminal and as JSON: a table of providers and laws, and each fault once, in plain words."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING

from harness.laws.law import GRADES
from harness.laws.shrink import size
from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from harness.core.chat import Json
    from harness.laws import Law
    from harness.laws.prove import BrokenLaw, Proof
    from harness.laws.selfcheck import Caught

_BESIDE, _EACH = 34, 5
"""Characters that a row needs beside its laws, and for each law."""
_CELLS = {"holds": ("✓", "green"), "broken": ("✗", "bold red"), "silent": ("·", "dim"), "known": ("!", "yellow")}
_KINDS = ("N", "Q", "D", "STUE")
_BYTES = 300


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
        # The smallest; of equal ones the first, so that a whole answer tells it rather than a stream.
        proof, broken = min(found, key=lambda one: size(replace(one[1].trial.question, stream=False)))
        others = tuple(f"{one.provider} {one.mode}" for one, _ in found if one is not proof)
        made.append(Fault(proof, broken, others))
    return sorted(made, key=lambda fault: GRADES.index(fault.broken.law.grade))


def tables(proofs: Sequence[Proof], laws: Sequence[Law], width: int) -> list[Table]:
    """Provider × law over all modes: ✓ holds, ✗ broken, ! holds but for a known fault of litellm, · never judged.

    One table, or one for each kind of law, or for a part of it, where ``width`` characters are too few.
    """
    if _BESIDE + sum(len(law.id) + 2 for law in laws) <= width:
        return [_table(proofs, laws)]
    kinds = [[law for law in laws if law.id[0] in kind] for kind in _KINDS]
    most = max(1, (width - _BESIDE) // _EACH)
    return [_table(proofs, kind[at : at + most]) for kind in kinds for at in range(0, len(kind), most)]


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
    if any(law.id in proof.broken for proof in proofs):
        return "broken"
    if any(law.id in proof.known for proof in proofs):
        return "known"
    return "holds" if any(proof.judged.get(law.id) for proof in proofs) else "silent"


def shown(proofs: Sequence[Proof], fault: str) -> int:
    """How many judgements came out as the known fault called ``fault``."""
    return sum(counts.get(fault, 0) for proof in proofs for counts in proof.known.values())


def describe(fault: Fault) -> str:
    """A fault in plain words: what was offered, what was sent, what came back, what should have."""
    proof, broken = fault.proof, fault.broken
    trial, question = broken.trial, broken.trial.question
    lines = [
        f"{broken.law.id} ({broken.law.grade}) does not hold for {proof.provider}, {proof.mode}: {broken.law.title}",
        f"  what is wrong:    {broken.complaint}",
        f"  tools offered:    {', '.join(map(repr, question.tools[:_TOOLS])) or 'none'}",
        f"  sent to provider: {', '.join(map(repr, trial.mentions.tools[:_TOOLS])) or 'no tools'}",
    ]
    if broken.law.id[0] == "Q" and trial.requests:
        lines.append(f"  the request:      {_around(trial.requests[0].body, _hint(broken.complaint))}")
    if question.quirks:
        lines.append(f"  quirks:           {', '.join(sorted(question.quirks))}")
    lines += [
        f"  provider answers: {_around(trial.served.body, _hint(broken.complaint)) if trial.served else 'nothing'}",
        f"  came back:        {trial.reply if trial.reply is not None else repr(trial.error)}",
        f"  should have been: {_expected(broken)}",
    ]
    if fault.elsewhere:
        more = f" and {len(fault.elsewhere) - _PLACES} more" if len(fault.elsewhere) > _PLACES else ""
        lines.append(f"  broken as well:   {', '.join(fault.elsewhere[:_PLACES])}{more}")
    return "\n".join(safe_text.line(line, _LINE) for line in lines)


_TOOLS, _PLACES, _LINE = 6, 6, 700


def _hint(complaint: str) -> bytes:
    """The first quoted thing of a complaint: where in the bytes to look."""
    quoted = complaint.split("'")
    return quoted[1][:20].encode() if len(quoted) > 2 and quoted[1] else b""  # noqa: PLR2004 - a pair of quotes


def _around(body: bytes, hint: bytes) -> str:
    """The bytes around the place that matters, or the first ones."""
    at = max(0, body.find(hint)) if hint else 0
    start = max(0, min(at - _BYTES // 2, len(body) - _BYTES))
    ends = ("…" if start else "", "…" if start + _BYTES < len(body) else "")
    return f"{ends[0]}{body[start : start + _BYTES].decode(errors='replace')}{ends[1]}"


def _expected(broken: BrokenLaw) -> str:
    question = broken.trial.question
    reply = question.reply
    words = {
        "cut": "an error, for the answer was cut",
        "doubled": "an error before anything is sent",
        "refused": f"the error for status {question.status}",
        "failed": "an error: the provider failed in its answer",
        "unreachable": "an error: no connection",
        "state": "a request with the conversation, and with the state of the model that is asked alone",
    }
    if question.kind in words:
        return words[question.kind]
    if broken.law.id[0] == "Q":
        return "a request with all that the caller gave"
    calls = ", ".join(f"{call.name}({call.parameters})" for call in reply.calls) or "no calls"
    errors = "".join(f", an error holding {error.raw!r}" for error in reply.errors)
    return f"text {reply.text!r}, {calls}{errors}"


def summary(proofs: Sequence[Proof], found: Sequence[Fault]) -> str:
    """One line: how much was proved, and what broke."""
    counts = (sum(proof.fixed for proof in proofs), sum(proof.drawn for proof in proofs))
    judged = sum(sum(proof.judged.values()) for proof in proofs)
    broken = f"broken laws: {', '.join(fault.broken.law.id for fault in found)}" if found else "no broken laws"
    with_litellm = f" (litellm {metadata.version('litellm')})" if "litellm" in sys.modules else ""
    return (
        f"{len(proofs)} proofs, {counts[0]:,} exemplars and {counts[1]:,} drawn examples, {judged:,} judgements: "
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
                law: {"grade": one.law.grade, "complaint": one.complaint, "after": one.after}
                for law, one in proof.broken.items()
            },
        }
        for proof in proofs
    ]


def caught_line(caught: Caught) -> str:
    """One broken backend and what became of it."""
    drawn = f"{caught.drawn:,} drawn" if caught.drawn else "NOT DRAWN"
    fixed = f"{caught.fixed:,} exemplars" if caught.fixed else "no exemplar"
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
