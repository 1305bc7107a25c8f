"""The recording half of `harness card`: asks what is not recorded yet, within the budget, and shows what it costs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence

    from rich.console import Console

    from harness.app.settings import Settings
    from harness.engine.events import CaseResult, Event, Job

_ENOUGH = 5
"""So many probes in a row that no answer came to, and the rest is not asked: the provider is down, or the key dry."""


def record(words: argparse.Namespace, chosen: Settings, screen: Console) -> int:
    """Ask; the exit code that this alone would end with: 0, 2 where something could not be recorded, 130."""
    from harness.app import assembly
    from harness.app import card_runs as making
    from harness.cli.record import origin
    from harness.core.errors import UsageError

    if words.repeats < 1:
        raise UsageError(f"--repeats is {words.repeats}; give 1 or more")
    executor, limits = options.executor(words, batch=1), options.limited(words)
    planned = making.plan(making.models(words.models, chosen), chosen, repeats=words.repeats, only=words.probe)
    jobs = [job for job in planned if words.again or not making.recorded(job)]
    assembly.refuse_ci(chosen)
    if not jobs:
        _say(screen, f"all {len(planned)} probes are recorded; --again asks once more")
        return 0
    _say(screen, _beforehand(jobs, len(planned)))
    with origin(words) as who:
        events = assembly.record(jobs, chosen, who, executor=executor, limits=limits, resume=not words.again)
        kept, stopped = _follow(events, jobs, screen)
    told = f"{kept} of {len(jobs)} probes recorded in {chosen.cassettes}"
    _say(screen, f"{stopped}: {told}, and they stay; the same command goes on with the rest" if stopped else told)
    if stopped == "interrupted":
        return 130
    return 0 if kept == len(jobs) else 2


def _beforehand(jobs: Sequence[Job], planned: int) -> str:
    from harness.app import card_runs as making

    questions, dollars, unpriced = making.estimate(jobs)
    told = f"{len(jobs)} of {planned} probes to ask, {questions} questions, at most "
    told += f"${dollars:.2f} by litellm's price list" if dollars else "$0: no model here has a price"
    return told + (f" (not counted, for it has no price: {', '.join(unpriced)})" if unpriced and dollars else "")


def _follow(events: Generator[Event, None, None], jobs: Sequence[Job], screen: Console) -> tuple[int, str]:
    """How many probes were kept, and why it stopped before the end; empty where it did not."""
    from harness.app import card_runs as making
    from harness.cli.following import bar
    from harness.engine.events import CaseFinished

    kept = row = 0
    spent = 0.0
    models = {job.model.called: job.model for job in jobs}
    with contextlib.closing(events), bar(screen, len(jobs), "asking") as step:
        try:
            for event in events:
                if not isinstance(event, CaseFinished):
                    continue
                result = step(event.result)
                spent += making.paid(result, models[result.model])
                kept += result.kept
                _tell(screen, result, spent)
                row = 0 if result.kept else row + 1
                if result.problem and result.problem.kind in {"BudgetSpentError", "StopAskingError"}:
                    return kept, result.problem.message
                if row == _ENOUGH:
                    return kept, f"stopped after {_ENOUGH} probes in a row without an answer"
        except KeyboardInterrupt:
            return kept, "interrupted"
    return kept, ""


def _tell(screen: Console, result: CaseResult, spent: float) -> None:
    """A line where something went wrong, or where nobody would see the bar move."""
    why = result.problem.message if result.problem else ""
    if not why and not result.kept:
        errors = [seen.error for seen in result.observations if seen.error is not None]
        why = f"no answer: {errors[-1]}" if errors else "not kept"
    if why or not screen.is_terminal:
        money = f", ${spent:.4f} so far" if spent else ""
        _say(screen, f"{result.name}: {why or f'recorded{money}'}")


def _say(screen: Console, told: str) -> None:
    from harness.report import safe_text

    screen.print(safe_text.line(told), markup=False, soft_wrap=True)
