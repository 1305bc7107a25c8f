"""The recording half of `harness card`: asks what is not recorded yet, within the budget, and shows what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from harness.settings import Settings


def record(words: argparse.Namespace, chosen: Settings, screen: Console) -> int:
    """Ask; the exit code that this alone would end with."""
    from harness import assembly
    from harness import cards as making
    from harness.cli.record import origin
    from harness.run.events import CaseFinished

    jobs = [
        job
        for job in making.plan(making.models(words.models, chosen), chosen, repeats=words.repeats, only=words.probe)
        if words.again or not job.cassette.exists()
    ]
    assembly.refuse_ci(chosen)
    with origin(words) as who:
        for event in assembly.record(jobs, chosen, who):
            if isinstance(event, CaseFinished):
                screen.print(event.result.name, event.result.problem, event.result.kept)
    return 0
