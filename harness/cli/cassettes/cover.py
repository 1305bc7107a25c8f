"""Show which cells of behaviour cards have a real recording, provider by provider, how old the newest is, and which
of the card's own questions would fill the others, at what price.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.report.safe_text import say

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from harness.app.coverage import Coverage, CoveredCell, Plan

EXAMPLES = """examples:
  harness cassettes cover                                        the folder cassettes
  harness cassettes cover cassettes/imported --max-dollars 0.50  what to ask for at most half a dollar
  harness cassettes cover --provider openai --model openai/gpt-4o-mini
  harness cassettes cover --cells --json cover.json              each cell, and the document

A cell is one check of `harness card`, whole or streamed, at one provider. The questions are chosen greedily: each
next one fills the most cells that are still empty. The set is small, but a smaller one may exist. The price is an
upper bound by litellm's price list. Nothing is asked.

exit codes: 0 fine, 2 there is no recording that can be read
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="cassettes or folders of them (default: cassettes)")
    parser.add_argument("--provider", action="append", default=[], metavar="NAME", help="only this provider")
    parser.add_argument(
        "--model", action="append", default=[], metavar="MODEL", help="the model to ask at its provider"
    )
    parser.add_argument("-n", "--repeats", type=int, default=1, metavar="K", help="price each question K times (1)")
    parser.add_argument("--max-dollars", type=float, metavar="X", help="choose questions for at most X dollars")
    parser.add_argument("--cells", action="store_true", help="list each cell too")
    parser.add_argument("--json", metavar="FILE", help="write cells and questions as JSON (- for standard output)")


def run(args: argparse.Namespace) -> int:
    import json

    from harness.app import coverage as covering
    from harness.app.card_runs import cassettes
    from harness.app.settings import settings
    from harness.cli.output import bar, open_console, write_report
    from harness.core.errors import UsageError

    if args.repeats < 1:
        raise UsageError(f"--repeats is {args.repeats}; give 1 or more")
    if args.max_dollars is not None and not 0 <= args.max_dollars < float("inf"):
        raise UsageError(f"--max-dollars is {args.max_dollars:g}; give 0 or more")
    out = open_console(args.json)
    chosen = settings({})
    paths = list(map(Path, args.paths)) or [chosen.cassettes]
    with bar(out, len(cassettes(paths)), "recordings") as step:
        found = covering.covered(paths, chosen, step)
    for problem in found.problems:
        options.warn(problem)
    if unknown := [name for name in args.provider if name not in found.providers]:
        raise UsageError(f"nothing is recorded of {', '.join(unknown)}; there are {', '.join(found.providers)}")
    if args.provider:
        found.cells = {key: cell for key, cell in found.cells.items() if cell.provider in args.provider}
    models = covering.askable(found, chosen, args.model)
    empty = {cell.provider for cell in found.cells.values() if not cell.recorded}
    limits = {"repeats": args.repeats, "max_dollars": args.max_dollars}
    with bar(out, len(empty), "what questions would show") as step:
        plan = covering.plan(found, models, chosen, **limits, done=step)
    _show(found, out, cells=args.cells)
    _show_plan(found, plan, out)
    write_report(args.json, lambda: json.dumps(_document(found, plan, args.max_dollars), indent=1) + "\n")
    return 0


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in sorted(numbers.items()))


def _show(found: Coverage, out: Console, *, cells: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness.report import safe_text

    headings = ("provider", "whole", "stream", "real, from", "newest", "not counted")
    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for provider in found.providers:
        here = found.of(provider)
        modes = ([one for one in here if one.mode == mode] for mode in ("whole", "stream"))
        shares = [_share(sum(bool(one.recorded) for one in some), len(some)) for some in modes]
        real, uncounted = _sums(found, provider)
        newest = _age(max(one.newest for one in here)) if real else ""
        row = (provider, *shares, _counted(real), newest, _counted(uncounted))
        table.add_row(*(Text(safe_text.line(cell, 80)) for cell in row))
    out.print(table)
    filled = sum(bool(one.recorded) for one in found.cells.values())
    summary = (
        f"{filled} of {len(found.cells)} cells have a real recording (the counts are judged answers, cell by cell)"
    )
    say(out, summary)
    if not cells:
        return
    each = Table("provider", "check", "stream", "real", "newest", "not counted", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in sorted(found.cells.values(), key=lambda one: one.provider):
        stream = "yes" if one.mode == "stream" else "no"
        row = (
            one.provider,
            one.check,
            stream,
            _counted(one.recorded) or "empty",
            _newest(one),
            _counted(one.uncounted),
        )
        each.add_row(*(Text(safe_text.line(cell, 80)) for cell in row))
    out.print(each)


def _share(filled: int, number: int) -> str:
    """``█████░░░░░ 22 of 44``."""
    full = 10 * filled // number if number else 0
    return f"{'█' * full}{'░' * (10 - full)} {filled} of {number}"


def _newest(one: CoveredCell) -> str:
    return _age(one.newest) if one.recorded else ""


def _age(day: str) -> str:
    """``2026-02-01 (9 days)``."""
    import datetime as dt

    try:
        days = (dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(day)).days
    except ValueError:
        return "unknown"
    return f"{day} ({days} day{'' if days == 1 else 's'})"


def _sums(found: Coverage, provider: str) -> tuple[dict[str, int], dict[str, int]]:
    from collections import Counter

    real: Counter[str] = Counter()
    uncounted: Counter[str] = Counter()
    for one in found.of(provider):
        real += one.recorded
        uncounted += one.uncounted
    return real, uncounted


def _show_plan(found: Coverage, plan: Plan, out: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness.report import safe_text

    if plan.questions:
        table = Table("ask", "question", "fills", "dollars", box=box.SIMPLE_HEAD, pad_edge=False)
        for one in plan.questions:
            fills = ", ".join(f"{check} {mode}" for check, mode in one.fills)
            dollars = "unknown" if one.dollars is None else f"{one.dollars:.4f}"
            row = (one.model, f"{one.suite} / {one.case}", f"{len(one.fills)}: {fills}", dollars)
            table.add_row(*(Text(safe_text.line(cell, 200)) for cell in row))
        out.print(table)
    filled = sum(len(one.fills) for one in plan.questions)
    empty = sum(not one.recorded for one in found.cells.values())
    line = f"{len(plan.questions)} questions (greedily chosen) would fill {filled} of {empty} empty cells"
    say(out, f"{line}, for at most {plan.dollars:.4f} dollars by the price list")
    if plan.unpriced:
        line = f"no price is known of {', '.join(plan.unpriced)}: their questions are not in the sum"
        say(out, line, "yellow")
    for provider, reasons in plan.unfilled.items():
        line = ", ".join(f"{number} ({reason})" for reason, number in reasons.items())
        say(out, f"{provider}: stay empty: {line}", "dim")


def _document(found: Coverage, plan: Plan, max_dollars: float | None) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "cells": [
            {
                "provider": one.provider,
                "check": one.check,
                "mode": one.mode,
                "recorded": dict(one.recorded),
                "uncounted": dict(one.uncounted),
                "newest": one.newest,
            }
            for one in found.cells.values()
        ],
        "questions": [asdict(one) for one in plan.questions],
        "chosen": "greedily",
        "dollars": plan.dollars,
        "max_dollars": max_dollars,
        "unpriced": plan.unpriced,
        "unfilled": {provider: dict(reasons) for provider, reasons in plan.unfilled.items()},
        "problems": found.problems,
    }
