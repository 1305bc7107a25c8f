"""Remove cassettes that no case uses, and what broken-off recordings left; asks first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.cli import options
from harness.core.finding import count

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness cassettes prune            lists what would go, and asks
  harness cassettes prune --yes      does not ask
  harness cassettes prune --dry-run  only lists

Only what lies where a suite puts it, SUITE/CASE/MODEL.json, and was not imported is removed. Recordings of programs,
tests and imports stay, and files that can't be read: they may be what is left of something.

exit codes: 0 done, or there was nothing to do; 2 wrong usage, or no terminal to answer at
"""


def configure(parser: argparse.ArgumentParser) -> None:
    options.suites(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only list what would go")


def run(words: argparse.Namespace) -> int:
    from pathlib import Path

    from harness.app.cassette_files import EXPENDABLE, remove
    from harness.app.inventory import inventory
    from harness.app.settings import settings
    from harness.core.errors import UsageError
    from harness.report import safe_text

    chosen = settings(vars(words))
    if chosen.store:
        raise UsageError(f"{chosen.store}: prune removes from folders; use the store's own tools, or its expiry rules")
    going = [one for one in inventory(chosen) if one.use in EXPENDABLE]
    if not going:
        sys.stdout.write(f"{chosen.cassettes}: nothing to remove\n")
        return 0
    for one in going:
        holds = count(one.exchanges, "exchange")
        sys.stdout.write(safe_text.line(f"{one.path}: {one.use}, {holds}, {one.kind}") + "\n")
    if words.dry_run:
        return 0
    if not words.yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody is there to answer; nothing was removed (--yes removes without asking)")
        sys.stdout.write(f"remove {'these' if len(going) > 1 else 'this'} {len(going)}? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            sys.stdout.write("nothing was removed\n")
            return 0
    for one in going:
        remove(Path(one.path), chosen.cassettes)
    sys.stdout.write(f"{len(going)} removed\n")
    return 0
