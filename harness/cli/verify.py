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
  harness verify --cassette odd/probe.json             cassettes that belong to no suite
  harness verify --accept                              take over new answers, cassette by cassette, asking first
  harness verify --ages                                only how old the recordings are; nothing is sent

What was answered is kept in .harness/verify.jsonl until all is done: after Ctrl-C, a spent budget or a provider that
went down, the same command goes on from there. How old recordings may be stands in pyproject.toml:
  [tool.harness.expiry]
  warn = "90d"
  fail = "365d"

exit codes: 0 no change so grave as --fail-on, 1 there is one or a recording has expired, 2 it could not be told
"""
_STATE = "verify.jsonl"
_UNTOLD = 2
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
    add("--ages", action="store_true", help="send nothing; only tell how old the recordings are")
    add("--all", action="store_true", help="show cosmetic changes too")
    add("--keep", default=".harness", metavar="DIR", help="folder for the answers so far (default: .harness)")
    add("--json", metavar="FILE", help="write everything as JSON (- for standard output)")


def run(words: argparse.Namespace) -> int:
    from harness.cli.following import STANDARD_OUTPUT, screen

    _refuse(words)
    options.limited(words)
    out = screen(stderr=words.json == STANDARD_OUTPUT)
    with _place(words) as (hostname, source, environment):
        asked = _chosen(words, hostname)
        if words.ages:
            return _ages(words, asked, out)
        done, stopped, code = _follow(words, asked, hostname, environment, out)
        _tell(words, done, stopped, out)
        if words.accept and not code:
            _accept(words, done, source, asked, environment, out)
    if code:
        return code
    judged = [one for one in done if one.fresh is not None or one.changes]
    if not judged:
        return _UNTOLD
    expired = any(one.target.age == "expired" for one in done)
    return max(int(expired), options.failed(words, (change for one in done for change in one.steady)))


def _refuse(words: argparse.Namespace) -> None:
    from urllib.parse import urlsplit

    from harness.cli.following import refuse_unwritable
    from harness.core.errors import UsageError

    for name in ("sample", "repeats"):
        if (value := getattr(words, name)) is not None and value < 1:
            raise UsageError(f"--{name} {value} asks nothing; give at least 1")
    refuse_unwritable(words.json)
    url = urlsplit(words.hostname)
    if words.hostname and (url.scheme not in {"http", "https"} or not url.hostname):
        raise UsageError(f"--hostname {words.hostname} is no base URL; give one such as https://api.openai.com")
    if words.accept and not (words.yes or sys.stdin.isatty()):
        raise UsageError("nobody is there to agree; --accept asks at a terminal, or takes all with --yes")
    if words.accept:
        from harness.app import assembly
        from harness.app.settings import settings

        assembly.refuse_ci(settings(vars(words)))


@contextlib.contextmanager
def _place(words: argparse.Namespace) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Where the questions go, who is there, and the environment with its keys."""
    import os

    environment = dict(os.environ)
    if not words.local or words.ages:
        yield words.hostname, words.source or words.hostname, environment
        return
    from harness.app.starter import LOCAL_KEY
    from harness.local.server import KEY, running

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server is stopped then too
    with running(say=_say) as server:
        yield server.url, words.source or server.source, {LOCAL_KEY: KEY, **environment}


def _chosen(words: argparse.Namespace, hostname: str) -> tuple[VerifyTarget, ...]:
    import datetime as dt

    from harness.app import assembly, verify_targets
    from harness.app.settings import settings
    from harness.drift.verify import sampled

    chosen = settings(vars(words))
    priced = words.max_dollars is not None and not words.ages
    terms = verify_targets.Terms(chosen.expiry, dt.datetime.now(dt.UTC), hostname, priced=priced)
    if words.cassette:
        found = verify_targets.of_files(words.cassette, terms)
    else:
        suites, _ = assembly.regressions(assembly.load(chosen), chosen, options.choice(words))
        jobs = assembly.plan(suites, chosen, options.choice(words))
        found = verify_targets.of_jobs(jobs, terms)
    if words.sample is None:
        return found
    kept = {one.path for one in sampled([one.target for one in found], words.sample, words.seed)}
    return tuple(one for one in found if one.target.path in kept)


