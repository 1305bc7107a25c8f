"""Mutate what cassettes hold, one thing at a time, and count what a replay notices: the cassette mutation score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from harness.mutation.mutant import Outcome, Part
    from harness.mutation.mutate import MutationEvent, Unmutated

EXAMPLES = """examples:
  harness mutate                                 every suite in the folder suites
  harness mutate suites/tools.yaml -k "one-*"    some cases of one suite
  harness mutate --sample 200 --at-least 0.95    a quick look for CI

A mutated request must be refused by the replay; a mutated answer must be noticed by what its case expects. Survivors
are listed with an expectation that would notice them. Nothing goes out, and cassettes stay as they are. An agent's
command is started again for each altered answer: take a --sample.

exit codes: 0 done (and, with --at-least, both scores reach it), 1 a score is below --at-least, or a case
fails unaltered, 2 wrong usage, nothing to mutate, or a recording that can't be replayed, 130 interrupted: what was
judged is shown
"""
_PARTS: dict[str, Part] = {"requests": "request", "responses": "response"}


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    options.selection(parser)
    options.subject(parser)
    add = parser.add_argument
    add("--only", choices=sorted(_PARTS), help="mutate only requests, or only responses")
    add("--sample", type=int, metavar="N", help="judge N of the mutants only, the same for the same --seed")
    add("--seed", type=int, default=0, metavar="S", help="which of them (default: 0)")
    add("--at-least", type=float, metavar="SHARE", help="end with 1 if a score is below it, such as 0.95")
    add("--json", metavar="FILE", help="write scores and survivors as JSON (- for standard output)")


def run(args: argparse.Namespace) -> int:
    import harness
    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cli.output import open_console, write_report
    from harness.report import mutation

    _refuse_nonsense(args)
    out = open_console(args.json)
    chosen = settings(vars(args))
    _, jobs, _ = assembly.plan_regressions(chosen, options.choice(args))
    parts = (_PARTS[args.only],) if args.only else tuple(_PARTS.values())
    events = assembly.mutate(jobs, chosen, parts=parts, sample=args.sample, seed=args.seed, sound=True)
    outcomes, unmutated, stopped = _follow(events, out)
    mutation.show(out, outcomes, unmutated)
    write_report(args.json, lambda: mutation.document(outcomes, unmutated, harness=harness.__version__))
    return 130 if stopped else _code(args.at_least, parts, outcomes, unmutated, out)


def _refuse_nonsense(args: argparse.Namespace) -> None:
    from harness.core.errors import UsageError

    if args.sample is not None and args.sample < 1:
        raise UsageError(f"--sample {args.sample} judges nothing; give at least 1")
    if args.at_least is not None and not 0 <= args.at_least <= 1:
        raise UsageError(f"--at-least {args.at_least} is no share; give a number from 0 to 1, such as 0.95")


def _follow(events: Iterable[MutationEvent], out: Console) -> tuple[list[Outcome], list[Unmutated], bool]:
    """What came of the mutants, what could not be mutated, and whether Ctrl-C ended it."""
    from harness.cli.output import progress
    from harness.mutation.mutate import MutantJudged, MutationStarted
    from harness.report import safe_text

    outcomes: list[Outcome] = []
    unmutated: list[Unmutated] = []
    with progress(out) as moving:
        task = moving.add_task("", total=None)
        try:
            for event in events:
                if isinstance(event, MutationStarted):
                    moving.update(task, total=event.total)
                elif isinstance(event, MutantJudged):
                    outcomes.append(event.outcome)
                    where = f"{event.outcome.suite} / {event.outcome.case}: {event.outcome.mutator}"
                    moving.update(task, advance=1, description=safe_text.line(where, 70))
                else:
                    unmutated.append(event)
        except KeyboardInterrupt:
            return outcomes, unmutated, True
    return outcomes, unmutated, False


def _code(
    least: float | None,
    parts: Sequence[Part],
    outcomes: Sequence[Outcome],
    unmutated: Sequence[Unmutated],
    out: Console,
) -> int:
    from rich.text import Text

    from harness.mutation.mutant import score

    if unmutated:
        return max(one.problem.exit_code for one in unmutated)
    scores = [(part, score(outcomes, part)) for part in parts]
    if not any(found.n for _, found in scores):
        out.print(Text("nothing was mutated: none of these cases has a cassette with anything to change"))
        return 2
    if least is None:
        return 0
    below = [part for part, found in scores if found.share is not None and found.share < least]
    for part in below:
        out.print(Text(f"the score of {part}s is below {least}", "bold red"))
    return 1 if below else 0
