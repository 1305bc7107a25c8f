"""Which cases are asked of which models."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.engine.events import Job
from harness.suite import Model, Suite, named_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns of names, of which any will do; none given, all are chosen. ``*``, ``?`` and ``[…]`` as in a shell.

    ``missing`` chooses only what has no cassette yet.
    """

    suites: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    missing: bool = False


ALL = Selection()


def jobs(suites: Sequence[Suite], choice: Selection, place: Callable[[str, str, str], Path]) -> tuple[Job, ...]:
    """Every chosen case for every chosen model, suites in their order. ``place`` says where a cassette is, from the
    names of suite, case and model.

    A model that is no pattern and that no suite has is asked too. Raises ``UsageError`` where nothing is left.
    """
    found = tuple(
        Job(suite.name, case, model, place(suite.name, case.id, model.called))
        for suite in suites
        if _fits(choice.suites, suite.name)
        for case in suite.cases
        if _fits(choice.cases, case.id)
        for model in _models(suite, choice.models)
    )
    left = tuple(job for job in found if not job.has_cassette) if choice.missing else found
    if found and not left:
        raise UsageError("nothing to record: every case has its cassette")
    if not left:
        raise UsageError(_nothing(suites, choice))
    return left


def regressions(suites: Sequence[Suite], choice: Selection, files: Sequence[Path]) -> tuple[tuple[Suite, ...], int]:
    """The suites that a run takes up, and how many evaluations it leaves alone. An evaluation is taken up only where
    it is named: its own file among ``files``, or its name by ``choice``. Raises ``UsageError`` where only
    evaluations are there.
    """
    taken = tuple(
        suite
        for suite in suites
        if suite.kind != "evaluation"
        or suite.file in map(str, files)
        or (choice.suites and _fits(choice.suites, suite.name))
    )
    if suites and not taken:
        raise UsageError("there are only evaluations; `harness eval` scores them, and the name of one runs it")
    return taken, len(suites) - len(taken)


def _fits(patterns: Sequence[str], *names: str) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _models(suite: Suite, patterns: Sequence[str]) -> list[Model]:
    found = [model for model in suite.models if _fits(patterns, model.called, model.id)]
    for pattern in patterns:
        known = any(_fits([pattern], model.called, model.id) for model in suite.models)
        if not known and not set(pattern) & set("*?["):
            found += named_models(pattern, ())
    return found


def _nothing(suites: Sequence[Suite], choice: Selection) -> str:
    """Why nothing is chosen, and what could be."""
    chosen = [suite for suite in suites if _fits(choice.suites, suite.name)]
    if not chosen:
        return f"no suite fits {' or '.join(choice.suites)}; there are {_some(suite.name for suite in suites)}"
    cases = [case.id for suite in chosen for case in suite.cases]
    if not any(_fits(choice.cases, case) for case in cases):
        return f"no case fits {' or '.join(choice.cases)}; there are {_some(cases)}"
    models = _some(model.called for suite in chosen for model in suite.models)
    path = next((name for name in choice.models if os.path.exists(name)), "")  # noqa: PTH110 - a Path raises for a long name
    hint = f"{path} is a path, which --help has a place for" if path else "name others as provider/model"
    return f"no model fits {' or '.join(choice.models)}; there are {models}; {hint}"


def _some(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    more = len(found) - _MOST_NAMES
    return ", ".join(found[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
