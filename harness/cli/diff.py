"""Compare two cassettes, two folders of them, or two files of cards, by consequence. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.core.card import Card
    from harness.core.change import Change

EXAMPLES = """examples:
  harness diff before.json after.json               two cassettes
  harness diff cassettes recorded-again             two folders: cassettes of the same path are compared
  harness diff card.json newer-card.json            two files that `harness card --json` wrote, cell by cell
  harness diff a.json b.json --as openai/gpt-4o=azure/gpt-4o    a card and one of another name
  harness diff a.json b.json --fail-on shape        also fail where only a field came or went
  harness diff a.json b.json --json - | jq .changes

contract: what a caller acts on (calls, finish reason, status, JSON or not; a check that now fails); shape: fields,
events, chunks; a fault that is gone; cosmetic: wording, ids, times, counts. docs/drift.md has the whole table.

Cards are compared by name; what is left by the model through another provider; the last ones left with each other.

exit codes: 0 nothing so grave as --fail-on, 1 something, 2 wrong usage, or a file that can't be read
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help="a cassette, a folder of cassettes, or cards")
    parser.add_argument("after", metavar="B", help="what to compare it with")
    pairing(parser)
    options.fail_on(parser)
    parser.add_argument("--all", action="store_true", help="show cosmetic changes too")
    parser.add_argument("--json", metavar="FILE", help="write every change as JSON (- for standard output)")
    parser.add_argument("--markdown", metavar="FILE", help="write the changes as Markdown (- for standard output)")


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from harness.cli.output import open_console, write_report
    from harness.core.errors import UsageError
    from harness.report import changes

    out = open_console(args.json, args.markdown)
    before, after = Path(args.before), Path(args.after)
    for path in (before, after):
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder; give two cassettes, folders of them, or cards")
    cards = [_holds_cards(path) for path in (before, after)]
    if cards[0] != cards[1] and before.exists() and after.exists():
        raise UsageError(f"{before} and {after}: one holds cards and the other does not; give two of a kind")
    if not all(cards) and (args.names or args.by_position):
        raise UsageError("--as and --by-position pair cards; these are cassettes")
    found, compared, alone = _cards(args) if all(cards) else _cassettes(before, after)
    changes.show(out, found, cosmetic=args.all)
    for one in alone:
        say(out, one)
    say(out, f"{compared} compared")
    write_report(args.json, lambda: changes.document(found, compared=compared, alone=alone))
    write_report(args.markdown, lambda: changes.markdown(found))
    return options.failed(args, _every(found))


def _every(found: Mapping[str, Sequence[Change]]) -> list[Change]:
    return [change for inside in found.values() for change in inside]


def _holds_cards(path: Path) -> bool:
    from harness.report.cards.document import FORMAT

    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"{FORMAT}"'.encode() in file.read(300)


def _cards(args: argparse.Namespace) -> tuple[Mapping[str, Sequence[Change]], int, list[str]]:
    from harness.cards.diff import diff
    from harness.report.cards.document import load

    before, after = load(args.before), load(args.after)
    chosen = pairs(args, before, after)
    return diff(before, after, chosen), len(chosen), []


def _cassettes(before: Path, after: Path) -> tuple[Mapping[str, Sequence[Change]], int, list[str]]:
    from harness.cassette import load
    from harness.core.errors import UsageError
    from harness.drift import grading

    pairs, alone = _pairs(before, after)
    if not pairs:
        raise UsageError(f"{before} and {after} have no cassette of the same path; nothing was compared")
    compared = {name: grading.cassettes(load(old), load(new), str(new)) for name, old, new in pairs}
    return {name: tuple(found) for name, found in compared.items() if found}, len(pairs), alone


def _pairs(before: Path, after: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """Cassettes to compare, by their path, and those that stand on one side alone."""
    from harness.cassette import recordings
    from harness.core.errors import UsageError
    from harness.report import safe_text

    if before.is_dir() != after.is_dir() and before.exists() and after.exists():
        raise UsageError(f"{before} and {after}: give two cassettes or two folders, not one of each")
    if not before.is_dir():
        return [(str(after), before, after)], []
    there, here = ({str(file.relative_to(folder)) for file in recordings(folder)} for folder in (before, after))
    sided = ((name, before if name in there else after) for name in sorted(there ^ here))
    alone = [safe_text.line(f"{name}: only in {folder}") for name, folder in sided]
    return [(name, before / name, after / name) for name in sorted(there & here)], alone


def pairing(parser: argparse.ArgumentParser) -> None:
    """The options that say which card is compared with which."""
    pairs_help = "compare the first file's card NAME with the second's (several times)"
    parser.add_argument("--as", dest="names", action="append", default=[], metavar="NAME=NAME", help=pairs_help)
    parser.add_argument("--by-position", action="store_true", help="compare the first card with the first, and so on")


def pairs(args: argparse.Namespace, before: Sequence[Card], after: Sequence[Card]) -> tuple[tuple[Card, Card], ...]:
    """The cards to compare. Raises ``UsageError`` where there are none."""
    from harness.cards.diff import paired
    from harness.core.errors import UsageError

    names = {}
    for one in args.names:
        name, found, other = one.partition("=")
        if not (name and found and other):
            raise UsageError(f"--as {one}: write NAME=NAME, the first file's card before the sign")
        names[name] = other
    if len(names) < len(args.names) or len(set(names.values())) < len(names):
        raise UsageError(f"--as {' --as '.join(args.names)}: a card is compared once; name each once on its side")
    if names and args.by_position:
        raise UsageError("--as and --by-position both say what is compared; give one of them")
    chosen = paired(before, after, names, by_position=args.by_position)
    if not chosen:
        sides = (", ".join(card.model for card in side) or "none" for side in (before, after))
        raise UsageError(
            f"nothing was compared: the cards are of {' and of '.join(sides)}; pair them with --as NAME=NAME"
        )
    checks = [{(cell.check, cell.mode) for cell in one.cells} for pair in chosen for one in pair]
    if not any(before & after for before, after in zip(checks[::2], checks[1::2], strict=True)):
        raise UsageError("nothing was compared: the two files' cards have no check in common")
    return chosen
