"""Where files of the user's own are: what can be fetched or made again, and what was caught and can't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_cache_path, user_state_path

if TYPE_CHECKING:
    from pathlib import Path


def cache_folder(*names: str) -> Path:
    """``toolcall-harness`` in the user's cache (``$XDG_CACHE_HOME``), and the folder ``names`` in it."""
    return user_cache_path("toolcall-harness").joinpath(*names)


def state_folder() -> Path:
    """``harness`` in the user's state (``$XDG_STATE_HOME``)."""
    return user_state_path("harness")
