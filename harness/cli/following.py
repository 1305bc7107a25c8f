"""Follow a run as it goes: progress on the terminal, events into a file, the whole report in the end."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import harness
from harness.errors import UsageError
from harness.report import document, harmless, junit, terminal
from harness.run.events import CaseFinished, CaseStarted, RunStarted
from harness.run.scorecard import Scorecard

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from harness.run.events import CaseResult, Event

STANDARD_OUTPUT = "-"


_WIDE = 160


def screen(*, stderr: bool = False) -> Console:
    """A terminal as wide as it is; wide enough for a table where the output goes elsewhere."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDE)


def console(words: argparse.Namespace) -> Console:
    """Standard output, or standard error where a report takes standard output."""
    return screen(stderr=STANDARD_OUTPUT in {words.json, words.jsonl, words.junit})


def follow(
    events: Iterable[Event],
    words: argparse.Namespace,
    out: Console,
    *,
    orphans: tuple[str, ...] = (),
    recording: bool = False,
) -> tuple[Scorecard, bool]:
    """The scorecard, and whether Ctrl-C ended the run. The reports are written in either case."""
    _refuse_unwritable(words)
    results: list[CaseResult] = []
    stopped = False
    with _lines_into(words.jsonl) as write, _progress(out) as progress:
        try:
            for event in events:
                write(document.line(event))
                _advance(progress, event)
                if isinstance(event, CaseFinished):
                    results.append(event.result)
                    if recording:
                        out.print(terminal.one_line(event.result), markup=False, soft_wrap=True)
        except KeyboardInterrupt:
            stopped = True
    scorecard = Scorecard(tuple(results), () if stopped else orphans)
    terminal.show(out, scorecard, recording=recording)
    write_report(words.json, lambda: document.whole(scorecard, harness=harness.__version__))
    write_report(words.junit, lambda: junit.xml(scorecard))
    return scorecard, stopped


def _progress(out: Console) -> Progress:
    """A bar that vanishes when it is done; none where nobody would see it move."""
    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


def _advance(progress: Progress, event: Event) -> None:
    match event:
        case RunStarted():
            progress.add_task("", total=event.total)
        case CaseStarted() if progress.task_ids:
            progress.update(progress.task_ids[0], description=harmless.line(event.job.name, 70))
        case CaseFinished() if progress.task_ids:
            progress.advance(progress.task_ids[0])


def _refuse_unwritable(words: argparse.Namespace) -> None:
    """Find out before the work that a report could not be written after it."""
    for path in (words.json, words.jsonl, words.junit):
        if path and path != STANDARD_OUTPUT and not Path(path).resolve().parent.is_dir():
            raise UsageError(f"{path}: the folder for this report does not exist")
    if [words.json, words.jsonl, words.junit].count(STANDARD_OUTPUT) > 1:
        raise UsageError("two reports can't both go to standard output")


@contextlib.contextmanager
def _lines_into(path: str | None) -> Iterator[Callable[[str], object]]:
    if not path:
        yield len  # nowhere
    elif path == STANDARD_OUTPUT:
        yield lambda line: (sys.stdout.write(line), sys.stdout.flush())
    else:
        try:
            file = Path(path).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed below
        except OSError as error:
            raise UsageError(f"{path}: the report can't be written: {error.strerror}") from error
        with file:
            yield file.write


def write_report(path: str | None, text: Callable[[], str]) -> None:
    if not path:
        return
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text())
        return
    try:
        Path(path).write_text(text(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: the report can't be written: {error.strerror}") from error
