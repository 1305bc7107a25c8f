"""Follow a run as it goes: progress on the terminal, events into a file, the whole report in the end."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import harness
from harness.backend import library
from harness.core.errors import UsageError
from harness.engine.events import CaseFinished, CaseStarted, RunStarted, Scorecard
from harness.report import runs, safe_text, telemetry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from harness.engine.events import CaseResult, Event

STANDARD_OUTPUT = "-"


_WIDE = 160
_Step = TypeVar("_Step")


def open_console(*reports: str | None, otlp: bool = False) -> Console:
    """Standard output, or standard error where one of the ``reports`` takes standard output. Where the output goes
    elsewhere than to a terminal, it is wide enough for a table.

    Raises ``UsageError`` before the work where a report could not be written, or sent, after it.
    """
    for path in reports:
        if not path or path == STANDARD_OUTPUT:
            continue
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise UsageError(f"{path}: can't be written: its symbolic links lead in a circle")
        if not target.parent.is_dir():
            raise UsageError(f"{path}: the folder for this report does not exist")
    if reports.count(STANDARD_OUTPUT) > 1:
        raise UsageError("two reports can't both go to standard output")
    if otlp:
        telemetry.refuse_unsendable()
    stderr = STANDARD_OUTPUT in reports
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDE)


def warn_unproven() -> None:
    """One line on standard error where the installed litellm is newer than any that was proven."""
    if warning := library.unproven(library.installed()):
        sys.stderr.write(f"harness: {warning}\n")


def follow(
    events: Iterable[Event],
    args: argparse.Namespace,
    out: Console,
    *,
    orphans: tuple[str, ...] = (),
    recording: bool = False,
) -> tuple[Scorecard, bool]:
    """The scorecard, and whether Ctrl-C ended the run. The reports are written in either case."""
    results: list[CaseResult] = []
    stopped = False
    with _lines_into(args.jsonl) as write, progress(out) as moving:
        try:
            for event in events:
                write(runs.event_line(event))
                advance(moving, event)
                if isinstance(event, CaseFinished):
                    results.append(event.result)
                    if recording:
                        out.print(runs.summary_line(event.result), markup=False, soft_wrap=True)
        except KeyboardInterrupt:
            stopped = True
    scorecard = Scorecard(tuple(results), () if stopped else orphans)
    runs.show(out, scorecard, recording=recording)
    write_report(args.json, lambda: runs.as_json(scorecard, harness=harness.__version__))
    write_report(args.junit, lambda: runs.junit_xml(scorecard))
    send_events(results, out, requested=args.otlp)
    return scorecard, stopped


def progress(out: Console) -> Progress:
    """A bar that vanishes when it is done; none where the output is no terminal."""
    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


@contextlib.contextmanager
def bar(out: Console, total: int, what: str) -> Iterator[Callable[[_Step], _Step]]:
    """A bar of ``total`` steps called ``what``; calling what this gives counts a step, and returns its argument."""
    with progress(out) as made:
        task = made.add_task(safe_text.line(what, 70), total=total)

        def step(done: _Step) -> _Step:
            made.advance(task)
            return done

        yield step


def advance(moving: Progress, event: Event) -> None:
    """Show ``event`` on ``moving``."""
    match event:
        case RunStarted():
            moving.add_task("", total=event.total)
        case CaseStarted() if moving.task_ids:
            moving.update(moving.task_ids[0], description=safe_text.line(event.job.name, 70))
        case CaseFinished() if moving.task_ids:
            moving.advance(moving.task_ids[0])


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


def send_events(results: Iterable[CaseResult], out: Console, *, requested: bool) -> None:
    """Send the findings over OTLP, if that was ``asked``. Raises ``HarnessError``."""
    if requested:
        out.print(
            f"{telemetry.send(results)} gen_ai.evaluation.result events sent over OTLP", style="dim", markup=False
        )


def write_report(path: str | None, text: Callable[[], str]) -> None:
    """Write ``text`` where it was asked for, if it was. Raises ``UsageError``."""
    if not path:
        return
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text())
        return
    try:
        Path(path).write_text(text(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: the report can't be written: {error.strerror}") from error
