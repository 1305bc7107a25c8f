"""Whether this is a CI job, which never records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FALSE = {"", "0", "false", "no", "off"}


def in_ci(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the variable ``CI`` says so."""
    return (os.environ if environment is None else environment).get("CI", "").lower() not in _FALSE
