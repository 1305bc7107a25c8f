"""The catalogue of the behaviour card: an explicit tuple, one check an id. An id never changes its meaning.

The checks of the model's answers stand first, those of the provider's wire next, laws of this backend last.
"""

from harness.checks.card import (
    ability,
    choice,
    decoding,
    names,
    streaming,
    tool_schemas,
)
from harness.checks.card.context import CardCheck, CheckContext, look

_ALL = (
    *ability.CHECKS,
    *choice.CHECKS,
    *tool_schemas.CHECKS,
    *choice.REFUSALS,
    *ability.TURNS,
    *decoding.CHECKS,
    *streaming.ACCOUNTING,
    *streaming.CHECKS,
    *names.CHECKS,
)
CARD_CHECKS: tuple[CardCheck, ...] = tuple(
    check for about in ("model", "wire", "backend") for check in _ALL if check.about == about
)
BY_ID: dict[str, CardCheck] = {check.id: check for check in CARD_CHECKS}

__all__ = ["BY_ID", "CARD_CHECKS", "CardCheck", "CheckContext", "look"]
