"""Models: their ids, the variables of their keys, their prices.

What litellm knows of keys and prices is read from the files that it ships; litellm itself is not loaded.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.dialects.providers import ALIASES, PROFILES, is_local, profile, provider_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.core.chat import Usage


def canonical(model: str) -> str:
    """``model`` as litellm spells it: ``google/x`` becomes ``gemini/x``. ``UsageError`` without a provider."""
    provider, slash, name = model.partition("/")
    if not slash or not provider or not name:
        raise UsageError(f"model {model!r} names no provider; write it as provider/model, such as openai/gpt-4o-mini")
    return f"{ALIASES.get(provider, provider)}/{name}"


def provider_of(model: str) -> str:
    """The provider of a model id: its first part."""
    return canonical(model).partition("/")[0]


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
    rows = _shipped_with_litellm("llms/openai_like/providers.json")
    return {
        name: row["api_key_env"]
        for name, row in rows.items()
        if isinstance(row, dict) and isinstance(row.get("api_key_env"), str)
    }


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


_LONG_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a token of the prompt, and for one of the answer."""

    prompt: float = 0.0
    completion: float = 0.0

    def at_most(self, characters: int, longest: int | None = None) -> float:
        """Dollars that a request of so many characters will not cost more than: two characters a token, and an
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
    """Raise ``UsageError`` where nobody knows what a request costs."""
    if price is None:
        raise UsageError(f"litellm knows no price for {called}, so a budget in dollars can't hold; count requests")


@functools.cache
def _prices() -> dict[str, Any]:
    return _shipped_with_litellm("model_prices_and_context_window_backup.json")


def _shipped_with_litellm(path: str) -> dict[str, Any]:
    """The object in a JSON file of litellm's; empty where there is none."""
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        found = json.loads((Path(spec.origin).parent / path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
