"""List the cassettes of a folder: what is in each, where it is from, how old and how large, and who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from harness.app import inventory

EXAMPLES = """examples:
  harness cassettes                          every cassette in the folder cassettes, and the suites' use of it
  harness cassettes --orphans                only those that no case of the suites uses
  harness cassettes --json cassettes.json

Orphans, what was left of broken-off recordings, and files that can't be read are marked. `harness prune` removes
the first two. Recorded exchanges that a case does not ask for are told by `harness run`.

exit codes: 0 fine, 2 there is a cassette that can't be read, or no cassette at all
"""


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    parser.add_argument("--orphans", action="store_true", help="only those that no case uses")
    parser.add_argument("--json", metavar="FILE", help="write the list as JSON (- for standard output)")


def run(words: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from harness.app import inventory
    from harness.app.settings import settings
    from harness.cli.following import STANDARD_OUTPUT, refuse_unwritable, screen, write_report
    from harness.core.errors import UsageError

    refuse_unwritable(words.json)
    chosen = settings(vars(words))
    found = inventory.inventory(chosen)
    if not found:
        raise UsageError(f"{chosen.cassettes}: there is no cassette in it; record some, or name the folder")
    shown = [one for one in found if one.use != "used"] if words.orphans else found
    _table(shown, screen(stderr=words.json == STANDARD_OUTPUT))
    write_report(words.json, lambda: json.dumps([asdict(one) for one in shown], indent=1) + "\n")
    return 2 if any(one.use == "unreadable" for one in found) else 0


def _table(shown: list[inventory.CassetteFile], out: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness.report import safe_text

    table = Table("cassette", "holds", "from", "age", "size", "", box=box.SIMPLE_HEAD, pad_edge=False)
    styles = {"used": "green", "orphan": "yellow", "left over": "yellow", "unreadable": "bold red"}
    for one in shown:
        age = "" if one.days is None else "today" if one.days == 0 else f"{one.days} d"
        cells = (one.path, f"{one.exchanges}", one.kind, age, f"{max(1, one.size // 1024):,} KB")
        table.add_row(*(Text(safe_text.line(cell, 120)) for cell in cells), Text(one.use, styles[one.use]))
    out.print(table)
    total = sum(one.size for one in shown)
    uses = {use: sum(one.use == use for one in shown) for use in styles}
    told = ", ".join(f"{number} {use}" for use, number in uses.items() if number)
    out.print(f"{len(shown)} cassettes, {total / 1024:,.0f} KB: {told or 'none'}")
    for one in shown:
        if one.problem:
            out.print(Text(safe_text.line(one.problem), "red"), soft_wrap=True)
