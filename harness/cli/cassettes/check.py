"""Check suites and cassettes, and tell all their faults at once. Nothing is run, and no model's library is loaded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.finding import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from harness.app.settings import Settings

EXAMPLES = """examples:
  harness cassettes check                               the folders suites and cassettes
  harness cassettes check suites/tools.yaml cassettes/tools

In a folder, what broken-off recordings left (….partial.json) is passed over; `harness prune` removes it.

exit codes: 0 all sound, 2 something is not, or there is nothing to check
"""
_SUITES = {".yaml", ".yml"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="suite files, cassette files, or folders of either")
    parser.add_argument("--cassettes", metavar="DIR", help="the folder of cassettes, where no PATH is given")


def run(words: argparse.Namespace) -> int:
    from harness.app.cassette_files import usual_paths
    from harness.app.settings import settings
    from harness.core.errors import UsageError
    from harness.report import safe_text

    chosen = settings({"cassettes": words.cassettes})
    paths = [Path(path) for path in words.paths]
    given = paths or usual_paths(chosen)
    suites, cassettes, problems = _sorted(given)
    if not (suites or cassettes or problems):
        where = ", ".join(map(str, given)) or f"{', '.join(map(str, (*chosen.suites, chosen.cassettes)))} here"
        raise UsageError(f"nothing to check: no suite and no cassette in {where}")
    missing = _missing(suites, chosen, problems)
    problems += _cassette_problems(cassettes)
    for problem in problems:
        sys.stderr.write(f"{safe_text.line(problem)}\n")
    looked = f"{count(len(suites), 'suite file')}, {count(len(cassettes), 'cassette')}"
    faults = count(len(problems), "fault") if problems else "no faults"
    left = f"; no cassette for {count(missing, 'case')}, see `harness cassettes list`" if missing else ""
    sys.stdout.write(f"{looked}: {faults}{left}\n")
    return 2 if problems else 0


def _sorted(given: Iterable[Path]) -> tuple[list[Path], list[Path], list[str]]:
    from harness.cassette.storage.paths import recordings
    from harness.core.folders import is_there, listed

    suites: list[Path] = []
    cassettes: list[Path] = []
    problems = []
    for path in given:
        if is_there(path) and path.is_dir():
            suites += [file for file in listed(path) if file.suffix in _SUITES and file.name != "models.yaml"]
            cassettes += recordings(path)
        elif not is_there(path):
            problems.append(f"{path}: no such file or folder")
        elif path.suffix in _SUITES:
            suites.append(path)
        else:
            cassettes.append(path)
    return suites, cassettes, problems


def _missing(files: Sequence[Path], chosen: Settings, problems: list[str]) -> int:
    """How many cases have no cassette, which is no fault: one may ask nothing. Faults of suites go to ``problems``."""
    import functools

    from harness.cassette import cassette_path
    from harness.core.errors import SuiteError, UsageError
    from harness.engine.selection import ALL, jobs

    if not files:
        return 0
    from harness.suite import load_suites

    try:
        planned = jobs(load_suites(files), ALL, functools.partial(cassette_path, chosen.cassettes))
    except SuiteError as error:
        problems += error.problems
        return 0
    except UsageError:
        return 0  # no case in them
    return sum(not job.has_cassette for job in planned)


def _cassette_problems(files: Iterable[Path]) -> list[str]:
    from harness.app.cassette_files import inspected

    problems = []
    for one in map(inspected, files):
        if one.problem:
            problems.append(one.problem)
        elif one.use == "left over":
            problems.append(f"{one.path}: a recording that was broken off; record the case again, then delete this")
    return problems
