"""Ask recorded questions again, and compare the answers by consequence.

The recorded requests are sent as they stand, with the key put back from the environment; litellm is not in between.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from harness.app.verify_targets import VerifyTarget
    from harness.drift.verify import VerifiedCassette

EXAMPLES = """examples:
  harness verify --local                               everything, of the local model that is started for it
  harness verify suites/tools.yaml --model "openai/*"  a part
  harness verify --sample 20 --seed 7 --max-dollars 1  twenty cassettes, for a dollar at most
  harness verify --repeats 5                           judge over five answers: for models that vary
  harness verify --cassette more/probe.json            cassettes that belong to no suite
  harness verify --accept                              take over new answers, cassette by cassette, asking first
  harness verify --ages                                only how old the recordings are; nothing is sent

Answers are stored in .harness/verify.jsonl until all is done: after Ctrl-C, a spent budget or a provider that
went down, the same command goes on from there. How old recordings may be stands in pyproject.toml:
  [tool.harness.expiry]
  warn = "90d"
  fail = "365d"

exit codes: 0 no change so grave as --fail-on, 1 there is one or a recording has expired, 2 it could not be found out
"""
_STATE = "verify.jsonl"
_UNDECIDED = 2
_INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    options.selection(parser)
    add = parser.add_argument
    add("--cassette", action="append", default=[], metavar="PATH", help="this cassette or folder, and no suite")
    add("--sample", type=int, metavar="N", help="only N of the cassettes, by chance")
    add("--seed", type=int, default=0, metavar="S", help="which chance (default: 0, always the same)")
    add("--repeats", type=int, default=1, metavar="N", help="ask each question N times (default: 1)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--hostname", default="", metavar="URL", help="send to this host, and not the recorded ones")
    where.add_argument("--local", action="store_true", help="start the local model server, and stop it at the end")
    options.limits(parser)
    options.fail_on(parser)
    add("--accept", action="store_true", help="offer each changed cassette's new answers for the old ones")
    add("-y", "--yes", action="store_true", help="with --accept: take them all, without asking")
    add("--source", default="", metavar="TEXT", help="who answers, for accepted cassettes to say")
    add("--ages", action="store_true", help="send nothing; only show how old the recordings are")
    add("--all", action="store_true", help="show cosmetic changes too")
    add("--keep", default=".harness", metavar="DIR", help="folder for the answers so far (default: .harness)")
    add("--json", metavar="FILE", help="write everything as JSON (- for standard output)")


def run(args: argparse.Namespace) -> int:
    from harness.cli.output import open_console

    _refuse(args)
    options.limited(args)
    out = open_console(args.json)
    with _place(args) as (hostname, source, environment):
        targets = _chosen(args, hostname)
        if args.ages:
            return _ages(args, targets, out)
        done, stopped, code = _follow(args, targets, hostname, environment, out)
        _report(args, done, stopped, out)
        if args.accept and not code:
            _accept(args, done, source, targets, environment, out)
    if code:
        return code
    judged = [one for one in done if one.fresh is not None or one.changes]
    if not judged:
        return _UNDECIDED
    expired = any(one.target.age == "expired" for one in done)
    return max(int(expired), options.failed(args, (change for one in done for change in one.steady)))


def _refuse(args: argparse.Namespace) -> None:
    from urllib.parse import urlsplit

    from harness.core.errors import UsageError

    for name in ("sample", "repeats"):
        if (value := getattr(args, name)) is not None and value < 1:
            raise UsageError(f"--{name} {value} asks nothing; give at least 1")
    url = urlsplit(args.hostname)
    if args.hostname and (url.scheme not in {"http", "https"} or not url.hostname):
        raise UsageError(f"--hostname {args.hostname} is no base URL; give one such as https://api.openai.com")
    if args.accept and not (args.yes or sys.stdin.isatty()):
        raise UsageError("there is no terminal to agree at; --accept asks at one, or takes all with --yes")
    if args.accept:
        from harness.app import assembly
        from harness.app.settings import settings

        assembly.refuse_ci(settings(vars(args)))


@contextlib.contextmanager
def _place(args: argparse.Namespace) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Where the questions go, who is there, and the environment with its keys."""
    import os

    environment = dict(os.environ)
    if not args.local or args.ages:
        yield args.hostname, args.source or args.hostname, environment
        return
    from harness.app.starter import LOCAL_KEY
    from harness.local.server import KEY, running

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server is stopped then too
    with running(say=options.warn) as server:
        yield server.url, args.source or server.source, {LOCAL_KEY: KEY, **environment}


