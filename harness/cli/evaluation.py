"""Score models on evaluation suites: which calls they make when they should, and how right those are. What was
recorded is scored again offline each time; with --record the models are asked first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from harness.app.settings import Settings
    from harness.engine.events import CaseResult, Event, Job
    from harness.evaluation import Evaluation

EXAMPLES = """examples:
  harness eval                                     every model recorded of, side by side, offline
  harness eval openai/gpt-4o-mini --record         ask it the pack `tools` that comes with the package, record, score
  harness eval --pack tools "openai/*"             the pack, beside evaluations of your own
  harness eval --pack bfcl --category bfcl-parallel openai/gpt-4o-mini --record    cases of your installed bfcl-eval
  harness eval "openai/*" --category simple --category long
  harness eval --wrong -k "two-*"                  each wrong answer, why, and where to look
  harness eval --markdown eval.md --json eval.json
  harness eval --record --local                    the local model, started for it
  harness eval openai/gpt-4o-mini --at-least 0.8   a gate: exit code 1 below

exit codes: 0 scored, 1 below --at-least, 2 wrong usage or recordings missing, 3 a secret would leak
"""

_RECORDING = ("missing", "local", "source", "max_requests", "max_dollars", "per_minute")


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="models by name; * and ? stand for any (default: all of the suites)")
    add("--suites", action="append", metavar="PATH", help="suite files or folders (default: the folder suites)")
    add("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")
    add(
        "--pack",
        action="append",
        default=[],
        metavar="NAME",
        help="tools (default, if no suite of your own), worlds, or bfcl, the cases of your installed bfcl-eval",
    )
    add("--category", action="append", default=[], metavar="NAME", help="only this category, such as simple")
    add("-k", "--case", action="append", default=[], metavar="ID", help="only cases of this id; * and ? stand for any")
    options.subject(parser)
    add("--wrong", action="store_true", help="list every answer that is not right, and why")
    add("--at-least", type=float, metavar="SHARE", help="fail if a model gets less than this share right, such as 0.8")
    add("--json", metavar="FILE", help="write everything as JSON (- for standard output)")
    add("--markdown", metavar="FILE", help="write the tables as Markdown (- for standard output)")
    add("--junit", metavar="FILE", help="write the cases as JUnit XML")
    options.otlp(parser)
    add("--record", action="store_true", help="ask the models for real first, and record what they answer")
    add("--missing", action="store_true", help="with --record: ask only what has no cassette")
    add("--local", action="store_true", help="with --record: start the local model server, and stop it at the end")
    add("-n", "--repeats", type=int, default=1, metavar="K", help="with --record: try each task in a world K times (1)")
    add("--source", default="", metavar="TEXT", help="with --record: who answers, for the cassettes to say")
    options.limits(parser)
    options.executors(parser)


def run(args: argparse.Namespace) -> int:
    import harness
    from harness.app import assembly
    from harness.app.assembly import plan_evaluation
    from harness.app.settings import settings
    from harness.cli import output
    from harness.core.errors import UsageError
    from harness.evaluation import evaluate
    from harness.report import evaluation as report

    _refuse_nonsense(args)
    out = output.open_console(args.json, args.markdown, args.junit, otlp=args.otlp)
    chosen = settings(vars(args))
    executor = options.executor(args)
    jobs = plan_evaluation(
        chosen,
        named=bool(args.suites),
        models=args.models,
        packs=args.pack,
        categories=args.category,
        cases=args.case,
    )
    if args.repeats < 1:
        raise UsageError(f"--repeats {args.repeats} asks nothing; give at least 1")
    if args.record and (code := _record(jobs, chosen, args, out)):
        return code
    missing = _missing(jobs, args.pack)
    results, stopped = _followed(assembly.replay(jobs, chosen, executor), out)
    if stopped:
        return 130
    made = evaluate(zip(jobs, results, strict=True))
    report.show(out, made)
    if args.wrong:
        report.show_wrong(out, made)
    output.write_report(args.json, lambda: report.document(made, harness=harness.__version__))
    output.write_report(args.markdown, lambda: report.markdown(made))
    output.write_report(args.junit, lambda: report.junit(made))
    output.send_events(results, out, requested=args.otlp)
    return _code(made, args, out, missing)


def _refuse_nonsense(args: argparse.Namespace) -> None:
    from harness.core.errors import UsageError

    if args.at_least is not None and not 0 <= args.at_least <= 1:
        raise UsageError(f"--at-least {args.at_least:g} is no share; give a number from 0 to 1, such as 0.8")
    idle = [f"--{name.replace('_', '-')}" for name in _RECORDING if getattr(args, name)]
    if idle and not args.record:
        raise UsageError(f"{' and '.join(idle)} only means something with --record")


def _record(jobs: Sequence[Job], settings: Settings, args: argparse.Namespace, out: Console) -> int:
    """Ask for real; the exit code where that was not possible for all."""
    from dataclasses import replace

    from harness.app import assembly
    from harness.cli.record import origin

    jobs = [replace(job, repeats=job.repeats or args.repeats) for job in jobs]
    selected = [job for job in jobs if not (args.missing and job.has_cassette)]
    if not selected:
        return 0
    assembly.refuse_ci(settings)
    executor, limits = options.executor(args, batch=1), options.limited(args)
    say(out, _beforehand(selected))
    with origin(args) as who:
        events = assembly.record(selected, settings, who, executor=executor, limits=limits)
        results, stopped = _followed(events, out, lines=True)
    recorded = sum(one.kept for one in results)
    summary = f"{recorded} of {len(selected)} cases recorded in {settings.cassettes}"
    say(out, f"interrupted: {summary}, and they stay" if stopped else summary)
    if stopped:
        return 130
    return max((one.problem.exit_code for one in results if one.problem), default=0)


def _beforehand(jobs: Sequence[Job]) -> str:
    """What asking takes, said before it is done."""
    from harness.app.card_runs import estimate

    questions, dollars, unpriced = estimate(jobs)
    models = ", ".join(dict.fromkeys(job.model.called for job in jobs))
    price = f"at most ${dollars:.2f} by litellm's price list" if dollars else "no model here has a price"
    more = f" (not counted, for it has no price: {', '.join(unpriced)})" if unpriced and dollars else ""
    return f"{count(len(jobs), 'case')} to ask of {models}: {count(questions, 'question')}, {price}{more}"


def _followed(events: Iterable[Event], out: Console, *, lines: bool = False) -> tuple[list[CaseResult], bool]:
    """The results of ``events`` as they come, under a bar, and with ``lines`` a line each; whether Ctrl-C ended it."""
    from harness.cli import output
    from harness.engine.events import CaseFinished

    results: list[CaseResult] = []
    stopped = True
    with output.progress(out) as moving, contextlib.suppress(KeyboardInterrupt):
        for event in events:
            output.advance(moving, event)
            if isinstance(event, CaseFinished):
                results.append(event.result)
                if lines:
                    state = "recorded" if event.result.kept else "not recorded"
                    line = f"{state}  {event.result.name}  {event.result.seconds:.1f} s"
                    problem = event.result.problem
                    say(out, f"{line}: {problem.message}" if problem else line)
        stopped = False
    return results, stopped


def _missing(jobs: Sequence[Job], packs: Sequence[str]) -> str:
    """What is not recorded, as a sentence, and how it is; nothing where all is. ``UsageError`` where nothing is."""
    from harness.core.errors import UsageError

    absent = [job for job in jobs if not job.has_cassette]
    if not absent:
        return ""
    models = dict.fromkeys(job.model.called for job in absent)
    chosen = "".join(f" --pack {name}" for name in packs)
    how = f"record with `harness eval {' '.join(models)}{chosen} --record --missing`"
    if len(absent) == len(jobs):
        raise UsageError(f"nothing is recorded of {', '.join(models)}; {how}")
    return f"{len(absent)} of {len(jobs)} answers are not recorded, such as {absent[0].cassette}; {how}"


def _code(made: Evaluation, args: argparse.Namespace, out: Console, missing: str) -> int:
    below = []
    for model in made.models:
        share = made.total(model).right.share
        if args.at_least is not None and (share is None or share < args.at_least):
            message = "nothing could be judged" if share is None else f"{share:.1%} right"
            below.append(f"{model}: {message}, which is below {args.at_least:.1%}")
    unseen = [one for one in made.scores if one.outcome == "unseen"]
    stale = f"{count(len(unseen), 'answer')} could not be scored, such as {unseen[0].note}" if unseen else ""
    for message in (*below, missing or stale):
        if message:
            say(out, message, "red")
    return 2 if unseen else 1 if below else 0
