"""The catalogue of the behaviour card: an explicit tuple, one check an id. An id never changes its meaning.

The checks of the model's answers stand first, those of the provider's wire next, laws of this backend last.
"""

from harness.checks.card import ability, choice, decoding, streaming, tools
from harness.checks.card.context import CardCheck, CheckContext, look

_ALL = (
    *ability.CHECKS,
    *choice.CHECKS,
    *tools.SCHEMAS,
    *choice.REFUSALS,
    *ability.TURNS,
    *decoding.CHECKS,
    *streaming.ACCOUNTING,
    *streaming.CHECKS,
    *tools.NAMES,
)
CARD_CHECKS: tuple[CardCheck, ...] = tuple(
    check for aspect in ("model", "wire", "backend") for check in _ALL if check.aspect == aspect
)
BY_ID: dict[str, CardCheck] = {check.id: check for check in CARD_CHECKS}

__all__ = ["BY_ID", "CARD_CHECKS", "CardCheck", "CheckContext", "look"]
