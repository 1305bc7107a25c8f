"""What an answer may cost, by the price list that litellm ships: read as a file, litellm itself is not loaded."""

from __future__ import annotations

import functools
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.backend.config import canonical
from harness.core.errors import UsageError
from harness.dialects.providers import is_local

if TYPE_CHECKING:
    from harness.core.chat import Usage

_LONG_ANSWER = 4096
_LIST = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a token that goes in, and for one that comes out."""

    prompt: float = 0.0
    completion: float = 0.0

    def at_most(self, characters: int, longest: int | None = None) -> float:
        """Dollars that a question of so many characters will not cost more than: two characters a token, and an
        answer of ``longest`` tokens.
        """
        return self.prompt * characters / 2 + self.completion * (longest or _LONG_ANSWER)

    def of(self, usage: Usage | None) -> float | None:
        """Dollars for so many tokens; None where they are not counted."""
        if usage is None or usage.prompt is None or usage.completion is None:
            return None
        return self.prompt * usage.prompt + self.completion * usage.completion


FREE = Price()


def price(model: str, url: str = "") -> Price | None:
    """What ``model`` (``provider/name``) costs at ``url``: nothing on this machine; None where the list does not
    know it.
    """
    if is_local(url):
        return FREE
    name = canonical(model)
    found = _prices().get(name) or _prices().get(name.partition("/")[2])
    if not isinstance(found, dict) or found.get("input_cost_per_token") is None:
        return None
    return Price(float(found["input_cost_per_token"]), float(found.get("output_cost_per_token") or 0.0))


def refuse_unpriced(called: str, price: Price | None) -> None:
    """Raise ``UsageError`` where nobody knows what a question costs."""
    if price is None:
        raise UsageError(f"litellm knows no price for {called}, so a budget in dollars can't hold; count requests")


@functools.cache
def _prices() -> dict[str, Any]:
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        found: dict[str, Any] = json.loads((Path(spec.origin).parent / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
