"""Replay suites from their cassettes and check every answer. No connection leaves the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness run                                    every suite in the folder suites
  harness run suites/tools.yaml -k "single*"     some cases of one suite
  harness run --model "anthropic/*" --json -     one provider, as JSON on standard output
  harness run --junit report.xml                 for CI
  harness run --workers 4                        with four processes; the report is the same

exit codes: 0 fine, 1 a check failed or a recording was not used, 2 nothing was run, or a cassette can't be used or does
not hold what was asked
"""


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    options.selection(parser)
    options.subject(parser)
    options.executors(parser)
    options.reports(parser)


def run(args: argparse.Namespace) -> int:
    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cli.output import follow, open_console

    chosen = settings(vars(args))
    choice = options.choice(args)
    suites, jobs, left = assembly.plan_regressions(chosen, choice)
    orphans = () if args.suite or args.case or args.model else assembly.orphans(suites, chosen)
    events = assembly.replay(jobs, chosen, options.executor(args))
    screen = open_console(args.json, args.jsonl, args.junit, otlp=args.otlp)
    options.show_left(screen, left)
    scorecard, stopped = follow(events, args, screen, orphans=orphans)
    return 130 if stopped else scorecard.exit_code
