"""List the cases of suites with their cassettes, and the other cassettes that are there: what is in each, where it is
from, how old and how large, and whether a case uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from harness.app.cassette_files import CassetteFile

EXAMPLES = """examples:
  harness cassettes list                                         every case, and every file in the folder cassettes
  harness cassettes list suites/tools.yaml --model "anthropic/*" some cases
  harness cassettes list --orphans                               only files that no case uses
  harness cassettes list --json cassettes.json

`harness cassettes prune` removes orphans and what was left of broken-off recordings. Recorded exchanges that a case
does not ask for are shown by `harness run`.

exit codes: 0 fine, 2 there is a cassette that can't be read, or neither a case nor a cassette
"""
_STYLES = {
    "used": "green",
    "missing": "yellow",
    "orphan": "yellow",
    "other": "",
    "left over": "yellow",
    "unreadable": "bold red",
}


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    options.selection(parser)
    parser.add_argument("--orphans", action="store_true", help="only files that no case uses")
    parser.add_argument("--json", metavar="FILE", help="write the list as JSON (- for standard output)")


def run(words: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from harness.app.cassette_files import EXPENDABLE
    from harness.app.inventory import inventory
    from harness.app.settings import settings
    from harness.cli.following import STANDARD_OUTPUT, refuse_unwritable, screen, write_report
    from harness.core.errors import UsageError

    refuse_unwritable(words.json)
    chosen = settings(vars(words))
    choice = options.choice(words)
    if words.orphans and (words.suite or words.case or words.model):
        raise UsageError("--orphans lists what no case uses; leave out --suite, --case and --model")
    found = inventory(chosen, choice)
    if words.cassettes and all(one.use == "missing" for one in found):
        raise UsageError(f"{chosen.cassettes}: there is no cassette in it; record some, or name the folder")
    shown = [one for one in found if one.use in {*EXPENDABLE, "unreadable"}] if words.orphans else found
    _show(shown, screen(stderr=words.json == STANDARD_OUTPUT))
    write_report(words.json, lambda: json.dumps([asdict(one) for one in shown], indent=1) + "\n")
    return 2 if any(one.use == "unreadable" for one in found) else 0


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
            facts = ", ".join(fact for fact in _facts(one) if fact)
            told = f"{one.path}: {one.use}{f', {facts}' if facts else ''}"
            out.print(Text(safe_text.line(told), _STYLES[one.use]), soft_wrap=True)
        if one.problem:
            out.print(Text(safe_text.line(one.problem), "red"), soft_wrap=True)
    files = [one for one in shown if one.use != "missing"]
    uses = {use: sum(one.use == use for one in shown) for use in _STYLES}
    told = ", ".join(f"{number} {use}" for use, number in uses.items() if number)
    size = sum(one.size for one in files) / 1024
    out.print(f"{count(len(files), 'cassette')}, {size:,.0f} KB: {told or 'none'}")


def _facts(one: CassetteFile) -> tuple[str, str, str, str]:
    """What it holds, where it is from, its age and its size."""
    if one.use in {"missing", "unreadable"}:
        return "", "", "", ""
    holds = count(one.exchanges, "exchange")
    age = "unknown" if one.days is None else "today" if one.days == 0 else count(one.days, "day")
    return holds, one.kind, age, f"{max(1, one.size // 1024):,} KB"
