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


def run(words: argparse.Namespace) -> int:
    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cli.following import console, follow

    chosen = settings(vars(words))
    choice = options.choice(words)
    suites, left = assembly.regressions(assembly.load(chosen), chosen, choice)
    jobs = assembly.plan(suites, chosen, choice)
    orphans = () if words.suite or words.case or words.model else assembly.orphans(suites, chosen)
    events = assembly.replay(jobs, chosen, options.executor(words))
    screen = console(words)
    options.tell_left(screen, left)
    scorecard, stopped = follow(events, words, screen, orphans=orphans)
    return 130 if stopped else scorecard.exit_code
