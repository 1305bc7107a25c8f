"""List suites, their cases and models, and what is recorded of each: when, by whom, and how old it is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from harness.core.exchange import Provenance

EXAMPLES = """examples:
  harness list                       every case, and the state of its cassettes
  harness list suites/tools.yaml --model "anthropic/*"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    options.selection(parser)


def run(words: argparse.Namespace) -> int:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cli.following import screen
    from harness.report import safe_text

    chosen = settings(vars(words))
    suites = assembly.load(chosen)
    jobs = assembly.plan(suites, chosen, options.choice(words))
    table = Table("suite", "case", "model", "recording", "from", "age", box=box.SIMPLE_HEAD, pad_edge=False)
    now = dt.datetime.now(dt.UTC)
    before, missing = "", 0
    evaluations = {suite.name for suite in suites if suite.kind == "evaluation"}
    for job in jobs:
        if before and job.suite != before:
            table.add_section()
        state, source, age = _state(job.cassette, now)
        missing += state == "missing"
        shown = f"{job.suite} (evaluation)" if job.suite in evaluations else job.suite
        names = (shown if job.suite != before else "", job.case.id, job.model.called)
        table.add_row(*(Text(safe_text.line(one, 80)) for one in (*names, state, source, age)))
        before = job.suite
    out = screen()
    out.print(table)
    out.print(f"{len({job.suite for job in jobs})} suites, {len(jobs)} cases and models, {missing} not recorded")
    for path in assembly.orphans(suites, chosen):
        out.print(Text(safe_text.line(f"{path}: no case uses this cassette")), soft_wrap=True)
    return 0


def _state(path: Path, now: dt.datetime) -> tuple[str, str, str]:
    """What is on disk, where it is from, and its age."""
    from harness.cassette import load
    from harness.core.errors import CassetteError, CassetteMissingError

    try:
        cassette = load(path)
    except CassetteMissingError:
        return "missing", "", ""
    except CassetteError as error:
        return f"unusable: {error}", "", ""
    number = len(cassette.exchanges)
    return f"{number} exchange{'s' if number != 1 else ''}", cassette.provenance.kind, _age(cassette.provenance, now)


def _age(provenance: Provenance, now: dt.datetime) -> str:
    try:
        recorded = dt.datetime.fromisoformat(provenance.recorded)
    except ValueError:
        return "unknown"
    days = (now - (recorded if recorded.tzinfo else recorded.replace(tzinfo=dt.UTC))).days
    return "today" if days == 0 else f"{days} day{'s' if days != 1 else ''}"
