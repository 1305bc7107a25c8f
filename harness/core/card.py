"""A behaviour card: what holds for one model through one provider, each cell with its evidence.

Values only: ``harness.cards.build`` makes them, ``harness.report`` draws them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - pydantic reads the fields' types
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeAlias

from annotated_types import Interval

from harness.core.exchange import Provenance  # noqa: TC001 - pydantic reads the fields' types
from harness.core.finding import STRICT, Count, Evidence, Finding, Verdict

Share: TypeAlias = Annotated[float, Interval(ge=0, le=1)]

SYNTHETIC = " (synthetic)"
"""What follows the name of a card whose answers no model gave."""

Mode: TypeAlias = Literal["whole", "stream", ""]
"""How the answer was requested; ``""`` for what is about the recording and not about one mode."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``held`` of ``n``, with its Wilson 95 % interval. ``n`` leaves out what the infrastructure prevented from being
    judged; with ``n`` 0 the interval is 0 to 1.
    """

    __pydantic_config__: ClassVar = STRICT

    held: Count
    n: Count
    low: Share
    high: Share

    @property
    def share(self) -> float | None:
        """``held / n``; None where nothing was judged."""
        return self.held / self.n if self.n else None


def rate(held: int, n: int, z: float = 1.959964) -> Rate:
    """``held`` of ``n`` with Wilson's score interval (1927); ``z`` is the normal quantile, by default of 95 %."""
    if not n:
        return Rate(0, 0, 0.0, 1.0)
    share = held / n
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    middle, scale = share + z * z / (2 * n), 1 + z * z / n
    low, high = (middle - spread) / scale, (middle + spread) / scale
    return Rate(held, n, max(0.0, low) if held else 0.0, high if held < n else 1.0)  # at the ends but for rounding


def listed(excluded: Mapping[str, int]) -> str:
    """``3 cut by the caller's limit, 1 the model refused``."""
    return ", ".join(f"{number} {reason}" for reason, number in excluded.items())


@dataclass(frozen=True, slots=True)
class Cell:
    """One check in one mode.

    ``rate`` counts every judged answer (passes and quirks hold; a failure counts where the model or the provider is to
    blame); ``infra`` and ``unsupported`` are counted beside it, and ``excluded`` has for each reason how many were not
    judged. ``findings`` are all that is not a pass, gravest first, and the first pass, each with its own evidence;
    ``evidence`` is where the whole cell is proven. ``note`` is why an unseen cell is one. ``age`` is never in it:
    ``Card.recorded`` has the dates.
    """

    __pydantic_config__: ClassVar = STRICT

    check: str
    mode: Mode
    verdict: Verdict
    rate: Rate
    infra: Count = 0
    unsupported: Count = 0
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
    excluded: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """All cells of one model, in the order of the catalogue.

    ``recordings`` has the provenance of each cassette that is cited; ``measures`` are rates that belong to no single
    check (``schema_accuracy``, ``answered``, ``pass@5``, ``pass^5``), by name. ``finishes`` has how each answer to a
    probe ended, repeat by repeat, so that another vendor's card can be compared with it. ``harness`` and ``litellm``
    are the versions that decoded.
    """

    __pydantic_config__: ClassVar = STRICT

    model: str
    provider: str
    cells: tuple[Cell, ...]
    recordings: Mapping[str, Provenance] = field(default_factory=dict)
    measures: Mapping[str, Rate] = field(default_factory=dict)
    finishes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    harness: str = ""
    litellm: str = ""

    def cell(self, check: str, mode: Mode) -> Cell | None:
        return next((one for one in self.cells if (one.check, one.mode) == (check, mode)), None)

    @property
    def recorded(self) -> tuple[str, str] | None:
        """The oldest and the newest recording date; None where no cassette has one."""
        dates = sorted(one.recorded for one in self.recordings.values() if one.recorded)
        return (dates[0], dates[-1]) if dates else None
