"""What an answer may cost, by the price list that litellm ships: read as a file, litellm itself is not loaded."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.backend.config import canonical

if TYPE_CHECKING:
    from harness.chat import Usage

_LIST = "model_prices_and_context_window_backup.json"


def per_token(model: str) -> tuple[float, float] | None:
    """Dollars for a token that goes in and for one that comes out of ``model`` (``provider/name``); None where the
    list does not know it.
    """
    name = canonical(model)
    found = _prices().get(name) or _prices().get(name.partition("/")[2])
    if not isinstance(found, dict) or found.get("input_cost_per_token") is None:
        return None
    return float(found["input_cost_per_token"]), float(found.get("output_cost_per_token") or 0.0)


def dollars(model: str, usage: Usage | None) -> float | None:
    """The price of so many tokens at ``model``; None where the list does not know it."""
    price = per_token(model)
    if price is None or usage is None:
        return None
    return price[0] * (usage.prompt or 0) + price[1] * (usage.completion or 0)


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
