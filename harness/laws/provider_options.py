"""Which providers a proof asks: those whose row has a model and options that keep it off the network."""

from __future__ import annotations

from harness.core.errors import UsageError
from harness.dialects.providers import PROFILES, profile, proven

ASKED = {name: (profile(name).model, dict(profile(name).options)) for name in proven()}


def provers(chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The providers to prove: ``chosen``, or all. Raises ``UsageError`` for one that is not known."""
    unknown = [name for name in chosen if name not in proven()]
    if unknown:
        unproven = [name for name in unknown if name in PROFILES]
        why = f" (of {', '.join(unproven)} nobody knows yet how to ask it here)" if unproven else ""
        raise UsageError(f"no provider {', '.join(unknown)} to prove{why}; there are {', '.join(proven())}")
    return chosen or proven()


_NOT_TAKEN: dict[str, frozenset[str]] = {
    "anthropic": frozenset({"seed", "presence_penalty"}),
    "bedrock": frozenset({"seed", "presence_penalty", "parallel_tool_calls"}),
    "cohere": frozenset({"parallel_tool_calls"}),
    "gemini": frozenset({"parallel_tool_calls"}),
    "bedrock_invoke": frozenset({"seed", "presence_penalty"}),
    "openai_responses": frozenset({"seed", "presence_penalty", "stop"}),
    "ollama": frozenset({"presence_penalty", "parallel_tool_calls"}),
    "ollama_generate": frozenset({"presence_penalty", "parallel_tool_calls"}),
}
_NOT_BY: dict[str, frozenset[str]] = {
    "mistral": frozenset({"presence_penalty"}),
    "xai": frozenset({"stop", "presence_penalty"}),
}


def seldom(provider: str) -> frozenset[str]:
    """Options that litellm refuses for a provider, or drops: asked for now and then, to see that they are named."""
    return _NOT_TAKEN.get(profile(provider).dialect, frozenset()) | _NOT_BY.get(provider, frozenset())
