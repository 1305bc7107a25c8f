"""A model's behaviour card: what holds, what is odd, what is unsupported and what failed, with the evidence of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.cli.card_diff import pairing, pairs
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from harness.app.settings import Settings
    from harness.checks.card import CardCheck
    from harness.core.card import Card

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


def run(words: argparse.Namespace) -> int:
    from dataclasses import replace

    from harness.app import card_runs as making
    from harness.app.settings import settings
    from harness.cards.diff import diff
    from harness.cli import card_reports as reports
    from harness.cli import following, programs

    _refuse_idle(words)
    chosen = settings({name: getattr(words, name) for name in ("cassettes", "agent", "backend")})
    if chosen.agent and not words.cassettes:
        chosen = replace(chosen, cassettes=chosen.cassettes / "agents" / programs.named([chosen.agent]))
    checks = making.catalogue(chosen, words.check)
    reports.refuse(words)
    known = {name: reports.read(name) for name in (words.reference, words.baseline) if name}
    screen = reports.screen(words)
    following.warn_unproven()
    code = 0
    if words.recordings:
        made = _from_recordings(words, checks, screen)
    else:
        if words.record:
            from harness.cli.card_record import record

            code = record(words, chosen, screen)
        made = (_of_agent if chosen.agent else _of_models)(words, chosen, checks, screen)
    changes = None
    if words.baseline:
        changes = diff(known[words.baseline], made, pairs(words, known[words.baseline], made))
    reports.show(screen, made, making.laws(checks))
    reports.write(words, made, making.laws(checks), changes)
    if words.reference:
        reports.compare(screen, made, known[words.reference])
    if words.baseline:
        reports.baseline(screen, changes)
    broke = options.failed(words, (change for inside in (changes or {}).values() for change in inside))
    failed = words.fail_on_fail and any(cell.verdict == "fail" for card in made for cell in card.cells)
    return code or int(broke or failed)


def _refuse_idle(words: argparse.Namespace) -> None:
    """Raise ``UsageError`` for options that the others leave without a use."""
    from harness.core.errors import UsageError

    if words.models[:1] == ["compare"] or any(one.endswith(".json") for one in words.models):
        told = "harness diff A.json B.json compares cards; --baseline A.json compares those that are made here"
        raise UsageError(told)
    if (words.names or words.by_position) and not words.baseline:
        raise UsageError("--as and --by-position go with --baseline")
    if words.through and not words.recordings:
        raise UsageError("--through goes with --from; a model's own probes always go through litellm's whole call")
    if words.profiles and not words.recordings:
        raise UsageError("--profiles goes with --from: profiles are mined from recordings")
    if words.recordings and (words.agent or words.backend):
        raise UsageError("--from judges recordings as they are; leave out --agent and --backend")


def _of_models(
    words: argparse.Namespace, chosen: Settings, checks: Sequence[CardCheck], screen: Console
) -> tuple[Card, ...]:
    from harness.app import card_runs as making
    from harness.cli.following import bar
    from harness.core.errors import AgentError, UsageError
    from harness.report import safe_text

    made = []
    missing = 0
    for model in making.models(words.models, chosen):
        jobs = making.plan([model], chosen, only=words.probe)
        if not any(job.has_cassette for job in jobs):
            told = f"nothing is recorded of {model.called}; record it: harness card {model.called} --record"
            sys.stderr.write(f"harness: {safe_text.line(told)}\n")
            continue
        with bar(screen, len(jobs), model.called) as step:
            played = [step(result) for result in making.replayed(jobs, chosen)]
        # A probe that the backend refuses to send has no cassette, and needs none.
        there = [(job, one) for job, one in zip(jobs, played, strict=True) if job.has_cassette or not one.problem]
        missing += len(jobs) - len(there)
        kept, results = [job for job, _ in there], [one for _, one in there]
        card = making.of_results(model.called, kept, results, checks, backend=chosen.backend)
        made.append(card if words.no_self_checks else making.self_judged(kept, results, chosen, card))
        for one in results:
            if one.problem:
                sys.stderr.write(f"harness: {safe_text.line(one.problem.message)}\n")
        failed = [seen.error for one in results for seen in one.observations if isinstance(seen.error, AgentError)]
        if failed:
            told = f"{count(len(failed), 'answer')} not judged, because the backend fails on them, such as: {failed[0]}"
            sys.stderr.write(f"harness: {safe_text.line(told)}\n")
    if not made:
        raise UsageError("there is nothing to make a card of")
    if missing:
        sys.stderr.write(f"harness: {missing} probes are not recorded; `harness card --record` asks them\n")
    return tuple(made)


def _of_agent(
    words: argparse.Namespace, chosen: Settings, checks: Sequence[CardCheck], screen: Console
) -> tuple[Card, ...]:
    """A card for each model that the agent asks, of what went over the wire while it was given the probes."""
    from harness.app import card_runs as making
    from harness.cli.following import bar
    from harness.core.errors import UsageError
    from harness.report import safe_text

    planned = making.plan(making.models(words.models, chosen), chosen, only=words.probe)
    jobs = [job for job in planned if job.has_cassette]
    if not jobs:
        raise UsageError(f"nothing is recorded of the agent in {chosen.cassettes}; record it: add --record")
    with bar(screen, len(jobs), "the agent") as step:
        for one in map(step, making.replayed(jobs, chosen)):
            if one.problem:
                sys.stderr.write(f"harness: {safe_text.line(one.problem.message)}\n")
    return making.from_recordings([job.cassette for job in jobs], by="model", checks=checks)


def _from_recordings(words: argparse.Namespace, checks: Sequence[CardCheck], screen: Console) -> tuple[Card, ...]:
    from harness.app import card_runs as making
    from harness.cli import card_reports as reports
    from harness.cli.following import bar
    from harness.core.errors import UsageError
    from harness.dialects.wire_profile import Miners, save
    from harness.report import safe_text

    files = making.cassettes(map(Path, words.recordings))
    problems: list[str] = []
    miners = Miners()
    with bar(screen, len(files), "recordings") as step:

        def done(file: Path, problem: str) -> None:
            step(file)
            if problem:
                problems.append(problem)

        watch = miners.add if words.profiles else None
        made = making.from_recordings(
            files, by=words.by, checks=checks, in_full=words.through == "litellm", done=done, watch=watch
        )
    for problem in problems:
        sys.stderr.write(f"harness: {safe_text.line(problem)}\n")
    if not made:
        raise UsageError("no chat exchange of a dialect that is read here stands in these recordings")
    if words.profiles:
        written = save(mined := miners.profiles(), Path(words.profiles))
        reports.profiles(screen, mined)
        sys.stderr.write(f"harness: {count(len(written), 'profile')} in {safe_text.line(words.profiles)}\n")
    return made
