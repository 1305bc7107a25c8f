"""Search files, folders, or what is staged for a commit, for secrets: the values of environment variables that are
named like keys, in every writing, and whatever looks like a key. No secret is ever printed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness cassettes audit                        the folders cassettes and suites
  harness cassettes audit cassettes docs .env.example
  harness cassettes audit --staged               what the next commit would add: for a pre-commit hook

exit codes: 0 nothing found, 2 something can't be searched, 3 a secret was found
"""
_FOUND = 3


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders")
    parser.add_argument("--staged", action="store_true", help="search what is staged in git, as it is staged")


def run(words: argparse.Namespace) -> int:
    from harness.app.cassette_files import usual_paths
    from harness.app.settings import settings
    from harness.cassette.secrets.leak_scan import Audit
    from harness.core.errors import UsageError
    from harness.core.finding import count
    from harness.report import safe_text

    if words.staged and words.paths:
        raise UsageError("give paths or --staged, not both")
    paths = [Path(path) for path in words.paths] or usual_paths(settings({}))
    audit = Audit()
    hits = 0
    for hit in audit.staged() if words.staged else audit.paths(paths):
        hits += 1
        sys.stderr.write(f"{safe_text.line(hit.file)}: {hit.place} holds {hit.what}\n")
    if not audit.files and not words.staged:
        raise UsageError("there is nothing to search; give files or folders")
    searched = f"{count(audit.files, 'file')}, {audit.size / 1e6:.1f} MB"
    sys.stdout.write(f"{searched}: {count(hits, 'secret') if hits else 'no secrets'} found\n")
    return _FOUND if hits else 0
