"""Ask the models of suites for real, and record what they answer, one cassette a case and model. Where a cassette is
replaced, what is answered otherwise than before is shown.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from harness.app.assembly import Origin
    from harness.cassette import Cassette
    from harness.engine.events import Job

EXAMPLES = """examples:
  harness record --local                         start the local model, record every suite from it, stop it
  harness record suites/tools.yaml --model openai/gpt-4o-mini     with OPENAI_API_KEY set
  harness record --missing                       only what has no cassette yet
  harness record --workers 4 --per-minute 60 --max-dollars 5      four at a time, within one limit and one budget
  harness record -- node agent.mjs               record a program in any language; see docs/programs.md

After `--` comes a program, and other options apply (--cassette, --upstream …): harness record --help -- CMD

Recordings that stand are replaced one by one, each only when the new one is whole; what changed is shown, ids, times
and token counts aside. Ctrl-C keeps what was
recorded by then. What a model gets wrong is recorded as it is; an error of the provider that the case does not
expect (no key, no connection, 429, 5xx) is not. In CI (the variable CI is set) nothing is recorded.

exit codes: 0 all recorded, 1 recorded, but a check failed, 2 something could not be recorded, 3 a secret would leak
"""


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    options.selection(parser)
    options.subject(parser)
    parser.add_argument("--local", action="store_true", help="start the local model server, and stop it at the end")
    parser.add_argument("--missing", action="store_true", help="record only cases that have no cassette")
    parser.add_argument("--source", default="", metavar="TEXT", help="who answers, for the cassettes to say")
    options.limits(parser)
    options.executors(parser)
    options.reports(parser)


def run(args: argparse.Namespace) -> int:
    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cassette.secrets.redaction import placeholders
    from harness.cli.output import follow, open_console

    chosen = settings(vars(args))
    choice = options.choice(args, missing=args.missing)
    _, jobs, left = assembly.plan_regressions(chosen, choice)
    assembly.refuse_ci(chosen)
    executor, limits = options.executor(args, batch=1), options.limited(args)
    screen = open_console(args.json, args.jsonl, args.junit, otlp=args.otlp)
    options.show_left(screen, left)
    before = _recorded(jobs)
    with origin(args) as who:
        events = assembly.record(jobs, chosen, who, executor=executor, limits=limits)
        scorecard, stopped = follow(events, args, screen, recording=True)
    recorded = [one for one in scorecard.results if one.kept]
    silent = sum(1 for one in recorded if not any(observation.exchanges for observation in one.observations))
    summary = f"{len(recorded) - silent} of {len(jobs)} cases recorded in {chosen.cassettes}"
    summary += f"; {silent} asked nothing over the wire" if silent else ""
    redacted = sum(
        placeholders(one for _, one in observation.exchanges)
        for result in recorded
        for observation in result.observations
    )
    summary += f"; {count(redacted, 'secret')} redacted" if redacted else ""
    say(screen, f"interrupted: {summary}, and they stay" if stopped else summary)
    _show_changes(before, screen)
    if stopped:
        return 130
    return max(scorecard.exit_code, 0 if len(recorded) == len(jobs) else 2)


def _recorded(jobs: Sequence[Job]) -> dict[Path, Cassette]:
    """The cassettes that these jobs would replace, as far as they can be read."""
    from harness.cassette import load
    from harness.core.errors import CassetteError

    found = {}
    for job in jobs:
        if job.has_cassette:
            with contextlib.suppress(CassetteError):
                found[job.cassette] = load(job.cassette)
    return found


def _show_changes(before: Mapping[Path, Cassette], out: Console) -> None:
    """What the cassettes in the place of ``before`` answer otherwise."""
    from harness.cassette import load
    from harness.drift import grading
    from harness.report import changes

    found = {}
    for path, old in before.items():
        if changed := [one for one in grading.cassettes(old, load(path)) if one.what != "value"]:
            found[str(path)] = changed
    for name, inside in found.items():
        for one in inside:
            say(out, f"{name}: {changes.line(one)}")
    if before:
        say(out, f"{len(found)} of {len(before)} cassettes that were there changed")


@contextlib.contextmanager
def origin(args: argparse.Namespace) -> Iterator[Origin]:
    """Who answers: a local server started for it with ``--local``, else the servers that the models name."""
    from harness.app.assembly import Origin

    if not args.local:
        yield Origin(args.source)
        return
    from harness.local.server import KEY, running

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server is stopped then too
    with running() as server:
        yield Origin(args.source or server.source, KEY)
