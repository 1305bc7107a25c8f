"""Check suites and cassettes, and tell all their faults at once. Nothing is run, and no model's library is loaded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

EXAMPLES = """examples:
  harness cassettes check                               the folders suites and cassettes
  harness cassettes check suites/tools.yaml cassettes/tools

In a folder, what broken-off recordings left (….partial.json) is passed over; `harness prune` removes it.

exit codes: 0 all sound, 2 something is not
"""
_SUITES = {".yaml", ".yml"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="suite files, cassette files, or folders of either")
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes, where no PATH is given")


def run(words: argparse.Namespace) -> int:
    from harness.app.cassette_files import usual_paths
    from harness.app.settings import settings
    from harness.report import safe_text

    chosen = settings({"cassettes": words.cassettes})
    paths = [Path(path) for path in words.paths]
    given = paths or usual_paths(chosen)
    suites, cassettes, problems = _sorted(given)
    problems += _suite_problems(suites)
    problems += _cassette_problems(cassettes)
    for problem in problems:
        sys.stderr.write(f"{safe_text.line(problem)}\n")
    sys.stdout.write(f"{len(suites)} suite files, {len(cassettes)} cassettes: {len(problems) or 'no'} faults\n")
    return 2 if problems or not (suites or cassettes) else 0


def _sorted(given: Iterable[Path]) -> tuple[list[Path], list[Path], list[str]]:
    from harness.cassette.storage.paths import recordings

    suites: list[Path] = []
    cassettes: list[Path] = []
    problems = []
    for path in given:
        if path.is_dir():
            suites += sorted(file for file in path.iterdir() if file.suffix in _SUITES and file.name != "models.yaml")
            cassettes += recordings(path)
        elif not path.exists():
            problems.append(f"{path}: no such file or folder")
        elif path.suffix in _SUITES:
            suites.append(path)
        else:
            cassettes.append(path)
    return suites, cassettes, problems


def _suite_problems(files: Sequence[Path]) -> list[str]:
    from harness.core.errors import SuiteError

    if not files:
        return []
    from harness.suite import load_suites

    try:
        load_suites(files)
    except SuiteError as error:
        return list(error.problems)
    return []


def _cassette_problems(files: Iterable[Path]) -> list[str]:
    from harness.app.cassette_files import inspected

    problems = []
    for one in map(inspected, files):
        if one.problem:
            problems.append(one.problem)
        elif one.use == "left over":
            problems.append(f"{one.path}: a recording that was broken off; record the case again, then delete this")
    return problems
