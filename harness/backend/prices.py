"""What an answer may cost, by the price list that litellm ships: read as a file, litellm itself is not loaded."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.chat import Usage

_LIST = "model_prices_and_context_window_backup.json"


def dollars(model: str, usage: Usage | None) -> float | None:
    """The price of so many tokens at ``model`` (``provider/name``); None where the list does not know it."""
    found = _prices().get(model) or _prices().get(model.partition("/")[2])
    if not isinstance(found, dict) or usage is None:
        return None
    asked, told = found.get("input_cost_per_token"), found.get("output_cost_per_token")
    if asked is None or told is None:
        return None
    return float(asked) * (usage.prompt or 0) + float(told) * (usage.completion or 0)


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
