"""Which provider answers at a host: for recordings that name no provider. A host not listed is named by itself."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

_HOSTS: tuple[tuple[str, str], ...] = (
    (r"api\.openai\.com", "openai"),
    (r".*\.openai\.azure\.com|.*\.cognitiveservices\.azure\.com|.*\.services\.ai\.azure\.com", "azure"),
    (r"api\.anthropic\.com", "anthropic"),
    (r"generativelanguage\.googleapis\.com", "gemini"),
    (r"(.*-)?aiplatform\.googleapis\.com", "vertex_ai"),
    (r"bedrock-(runtime|mantle)\..*", "bedrock"),
    (r"api\.cohere\.(com|ai)", "cohere_chat"),
    (r"openrouter\.ai", "openrouter"),
    (r"api\.groq\.com", "groq"),
    (r"api\.mistral\.ai", "mistral"),
    (r"api\.x\.ai", "xai"),
    (r"api\.deepseek\.com", "deepseek"),
    (r"router\.huggingface\.co", "huggingface"),
    (r"api\.cerebras\.ai", "cerebras"),
    (r"api\.together\.(xyz|ai)", "together_ai"),
    (r"api\.fireworks\.ai", "fireworks_ai"),
    (r"ai-gateway\.vercel\.sh", "vercel_ai_gateway"),
    (r"api\.z\.ai", "zai"),
    (r".*\.snowflakecomputing\.com", "snowflake"),
    (r"api\.writer\.com", "writer"),
    (r"(api\.)?ollama\.com", "ollama"),
    (r"localhost|127\.0\.0\.1|\[?::1\]?", "local"),
)
_PATTERNS = tuple((re.compile(pattern), name) for pattern, name in _HOSTS)


@lru_cache(512)
def provider_at(host: str) -> str:
    """The provider at ``host``, by litellm's name for it where it has one; ``local`` on this machine."""
    return next((name for pattern, name in _PATTERNS if pattern.fullmatch(host)), host)


def is_local(url: str) -> bool:
    """Whether ``url`` is on this machine."""
    return provider_at(urlsplit(url).hostname or "") == "local"
