"""What is known of the programs that call providers: the environment variables by which they are pointed at another
base URL, and what differs in their requests from call to call, or from user to user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlsplit


class BaseUrl(NamedTuple):
    """A variable, the base URL that stands for it where it is not set (``""``: it means nothing then), and where that
    is written: the package that reads the variable, at the version that was looked at.
    """

    provider: str
    variable: str
    default: str
    source: str


_LITELLM = "litellm 1.109.1"

BASE_URLS = (
    BaseUrl("openai", "OPENAI_BASE_URL", "https://api.openai.com/v1", "openai 3.57 (Python) and 6.49 (Node)"),
    BaseUrl("openai", "OPENAI_API_BASE", "https://api.openai.com/v1", f"{_LITELLM}, llama-index, aider"),
    BaseUrl("anthropic", "ANTHROPIC_BASE_URL", "https://api.anthropic.com", "anthropic 2.13, @anthropic-ai/sdk 1.13"),
    BaseUrl("anthropic", "ANTHROPIC_API_BASE", "https://api.anthropic.com", _LITELLM),
    BaseUrl(
        "gemini", "GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", "google-genai 3.6, gemini-cli"
    ),
    BaseUrl("gemini", "GEMINI_API_BASE", "https://generativelanguage.googleapis.com/v1beta", _LITELLM),
    BaseUrl("vertex_ai", "GOOGLE_VERTEX_BASE_URL", "", "google-genai 3.6, gemini-cli"),
    BaseUrl("vertex_ai", "ANTHROPIC_VERTEX_BASE_URL", "", "anthropic 2.13"),
    BaseUrl("vertex_ai", "VERTEXAI_API_BASE", "", _LITELLM),
    BaseUrl("mistral", "MISTRAL_API_BASE", "https://api.mistral.ai/v1", _LITELLM),
    BaseUrl("cohere", "CO_API_URL", "https://api.cohere.com", "cohere 7.3"),
    BaseUrl("cohere", "COHERE_API_BASE", "https://api.cohere.com/v2/chat", _LITELLM),
    BaseUrl("groq", "GROQ_BASE_URL", "https://api.groq.com", "groq (Python and Node)"),
    BaseUrl("groq", "GROQ_API_BASE", "https://api.groq.com/openai/v1", f"{_LITELLM}, langchain-groq"),
    BaseUrl("ollama", "OLLAMA_HOST", "http://127.0.0.1:11434", "ollama 0.6"),
    BaseUrl("ollama", "OLLAMA_API_BASE", "http://127.0.0.1:11434", _LITELLM),
    BaseUrl("openrouter", "OPENROUTER_API_BASE", "https://openrouter.ai/api/v1", _LITELLM),
    BaseUrl("azure", "AZURE_OPENAI_ENDPOINT", "", "openai 3.57 (Python) and 6.49 (Node)"),
    BaseUrl("azure", "AZURE_API_BASE", "", _LITELLM),
    BaseUrl("azure", "ANTHROPIC_FOUNDRY_BASE_URL", "", "anthropic 2.13"),
    BaseUrl("bedrock", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "", "the AWS SDKs: botocore 1.44, @aws-sdk 3"),
    BaseUrl("bedrock", "AWS_BEDROCK_RUNTIME_ENDPOINT", "", _LITELLM),
    BaseUrl("bedrock", "ANTHROPIC_BEDROCK_BASE_URL", "", "anthropic 2.13"),
    BaseUrl("deepseek", "DEEPSEEK_API_BASE", "https://api.deepseek.com/beta", _LITELLM),
    BaseUrl("xai", "XAI_API_BASE", "https://api.x.ai/v1", _LITELLM),
    BaseUrl("together_ai", "TOGETHER_AI_API_BASE", "https://api.together.ai/v1", _LITELLM),
    BaseUrl("fireworks_ai", "FIREWORKS_API_BASE", "https://api.fireworks.ai/inference/v1", _LITELLM),
    BaseUrl("cerebras", "CEREBRAS_API_BASE", "https://api.cerebras.ai/v1", _LITELLM),
    BaseUrl("hosted_vllm", "HOSTED_VLLM_API_BASE", "", _LITELLM),
    BaseUrl("litellm_proxy", "LITELLM_PROXY_API_BASE", "", _LITELLM),
)
"""Every base-URL variable that is set for a program. Bedrock's, Azure's and Vertex's hosts hold a region or an account:
they are set where the program's own environment names one, or the AWS region is known.
"""

BEDROCK = "https://bedrock-runtime.{region}.amazonaws.com"
"""Where Bedrock answers in a region, for the variables of ``BASE_URLS`` that name no host."""


def regional(region: str) -> dict[str, str]:
    """The base URLs that hold the region of a cloud, by their variables."""
    return {row.variable: BEDROCK.format(region=region) for row in BASE_URLS if row.provider == "bedrock"}


def redirected(requested: str, host: str) -> str:
    """The ``VARIABLE=URL`` that leads a client which requests the URL ``requested`` to the origin ``host``; empty where
    no variable is known.
    """
    rows = (row for row in BASE_URLS if row.default and requested.startswith(row.default))
    return next((f"{row.variable}={host}{urlsplit(row.default).path}" for row in rows), "")


@dataclass(frozen=True, slots=True)
class Volatile:
    """A field that differs from call to call or from user to user, left out of the key: ``place`` says whether it
    is a dotted path in a JSON body, or a name in a query or a form.
    """

    provider: str
    place: Literal["body", "query", "form"]
    name: str
    why: str


VOLATILE = (
    Volatile("openai", "body", "idempotency_key", "random for each call"),
    Volatile("openai", "body", "metadata.request_id", "random for each call"),
    Volatile("openai", "body", "client_metadata", "the client's own version and machine"),
    Volatile("gemini", "query", "key", "the user's key, where it is not in a header"),
    Volatile("any", "query", "api_key", "the user's key"),
    Volatile("any", "query", "access_token", "the user's token"),
    Volatile("bedrock", "query", "X-Amz-Date", "the time of a presigned request"),
    Volatile("bedrock", "query", "X-Amz-Signature", "follows from the time and the key"),
    Volatile("bedrock", "query", "X-Amz-Credential", "the user's key id"),
    Volatile("bedrock", "query", "X-Amz-Security-Token", "the user's token"),
    Volatile("vertex_ai", "form", "assertion", "a signed time, sent for an access token"),
    Volatile("azure", "form", "client_assertion", "as above"),
    Volatile("azure", "form", "client_secret", "the user's secret"),
)
"""The one table of what is left out, whatever the provider of the row."""
