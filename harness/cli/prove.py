"""Prove a backend against the laws of tool calling: property tests over every provider's own bytes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from harness.laws import Law
    from harness.laws.prove import BrokenLaw, Proof
    from harness.laws.tested_backend import Backend

EXAMPLES = """examples:
  harness prove                                  our backend, all providers, all laws
  harness prove --provider gemini --law N4 --law D2 --examples 500
  harness prove --backend my_adapter:complete    your own backend
  harness prove --self-check                     do the laws catch backends that are wrong on purpose?

exit codes: 0 every law holds, 1 one is broken, 2 wrong usage
"""
_OURS = "harness.backend.completion:complete"
BARE_TIMES = 5
"""So many more examples are drawn where no litellm is in between."""
_FOLDER = ".harness"


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--provider", action="append", default=[], metavar="P", help="only this provider")
    add("--law", action="append", default=[], metavar="ID", help="only this law, such as N4")
    add("--backend", default=_OURS, metavar="MODULE:ATTRIBUTE", help=f"whose backend (default: {_OURS})")
    add("--examples", type=int, default=100, metavar="N", help="examples a provider and mode (default: 100)")
    add("--seed", type=int, metavar="S", help="draw by this seed, and not the same each time")
    add("--json", metavar="FILE", help="write the counts as JSON (- for standard output)")
    add("--self-check", action="store_true", help="judge the laws by backends that are wrong on purpose")
    kept = f"folder for counterexamples, which are tried first next time (default: {_FOLDER})"
    add("--keep", default=_FOLDER, metavar="DIR", help=kept)


def run(words: argparse.Namespace) -> int:
    from pathlib import Path

    from harness.cli.following import STANDARD_OUTPUT, screen
    from harness.core.errors import UsageError
    from harness.laws import prove
    from harness.laws.tested_backend import backend_at

    if words.examples < 1:
        raise UsageError(f"--examples {words.examples} proves nothing; give at least 1")
    _offline()
    out = screen(stderr=words.json == STANDARD_OUTPUT)
    backend = backend_at(words.backend)
    _try(backend, words.backend)
    if words.self_check:
        return _self_check(backend, out)
    laws, keep = prove.chosen_laws(words.law), Path(words.keep)
    proofs = _proofs(backend, laws, words, keep, out)
    _tell(proofs, laws, keep, out, words.backend)
    if words.json:
        _write_json(words.json, proofs)
    return 0 if all(proof.holds for proof in proofs) else 1


def _try(backend: Backend, name: str) -> None:
    """Put one plain question, so that what is no backend at all is told once and not by every law."""
    from harness.core.errors import UsageError
    from harness.laws import run_trial
    from harness.laws.exemplars import exemplars

    error = run_trial(exemplars("openai", stream=False)[0], backend.complete).error
    if isinstance(error, TypeError):
        shape = "complete(model, messages, *, tools=None, stream=False, **options) gives a harness.core.chat.Reply"
        raise UsageError(f"{name} is no backend: {error}; {shape}")


def _offline() -> None:
    """A proof asks nobody: litellm must not fetch prices either. Set before it is first imported."""
    import logging
    import warnings

    from harness.backend.library import load_offline

    # litellm's own models, written out by litellm: odd replies make pydantic warn by the page.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    load_offline()


def _proofs(backend: Backend, laws: Sequence[Law], words: argparse.Namespace, keep: Path, out: Console) -> list[Proof]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from harness.laws import prove
    from harness.laws.provider_options import provers

    providers = provers(tuple(words.provider))
    modes = [mode for mode in prove.MODES if backend.acomplete is not None or not mode.startswith("async")]
    modes += prove.BARE_MODES if words.backend == _OURS else ()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    done = []
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("proving", total=len(providers) * len(modes))
        for proof in prove.prove(
            backend,
            providers=providers,
            laws=laws,
            modes=modes,
            effort=prove.Effort(words.examples, BARE_TIMES * words.examples, words.seed, keep / "examples"),
        ):
            done.append(proof)
            progress.update(task, advance=1, description=f"{proof.provider} {proof.mode}")
    return done


def _tell(proofs: Sequence[Proof], laws: Sequence[Law], keep: Path, out: Console, backend: str) -> None:
    from harness.laws.known_faults import KNOWN
    from harness.report import proofs as report

    for table in report.tables(proofs, laws, out.width):
        out.print(table)
    for proof in proofs:
        for broken in proof.broken.values():
            out.print(report.describe(proof, broken), style="red", markup=False, highlight=False)
            for told in _saved(proof, broken, keep, backend):
                out.print(f"  {told}", markup=False, highlight=False)
    for fault in KNOWN:
        shown = report.shown(proofs, fault.name)
        if shown:
            told = f"! {fault.name} (litellm {fault.litellm}), seen {shown:,} times: {fault.what}"
            out.print(told, style="yellow", markup=False, highlight=False)
    broken_laws = sum(len(proof.broken) for proof in proofs)
    examples = sum(proof.examples for proof in proofs)
    judged = sum(sum(proof.judged.values()) for proof in proofs)
    out.print(f"{len(proofs)} proofs, {examples:,} examples, {judged:,} judgements: {broken_laws or 'no'} broken laws")


def _saved(proof: Proof, broken: BrokenLaw, keep: Path, backend: str) -> list[str]:
    """Keep a counterexample, its bytes as a synthetic cassette; how to put it again, and how to look at it."""
    import json

    import harness
    from harness.cassette import Cassette, save
    from harness.core.exchange import Exchange, Provenance
    from harness.laws.counterexample import SUFFIX, Counterexample, to_json

    trial, name = broken.trial, f"{broken.law.id}-{proof.provider}-{proof.mode.replace(' ', '-')}"
    folder = keep / "counterexamples"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}{SUFFIX}"
    kept = Counterexample(broken.law.id, backend, proof.mode, trial.question)
    file.write_text(json.dumps(to_json(kept), indent=1) + "\n", encoding="utf-8")
    told = [f"put it again:     pytest {file}"]
    if trial.requests and trial.served is not None:
        provenance = Provenance("synthetic", "", f"counterexample to {broken.law.id}", harness=harness.__version__)
        cassette = folder / f"{name}.json"
        save(cassette, Cassette(provenance, (Exchange(trial.requests[0], trial.served),)))
        told.append(f"look at it:       harness cassettes show {cassette}")
    return told


def _self_check(backend: Backend, out: Console) -> int:
    from harness.laws.broken_backends.catalogue import FAULTY
    from harness.laws.selfcheck import self_check
    from harness.report import proofs as report

    survived = 0
    for caught in self_check(backend):
        survived += not caught.laws
        out.print(report.caught_line(caught), style=None if caught.laws else "bold red", markup=False, highlight=False)
    out.print(f"{len(FAULTY) - survived} of {len(FAULTY)} faulty backends caught")
    return 1 if survived else 0


def _write_json(target: str, proofs: Sequence[Proof]) -> None:
    import json
    from pathlib import Path

    from harness.core.errors import UsageError
    from harness.report import proofs as report

    text = json.dumps(report.as_json(proofs), indent=1) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target}: can't be written: {error.strerror}") from error
