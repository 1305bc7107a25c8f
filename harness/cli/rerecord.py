"""Record suites anew, and show what the models answer otherwise than before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.cli import record

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  harness rerecord --local                                start the local model, record anew, tell what changed
  harness rerecord suites/tools.yaml --model openai/gpt-4o-mini

Each old recording stays until the new one is whole. Ids, times and token counts are no change.

exit codes: as `harness record`
"""


def configure(parser: argparse.ArgumentParser) -> None:
    record.configure(parser)


def run(words: argparse.Namespace) -> int:
    from harness.app import assembly
    from harness.app.settings import settings
    from harness.cassette import load
    from harness.cli import options
    from harness.core.errors import CassetteError
    from harness.drift import grading
    from harness.report import changes, safe_text

    chosen = settings(vars(words))
    before = {}
    choice = options.choice(words, missing=words.missing)
    suites, _ = assembly.regressions(assembly.load(chosen), chosen, choice)
    for job in assembly.plan(suites, chosen, choice):
        if job.cassette.exists():
            try:
                before[job.cassette] = load(job.cassette)
            except CassetteError as error:
                sys.stderr.write(f"harness: {safe_text.line(str(error))}; there is nothing to compare with\n")
    code = record.run(words)
    same = 0
    for path, old in before.items():
        told = [one for one in grading.cassettes(old, load(path)) if one.what != "value"]
        same += not told
        for one in told:
            sys.stderr.write(safe_text.line(f"{path}: {changes.line(one)}", 500) + "\n")
    sys.stderr.write(f"{len(before) - same} of {len(before)} cassettes say something else than before\n")
    return code