def _follow(
    words: argparse.Namespace, asked: Sequence[VerifyTarget], hostname: str, environment: dict[str, str], out: Console
) -> tuple[list[VerifiedCassette], str, int]:
    """All that was verified, why it stopped before its end, and the exit code for that."""
    import time
    from pathlib import Path

    from harness.app import verify_targets
    from harness.cli.following import progress
    from harness.core.errors import UsageError
    from harness.drift import verify
    from harness.drift.answer_log import AnswerLog
    from harness.engine.budget import Budget
    from harness.report import safe_text, verification

    send = verify_targets.sender(asked, environment, hostname=hostname)
    allowance = Budget(options.limited(words), clock=time.monotonic, sleep=time.sleep)
    answers = AnswerLog(Path(words.keep) / _STATE, f"{hostname or 'as recorded'} x{words.repeats}")
    done: list[verify.VerifiedCassette] = []
    targets = [one.target for one in asked]
    stopped, code = "", 0
    with progress(out) as moving:
        task = moving.add_task("")
        try:
            for event in verify.verify(targets, send=send, answers=answers, allowance=allowance, repeats=words.repeats):
                if isinstance(event, verify.Started):
                    moving.update(task, total=event.total)
                    if event.kept:
                        out.print(f"going on from {answers.path}: {event.kept} answers are there", soft_wrap=True)
                elif isinstance(event, verify.AnswerReceived):
                    moving.update(task, advance=1, description=safe_text.line(str(event.target.path), 70))
                else:
                    done.append(event)
                    out.print(verification.summary_line(event), markup=False, soft_wrap=True)
        except UsageError as error:
            stopped, code = str(error), _UNTOLD
        except KeyboardInterrupt:
            stopped, code = f"interrupted; {answers.path} keeps the answers, run the same again to go on", _INTERRUPTED
    answers.close() if stopped else answers.done()
    return done, stopped, code


def _tell(words: argparse.Namespace, done: Sequence[VerifiedCassette], stopped: str, out: Console) -> None:
    import harness
    from harness.cli.following import write_report
    from harness.report import changes, safe_text, verification

    for one in done:
        for line, style in verification.describe(one, cosmetic=words.all):
            out.print(line, style=style or None, markup=False, soft_wrap=True)
    steady = [change for one in done for change in one.steady]
    answers = sum(one.answers for one in done)
    told = f"{count(len(done), 'cassette')} verified by {count(answers, 'answer')}: {changes.summed(steady)}"
    out.print(told, markup=False, soft_wrap=True)
    if stopped:
        out.print(f"stopped: {safe_text.line(stopped)}", style="bold red", markup=False, soft_wrap=True)
    write_report(words.json, lambda: verification.as_json(done, stopped, harness.__version__))


def _ages(words: argparse.Namespace, asked: Sequence[VerifyTarget], out: Console) -> int:
    import harness
    from harness.cli.following import write_report
    from harness.drift.verify import VerifiedCassette
    from harness.report import verification

    found = [VerifiedCassette(one.target) for one in asked]
    for one in found:
        if one.target.age != "fresh":
            out.print(f"{one.target.path}: {verification.aged(one)}", markup=False, soft_wrap=True)
    ages = [one.target.age for one in found]
    counted = ", ".join(f"{ages.count(word)} {word}" for word in ("fresh", "old", "expired", "undated") if word in ages)
    out.print(f"{count(len(found), 'recording')}: {counted}", markup=False, soft_wrap=True)
    write_report(words.json, lambda: verification.as_json(found, "", harness.__version__))
    return int("expired" in ages)


def _accept(
    words: argparse.Namespace,
    done: Sequence[VerifiedCassette],
    source: str,
    asked: Sequence[VerifyTarget],
    environment: dict[str, str],
    out: Console,
) -> None:
    from harness.app import verify_targets
    from harness.report import verification

    for one in done:
        if not any(change.what != "value" for change in one.steady):
            continue
        if why := verify_targets.unaccepted(one):
            out.print(f"{one.target.path}: stays as it is: {why}", markup=False, soft_wrap=True)
            continue
        for line, style in verification.describe(one, cosmetic=True):
            out.print(line, style=style or None, markup=False, soft_wrap=True)
        if words.yes or _agrees(f"{one.target.path}: take the new answers? [y/N] "):
            verify_targets.accept(one, source, verify_targets.secrets_of(asked, environment))
            out.print(f"{one.target.path}: recorded again", markup=False, soft_wrap=True)


def _agrees(question: str) -> bool:
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
