"""Where litellm takes each provider's key from, so that a missing one can be told before the first question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# After litellm 1.109.1: get_secret in main.py and in each provider's transformation. Any one of several will do.
VARIABLES: dict[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "xai": ("XAI_API_KEY",),
}


def missing_key(provider: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of which ``provider`` needs one, where none is set; empty where one is, or where we can't know."""
    names = VARIABLES.get(provider, ())
    return () if any(environment.get(name) for name in names) else names
