"""The search for an example that breaks something: Hypothesis, set so that a proof can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import hypothesis
from hypothesis.database import DirectoryBasedExampleDatabase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Drawn = TypeVar("_Drawn")


def derandomized() -> bool:
    """Whether Hypothesis is set to draw the same examples each time, as its profile for CI is."""
    return bool(hypothesis.settings.default and hypothesis.settings.default.derandomize)


def searching(
    body: Callable[[_Drawn], None],
    drawn: hypothesis.strategies.SearchStrategy[_Drawn],
    *,
    examples: int,
    seed: int | None = None,
    database: Path | None = None,
) -> Callable[[], None]:
    """A function that runs ``body`` on ``examples`` values of ``drawn``, and raises what the first failure raises.

    ``database`` is a folder in which failing examples are kept, to be tried first next time. Without it and without a
    ``seed`` the same examples are drawn each time. Failures are not shrunk here: ``smaller`` knows what a
    question is made of, and takes a tenth of the time.
    """
    test = hypothesis.given(drawn)(body)
    if seed is not None:
        test = hypothesis.seed(seed)(test)
    settings = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=seed is None and database is None,
        database=DirectoryBasedExampleDatabase(database) if database else None,
        phases=[hypothesis.Phase.reuse, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    return settings(test)
