"""What a law is: an id of the catalogue, a title, and a judgement over a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.laws.trial import Trial


@dataclass(frozen=True, slots=True)
class Law:
    """``judge`` gives the complaint of a broken law, ``""`` for one that holds, None where the law says nothing."""

    id: str
    title: str
    judge: Callable[[Trial], str | None]
