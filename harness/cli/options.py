"""Options that several commands share, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

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


def tell_left(out: Console, left: int) -> None:
    """One dim line about the evaluations that a command passes over."""
    if left:
        what = "1 evaluation is" if left == 1 else f"{left} evaluations are"
        out.print(f"{what} left to `harness eval`; name one to take it up here", style="dim", markup=False)


def reports(parser: argparse.ArgumentParser) -> None:
    """Where else the outcome goes."""
    parser.add_argument("--json", metavar="FILE", help="write the whole report as JSON (- for standard output)")
    parser.add_argument("--jsonl", metavar="FILE", help="write each event as a line of JSON, as it happens")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")
