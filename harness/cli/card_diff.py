"""Compare two cards cell by cell. This is the gate when a model is added, a provider changes or litellm is bumped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from harness.core.card import Card

EXAMPLES = """examples:
  harness card diff before.json after.json
  harness card diff before.json after.json --fail-on shape --markdown summary.md
  harness card diff a.json b.json --as openai/gpt-4o=azure/gpt-4o    another name on the other side
  harness card diff a.json b.json --by-position                      the first card with the first, and so on

A fault that is new breaks a contract; one that is gone, or a new oddity that the backend copes with, is a change of
shape; other words and numbers are cosmetic.

Cards are compared by name; what is left by the model through another provider; the last ones left with each other.

exit codes: 0 nothing that matters, 1 something of the grade of --fail-on or graver, 2 a file can't be used, or nothing
was compared
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help="the earlier card, written with `harness card --json`")
    parser.add_argument("after", metavar="B", help="the later one")
    pairing(parser)
    options.fail_on(parser)
    parser.add_argument("--json", metavar="FILE", help="write the changes as JSON (- for standard output)")
    parser.add_argument("--markdown", metavar="FILE", help="write the changes as Markdown (- for standard output)")


def pairing(parser: argparse.ArgumentParser) -> None:
    """The options that say which card is compared with which."""
    told = "compare the first file's card NAME with the second's (several times)"
    parser.add_argument("--as", dest="names", action="append", default=[], metavar="NAME=NAME", help=told)
    parser.add_argument("--by-position", action="store_true", help="compare the first card with the first, and so on")


def pairs(words: argparse.Namespace, before: Sequence[Card], after: Sequence[Card]) -> tuple[tuple[Card, Card], ...]:
    """The cards to compare. Raises ``UsageError`` where there are none."""
    from harness.cards.diff import paired
    from harness.core.errors import UsageError

    names = {}
    for one in words.names:
        name, found, other = one.partition("=")
        if not (name and found and other):
            raise UsageError(f"--as {one}: write NAME=NAME, the first file's card before the sign")
        names[name] = other
    if names and words.by_position:
        raise UsageError("--as and --by-position both say what is compared; give one of them")
    chosen = paired(before, after, names, by_position=words.by_position)
    if not chosen:
        sides = (", ".join(card.model for card in side) or "none" for side in (before, after))
        raise UsageError(
            f"nothing was compared: the cards are of {' and of '.join(sides)}; pair them with --as NAME=NAME"
        )
    return chosen


def run(words: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from harness.cards.diff import diff
    from harness.cli import following
    from harness.cli.card_reports import read
    from harness.report.cards import diff as drawn

    following.refuse_unwritable(words.json, words.markdown)
    before, after = read(words.before), read(words.after)
    changes = diff(before, after, pairs(words, before, after))
    drawn.show(following.screen(stderr=following.STANDARD_OUTPUT in {words.json, words.markdown}), changes)
    listed = {model: [asdict(change) for change in inside] for model, inside in changes.items()}
    following.write_report(words.json, lambda: json.dumps(listed, indent=1) + "\n")
    following.write_report(words.markdown, lambda: drawn.markdown(changes))
    return options.failed(words, (change for of_model in changes.values() for change in of_model))
