"""An evaluation, models side by side: as tables on a terminal, as Markdown, and as JSON with every case in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.checks.structure import KINDS
from harness.evaluation import EVERY, Trigger
from harness.report import safe_text
from harness.report.junit import Case
from harness.report.junit import document as write_junit
from harness.report.safe_text import markdown_cell, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from harness.core.card import Rate
    from harness.evaluation import Evaluation, Recorded, Score, Tally
    from harness.report.junit import Outcome

FORMAT, VERSION = "harness-evaluation", 1
_NOTHING = "–"
_LABEL, _CELL = 26, 25
"""Characters that a row's name and a model's column take on a terminal."""


@dataclass(frozen=True, slots=True)
class _Section:
    """One table: a cell for each model in every row."""

    title: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def show(console: Console, evaluation: Evaluation) -> None:
    """Write all tables, as many models beside each other as fit."""
    from rich import box  # noqa: PLC0415 - only where a terminal is written to
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    beside = max(1, (console.width - _LABEL) // _CELL)
    for first in range(0, len(evaluation.models), beside):
        models = evaluation.models[first : first + beside]
        for section in _sections(evaluation, models):
            table = Table(section.title, box=box.SIMPLE_HEAD, pad_edge=False)
            for model in models:
                table.add_column(Text(safe_text.line(model, 60)), overflow="fold")
            for label, cells in section.rows:
                style = "bold" if label == "all" else None
                table.add_row(Text(safe_text.line(label, 60)), *map(Text, cells), style=style)
            console.print(table)
    for model, recorded in evaluation.recorded.items():
        say(console, f"{model}: {_from(recorded)}", "dim")


def show_wrong(console: Console, evaluation: Evaluation) -> None:
    """Write every case that is not right, why, and where to look."""
    for score in evaluation.scores:
        if score.outcome == "right":
            continue
        say(console, f"{score.outcome}  {_name(score)}", "bold")
        for reason in _why(score):
            say(console, reason, indent=5)


def markdown(evaluation: Evaluation) -> str:
    """The same tables as Markdown."""
    lines: list[str] = []
    for section in _sections(evaluation, evaluation.models):
        lines += ["| " + " | ".join([section.title, *map(markdown_cell, evaluation.models)]) + " |"]
        lines += ["|---" * (1 + len(evaluation.models)) + "|"]
        lines += ["| " + " | ".join([markdown_cell(label), *cells]) + " |" for label, cells in section.rows]
        lines += [""]
    lines += [
        f"{markdown_cell(model)}: {markdown_cell(_from(recorded))}  " for model, recorded in evaluation.recorded.items()
    ]
    return "\n".join(lines) + "\n"


def document(evaluation: Evaluation, *, harness: str) -> str:
    """The whole evaluation as JSON: tallies, and every case with its mistakes and its evidence."""
    words = {
        "format": FORMAT,
        "version": VERSION,
        "harness": harness,
        "models": list(evaluation.models),
        "categories": list(evaluation.categories),
        "recorded": {model: asdict(one) for model, one in evaluation.recorded.items()},
        "tallies": [_tally(one) for one in evaluation.tallies],
        "scores": [_score(one) for one in evaluation.scores],
    }
    return json.dumps(words, indent=2) + "\n"


_OUTCOMES: dict[str, Outcome] = {"wrong": "failure", "infra": "error", "unseen": "error", "unsupported": "skipped"}


def junit(evaluation: Evaluation) -> str:
    """JUnit XML: a suite for each category, a case for each case and model; wrong is a failure."""
    suites: dict[str, list[Case]] = {name: [] for name in evaluation.categories}
    for one in evaluation.scores:
        suites[one.category].append(_case(one))
    return write_junit("harness eval", suites)


def _case(one: Score) -> Case:
    if one.outcome not in _OUTCOMES:
        return Case(one.category, _name(one))
    why = list(_why(one))
    text = "\n".join(map(safe_text.line, why))
    return Case(one.category, _name(one), _OUTCOMES[one.outcome], one.outcome, why[0] if why else one.outcome, text)


def _sections(evaluation: Evaluation, models: Sequence[str]) -> Iterator[_Section]:
    def cells(described: Callable[[Tally], str], category: str = EVERY) -> tuple[str, ...]:
        found = (evaluation.tally(category, model) for model in models)
        return tuple(described(one) if one else "" for one in found)

    right = [(name, cells(lambda one: _rate(one.right), name)) for name in evaluation.categories]
    yield _Section("right", (*right, ("all", cells(lambda one: _rate(one.right)))))
    measures: dict[str, Callable[[Tally], str]] = {
        "trigger F1": lambda one: _f1(one.trigger),
        "trigger precision": lambda one: _rate(one.trigger.precision),
        "trigger recall": lambda one: _rate(one.trigger.recall),
        "schema accuracy of calls": lambda one: _rate(one.schema),
        "right, names repaired": lambda one: _rate(one.skill),
        "right in any attempt": lambda one: _rate(one.any_attempt),
        "calls renamed by harness": lambda one: str(one.renamed),
        "names respelt by model": lambda one: str(one.respelt),
        "left out: infra": lambda one: str(one.infra),
        "left out: unsupported": lambda one: str(one.unsupported),
        "left out: not recorded": lambda one: str(one.unseen),
    }
    if all(len(one.attempts) <= 1 for one in evaluation.scores):
        del measures["right in any attempt"]
    yield _Section("measure", _filled((name, cells(described)) for name, described in measures.items()))
    kinds = _filled((kind, cells(lambda one, kind=kind: str(one.mistakes[kind]))) for kind in KINDS)  # type: ignore[misc]  # mypy sees no default in the lambda
    if kinds:
        yield _Section("cases with mistakes of", kinds)


def _filled(rows: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The rows that show something of a model: neither nothing nor 0 of each."""
    return tuple(row for row in rows if not set(row[1]) <= {"", "0", _NOTHING})


