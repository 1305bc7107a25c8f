"""Proofs on the terminal and as JSON: a table of providers and laws, and each counterexample in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from harness.core.chat import Json
    from harness.laws import Law
    from harness.laws.prove import BrokenLaw, Proof
    from harness.laws.selfcheck import SelfCheckResult

_BESIDE, _EACH = 26, 5
"""Characters that a row needs beside its laws, and for each law."""
_CELLS = {"holds": ("✓", "green"), "broken": ("✗", "bold red"), "silent": ("·", "dim"), "known": ("!", "yellow")}


def tables(proofs: Sequence[Proof], laws: Sequence[Law], width: int) -> list[Table]:
    """Provider × law over all modes: ✓ holds, ✗ broken, ! holds but for a known fault of litellm, · never judged.

    One table, or one for each kind of law, or for a part of it, where ``width`` characters are too few.
    """
    if _BESIDE + sum(len(law.id) + 2 for law in laws) <= width:
        return [_table(proofs, laws)]
    kinds = [[law for law in laws if law.id[0] in kind] for kind in ("N", "D", "ST")]
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
    made.add_column("examples", justify="right", no_wrap=True)
    for provider in dict.fromkeys(proof.provider for proof in proofs):
        of_it = [proof for proof in proofs if proof.provider == provider]
        cells = [Text(*_CELLS[_cell(of_it, law)]) for law in laws]
        made.add_row(provider, *cells, f"{sum(proof.examples for proof in of_it):,}")
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


def describe(proof: Proof, broken: BrokenLaw) -> str:
    """A counterexample in plain words: what was offered, what was sent, what came back, what should have."""
    trial, question = broken.trial, broken.trial.question
    told = [
        f"{broken.law.id} does not hold for {proof.provider}, {proof.mode}: {broken.law.title}",
        f"  what is wrong:    {broken.complaint}",
        f"  tools offered:    {', '.join(map(repr, question.tools))}",
        f"  sent to provider: {', '.join(map(repr, trial.mentions.tools)) or 'no tools'}",
        f"  provider answers: {trial.served.body[:600].decode(errors='replace') if trial.served else 'nothing'}",
        f"  came back:        {trial.reply if trial.reply is not None else repr(trial.error)}",
        f"  should have been: {_expected(broken)}",
    ]
    if question.quirks:
        told.insert(4, f"  quirks:           {', '.join(sorted(question.quirks))}")
    return "\n".join(safe_text.line(line, 1200) for line in told)


def _expected(broken: BrokenLaw) -> str:
    question = broken.trial.question
    reply = question.reply
    calls = ", ".join(f"{call.name}({call.parameters})" for call in reply.calls) or "no calls"
    errors = "".join(f", an error holding {error.raw!r}" for error in reply.errors)
    words = {"cut": "an error, for the stream was cut", "doubled": "an error before anything is sent"}
    return words.get(question.kind) or f"text {reply.text!r}, {calls}{errors}"


def as_json(proofs: Sequence[Proof]) -> Json:
    """Every proof with its counts and what broke, for machines."""
    return [
        {
            "provider": proof.provider,
            "mode": proof.mode,
            "examples": proof.examples,
            "judged": dict(sorted(proof.judged.items())),
            "known": {law: dict(sorted(counts.items())) for law, counts in sorted(proof.known.items())},
            "broken": {law: {"complaint": one.complaint, "after": one.after} for law, one in proof.broken.items()},
        }
        for proof in proofs
    ]


def caught_line(caught: SelfCheckResult) -> str:
    """One faulty backend and what became of it."""
    laws = ", ".join(caught.laws)
    verdict = f"caught by {laws} after {caught.after} examples ({caught.where})" if caught.laws else "SURVIVED"
    return f"{caught.faulty.name:28} {verdict}"
