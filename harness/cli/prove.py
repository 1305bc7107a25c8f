"""Prove a backend against the laws of tool calling: property tests over every provider's own bytes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from harness.dialects.wire_profile import WireProfile
    from harness.laws import Law
    from harness.laws.prove import Effort, Mode, Proof
    from harness.laws.tested_backend import Backend
    from harness.laws.workers import Workers
    from harness.report.proofs import Fault

EXAMPLES = """examples:
  harness prove                                  our backend, all providers and laws: ten minutes of processor
  harness prove --provider gemini --law N4 --law D2 --examples 500 --seed 7
  harness prove --backend my_adapter:complete    your own backend, by the laws that are no opinion of ours
  harness prove --backend harness.adapters.litellm_alone:complete --grade danger
  harness prove --mode stream --without-quirk crlf
  harness prove --like groq                      answers as recordings of Groq show them (docs/profiles.md)
  harness prove --thorough                       for a night: 2,000 examples a provider and mode
  harness prove --self-check                     do the laws catch backends that are wrong on purpose?

exit codes: 0 every law holds, 1 one is broken, 2 wrong usage
"""
_OURS = "harness.backend.completion:complete"
BARE_TIMES = 5
"""So many more examples are drawn where no litellm is in between."""
DEFAULT, THOROUGH = 100, 2000
_FOLDER = ".harness"


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--provider", action="append", default=[], metavar="P", help="only this provider")
    add("--law", action="append", default=[], metavar="ID", help="only this law, such as N4")
    grades = (
        "only laws of this grade: danger, loss, contract, opinion (default: all for ours, the first three for others)"
    )
    add("--grade", action="append", default=[], metavar="G", help=grades)
    modes = "only this mode: whole, stream, async-whole, async-stream, bare-whole, bare-stream"
    add("--mode", action="append", default=[], metavar="M", help=modes)
    add("--without-quirk", action="append", default=[], metavar="Q", help="leave out this quirk of a provider's wire")
    like = "draw as this profile shows: a provider that has one here, or a file or folder of `card --profiles`"
    add("--like", metavar="PROFILE", help=like)
    add("--backend", default=_OURS, metavar="MODULE:ATTRIBUTE", help=f"whose backend (default: {_OURS})")
    drawn = f"drawn for each provider and mode, after all exemplars; without litellm five times N (default: {DEFAULT})"
    add("--examples", type=int, metavar="N", help=drawn)
    add("--thorough", action="store_true", help=f"draw {THOROUGH:,} examples for each provider and mode")
    add("--workers", type=int, metavar="N", help="put questions in N processes (default: 2 for several providers)")
    add("--seed", type=int, metavar="S", help="draw others: the same for the same seed, on every machine")
    add("--json", metavar="FILE", help="write the counts as JSON (- for standard output)")
    add("--self-check", action="store_true", help="judge the laws by backends that are wrong on purpose")
    keep = f"folder for counterexamples, which are put first next time (default: {_FOLDER})"
    add("--keep", default=_FOLDER, metavar="DIR", help=keep)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from harness.cli import output
    from harness.laws.tested_backend import backend_at
    from harness.report import proofs as report

    examples = _examples(args)
    out = output.open_console(args.json)
    _offline()
    output.warn_unproven()
    if args.self_check:
        return _self_check(out)
    backend = _tried(backend_at(args.backend), args, out)
    laws, keep = _laws(args), _writable(Path(args.keep))
    effort = _effort(args, examples, keep, _likes(args))
    args.provider = list(effort.like) or args.provider
    proofs = _proofs(backend, laws, args, effort, out)
    _report(proofs, laws, keep, out, args.backend)
    output.write_report(args.json, lambda: json.dumps(report.as_json(proofs), indent=1) + "\n")
    return 0 if all(proof.holds for proof in proofs) else 1


def _examples(args: argparse.Namespace) -> int:
    from harness.core.errors import UsageError

    if args.examples is None:
        return THOROUGH if args.thorough else DEFAULT
    if args.examples < 1:
        raise UsageError(f"--examples {args.examples} proves nothing; give at least 1")
    return int(args.examples)


def _laws(args: argparse.Namespace) -> tuple[Law, ...]:
    from harness.core.errors import UsageError
    from harness.laws.law import GRADES
    from harness.laws.prove import chosen_laws

    unknown = [one for one in args.grade if one not in GRADES]
    if unknown:
        raise UsageError(f"no grade {', '.join(unknown)}; there are {', '.join(GRADES)}")
    others = () if args.backend == _OURS or args.law else GRADES[:-1]
    return chosen_laws(args.law, args.grade or others)


def _writable(keep: Path) -> Path:
    """The folder, or one that can be made. Raises ``UsageError``, before hours are spent on what is then lost."""
    import os

    from harness.core.errors import UsageError

    folder = keep / "counterexamples"
    there = next(one for one in (folder, *folder.absolute().parents) if os.path.lexists(one))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UsageError(f"--keep {keep}: {there} is no folder that can be written; give another")
    return keep


def _likes(args: argparse.Namespace) -> dict[str, WireProfile]:
    """The profile that each provider's answers are drawn by; without --like there is none."""
    from harness.core.errors import UsageError
    from harness.dialects.providers import profile
    from harness.dialects.wire_profile import profiles_at
    from harness.laws.provider_options import likely, provers

    if not args.like:
        return {}
    if args.without_quirk:
        raise UsageError("--without-quirk has no use beside --like: the profile says which quirks are drawn")
    found = profiles_at(args.like)
    if not args.provider:
        return {likely(one): one for one in reversed(found)}
    by_dialect = {one.dialect: one for one in found}
    requested = provers(tuple(args.provider))
    strange = [name for name in requested if profile(name).dialect not in by_dialect]
    if strange:
        mismatch = f"{strange[0]} answers in the dialect {profile(strange[0]).dialect}"
        raise UsageError(f"{mismatch}, and the profile {args.like} is of {', '.join(by_dialect)}")
    return {name: by_dialect[profile(name).dialect] for name in requested}


