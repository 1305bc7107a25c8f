"""Where the key of each provider is found in the environment: the one table of it, after litellm."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# After litellm 1.109.1: get_secret in main.py and in each provider's transformation. Any one of several will do.
VARIABLES: dict[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"),
    "azure_ai": ("AZURE_AI_API_KEY", "AZURE_AD_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "huggingface": ("HUGGINGFACE_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "snowflake": ("SNOWFLAKE_JWT",),
    "together_ai": ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
    "vercel_ai_gateway": ("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
    "xai": ("XAI_API_KEY",),
    "zai": ("ZAI_API_KEY",),
}
_PROVIDER = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


def missing_key(provider: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of which ``provider`` needs one, where none is set; empty where one is, or where we can't know."""
    names = VARIABLES.get(provider, ())
    return () if any(environment.get(name) for name in names) else names


def key_variables(provider: str) -> tuple[str, ...]:
    """Where the key of ``provider`` may be; for one that is not listed here, where litellm's list says, or the name
    that most have. Empty for what is no provider, such as an unknown host.
    """
    if provider in VARIABLES:
        return VARIABLES[provider]
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
