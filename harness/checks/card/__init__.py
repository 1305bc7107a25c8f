"""The catalogue of the behaviour card: an explicit tuple, one check an id. An id never changes its meaning."""

from harness.checks.card import accounting, choice, decoding, names, streaming, turns
from harness.checks.card.context import CardCheck, CheckContext, look

CARD_CHECKS: tuple[CardCheck, ...] = (
    *names.CHECKS,
    *decoding.CHECKS,
    *streaming.CHECKS,
    *choice.CHECKS,
    *turns.CHECKS,
    *accounting.CHECKS,
)
BY_ID: dict[str, CardCheck] = {check.id: check for check in CARD_CHECKS}

__all__ = ["BY_ID", "CARD_CHECKS", "CardCheck", "CheckContext", "look"]
