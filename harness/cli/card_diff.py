"""Compare two cards cell by cell. This is the gate when a model is added, a provider changes or litellm is bumped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness card diff before.json after.json
  harness card diff before.json after.json --fail-on shape --markdown summary.md

A fault that is new breaks a contract; one that is gone, or a new oddity that the backend copes with, is a change of
shape; other words and numbers are cosmetic.

exit codes: 0 nothing that matters, 1 something of the grade of --fail-on or graver, 2 a file can't be used
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help="the earlier card, written with `harness card --json`")
    parser.add_argument("after", metavar="B", help="the later one")
    grades = ("cosmetic", "shape", "contract", "never")
    parser.add_argument("--fail-on", choices=grades, default="contract", help="the least grade that fails (contract)")
    parser.add_argument("--json", metavar="FILE", help="write the changes as JSON (- for standard output)")
    parser.add_argument("--markdown", metavar="FILE", help="write the changes as Markdown (- for standard output)")


def run(words: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from harness.change import GRADES
    from harness.cli.card_reports import STANDARD_OUTPUT, read
    from harness.cli.following import screen
    from harness.errors import UsageError
    from harness.report.cards import diff as drawn
    from harness.run.carddiff import counted, diff

    changes = diff(read(words.before), read(words.after))
    drawn.show(screen(stderr=STANDARD_OUTPUT in {words.json, words.markdown}), changes)
    listed = {model: [asdict(change) for change in inside] for model, inside in changes.items()}
    texts = {words.json: json.dumps(listed, indent=1) + "\n", words.markdown: drawn.markdown(changes)}
    for path, text in texts.items():
        if path == STANDARD_OUTPUT:
            sys.stdout.write(text)
        elif path:
            try:
                Path(path).write_text(text, encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{path}: can't be written: {error.strerror}") from error
    if words.fail_on == "never":
        return 0
    grave = GRADES[GRADES.index(words.fail_on) :]
    return int(any(number for grade, number in counted(changes).items() if grade in grave))
