"""A model's behaviour card: what holds, what deviates, what is unsupported and what failed, with evidence of each."""

from __future__ import annotations

import contextlib
import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.cli.diff import pairing, pairs
from harness.core.finding import count
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Mapping, Sequence

    from rich.console import Console

    from harness.app.settings import Settings
    from harness.checks.card import CardCheck
    from harness.core.card import Card
    from harness.core.change import Change
    from harness.core.exchange import Exchange
    from harness.engine.events import CaseResult, Event, Job
    from harness.report.cards.summary import Catalogue

    Changes = Mapping[str, Sequence[Change]]

_REPORTS = ("json", "markdown", "junit", "html")
_ENOUGH = 5
"""So many probes in a row without an answer, and the rest is not asked: the provider is down, or the key has no credit
left.
"""

EXAMPLES = """examples:
  harness card                                        every model of models.yaml, from its recordings
  harness card openai/gpt-4o-mini --record --repeats 5 --max-dollars 1
  harness card --record --local                       the local model: started, asked, stopped
  harness card openai/gpt-4o-mini --agent my_agent:answer --record     the models that an agent asks
  harness card --from cassettes/imported              recordings of any program, a card for each provider
  harness card --from cassettes/imported --profiles profiles      how each writes its answers, for prove --like
  harness card --html card.html --json card.json      the page, and the document that `harness diff` reads
  harness card --baseline card.json                   exit 1 where something that callers rely on broke since

A probe is asked once whole and once as a stream, `--repeats` times each. What is recorded already is not asked
again; a recording that was broken off goes on where it stopped.

exit codes: 0 a card was made, 1 with --baseline: a change as grave as --fail-on, or --fail-on-fail: a check failed,
2 nothing to make a card of, or something could not be recorded, 3 a secret would leak
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", nargs="*", metavar="MODEL", help="provider/model, or a label of models.yaml")
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")
    options.subject(parser)
    parser.add_argument("--from", dest="recordings", nargs="+", metavar="PATH", help="judge these recordings instead")
    parser.add_argument(
        "--through",
        choices=("parsers", "litellm"),
        help="with --from: read by litellm's parsers alone, many times as fast (default), or by its whole call",
    )
    parser.add_argument(
        "--profiles", metavar="DIR", help="with --from: write how each provider writes its answers, for --like"
    )
    parser.add_argument("--by", choices=("provider", "model"), default="provider", help="with --from: a card for each")
    parser.add_argument("--check", action="append", default=[], metavar="ID", help="only these checks, such as D1")
    parser.add_argument(
        "--probe", action="append", default=[], metavar="ID", help="only these probes, * and ? as usual"
    )
    parser.add_argument("--record", action="store_true", help="ask the models what is not recorded yet")
    parser.add_argument("--again", action="store_true", help="with --record: ask what is recorded already, too")
    parser.add_argument("--local", action="store_true", help="with --record: start the local model server, and stop it")
    parser.add_argument("--source", default="", metavar="TEXT", help="who answers, for the cassettes to say")
    parser.add_argument("-n", "--repeats", type=int, default=5, metavar="K", help="with --record: ask each K times (5)")
    options.limits(parser)
    options.executors(parser)
    parser.add_argument("--no-self-checks", action="store_true", help="leave out H1 to H6, which replay once more")
    parser.add_argument("--reference", metavar="FILE", help="another vendor's card of the same model: trigger F1")
    parser.add_argument("--baseline", metavar="FILE", help="an earlier card to compare with")
    pairing(parser)
    options.fail_on(parser)
    parser.add_argument("--fail-on-fail", action="store_true", help="exit 1 where any cell fails")
    parser.add_argument("--json", metavar="FILE", help="write the cards as JSON (- for standard output)")
    parser.add_argument("--markdown", metavar="FILE", help="write a summary for CI as Markdown")
    parser.add_argument("--junit", metavar="FILE", help="write the cells as JUnit XML")
    parser.add_argument("--html", metavar="FILE", help="write one page with all the evidence")


def run(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from harness.app import card_runs as making
    from harness.app.settings import settings
    from harness.cards.diff import diff
    from harness.cli import output, programs
    from harness.report import changes as report
    from harness.report.cards import document, terminal

    _refuse_idle(args)
    chosen = settings({name: getattr(args, name) for name in ("cassettes", "agent", "backend")})
    if chosen.agent and not args.cassettes:
        chosen = replace(chosen, cassettes=chosen.cassettes / "agents" / programs.named([chosen.agent]))
    checks = making.catalogue(chosen, args.check)
    files = [getattr(args, name) for name in _REPORTS]
    screen = output.open_console(*files)
    known = {name: document.load(name) for name in (args.reference, args.baseline) if name}
    output.warn_unproven()
    code = 0
    if args.recordings:
        made = _from_recordings(args, checks, screen)
    else:
        if args.record:
            code = _record(args, chosen, screen)
        made = (_of_agent if chosen.agent else _of_models)(args, chosen, checks, screen)
    changes = None
    if args.baseline:
        changes = diff(known[args.baseline], made, pairs(args, known[args.baseline], made))
    terminal.show(screen, made, making.laws(checks), today=_today())
    _write(args, made, making.laws(checks), changes)
    if args.reference:
        terminal.compare(screen, made, known[args.reference])
    if changes is not None:
        report.show(screen, changes)
    broke = options.failed(args, (change for inside in (changes or {}).values() for change in inside))
    failed = args.fail_on_fail and any(cell.verdict == "fail" for card in made for cell in card.cells)
    return code or int(broke or failed)


def _refuse_idle(args: argparse.Namespace) -> None:
    """Raise ``UsageError`` for options that the others leave without a use."""
    from harness.core.errors import UsageError

    if args.models[:1] == ["compare"] or any(one.endswith(".json") for one in args.models):
        message = "harness diff A.json B.json compares cards; --baseline A.json compares those that are made here"
        raise UsageError(message)
    if (args.names or args.by_position) and not args.baseline:
        raise UsageError("--as and --by-position go with --baseline")
    if args.through and not args.recordings:
        raise UsageError("--through goes with --from; a model's own probes always go through litellm's whole call")
    if args.profiles and not args.recordings:
        raise UsageError("--profiles goes with --from: profiles are mined from recordings")
    if args.recordings and (args.agent or args.backend):
        raise UsageError("--from judges recordings as they are; leave out --agent and --backend")


def _of_models(
    args: argparse.Namespace, chosen: Settings, checks: Sequence[CardCheck], screen: Console
) -> tuple[Card, ...]:
    from harness.app import assembly
    from harness.app import card_runs as making
    from harness.cli.output import bar
    from harness.core.errors import AgentError, UsageError

    made = []
    missing = 0
    for model in assembly.choose_models(args.models, chosen):
        jobs = making.plan([model], chosen, only=args.probe)
        if not any(job.has_cassette for job in jobs):
            message = f"nothing is recorded of {model.called}; record it: harness card {model.called} --record"
            options.warn(message)
            continue
        with bar(screen, len(jobs), model.called) as step:
            played = [step(result) for result in making.replayed(jobs, chosen)]
        # A probe that the backend refuses to send has no cassette, and needs none.
        there = [(job, one) for job, one in zip(jobs, played, strict=True) if job.has_cassette or not one.problem]
        missing += len(jobs) - len(there)
        played_jobs, results = [job for job, _ in there], [one for _, one in there]
        card = making.of_results(model.called, played_jobs, results, checks, backend=chosen.backend)
        made.append(card if args.no_self_checks else making.self_judged(played_jobs, results, chosen, card))
        for one in results:
            if one.problem:
                options.warn(one.problem.message)
        failed = [
            observation.error
            for one in results
            for observation in one.observations
            if isinstance(observation.error, AgentError)
        ]
        if failed:
            message = (
                f"{count(len(failed), 'answer')} not judged, because the backend fails on them, such as: {failed[0]}"
            )
            options.warn(message)
    if not made:
        raise UsageError("there is nothing to make a card of")
    if missing:
        options.warn(f"{missing} probes are not recorded; `harness card --record` asks them")
    return tuple(made)


def _of_agent(
    args: argparse.Namespace, chosen: Settings, checks: Sequence[CardCheck], screen: Console
) -> tuple[Card, ...]:
    """A card for each model that the agent asks, of what went over the wire while it was given the probes."""
    from harness.app import assembly
    from harness.app import card_runs as making
    from harness.cli.output import bar
    from harness.core.errors import UsageError

    planned = making.plan(assembly.choose_models(args.models, chosen), chosen, only=args.probe)
    jobs = [job for job in planned if job.has_cassette]
    if not jobs:
        raise UsageError(f"nothing is recorded of the agent in {chosen.cassettes}; record it: add --record")
    with bar(screen, len(jobs), "the agent") as step:
        for one in map(step, making.replayed(jobs, chosen)):
            if one.problem:
                options.warn(one.problem.message)
    return making.from_recordings([job.cassette for job in jobs], by="model", checks=checks)


def _from_recordings(args: argparse.Namespace, checks: Sequence[CardCheck], screen: Console) -> tuple[Card, ...]:
    from harness.app import card_runs as making
    from harness.cli.output import bar
    from harness.core.errors import UsageError
    from harness.dialects.wire_profile import Miners, save
    from harness.report.cards import terminal

    files = making.cassettes(map(Path, args.recordings))
    problems: list[str] = []
    miners = Miners()
    with bar(screen, len(files), "recordings") as step:

        def done(file: Path, problem: str) -> None:
            step(file)
            if problem:
                problems.append(problem)

        watch = miners.add if args.profiles else None
        made = making.from_recordings(
            files, by=args.by, checks=checks, in_full=args.through == "litellm", done=done, watch=watch
        )
    for problem in problems:
        options.warn(problem)
    if not made:
        raise UsageError("no chat exchange of a dialect that is read here stands in these recordings")
    if args.profiles:
        written = save(mined := miners.profiles(), Path(args.profiles))
        terminal.profiles(screen, mined)
        options.warn(f"{count(len(written), 'profile')} in {args.profiles}")
    return made


def _record(args: argparse.Namespace, chosen: Settings, screen: Console) -> int:
    """Ask; the exit code that this alone would end with: 0, 2 where something could not be recorded, 130."""
    from harness.app import assembly
    from harness.app import card_runs as making
    from harness.cli.record import origin
    from harness.core.errors import UsageError

    if args.repeats < 1:
        raise UsageError(f"--repeats is {args.repeats}; give 1 or more")
    executor, limits = options.executor(args, batch=1), options.limited(args)
    planned = making.plan(assembly.choose_models(args.models, chosen), chosen, repeats=args.repeats, only=args.probe)
    jobs = [job for job in planned if args.again or not making.recorded(job)]
    assembly.refuse_ci(chosen)
    if not jobs:
        say(screen, f"all {len(planned)} probes are recorded; --again asks once more")
        return 0
    say(screen, _beforehand(jobs, len(planned)))
    with origin(args) as who:
        events = assembly.record(jobs, chosen, who, executor=executor, limits=limits, resume=not args.again)
        recorded, stopped = _follow_recording(events, jobs, screen)
    summary = f"{recorded} of {len(jobs)} probes recorded in {chosen.cassettes}"
    say(screen, f"{stopped}: {summary}, and they stay; the same command goes on with the rest" if stopped else summary)
    if stopped == "interrupted":
        return 130
    return 0 if recorded == len(jobs) else 2


def _beforehand(jobs: Sequence[Job], planned: int) -> str:
    from harness.app import card_runs as making

    questions, dollars, unpriced = making.estimate(jobs)
    summary = f"{len(jobs)} of {planned} probes to ask, {questions} questions, at most "
    summary += f"${dollars:.2f} by litellm's price list" if dollars else "$0: no model here has a price"
    return summary + (f" (not counted, for it has no price: {', '.join(unpriced)})" if unpriced and dollars else "")


def _follow_recording(events: Generator[Event, None, None], jobs: Sequence[Job], screen: Console) -> tuple[int, str]:
    """How many probes were recorded, and why it stopped before the end; empty where it did not."""
    from harness.app import card_runs as making
    from harness.cli.output import bar
    from harness.engine.events import CaseFinished

    recorded = row = 0
    spent = 0.0
    models = {job.model.called: job.model for job in jobs}
    with contextlib.closing(events), bar(screen, len(jobs), "asking") as step:
        try:
            for event in events:
                if not isinstance(event, CaseFinished):
                    continue
                result = step(event.result)
                spent += making.paid(result, models[result.model])
                recorded += result.kept
                _show_recorded(screen, result, spent)
                row = 0 if result.kept else row + 1
                if result.problem and result.problem.kind in {"BudgetSpentError", "StopAskingError"}:
                    return recorded, result.problem.message
                if row == _ENOUGH:
                    return recorded, f"stopped after {_ENOUGH} probes in a row without an answer"
        except KeyboardInterrupt:
            return recorded, "interrupted"
    return recorded, ""


def _show_recorded(screen: Console, result: CaseResult, spent: float) -> None:
    """A line where something went wrong, or where there is no bar to watch."""
    why = result.problem.message if result.problem else ""
    if not why and not result.kept:
        errors = [observation.error for observation in result.observations if observation.error is not None]
        why = f"no answer: {errors[-1]}" if errors else "not recorded"
    if why or not screen.is_terminal:
        money = f", ${spent:.4f} so far" if spent else ""
        say(screen, f"{result.name}: {why or f'recorded{money}'}")


def _write(args: argparse.Namespace, made: Sequence[Card], catalogue: Catalogue, changes: Changes | None) -> None:
    """Write the reports that were asked for; the page has ``changes`` since a baseline, too."""
    from harness.app.card_runs import versions
    from harness.cli import output
    from harness.report.cards import ci, document

    kinds: dict[str, Callable[[], str]] = {
        "json": lambda: document.write(made, **versions()),
        "markdown": lambda: ci.markdown(made, catalogue, today=_today()),
        "junit": lambda: ci.junit(made, catalogue),
        "html": lambda: _page(made, catalogue, changes),
    }
    for name, text in kinds.items():
        output.write_report(getattr(args, name), text)


def _page(made: Sequence[Card], catalogue: Catalogue, changes: Changes | None) -> str:
    from harness.report.cards.page import page

    return page(made, catalogue, exchange, changes)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@lru_cache(maxsize=32)
def _exchanges(cassette: str) -> tuple[Exchange, ...]:
    from harness.cassette import load
    from harness.core.errors import CassetteError

    try:
        return load(cassette).exchanges
    except CassetteError:
        return ()


def exchange(cassette: str, place: int) -> Exchange | None:
    """The exchange at a place in a cassette; None where there is none any more."""
    found = _exchanges(cassette)
    return found[place] if place < len(found) else None
