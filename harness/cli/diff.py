"""Compare two cassettes, or two folders of them, by consequence. Nothing is asked of anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.change import Change

EXAMPLES = """examples:
  harness diff before.json after.json               two cassettes
  harness diff cassettes recorded-again             two folders: cassettes of the same path are compared
  harness diff a.json b.json --fail-on shape        also fail where only a field came or went
  harness diff a.json b.json --json - | jq .changes

contract: what a caller acts on (calls, finish reason, status, JSON or not); shape: fields, events, chunks;
cosmetic: wording, ids, times, counts. docs/drift.md has the whole table.

exit codes: 0 nothing so grave as --fail-on, 1 something, 2 wrong usage or a cassette that can't be read
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help="a cassette, or a folder of cassettes")
    parser.add_argument("after", metavar="B", help="what to compare it with")
    options.fail_on(parser)
    parser.add_argument("--all", action="store_true", help="show cosmetic changes too")
    parser.add_argument("--json", metavar="FILE", help="write every change as JSON (- for standard output)")


def run(words: argparse.Namespace) -> int:
    from pathlib import Path

    from harness.cassette import load
    from harness.cli.following import refuse_unwritable
    from harness.core.errors import UsageError
    from harness.drift import grading

    refuse_unwritable(words.json)
    pairs, alone = _pairs(Path(words.before), Path(words.after))
    if not pairs:
        raise UsageError(f"{words.before} and {words.after} have no cassette of the same path; nothing was compared")
    found = [(name, change) for name, a, b in pairs for change in grading.cassettes(load(a), load(b), name)]
    _tell(words, found, len(pairs), alone)
    return options.failed(words, (change for _, change in found))


def _pairs(before: Path, after: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """Cassettes to compare, by their path, and those that stand on one side alone."""
    from harness.cassette import recordings
    from harness.core.errors import UsageError

    if before.is_dir() != after.is_dir() and before.exists() and after.exists():
        raise UsageError(f"{before} and {after}: give two cassettes or two folders, not one of each")
    if not before.is_dir():
        return [(str(after), before, after)], []
    there, here = ({str(file.relative_to(folder)) for file in recordings(folder)} for folder in (before, after))
    alone = [f"{name}: only in {before if name in there else after}" for name in sorted(there ^ here)]
    return [(name, before / name, after / name) for name in sorted(there & here)], alone


def _tell(words: argparse.Namespace, found: Sequence[tuple[str, Change]], pairs: int, alone: Sequence[str]) -> None:
    from harness.cli.following import STANDARD_OUTPUT, screen, write_report
    from harness.report import changes, safe_text

    out = screen(stderr=words.json == STANDARD_OUTPUT)
    shown = [one for one in found if words.all or one[1].grade != "cosmetic"]
    last = ""
    for name, change in shown:
        if name != last:
            out.print(safe_text.line(name, 300), style="bold", markup=False, soft_wrap=True)
        last = name
        for line, style in changes.describe(change):
            out.print(line, style=style or None, markup=False, soft_wrap=True)
    for one in alone:
        out.print(safe_text.line(one), markup=False, soft_wrap=True)
    summed = changes.summed(change for _, change in found)
    cassettes = "cassette" if pairs == 1 else "cassettes"
    hint = " (--all shows the cosmetic ones)" if len(shown) < len(found) else ""
    out.print(f"{pairs} {cassettes} compared: {summed}{hint}", markup=False, soft_wrap=True)
    write_report(words.json, lambda: _document(found, pairs, alone))


def _document(found: Sequence[tuple[str, Change]], pairs: int, alone: Sequence[str]) -> str:
    import json

    from harness.report import changes

    listed = changes.as_json(change for _, change in found)
    counts = changes.counts(change for _, change in found)
    return json.dumps({"compared": pairs, "alone": alone, "counts": counts, "changes": listed}, indent=1) + "\n"