def _effort(args: argparse.Namespace, examples: int, keep: Path, likes: dict[str, WireProfile]) -> Effort:
    from difflib import get_close_matches

    from harness.core.errors import UsageError
    from harness.dialects import DIALECTS
    from harness.laws.counterexample import stored_questions
    from harness.laws.prove import Effort

    known = {name for dialect in DIALECTS.values() for name in dialect.quirks}
    unknown = sorted(set(args.without_quirk) - known)
    if unknown:
        close = [like for one in unknown for like in get_close_matches(one, known, 3, 0.4)]
        nearest = f"; the closest: {', '.join(close)}" if close else ""
        all_of_them = "`python -c \"from harness.dialects import DIALECTS; print(*DIALECTS['openai'].quirks)\"`"
        raise UsageError(f"no quirk {', '.join(unknown)}{nearest}; all of a dialect: {all_of_them}")
    return Effort(
        examples,
        BARE_TIMES * examples,
        args.seed,
        first=stored_questions(keep / "counterexamples", args.backend),
        without=frozenset(args.without_quirk),
        like=likes,
    )


def _modes(args: argparse.Namespace, backend: Backend) -> list[Mode]:
    from harness.core.errors import UsageError
    from harness.laws.prove import BARE_MODES, MODES

    able = [mode for mode in MODES if backend.acomplete is not None or not mode.startswith("async")]
    able = [mode for mode in able if backend.streams or not mode.endswith("stream")]
    able += BARE_MODES if args.backend == _OURS else ()
    names: dict[str, Mode] = {mode.replace(" ", "-"): mode for mode in able}
    unknown = [one for one in args.mode if one not in names]
    if unknown:
        raise UsageError(f"no mode {', '.join(unknown)} for this backend; there are {', '.join(names)}")
    return [names[one] for one in args.mode] or able


def _tried(backend: Backend, args: argparse.Namespace, out: Console) -> Backend:
    """Put a plain question, so that what is no backend at all is named once and not by every law; and a streamed one,
    for a backend that says that it can't stream is judged without streams.
    """
    from dataclasses import replace

    from harness.core.errors import UnsupportedError, UsageError
    from harness.laws import run_trial
    from harness.laws.exemplars import exemplars
    from harness.laws.provider_options import provers

    name = args.backend
    first = exemplars(provers(tuple(args.provider))[0], stream=False)[0]
    error = run_trial(first, backend.complete).error
    if isinstance(error, TypeError):
        shape = "complete(model, messages, *, tools=None, stream=False, **options) gives a harness.core.chat.Reply"
        raise UsageError(f"{name} is no backend: {error}; {shape}")
    if not backend.streams:
        return backend
    trial = run_trial(replace(first, stream=True), backend.complete)
    if isinstance(trial.error, (NotImplementedError, UnsupportedError)) and not trial.requests:
        out.print(f"{name} does not stream ({str(trial.error) or 'NotImplementedError'}): it is judged without streams")
        return replace(backend, streams=False)
    return backend


def _offline() -> None:
    """A proof sends nothing: litellm must not fetch prices either. Set before it is first imported."""
    import logging
    import warnings

    from harness.backend.library import load_offline

    # litellm's own models, written out by litellm: deviating replies make pydantic warn by the page.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    for logger in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
    # Where a loop ends litellm leaves its logging worker behind, and asyncio complains of that alone.
    logging.getLogger("asyncio").addFilter(lambda record: "LoggingWorker" not in record.getMessage())
    load_offline()


