"""The evaluations that come with the package, asked of whatever model is evaluated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.suite.bfcl import BFCL, bfcl
from harness.suite.collection import load_suites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.suite.case import Model, Suite

FOLDER = Path(__file__).parent / "packs"
TOOLS = "tools"
"""The pack that is taken where nobody names one."""
THINKING = 4000
"""Tokens beyond each case's limit for a model that nobody has set one for: what thinking may take."""


def pack_names() -> tuple[str, ...]:
    """The packs that there are: those of the package, and BFCL's cases where they are installed."""
    return (*sorted(folder.name for folder in FOLDER.iterdir() if any(folder.glob("*.yaml"))), BFCL)


def pack(name: str, models: Sequence[Model]) -> tuple[Suite, ...]:
    """The suites of the pack ``name``, for ``models``. Raises ``UsageError``."""
    if name not in pack_names():
        raise UsageError(f"there is no pack {name!r}; there are {', '.join(pack_names())}")
    if name == BFCL:
        return bfcl(models)
    return tuple(replace(suite, models=tuple(models)) for suite in load_suites([FOLDER / name]))
