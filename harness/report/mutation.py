"""What mutation found: a score for each suite and each mutator, and the survivors with what would notice them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from harness.mutation.mutant import PARTS, counted, score
from harness.report import safe_text
from harness.report.safe_text import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Table

    from harness.core.card import Rate
    from harness.core.chat import Json
    from harness.mutation.mutant import Outcome
    from harness.mutation.mutate import Unmutated

FORMAT = 1
_STATUSES = ("noticed", "survived", "equivalent", "skipped")
_LISTED = {
    "survived": "{} survived; what would notice each:",
    "skipped": "{} skipped, because their exchange can't be written again as it is:",
    "equivalent": "{} equivalent, left out of the score: nothing in them can be noticed",
}


def show(console: Console, outcomes: Sequence[Outcome], unmutated: Sequence[Unmutated]) -> None:
    """Write it all: tables, survivors, what was left out, and what could not be mutated."""
    if outcomes:
        console.print(_by_suite(outcomes))
        console.print(_by_mutator(outcomes))
    for status in ("equivalent", "skipped", "survived"):
        _list(console, [one for one in outcomes if one.status == status], _LISTED[status])
    for one in unmutated:
        where = f"{one.subject.suite} / {one.subject.case} / {one.subject.model}"
        say(console, f"not mutated: {where}: {one.problem.message}", "bold red")
    for part in PARTS:
        found = score(outcomes, part)
        if found.n:
            say(console, f"{part}s: {found.held} of {found.n} mutants noticed, {_described(found)}", "bold")


def _described(found: Rate) -> str:
    """A share with its interval; two figures of which one would round up to a whole that is none."""
    if found.share is None:
        return "none"
    return f"{_figure(found.share)} ({_figure(found.low)} to {_figure(found.high)})"


def _figure(share: float) -> str:
    return f"{int(share * 1000) / 1000:.3f}"


def _by_suite(outcomes: Sequence[Outcome]) -> Table:
    table = _table("suite", "requests", "", "responses", "", "equivalent", "skipped")
    suites = list(dict.fromkeys(one.suite for one in outcomes))
    for suite in suites:
        _row(table, suite, [one for one in outcomes if one.suite == suite])
    if len(suites) > 1:
        table.add_section()
        _row(table, "all", outcomes)
    return table


def _row(table: Table, name: str, outcomes: Sequence[Outcome]) -> None:
    statuses = Counter(one.status for one in outcomes)
    cells = []
    for part in PARTS:
        found = score(outcomes, part)
        cells += [f"{found.held} / {found.n}" if found.n else "", _described(found) if found.n else ""]
    table.add_row(safe_text.line(name, 60), *cells, *(str(statuses[one] or "") for one in ("equivalent", "skipped")))


def _by_mutator(outcomes: Sequence[Outcome]) -> Table:
    table = _table("mutator", "", *_STATUSES)
    for (part, mutator), statuses in sorted(counted(outcomes).items(), key=lambda one: PARTS.index(one[0][0])):
        table.add_row(part, mutator, *(str(statuses[status] or "") for status in _STATUSES))  # type: ignore[index]  # statuses they are
    return table


def _table(*headings: str) -> Table:
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", justify="right" if number > 1 else "left")
    return table


def _list(console: Console, outcomes: Sequence[Outcome], title: str) -> None:
    if not outcomes:
        return
    say(console, title.format(len(outcomes)))
    for one in outcomes:
        where = f"{one.suite} / {one.case} / {one.model}, exchange {one.number}"
        why = f" → {one.why}" if one.status == "survived" else ""
        say(console, f"  {where}: {one.mutator}, {one.location}{why}")


def document(outcomes: Sequence[Outcome], unmutated: Iterable[Unmutated], *, harness: str) -> str:
    """All of it as JSON: scores of suites and mutators, and every mutant that was not noticed."""
    suites = dict.fromkeys(one.suite for one in outcomes)
    value = {
        "format": FORMAT,
        "harness": harness,
        "scores": _scores(outcomes),
        "suites": {suite: _scores([one for one in outcomes if one.suite == suite]) for suite in suites},
        "mutators": [
            {"part": part, "mutator": mutator, **{status: statuses[status] for status in sorted(statuses)}}
            for (part, mutator), statuses in counted(outcomes).items()
        ],
        **{status: [_outcome(one) for one in outcomes if one.status == status] for status in _STATUSES[1:]},
        "not mutated": [{"cassette": str(one.subject.path), "why": one.problem.message} for one in unmutated],
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _scores(outcomes: Sequence[Outcome]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for part in PARTS:
        found = score(outcomes, part)
        if found.n:
            interval = [round(found.low, 4), round(found.high, 4)]
            made[part] = {"noticed": found.held, "mutants": found.n, "score": found.share, "interval": interval}
    return made


def _outcome(one: Outcome) -> dict[str, Json]:
    return {
        "suite": one.suite,
        "case": one.case,
        "model": one.model,
        "cassette": one.cassette,
        "exchange": one.number,
        "part": one.part,
        "mutator": one.mutator,
        "place": one.location,
        "why": one.why,
    }
