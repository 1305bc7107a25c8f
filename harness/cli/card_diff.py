"""Compare two cards cell by cell. This is the gate when a model is added, a provider changes or litellm is bumped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

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
    options.fail_on(parser)
    parser.add_argument("--json", metavar="FILE", help="write the changes as JSON (- for standard output)")
    parser.add_argument("--markdown", metavar="FILE", help="write the changes as Markdown (- for standard output)")


def run(words: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from harness.cards.diff import diff
    from harness.cli import following
    from harness.cli.card_reports import read
    from harness.report.cards import diff as drawn

    following.refuse_unwritable(words.json, words.markdown)
    changes = diff(read(words.before), read(words.after))
    drawn.show(following.screen(stderr=following.STANDARD_OUTPUT in {words.json, words.markdown}), changes)
    listed = {model: [asdict(change) for change in inside] for model, inside in changes.items()}
    following.write_report(words.json, lambda: json.dumps(listed, indent=1) + "\n")
    following.write_report(words.markdown, lambda: drawn.markdown(changes))
    return options.failed(words, (change for of_model in changes.values() for change in of_model))
