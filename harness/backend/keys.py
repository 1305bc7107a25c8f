"""Where the key of each provider is found in the environment: ``keys`` of its row, else where litellm's list says."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.dialects.providers import PROFILES, profile, provider_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TOKENS = {"ANTHROPIC_AUTH_TOKEN", "AZURE_AD_TOKEN"}  # some clients would prefer them to a key
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


def placeholder_keys(hosts: Iterable[str] | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Keys for SDKs that refuse to start without one, for the providers at ``hosts`` (of all where that is None), where
    ``environment`` has none: a replay is answered with any. A host that is not listed is taken to speak OpenAI's API.
    """
    rows = list(PROFILES.values())
    regions = {"us-east-1"}
    if hosts is not None:
        usual = next(iter(PROFILES.values()))
        found = {host: PROFILES.get(provider_at(host), usual) for host in hosts}
        rows = list(found.values())
        regions = {host.split(".")[1] for host, row in found.items() if len(row.credentials) > 1 and "." in host}
    names = [name for row in rows for name in row.keys if name not in _TOKENS]
    names += [name.upper() for row in rows for name in row.credentials if name.startswith("aws_")]
    made = dict.fromkeys(sorted(names), "replayed-with-no-key")
    if regions and "AWS_ACCESS_KEY_ID" in made:
        made |= dict.fromkeys(("AWS_DEFAULT_REGION", "AWS_REGION"), min(regions))
    return {name: value for name, value in made.items() if name not in environment}
