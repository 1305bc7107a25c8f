"""Options that several commands share, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from harness.change import Change
    from harness.run.choice import Choice


def suites(parser: argparse.ArgumentParser) -> None:
    """Which suites, and where their cassettes are."""
    parser.add_argument(
        "suites", nargs="*", metavar="PATH", help="suite files, or folders of them (default: the folder suites)"
    )
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes (default: cassettes)")


def selection(parser: argparse.ArgumentParser) -> None:
    """Which of their cases and models."""
    parser.add_argument(
        "--suite", action="append", default=[], metavar="NAME", help="only suites of this name; * and ? stand for any"
    )
    parser.add_argument(
        "-k", "--case", action="append", default=[], metavar="ID", help="only cases of this id; * and ? stand for any"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="only models called so; * and ? stand for any. provider/model may name one that no suite has",
    )


def choice(words: argparse.Namespace, *, missing: bool = False) -> Choice:
    """What ``selection`` was given."""
    from harness.run.choice import Choice

    return Choice(tuple(words.suite), tuple(words.case), tuple(words.model), missing)


def reports(parser: argparse.ArgumentParser) -> None:
    """Where else the outcome goes."""
    parser.add_argument("--json", metavar="FILE", help="write the whole report as JSON (- for standard output)")
    parser.add_argument("--jsonl", metavar="FILE", help="write each event as a line of JSON, as it happens")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")


def fail_on(parser: argparse.ArgumentParser) -> None:
    """From which grade on a change fails."""
    grades = ("contract", "shape", "cosmetic", "never")
    parser.add_argument(
        "--fail-on", choices=grades, default="contract", help="the lightest change that fails (default: contract)"
    )


def failed(words: argparse.Namespace, changes: Iterable[Change]) -> int:
    """1 where one of ``changes`` is as grave as ``--fail-on``, else 0."""
    from harness.change import GRADES

    if words.fail_on == "never":
        return 0
    least = GRADES.index(words.fail_on)
    return int(any(GRADES.index(change.grade) >= least for change in changes))
