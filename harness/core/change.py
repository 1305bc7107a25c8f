"""What differs between two recordings or two cards, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from harness.core.chat import Json
    from harness.core.finding import Evidence

Grade: TypeAlias = Literal["cosmetic", "shape", "contract"]
"""``cosmetic``: wording, ids, times. ``shape``: a field came, went or changed its type; chunks, counts. ``contract``:
what a caller acts on: decoded calls, finish reason, error class, whether JSON is JSON, a law's verdict.
"""
GRADES: tuple[Grade, ...] = ("cosmetic", "shape", "contract")
"""From the lightest to the gravest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. ``what`` is a stable word for its kind, such as ``calls`` or ``finish``; ``path`` says
    where, ``before`` and ``after`` are both decoded sides as JSON.
    """

    grade: Grade
    what: str
    path: str
    before: Json
    after: Json
    message: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def key(self) -> str:
        """The same from run to run."""
        return f"{self.grade}:{self.what}:{self.path}"
