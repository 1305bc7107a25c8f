"""Over which dialect a request goes: by provider, model, and what litellm settles by rules of its own.

One provider may speak several: Claude on Azure AI and on Vertex speaks Anthropic's, OpenAI's newer models speak
Responses as soon as tools are offered. What is not known is ``UNKNOWN``: such a request gets safe names, its stream
no watch, and its bytes no judgement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.dialects.name_rules import OPENAI, SAFE, NameRule
from harness.dialects.providers import PROFILES, Profile

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = "unknown"
"""The dialect of a request whose wire is not known."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Models of ``provider`` whose name ``model`` is found in speak ``dialect``; the first rule that fits counts."""

    provider: str
    model: str
    dialect: str
    why: str


RULES = (
    Rule("azure_ai", r"claude", "anthropic", "Microsoft Foundry serves Claude at /anthropic/v1/messages"),
    Rule("azure_ai", r"", "openai", "Foundry's other models: chat completions"),
    Rule("vertex_ai", r"claude", "anthropic", "rawPredict with Anthropic's body"),
    Rule("vertex_ai", r"mistral|codestral", "openai", "rawPredict with Mistral's body"),
    Rule("vertex_ai", r"-maas|^(meta|xai|deepseek-ai|qwen|openai|zai-org|moonshotai|minimaxai)/", "openai", "openapi"),
    Rule("vertex_ai", r"^(ai21|jamba)|^openai", "openai", "rawPredict with AI21's body"),
    Rule("vertex_ai", r"gemini|^gemma|^\d+$|^text-|^medlm|bison|learnlm", "gemini", "Google's own models"),
    Rule("vertex_ai", r"", UNKNOWN, "a publisher not listed here"),
    Rule("snowflake", r"claude", "anthropic", "Cortex serves Claude at /api/v2/cortex/v1/messages"),
    Rule("snowflake", r"", "openai", "Cortex's other models: chat completions"),
    Rule("bedrock_mantle", r"anthropic\.", "anthropic", "Mantle serves Claude over Anthropic's messages"),
    Rule("bedrock_mantle", r"", "openai", "Mantle's other models: chat completions"),
    Rule("github_copilot", r"claude", UNKNOWN, "chat completions or Anthropic's messages, by the account"),
)
"""For providers that are not in ``profiles.PROFILES``, or serve several dialects."""

OPENAI_LIKE = frozenset(
    (
        *("abliteration", "baseten", "cerebras", "chatgpt", "cognition", "coralbricks", "crusoe", "darkbloom"),
        *("dashscope", "databricks", "deepinfra", "fireworks_ai", "friendliai", "github_copilot", "gmi"),
        *("hostinger_router", "huggingface", "hyperbolic", "inception", "inferenceapis", "lambda_ai", "libertai"),
        *("lm_studio", "llamagate", "meta", "meta_llama", "minimax", "moonshot", "morph", "nebius", "novita"),
        *("nvidia_nim", "ovhcloud", "perplexity", "pinstripes", "publicai", "qwen_ai_platform", "qwencloud", "sail"),
        *("sambanova", "scaleway", "scx-ai", "snowflake", "streamlake", "tencent", "tensormesh", "together_ai", "v0"),
        *("vercel_ai_gateway", "volcengine", "wandb", "zai", "sagemaker_chat", "local"),
    )
)
"""Providers that speak chat completions with all their models: shown by litellm's own requests, or by recordings."""

_BEDROCK = {"converse": "bedrock", "converse_like": "bedrock", "chat_completions": "openai"}
"""litellm's word for a way to Bedrock → dialect; ``invoke`` depends on whose model it is."""


def route(provider: str, name: str, *, responses: bool = False, bedrock: Callable[[], str] = str) -> Profile:
    """The row with the dialect and the rules for ``provider/name``.

    ``responses`` is litellm's decision to use OpenAI's Responses, ``bedrock`` gives its word for the way to Bedrock,
    and is called for that provider alone.
    """
    if responses:
        return replace(PROFILES["openai/responses"], names=_names(provider))
    if provider == "bedrock":
        return _bedrock(name, bedrock() or _bedrock_word(name))
    rule = next((one for one in RULES if one.provider == provider and re.search(one.model, name)), None)
    if rule is not None:
        claude = rule.dialect == "anthropic"
        row = PROFILES.get(f"{provider}/claude") if claude else PROFILES.get(provider)
        return replace(
            row or PROFILES["anthropic" if claude else "openai"], dialect=rule.dialect, names=_own(row, rule)
        )
    if provider in PROFILES:
        return PROFILES[provider]
    return Profile(name=provider, dialect="openai" if provider in OPENAI_LIKE else UNKNOWN)


def _own(row: Profile | None, rule: Rule) -> NameRule:
    """The names of a row, where they are those of the dialect that the rule names."""
    return row.names if row is not None and row.dialect == rule.dialect else SAFE


def _names(provider: str) -> NameRule:
    known = PROFILES.get(provider)
    return known.names if known else OPENAI if provider == "bedrock_mantle" else SAFE


def _bedrock_word(name: str) -> str:
    found = re.match(r"(converse_like|converse|invoke|chat_completions|mantle|openai|agent|agentcore)/", name)
    return found[1] if found else "converse"


def _bedrock(name: str, word: str) -> Profile:
    if word == "invoke" and re.search(r"anthropic\.|claude", name):
        return PROFILES["bedrock/invoke"]
    dialect = _BEDROCK.get(word, UNKNOWN)
    row = PROFILES["bedrock"]
    return row if dialect == row.dialect else replace(row, dialect=dialect, names=SAFE)
