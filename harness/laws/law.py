"""What a law is: an id of the catalogue, a title, and a judgement over a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.laws.trial import Trial

Grade: TypeAlias = Literal["danger", "loss", "contract", "opinion"]
"""What a broken law does to a user. ``danger``: a call is run that the model did not make. ``loss``: a call, a text or
an argument is lost, changed or invented. ``contract``: the provider or the caller is not given what was agreed.
``opinion``: this house's view of a question that has other answers.
"""
GRADES: tuple[Grade, ...] = ("danger", "loss", "contract", "opinion")
"""The most dangerous first."""


@dataclass(frozen=True, slots=True)
class Law:
    """``judge`` gives the complaint of a broken law, ``""`` for one that holds, None where the law says nothing.

    ``derived``: a proof blames this law only for what another law found under it alone (a stream, a cut, a quirk).
    """

    id: str
    title: str
    judge: Callable[[Trial], str | None]
    grade: Grade = "loss"
    derived: bool = False