def _proofs(
    backend: Backend, laws: Sequence[Law], args: argparse.Namespace, effort: Effort, out: Console
) -> list[Proof]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from harness.laws.prove import prove
    from harness.laws.provider_options import provers

    providers, modes = provers(tuple(args.provider)), _modes(args, backend)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    done: list[Proof] = []
    report_line = _line_for_each(out, len(modes))
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("proving", total=len(providers) * len(modes))
        for proof in prove(
            backend, providers=providers, laws=laws, modes=modes, effort=effort, workers=_workers(args, providers)
        ):
            done.append(proof)
            progress.update(task, advance=1, description=f"{proof.provider} {proof.mode}")
            report_line(done)
    return done


def _workers(args: argparse.Namespace, providers: Sequence[str]) -> Workers:
    """Two processes where there are two cores and several providers, or as many as are asked for."""
    import os

    from harness.core.errors import UsageError
    from harness.laws.workers import Workers

    if args.workers is not None and args.workers < 1:
        raise UsageError(f"--workers is {args.workers}; give 1 or more")
    number = args.workers or (min(2, os.cpu_count() or 1) if len(providers) > 1 else 1)
    return Workers(number, args.backend, _offline)


def _line_for_each(out: Console, modes: int) -> Callable[[list[Proof]], None]:
    """A line for each provider that is done, where there is no bar to watch: in CI a long silence looks like a hang."""
    start = time.monotonic()

    def report_line(done: list[Proof]) -> None:
        if out.is_terminal or len(done) % modes:
            return
        last = done[-modes:]
        broken = sorted({law for proof in last for law in proof.broken})
        counts = (
            f"{count(sum(proof.fixed for proof in last), 'exemplar')}, {sum(proof.drawn for proof in last):,} drawn"
        )
        found = f"broken: {', '.join(broken)}" if broken else "all laws hold"
        out.print(f"{last[0].provider}: {counts}, {found} ({time.monotonic() - start:.0f} s)", highlight=False)

    return report_line


def _report(proofs: Sequence[Proof], laws: Sequence[Law], keep: Path, out: Console, backend: str) -> None:
    from harness.laws.known_faults import KNOWN
    from harness.report import proofs as report

    for table in report.tables(proofs, laws, out.width):
        out.print(table)
    faults = report.faults(proofs)
    for fault in faults:
        head, _, rest = report.describe(fault, out.width).partition("\n")
        out.print(head, style="bold red", markup=False, soft_wrap=True)
        out.print(rest, markup=False, soft_wrap=True)
        for line in _saved(fault, keep, backend):
            out.print(f"  {line}", markup=False, soft_wrap=True)
        out.print()
    for known in KNOWN:
        shown = report.shown(proofs, known.name)
        if shown:
            line = f"! {known.name} (litellm {known.litellm}), seen {count(shown, 'time')}: {known.what}"
            out.print(line, style="yellow", markup=False, highlight=False)
    out.print(report.summary(proofs, faults), highlight=False)


def _saved(fault: Fault, keep: Path, backend: str) -> list[str]:
    """Keep a counterexample, its bytes as a synthetic cassette; how to reproduce it, and how to look at it."""
    import json
    from dataclasses import replace

    import harness
    from harness.cassette import Cassette, save
    from harness.core.exchange import Exchange, Provenance
    from harness.laws.counterexample import SUFFIX, Counterexample, to_json

    proof, broken = fault.proof, fault.broken
    trial, name = broken.trial, f"{broken.law.id}-{proof.provider.replace('/', '-')}-{proof.mode.replace(' ', '-')}"
    folder = keep / "counterexamples"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}{SUFFIX}"
    counterexample = Counterexample(broken.law.id, backend, proof.mode, trial.question)
    file.write_text(json.dumps(to_json(counterexample), indent=1) + "\n", encoding="utf-8")
    lines = [f"reproduce it:     pytest {file}"]
    if trial.requests and trial.served is not None:
        provenance = Provenance("synthetic", "", f"counterexample to {broken.law.id}", harness=harness.__version__)
        cassette = folder / f"{name}.json"
        request = replace(trial.requests[0], headers=())  # a signature in them looks like a key
        save(cassette, Cassette(provenance, (Exchange(request, trial.served),)))
        lines.append(f"look at it:       harness cassettes show {cassette}")
    return lines


def _self_check(out: Console) -> int:
    from harness.laws.selfcheck import self_check, strict
    from harness.report import proofs as report

    caught = []
    for one in self_check():
        caught.append(one)
        right = strict(one)
        out.print(report.caught_line(one), style=None if right else "bold red", markup=False, highlight=False)
    out.print(report.caught_summary(caught), highlight=False)
    return 0 if all(map(strict, caught)) else 1
