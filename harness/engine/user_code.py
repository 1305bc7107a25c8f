"""A user's own code, found by its name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def named(name: str) -> tuple[Any, Any]:
    """What is at ``module:attribute``, and the module or object that holds it; the current folder is looked in too.

    Raises ``ImportError``, ``AttributeError`` or ``ValueError`` where there is nothing.
    """
    module, _, attribute = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    holder: Any = None
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        holder, found = found, getattr(found, part)
    return holder, found
