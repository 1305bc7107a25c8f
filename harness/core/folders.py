"""Where files of the user's own are: what can be fetched or made again, and what was caught and can't."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(*names: str) -> Path:
    """``toolcall-harness`` in the user's cache (``$XDG_CACHE_HOME``), and the folder ``names`` in it."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - recording and replay do without it, beside any pins

    return user_cache_path("toolcall-harness").joinpath(*names)


def state_folder() -> Path:
    """``harness`` in the user's state (``$XDG_STATE_HOME``)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "harness"
