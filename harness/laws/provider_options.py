"""How each provider is asked in a proof: a model id and the options that keep it off the network.

The addresses don't exist; whoever answers in this context stands in for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.dialects.providers import PROFILES

if TYPE_CHECKING:
    from harness.core.chat import Json

_V1 = {"api_base": "http://provider.test/v1", "api_key": "no-key-is-needed"}
_ROOT = {"api_base": "http://provider.test", "api_key": "no-key-is-needed"}
_AWS = {
    "aws_access_key_id": "none",
    "aws_secret_access_key": "none",
    "aws_region_name": "us-east-1",
    "aws_bedrock_runtime_endpoint": "http://provider.test",
}

ASKED: dict[str, tuple[str, dict[str, Json]]] = {
    "openai": ("openai/gpt-4o-mini", _V1),
    "azure": ("azure/gpt-4o-mini", {**_ROOT, "api_version": "2024-10-21"}),
    "groq": ("groq/llama-3.3-70b-versatile", _V1),
    "mistral": ("mistral/mistral-small-latest", _V1),
    "deepseek": ("deepseek/deepseek-chat", _V1),
    "openrouter": ("openrouter/openai/gpt-4o-mini", _V1),
    "xai": ("xai/grok-3-mini", _V1),
    "hosted_vllm": ("hosted_vllm/some-model", _V1),
    "llamafile": ("llamafile/some-model", _V1),
    "anthropic": ("anthropic/claude-3-5-sonnet-20241022", _ROOT),
    "gemini": ("gemini/gemini-1.5-flash", {"api_base": "http://provider.test/v1beta", "api_key": "no-key-is-needed"}),
    "bedrock": ("bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0", _AWS),
    "cohere": ("cohere/command-r-plus", {**_ROOT, "api_base": "http://provider.test/v2/chat"}),
    "cohere_chat": ("cohere_chat/command-r-plus", {**_ROOT, "api_base": "http://provider.test/v2/chat"}),
    "ollama": ("ollama/llama3", {"api_base": "http://provider.test"}),
    "ollama_chat": ("ollama_chat/llama3", {"api_base": "http://provider.test"}),
}
"""vertex_ai is left out: litellm asks Google for credentials first. It speaks gemini's dialect."""


def provers(chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The providers to prove: ``chosen``, or all. Raises ``UsageError`` for one that is not known."""
    unknown = [name for name in chosen if name not in ASKED]
    if unknown:
        why = " (litellm asks Google for credentials first; prove gemini)" if "vertex_ai" in unknown else ""
        raise UsageError(f"no provider {', '.join(unknown)} to prove{why}; there are {', '.join(ASKED)}")
    return chosen or tuple(name for name in ASKED if name in PROFILES)