def _rate(one: Rate) -> str:
    if one.share is None:
        return _NOTHING
    return f"{one.held}/{one.n} {one.share:.0%} ({one.low:.0%}–{one.high:.0%})"


def _f1(one: Trigger) -> str:
    if one.f1 is None:
        return _NOTHING
    low, high = one.interval
    return f"{one.f1:.2f} ({low:.2f}–{high:.2f}), n {one.n}"


def _from(recorded: Recorded) -> str:
    days = sorted({recorded.first[:10], recorded.last[:10]})
    return f"{', '.join(recorded.kinds)} recordings of {' to '.join(days)}; {'; '.join(recorded.sources)}"


def _name(score: Score) -> str:
    return f"{score.category} / {score.case} / {score.model}"


def _why(score: Score) -> Iterator[str]:
    if score.note:
        yield score.note
    for one in score.mistakes:
        yield f"{one.kind} ({one.path}): {one.message}"
    if score.outcome == "wrong" and score.skilled:
        yield "right, were the names repaired"
    if score.evidence and score.evidence.exchanges:
        yield f"see: harness cassettes show {score.evidence.cassette} {score.evidence.exchanges[-1]}"


def _tally(one: Tally) -> dict[str, Any]:
    trigger = one.trigger
    low, high = trigger.interval
    f1 = {"f1": trigger.f1, "n": trigger.n, "low": low, "high": high, **asdict(trigger)}
    words = {**asdict(one), "trigger": f1, "category": one.category or None}
    rates = {name: getattr(one, name) for name in ("right", "skill", "any_attempt", "schema")}
    return {**words, **{name: {**asdict(rate), "share": rate.share} for name, rate in rates.items()}}


def _score(one: Score) -> dict[str, Any]:
    return {
        "category": one.category,
        "case": one.case,
        "model": one.model,
        "outcome": one.outcome,
        "skilled": one.skilled,
        "attempts": list(one.attempts),
        "note": one.note,
        "cassette": one.evidence.cassette if one.evidence else None,
        "exchanges": list(one.evidence.exchanges) if one.evidence else [],
        "turns": [asdict(turn) for turn in one.turns],
    }
