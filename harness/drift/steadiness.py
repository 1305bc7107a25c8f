"""Several answers to one question against one recording: what has changed, and what only varies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.card import rate
from harness.drift.grading import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.card import Rate
    from harness.core.change import Change
    from harness.core.exchange import Exchange

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """A change, how many of the answers still agree with the recording, and whether it is ``steady``: one that only
    varies is told and fails nothing.
    """

    change: Change
    agreed: Rate
    steady: bool


def judged(recorded: Exchange, answers: Sequence[Exchange]) -> tuple[Judged, ...]:
    """What differs between ``recorded`` and its ``answers``, the gravest first.

    A change is steady where no answer agrees with the recording, or where the interval of those that agree ends below
    one half. Other calls in each answer are a model that does not say the same twice, and no change of the provider's.
    """
    seen: dict[str, list[Change]] = {}
    for answer in answers:
        for change in between(recorded, answer):
            seen.setdefault(change.key, []).append(change)
    return tuple(_judged(changes, len(answers)) for changes in seen.values())


def _judged(changes: list[Change], n: int) -> Judged:
    agreed = rate(n - len(changes), n)
    varies = changes[0].what in ("calls", "ran") and len({json.dumps(one.after, sort_keys=True) for one in changes}) > 1
    return Judged(changes[0], agreed, steady=not varies and (agreed.held == 0 or agreed.high < HALF))
