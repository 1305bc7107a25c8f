"""The probes of the behaviour card: suites that come with the package, asked of whatever model the card is of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.suite.collection import load_suites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.suite.case import Model, Suite

FOLDER = Path(__file__).parent / "probes"
STREAMED = "-streamed"


def probes(models: Sequence[Model]) -> tuple[Suite, ...]:
    """Every probe for ``models``, each once whole and once (``…-streamed``) as a stream."""
    return tuple(_both(suite, tuple(models)) for suite in load_suites([FOLDER]))


def _both(suite: Suite, models: tuple[Model, ...]) -> Suite:
    twice = [
        one
        for case in suite.cases
        for one in (case, case.model_copy(update={"id": f"{case.id}{STREAMED}", "stream": True}))
    ]
    return replace(suite, models=models, cases=tuple(twice))
