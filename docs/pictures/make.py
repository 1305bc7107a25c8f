"""Draw the pictures of the docs from real runs: ``python docs/pictures/make.py`` in the project's folder."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console

from harness.__main__ import main
from harness.app import assembly
from harness.app.evaluation_runs import planned
from harness.app.settings import settings
from harness.engine.events import CaseFinished
from harness.engine.scorecard import Scorecard
from harness.evaluation.summary import evaluate
from harness.report import evaluation, terminal

HERE = Path(__file__).parent


def run() -> None:
    """``run.svg``: the committed suites, replayed."""
    console = Console(record=True, width=96, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - it ends with us
    chosen = settings({})
    suites, _ = assembly.regressions(assembly.load(chosen), chosen)
    jobs = assembly.plan(suites, chosen)
    results = [event.result for event in assembly.replay(jobs, chosen) if isinstance(event, CaseFinished)]
    console.print("[bold]$ harness run suites[/bold]")
    terminal.show(console, Scorecard(tuple(results)))
    drawn = console.export_svg(title="harness run")
    # No font from elsewhere: a picture in a README asks nobody for anything.
    (HERE / "run.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


def worlds() -> None:
    """``worlds.svg``: the tasks in worlds, scored from their recordings."""
    console = Console(record=True, width=84, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - as above
    jobs = planned(settings({}), packs=("worlds",), models=("scripted", "openai/smollm2-135m"))
    results = [event.result for event in assembly.replay(jobs, settings({})) if isinstance(event, CaseFinished)]
    console.print("[bold]$ harness eval --pack worlds scripted openai/smollm2-135m[/bold]")
    evaluation.show(console, evaluate(zip(jobs, results, strict=True)))
    drawn = console.export_svg(title="harness eval")
    (HERE / "worlds.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


def card() -> None:
    """``card.png``: the page of the local models' cards, as Debian's chromium shows it."""
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "card.html"
        main(["card", "--html", str(page)])
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={name}/profile"]
        shot = [f"--screenshot={HERE / 'card.png'}", "--window-size=900,1060", page.as_uri()]
        subprocess.run(["chromium", *words, *shot], check=True, capture_output=True)


if __name__ == "__main__":
    run()
    worlds()
    card()
