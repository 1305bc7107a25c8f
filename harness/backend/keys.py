"""Where the key of each provider is found in the environment: ``keys`` of its row, else where litellm's list says."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROVIDER = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


def missing_key(provider: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of which ``provider`` needs one, where none is set; empty where one is, or where we can't know."""
    names = profile(provider).keys
    return () if any(environment.get(name) for name in names) else names


def key_variables(provider: str) -> tuple[str, ...]:
    """Where the key of ``provider`` may be; for one that is not listed here, where litellm's list says, or the name
    that most have. Empty for what is no provider, such as an unknown host.
    """
    if listed := profile(provider).keys:
        return listed
    usual = f"{provider.upper().replace('-', '_')}_API_KEY"
    return (_listed().get(provider, usual),) if _PROVIDER.fullmatch(provider) else ()


@functools.cache
def _listed() -> dict[str, str]:
    """The variables in litellm's list of providers that speak OpenAI's dialect, read as a file."""
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        file = Path(spec.origin).parent / "llms" / "openai_like" / "providers.json"
        found = json.loads(file.read_text(encoding="utf-8"))
        return {name: row["api_key_env"] for name, row in found.items() if isinstance(row.get("api_key_env"), str)}
    except (OSError, ValueError, AttributeError):
        return {}