def _chosen(args: argparse.Namespace, hostname: str) -> tuple[VerifyTarget, ...]:
    import datetime as dt

    from harness.app import assembly, verify_targets
    from harness.app.settings import settings
    from harness.drift.verify import sampled

    chosen = settings(vars(args))
    priced = args.max_dollars is not None and not args.ages
    terms = verify_targets.Terms(chosen.expiry, dt.datetime.now(dt.UTC), hostname, priced=priced)
    if args.cassette:
        found = verify_targets.of_files(args.cassette, terms)
    else:
        _, jobs, _ = assembly.plan_regressions(chosen, options.choice(args))
        found = verify_targets.of_jobs(jobs, terms)
    if args.sample is None:
        return found
    sample = {one.path for one in sampled([one.target for one in found], args.sample, args.seed)}
    return tuple(one for one in found if one.target.path in sample)


def _follow(
    args: argparse.Namespace, targets: Sequence[VerifyTarget], hostname: str, environment: dict[str, str], out: Console
) -> tuple[list[VerifiedCassette], str, int]:
    """All that was verified, why it stopped before its end, and the exit code for that."""
    import time
    from pathlib import Path

    from harness.app import verify_targets
    from harness.cli.output import progress
    from harness.core.errors import UsageError
    from harness.drift import verify
    from harness.drift.answer_log import AnswerLog
    from harness.engine.budget import Budget
    from harness.report import drift, safe_text

    send = verify_targets.sender(targets, environment, hostname=hostname)
    allowance = Budget(options.limited(args), clock=time.monotonic, sleep=time.sleep)
    answers = AnswerLog(Path(args.keep) / _STATE, f"{hostname or 'as recorded'} x{args.repeats}")
    done: list[verify.VerifiedCassette] = []
    requests = [one.target for one in targets]
    stopped, code = "", 0
    with progress(out) as moving:
        task = moving.add_task("")
        try:
            for event in verify.verify(requests, send=send, answers=answers, allowance=allowance, repeats=args.repeats):
                if isinstance(event, verify.Started):
                    moving.update(task, total=event.total)
                    if event.kept:
                        say(out, f"going on from {answers.path}: {event.kept} answers are there")
                elif isinstance(event, verify.AnswerReceived):
                    moving.update(task, advance=1, description=safe_text.line(str(event.target.path), 70))
                else:
                    done.append(event)
                    say(out, drift.summary_line(event))
        except UsageError as error:
            stopped, code = str(error), _UNDECIDED
        except KeyboardInterrupt:
            stopped, code = f"interrupted; {answers.path} keeps the answers, run the same again to go on", _INTERRUPTED
    answers.close() if stopped else answers.done()
    return done, stopped, code


def _report(args: argparse.Namespace, done: Sequence[VerifiedCassette], stopped: str, out: Console) -> None:
    import harness
    from harness.cli.output import write_report
    from harness.report import changes, drift, safe_text

    for one in done:
        for line, style in drift.describe_verified(one, cosmetic=args.all):
            say(out, line, style)
    steady = [change for one in done for change in one.steady]
    answers = sum(one.answers for one in done)
    if answers:
        summary = f"{count(len(done), 'cassette')} verified by {count(answers, 'answer')}: {changes.summed(steady)}"
    else:
        summary = f"nothing was verified: {count(len(done), 'cassette')} without a new answer to compare"
    say(out, summary)
    if stopped:
        say(out, f"stopped: {safe_text.line(stopped)}", "bold red")
    write_report(args.json, lambda: drift.verification_document(done, stopped, harness.__version__))


def _ages(args: argparse.Namespace, targets: Sequence[VerifyTarget], out: Console) -> int:
    import harness
    from harness.cli.output import write_report
    from harness.drift.verify import VerifiedCassette
    from harness.report import drift

    found = [VerifiedCassette(one.target) for one in targets]
    for one in found:
        if one.target.age != "fresh":
            say(out, f"{one.target.path}: {drift.aged(one)}")
    ages = [one.target.age for one in found]
    counted = ", ".join(f"{ages.count(word)} {word}" for word in ("fresh", "old", "expired", "undated") if word in ages)
    say(out, f"{count(len(found), 'recording')}: {counted}")
    write_report(args.json, lambda: drift.verification_document(found, "", harness.__version__))
    return int("expired" in ages)


def _accept(
    args: argparse.Namespace,
    done: Sequence[VerifiedCassette],
    source: str,
    targets: Sequence[VerifyTarget],
    environment: dict[str, str],
    out: Console,
) -> None:
    from harness.app import verify_targets
    from harness.report import drift

    for one in done:
        if not any(change.what != "value" for change in one.steady):
            continue
        if why := verify_targets.unaccepted(one):
            say(out, f"{one.target.path}: stays as it is: {why}")
            continue
        for line, style in drift.describe_verified(one, cosmetic=True):
            say(out, line, style)
        if args.yes or options.confirmed(f"{one.target.path}: take the new answers?"):
            verify_targets.accept(one, source, verify_targets.secrets_of(targets, environment))
            say(out, f"{one.target.path}: recorded again")
