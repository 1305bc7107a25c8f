"""What is known of each provider: a row each, its source beside it.

A provider is the first part of a model id (``openai/gpt-4o-mini``); it speaks a dialect and may narrow it. A provider
that is not listed gets OpenAI's dialect and ``SAFE``, which every listed one accepts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping  # noqa: TC003 - the type of a public value's field
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from harness.dialects.name_rules import (
    ANTHROPIC,
    ANTHROPIC_ID,
    ANY_ID,
    BEDROCK,
    BEDROCK_ID,
    CALL_ID,
    COHERE,
    GEMINI,
    INVOKE_ID,
    MISTRAL_ID,
    OPENAI,
    OPENAI_ID,
    SAFE,
    NameRule,
)

JsonWay: TypeAlias = Literal["format", "json_object", "schema_only", "none"]
"""How litellm 1.109.1 requests JSON. ``format``: the field of that name. ``json_object``: ``response_format`` of that
type. ``schema_only``: it sends nothing for json_object, but a json_schema works. ``none``: it refuses both.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One provider: its dialect (a key of ``DIALECTS``), its rules, and what differs there.

    ``quirks`` are names from the dialect's table that its answers are known to show; ``client_quirks`` those that
    its own package relies on, by a word of the package's user agent. ``keys`` are the environment variables in
    which litellm 1.109.1 looks for its key (get_secret in main.py and in each transformation), any one of which
    will do. ``hosts`` are regular expressions of the hosts where it answers. ``counts_unasked``: its streams end
    with token counts, and litellm refuses to request them. ``json_beside_tools``: litellm sends ``response_format``
    beside tools as it is; ``dropped_options``: it refuses or drops these. ``own_parser``: it has code of its own
    for its answers. ``resigned``: its requests can't be sent again, and why. ``key_header``: not the dialect's own.
    ``credentials`` are the options that litellm takes its key in. ``looks_up_models``: litellm looks up each of its
    models that it does not know, in an Ollama on this machine or at huggingface.co, whatever the ``api_base``.
    ``images``: fewer than its dialect has. ``litellm``: litellm knows it. ``wants_state``: its answers hold state that
    the renderers write; ``wants_reasoning``: the reasoning goes back too. ``tool_marks``: it takes these beside its
    dialect's. ``starter``: a small model that calls tools. ``model`` and ``options`` call it in a proof.
    """

    name: str
    dialect: str = "openai"
    names: NameRule = SAFE
    ids: NameRule = ANY_ID
    exact_id_length: bool = False
    quirks: frozenset[str] = frozenset()
    client_quirks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    json: JsonWay = "json_object"
    keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    counts_unasked: bool = False
    json_beside_tools: bool = False
    dropped_options: frozenset[str] = frozenset()
    own_parser: bool = False
    resigned: str = ""
    key_header: str = ""
    credentials: tuple[str, ...] = ("api_key",)
    looks_up_models: bool = False
    images: frozenset[str] | None = None
    litellm: bool = True
    wants_state: bool = False
    wants_reasoning: bool = False
    tool_marks: tuple[str, ...] = ()
    starter: str = ""
    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


NO_KEY = "no-key-is-needed"
_ROOT = {"api_base": "http://provider.test", "api_key": NO_KEY}
V1 = {**_ROOT, "api_base": "http://provider.test/v1"}
_V2_CHAT = {**_ROOT, "api_base": "http://provider.test/v2/chat"}
_AWS = {
    "aws_access_key_id": "none",
    "aws_secret_access_key": "none",
    "aws_region_name": "us-east-1",
    "aws_bedrock_runtime_endpoint": "http://provider.test",
}
_VERTEX = {
    "vertex_project": "none",
    "vertex_location": "us-east5",
    # Google's library requests a token first; the interceptor answers that too.
    "vertex_credentials": json.dumps(
        {"type": "authorized_user", "client_id": "none", "client_secret": "none", "refresh_token": "none"}
    ),
}
_AZURE = r".*\.openai\.azure\.com|.*\.cognitiveservices\.azure\.com|.*\.services\.ai\.azure\.com"

PROFILES: dict[str, Profile] = {
    row.name: row
    for row in (
        Profile(
            name="openai",
            tool_marks=("custom",),
            json_beside_tools=True,
            starter="gpt-4o-mini",
            names=OPENAI,
            ids=OPENAI_ID,
            keys=("OPENAI_API_KEY",),
            hosts=(r"api\.openai\.com",),
            model="openai/gpt-4o-mini",
            options=V1,
        ),
        Profile(
            name="azure",
            tool_marks=("custom",),
            json_beside_tools=True,
            names=OPENAI,
            ids=OPENAI_ID,
            keys=("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"),
            hosts=(_AZURE,),
            key_header="api-key",
            own_parser=True,
            model="azure/gpt-4o-mini",
            options={**_ROOT, "api_version": "2024-10-21"},
        ),
        Profile(
            name="groq",
            starter="llama-3.3-70b-versatile",
            names=OPENAI,
            keys=("GROQ_API_KEY",),
            hosts=(r"api\.groq\.com",),
            own_parser=True,
            model="groq/llama-3.3-70b-versatile",
            options=V1,
        ),
        Profile(
            name="mistral",
            dropped_options=frozenset({"presence_penalty"}),
            json_beside_tools=True,
            starter="mistral-small-latest",
            names=OPENAI,
            ids=MISTRAL_ID,
            exact_id_length=True,
            client_quirks={"mistral": frozenset({"call_in_one_chunk", "finish_in_call_chunk", "content_empty"})},
            keys=("MISTRAL_API_KEY",),
            hosts=(r"api\.mistral\.ai",),
            counts_unasked=True,
            own_parser=True,
            model="mistral/mistral-small-latest",
            options=V1,
        ),
        Profile(
            name="deepseek",
            images=frozenset(),  # text alone, as litellm's transformation has it
            wants_state=True,
            wants_reasoning=True,
            json_beside_tools=True,
            starter="deepseek-chat",
            names=OPENAI,
            keys=("DEEPSEEK_API_KEY",),
            hosts=(r"api\.deepseek\.com",),
            own_parser=True,
            model="deepseek/deepseek-chat",
            options=V1,
        ),
        Profile(
            name="openrouter",
            wants_state=True,
            json_beside_tools=True,
            starter="openai/gpt-4o-mini",
            names=OPENAI,
            keys=("OPENROUTER_API_KEY", "OR_API_KEY"),
            hosts=(r"openrouter\.ai",),
            own_parser=True,
            model="openrouter/openai/gpt-4o-mini",
            options=V1,
        ),
        Profile(
            name="xai",
            dropped_options=frozenset({"stop", "presence_penalty"}),
            starter="grok-4-fast",
            names=OPENAI,
            keys=("XAI_API_KEY",),
            hosts=(r"api\.x\.ai",),
            own_parser=True,
            model="xai/grok-3-mini",
            options=V1,
        ),
        Profile(name="hosted_vllm", json_beside_tools=True, names=OPENAI, model="hosted_vllm/some-model", options=V1),
        Profile(name="llamafile", names=OPENAI, model="llamafile/some-model", options=V1),
        Profile(
            name="anthropic",
            wants_state=True,
            starter="claude-haiku-4-5",
            dialect="anthropic",
            names=ANTHROPIC,
            ids=ANTHROPIC_ID,
            json="schema_only",
            keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
            hosts=(r"api\.anthropic\.com",),
            model="anthropic/claude-3-5-sonnet-20241022",
            options=_ROOT,
        ),
        Profile(
            name="gemini",
            wants_state=True,
            starter="gemini-2.5-flash",
            dialect="gemini",
            names=GEMINI,
            keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            hosts=(r"generativelanguage\.googleapis\.com",),
            model="gemini/gemini-2.5-flash",
            options={**_ROOT, "api_base": "http://provider.test/v1beta"},
        ),
        Profile(
            name="vertex_ai",  # not proven by itself: litellm requests credentials of Google first
            dialect="gemini",
            names=GEMINI,
            hosts=(r"(.*-)?aiplatform\.googleapis\.com",),
            resigned="requests to Vertex AI carry a token that only Google's library makes; record it again instead",
        ),
        Profile(
            name="bedrock",
            wants_state=True,
            dialect="bedrock",
            names=BEDROCK,
            ids=BEDROCK_ID,
            json="schema_only",
            credentials=("api_key", "aws_access_key_id", "aws_secret_access_key"),
            hosts=(r"bedrock-(runtime|mantle)\..*",),
            model="bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0",
            options=_AWS,
        ),
        Profile(
            name="cohere",
            dialect="cohere",
            names=COHERE,
            json="none",
            keys=("COHERE_API_KEY", "CO_API_KEY"),
            model="cohere/command-r-plus",
            options=_V2_CHAT,
        ),
        Profile(
            name="cohere_chat",
            starter="command-r7b-12-2024",
            dialect="cohere",
            names=COHERE,
            json="none",
            keys=("COHERE_API_KEY", "CO_API_KEY"),
            hosts=(r"api\.cohere\.(com|ai)",),
            model="cohere_chat/command-r-plus",
            options=_V2_CHAT,
        ),
        Profile(
            name="ollama",
            dialect="ollama_generate",
            names=OPENAI,
            json="format",
            looks_up_models=True,
            hosts=(r"(api\.)?ollama\.com",),
            model="ollama/llama3",
            options={"api_base": "http://provider.test"},
        ),
        Profile(
            name="ollama_chat",
            dialect="ollama",
            names=OPENAI,
            json="format",
            looks_up_models=True,
            model="ollama_chat/llama3",
            options={"api_base": "http://provider.test"},
        ),
        Profile(
            name="openai/responses",
            wants_state=True,
            dialect="openai_responses",
            names=OPENAI,
            ids=CALL_ID,
            model="openai/gpt-5-codex",
            options=V1,
        ),
        Profile(
            name="azure_ai/claude",
            wants_state=True,
            dialect="anthropic",
            names=ANTHROPIC,
            ids=ANTHROPIC_ID,
            json="schema_only",
            model="azure_ai/claude-sonnet-4-5",
            options={**_ROOT, "api_base": "http://provider.test/anthropic"},
        ),
        Profile(
            name="vertex_ai/claude",
            images=frozenset({"data"}),  # Anthropic's docs, "Vision": no URLs on other clouds
            wants_state=True,
            dialect="anthropic",
            names=ANTHROPIC,
            ids=ANTHROPIC_ID,
            json="schema_only",
            model="vertex_ai/claude-sonnet-4-5",
            options=_VERTEX,
        ),
        Profile(
            name="bedrock/invoke",
            wants_state=True,
            dialect="bedrock_invoke",
            names=BEDROCK,
            ids=INVOKE_ID,
            json="schema_only",
            model="bedrock/invoke/anthropic.claude-3-5-sonnet-20240620-v1:0",
            options=_AWS,
        ),
        Profile(name="azure_ai", keys=("AZURE_AI_API_KEY", "AZURE_AD_TOKEN")),
        Profile(name="cerebras", keys=("CEREBRAS_API_KEY",), hosts=(r"api\.cerebras\.ai",), own_parser=True),
        Profile(
            name="fireworks_ai",
            keys=("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
            hosts=(r"api\.fireworks\.ai",),
            own_parser=True,
        ),
        Profile(
            name="huggingface",
            looks_up_models=True,
            keys=("HUGGINGFACE_API_KEY",),
            hosts=(r"router\.huggingface\.co",),
            own_parser=True,
        ),
        Profile(name="perplexity", keys=("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY")),
        Profile(
            name="snowflake",
            json="none",
            keys=("SNOWFLAKE_JWT",),
            hosts=(r".*\.snowflakecomputing\.com",),
            own_parser=True,
        ),
        Profile(
            name="together_ai",
            keys=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
            hosts=(r"api\.together\.(xyz|ai)",),
            own_parser=True,
        ),
        Profile(
            name="vercel_ai_gateway",
            keys=("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
            hosts=(r"ai-gateway\.vercel\.sh",),
            own_parser=True,
        ),
        Profile(name="writer", hosts=(r"api\.writer\.com",)),
        Profile(name="zai", keys=("ZAI_API_KEY",), hosts=(r"api\.z\.ai",), own_parser=True),
    )
}
ALIASES = {"google": "gemini"}
"""What people call a provider, where litellm has another word for it."""


def proven() -> tuple[str, ...]:
    """The providers that a proof can call."""
    return tuple(name for name, row in PROFILES.items() if row.model)


def speaker(dialect: str) -> Profile:
    """The row that stands for ``dialect`` where its provider is not known: the first that can be called, with a host
    before others. Raises ``StopIteration`` for a dialect that nobody here speaks.
    """
    rows = [row for row in PROFILES.values() if row.dialect == dialect and row.model]
    return next(row for row in sorted(rows, key=lambda row: not row.hosts))


def profile(provider: str) -> Profile:
    """The row of ``provider``; for one not listed, OpenAI's dialect under the safe rule."""
    return PROFILES.get(provider) or Profile(name=provider)


def client_quirks(user_agent: str) -> frozenset[str]:
    """What the provider's package that sends ``user_agent`` relies on; empty for one that is not known."""
    rows = (relied for row in PROFILES.values() for relied in row.client_quirks.items())
    return next((quirks for word, quirks in rows if word in user_agent), frozenset())


@lru_cache(512)
def provider_at(host: str) -> str:
    """The provider at ``host``, by litellm's name for it where it has one; ``local`` on this machine. A host that is
    not listed is named by itself.
    """
    if re.fullmatch(r"localhost|127\.0\.0\.1|\[?::1\]?", host):
        return "local"
    return next((row.name for row in PROFILES.values() if any(re.fullmatch(one, host) for one in row.hosts)), host)


def is_local(url: str) -> bool:
    """Whether ``url`` is on this machine."""
    return provider_at(urlsplit(url).hostname or "") == "local"
