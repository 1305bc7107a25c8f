"""Draw the pictures of the docs from real runs: ``python docs/pictures/make.py`` in the project's folder."""

from __future__ import annotations

import re
from pathlib import Path

from rich.console import Console

from harness import assembly
from harness.report import terminal
from harness.run.choice import Choice
from harness.run.events import CaseFinished
from harness.run.scorecard import Scorecard
from harness.settings import settings

HERE = Path(__file__).parent


def run() -> None:
    """``run.svg``: the committed suites, replayed."""
    console = Console(record=True, width=96, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - it ends with us
    chosen = settings({})
    jobs = assembly.plan(assembly.load(chosen), chosen, Choice((), (), (), missing=False))
    results = [event.result for event in assembly.replay(jobs) if isinstance(event, CaseFinished)]
    console.print("[bold]$ harness run suites[/bold]")
    terminal.show(console, Scorecard(tuple(results)))
    drawn = console.export_svg(title="harness run")
    # No font from elsewhere: a picture in a README asks nobody for anything.
    (HERE / "run.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    run()
