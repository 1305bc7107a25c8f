"""Which cassettes there are, and which of them no case uses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from harness.app.inventory import CassetteFile


class List:
    """List the cases of suites with their cassettes, and the other cassettes in the folder: what is in each, its
    origin, its age and size, and whether a case uses it.
    """

    EXAMPLES = """examples:
  harness cassettes list                                         every case, and every file in the folder cassettes
  harness cassettes list suites/tools.yaml --model "anthropic/*" some cases
  harness cassettes list --orphans                               only files that no case uses
  harness cassettes list --json cassettes.json

A case is `unsent` that needs no cassette: its request is refused before it is sent. `harness cassettes prune` removes
orphans and what was left of broken-off recordings. Recorded exchanges that a case does not use are shown by
`harness run`.

exit codes: 0 fine, 2 there is a cassette that can't be read, or neither a case nor a cassette
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        options.suites(parser)
        options.selection(parser)
        parser.add_argument("--orphans", action="store_true", help="only files that no case uses")
        parser.add_argument("--json", metavar="FILE", help="write the list as JSON (- for standard output)")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        import json
        from dataclasses import asdict

        from harness.app.inventory import EXPENDABLE, inventory
        from harness.app.settings import settings
        from harness.cli.output import open_console, write_report
        from harness.core.errors import UsageError

        out = open_console(args.json)
        chosen = settings(vars(args))
        choice = options.choice(args)
        if args.orphans and (args.suite or args.case or args.model):
            raise UsageError("--orphans lists what no case uses; leave out --suite, --case and --model")
        found = inventory(chosen, choice, tried=True)
        if args.cassettes and all(one.use in _ABSENT for one in found):
            raise UsageError(f"{chosen.cassettes}: there is no cassette in it; record some, or name the folder")
        shown = [one for one in found if one.use in {*EXPENDABLE, "unreadable"}] if args.orphans else found
        _show(shown, out)
        write_report(args.json, lambda: json.dumps([asdict(one) for one in shown], indent=1) + "\n")
        return 2 if any(one.use == "unreadable" for one in found) else 0


_STYLES = {
    "used": "green",
    "missing": "yellow",
    "unsent": "",
    "orphan": "yellow",
    "other": "",
    "left over": "yellow",
    "unreadable": "bold red",
}
_ABSENT = {"missing", "unsent"}


def _show(shown: Sequence[CassetteFile], out: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness.report import safe_text

    cases = [one for one in shown if one.suite]
    table = Table("suite", "case", "model", "holds", "from", "age", "size", "", box=box.SIMPLE_HEAD, pad_edge=False)
    before = ""
    for one in cases:
        if before and one.suite != before:
            table.add_section()
        suite = f"{one.suite} (evaluation)" if one.evaluation else one.suite
        cells = (suite if one.suite != before else "", one.case, one.model, *_facts(one))
        table.add_row(*(Text(safe_text.line(cell, 80)) for cell in cells), Text(one.use, _STYLES[one.use]))
        before = one.suite
    if cases:
        out.print(table)
    for one in shown:
        if not one.suite:
            facts = ", ".join(fact for fact in (one.note, *_facts(one)) if fact)
            line = f"{one.path}: {one.use}{f', {facts}' if facts else ''}"
            say(out, line, _STYLES[one.use])
        if one.problem:
            say(out, one.problem, "red")
    files = [one for one in shown if one.use not in _ABSENT]
    uses = {use: sum(one.use == use for one in shown) for use in _STYLES}
    line = ", ".join(f"{number} {use}" for use, number in uses.items() if number)
    size = sum(one.size for one in files) / 1024
    out.print(f"{count(len(files), 'cassette')}, {size:,.0f} KB: {line or 'none'}")


def _facts(one: CassetteFile) -> tuple[str, str, str, str]:
    """What it holds, where it is from, its age and its size."""
    if one.use in {*_ABSENT, "unreadable"}:
        return "", "", "", ""
    holds = count(one.exchanges, "exchange")
    age = "unknown" if one.days is None else "today" if one.days == 0 else count(one.days, "day")
    return holds, one.kind, age, f"{max(1, one.size // 1024):,} KB"


class Prune:
    """Remove cassettes that no case uses, and what broken-off recordings left; asks first."""

    EXAMPLES = """examples:
  harness cassettes prune            lists what would go, and asks
  harness cassettes prune --yes      does not ask
  harness cassettes prune --dry-run  only lists

Only what lies where a suite puts it, SUITE/CASE/MODEL.json, and was not imported is removed. Recordings of programs,
tests and imports stay, and files that can't be read: they may be what is left of something. So do those of a suite that
was deleted or renamed, for only suites that are read count; `harness list` shows them: no suite "NAME" here.

exit codes: 0 done, or there was nothing to do; 2 wrong usage, or no terminal to answer at
"""

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        options.suites(parser)
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
        parser.add_argument("--dry-run", action="store_true", help="only list what would go")

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        from pathlib import Path

        from harness.app.inventory import EXPENDABLE, inventory, remove
        from harness.app.settings import settings
        from harness.core.errors import UsageError
        from harness.report import safe_text

        chosen = settings(vars(args))
        if chosen.store:
            raise UsageError(
                f"{chosen.store}: prune removes from folders; use the store's own tools, or its expiry rules"
            )
        going = [one for one in inventory(chosen) if one.use in EXPENDABLE]
        if not going:
            sys.stdout.write(f"{chosen.cassettes}: nothing to remove\n")
            return 0
        for one in going:
            holds = count(one.exchanges, "exchange")
            sys.stdout.write(safe_text.line(f"{one.path}: {one.use}, {holds}, {one.kind}") + "\n")
        if args.dry_run:
            return 0
        if not args.yes:
            if not sys.stdin.isatty():
                raise UsageError(
                    "there is no terminal to answer at; nothing was removed (--yes removes without asking)"
                )
            if not options.confirmed(f"remove {'these' if len(going) > 1 else 'this'} {len(going)}?"):
                sys.stdout.write("nothing was removed\n")
                return 0
        for one in going:
            remove(Path(one.path), chosen.cassettes)
        sys.stdout.write(f"{len(going)} removed\n")
        return 0
