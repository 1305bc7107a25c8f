"""Draw the pictures of the docs from real runs: ``python docs/pictures/make.py [IMPORTED]`` in the project's folder;
``cover.svg`` is of the folder IMPORTED.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from harness.__main__ import main
from harness.app import assembly
from harness.app.assembly import plan_evaluation
from harness.app.settings import settings
from harness.dialects.wire_profile import SHIPPED, load
from harness.engine.events import ALL, CaseFinished, Scorecard
from harness.evaluation import evaluate
from harness.report import evaluation, runs
from harness.report.cards import terminal

HERE = Path(__file__).parent


def run() -> None:
    """``run.svg``: the committed suites, replayed."""
    console = Console(record=True, width=168, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - it ends with us
    chosen = settings({})
    _, jobs, _ = assembly.plan_regressions(chosen, ALL)
    results = [event.result for event in assembly.replay(jobs, chosen) if isinstance(event, CaseFinished)]
    console.print("[bold]$ harness run suites[/bold]")
    runs.show(console, Scorecard(tuple(results)))
    _write(console, "run.svg", "harness run")


def _write(console: Console, name: str, title: str) -> None:
    drawn = console.export_svg(title=title)
    # No font from elsewhere: a picture in a README asks nobody for anything.
    (HERE / name).write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


MISS = """
import pytest
from harness import complete

@pytest.mark.cassette("hello.json")
def test_hello():
    options = {"api_base": "http://127.0.0.1:8790/v1", "api_key": "any", "temperature": 0, "max_tokens": 40}
    messages = [{"role": "user", "content": "Say goodbye."}]
    assert complete("openai/smollm2-135m", messages, **options).text
"""


def miss() -> None:
    """``miss.svg``: a test whose prompt is not the recorded one."""
    console = Console(record=True, width=110, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - as above
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "test_hello.py").write_text(MISS)
        (recorded,) = (HERE.parents[1] / "cassettes" / "text" / "greeting").glob("openai*.json")
        shutil.copy(recorded, Path(name) / "hello.json")
        words = [
            "-m",
            "pytest",
            "-q",
            "--tb=short",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            "test_hello.py",
        ]
        done = subprocess.run([sys.executable, *words], cwd=name, capture_output=True, text=True, check=False)
    console.print("[bold]$ pytest -q --tb=short test_hello.py[/bold]")
    console.print(done.stdout.replace(name, "").strip(), markup=False, highlight=False)
    _write(console, "miss.svg", "pytest")


def worlds() -> None:
    """``worlds.svg``: the tasks in worlds, scored from their recordings."""
    console = Console(record=True, width=84, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - as above
    jobs = plan_evaluation(settings({}), packs=("worlds",), models=("scripted", "openai/smollm2-135m"))
    results = [event.result for event in assembly.replay(jobs, settings({})) if isinstance(event, CaseFinished)]
    console.print("[bold]$ harness eval --pack worlds scripted openai/smollm2-135m[/bold]")
    evaluation.show(console, evaluate(zip(jobs, results, strict=True)))
    _write(console, "worlds.svg", "harness eval")


def profiles() -> None:
    """``profiles.svg``: what some of the profiles here show, as the command that mines them prints it."""
    console = Console(record=True, width=118, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - as above
    console.print("[bold]$ harness card --from cassettes/imported --profiles mined[/bold]")
    names = ("anthropic.anthropic", "gemini.gemini", "groq.openai", "mistral.openai", "xai.openai", "zai.openai")
    terminal.profiles(console, [load(SHIPPED / f"{name}.json") for name in names])
    _write(console, "profiles.svg", "harness card")


def cover(folder: str) -> None:
    """``cover.svg``: what imported recordings in ``folder`` cover, and the first questions that fill the rest."""
    console = Console(record=True, width=124, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115 - as above
    words = ["-m", "harness", "cassettes", "cover", folder, "--max-dollars", "0.05"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    asked = next(place for place, line in enumerate(lines) if line.lstrip().startswith("ask "))
    console.print("[bold]$ harness cassettes cover cassettes/imported --max-dollars 0.05[/bold]")
    shown = [*lines[: asked + 10], "…", *(line for line in lines[asked:] if "would fill" in line)]
    console.print("\n".join(line[:122] for line in shown), markup=False, highlight=False)
    _write(console, "cover.svg", "harness cassettes cover")


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
    miss()
    profiles()
    if sys.argv[1:]:
        cover(sys.argv[1])
    card()
