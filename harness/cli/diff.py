"""Compare two cassettes, two folders of them, or two files of cards, by consequence. Nothing is asked of anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options
from harness.cli.card_diff import pairing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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


def run(words: argparse.Namespace) -> int:
    from pathlib import Path

    from harness.cli.following import STANDARD_OUTPUT, refuse_unwritable, screen, write_report
    from harness.core.errors import UsageError
    from harness.report import changes

    refuse_unwritable(words.json, words.markdown)
    before, after = Path(words.before), Path(words.after)
    for path in (before, after):
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder; give two cassettes, folders of them, or cards")
    cards = [_holds_cards(path) for path in (before, after)]
    if cards[0] != cards[1] and before.exists() and after.exists():
        raise UsageError(f"{before} and {after}: one holds cards and the other does not; give two of a kind")
    if not all(cards) and (words.names or words.by_position):
        raise UsageError("--as and --by-position pair cards; these are cassettes")
    found, compared, alone = _cards(words) if all(cards) else _cassettes(before, after)
    out = screen(stderr=STANDARD_OUTPUT in {words.json, words.markdown})
    changes.show(out, found, cosmetic=words.all)
    for one in alone:
        out.print(one, markup=False, soft_wrap=True)
    out.print(f"{compared} compared", markup=False, soft_wrap=True)
    write_report(words.json, lambda: changes.document(found, compared=compared, alone=alone))
    write_report(words.markdown, lambda: changes.markdown(found))
    return options.failed(words, _every(found))


def _every(found: Mapping[str, Sequence[Change]]) -> list[Change]:
    return [change for inside in found.values() for change in inside]


def _holds_cards(path: Path) -> bool:
    from harness.report.cards.document import FORMAT

    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"{FORMAT}"'.encode() in file.read(300)


def _cards(words: argparse.Namespace) -> tuple[Mapping[str, Sequence[Change]], int, list[str]]:
    from harness.cards.diff import diff
    from harness.cli.card_diff import pairs
    from harness.cli.card_reports import read

    before, after = read(words.before), read(words.after)
    chosen = pairs(words, before, after)
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
