"""What each provider allows: a table, each row with its source.

A provider is the first part of a model id (``openai/gpt-4o-mini``); it speaks a dialect and
may narrow it. Providers not listed get ``SAFE``, which every listed one accepts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NameRule:
    """Which tool names, or call ids, a provider accepts: ``first`` and ``rest`` are the insides of
    regular-expression character classes, ``longest`` counts characters.
    """

    first: str
    rest: str
    longest: int
    source: str
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = re.compile(f"[{self.first}][{self.rest}]{{0,{self.longest - 1}}}")
        object.__setattr__(self, "pattern", compiled)

    def allows(self, name: str) -> bool:
        return self.pattern.fullmatch(name) is not None


_WORD = "a-zA-Z0-9_-"

SAFE = NameRule("a-zA-Z", "a-zA-Z0-9_", 64, "what every rule below accepts")
OPENAI = NameRule(_WORD, _WORD, 64, "openai SDK, types/shared_params/function_definition.py")
ANTHROPIC = NameRule(_WORD, _WORD, 128, "Anthropic's error text: ^[a-zA-Z0-9_-]{1,128}$")
GEMINI = NameRule(
    "a-zA-Z_", "a-zA-Z0-9_.:-", 64, "google-genai SDK types.py says 128; the API's own error says 64 (gemini-cli 7869)"
)
BEDROCK = NameRule(
    "a-zA-Z",
    _WORD,
    64,
    "botocore bedrock-runtime ToolName: [a-zA-Z0-9_-]{1,64}; the letter first because litellm puts an 'a' "
    "before any other and undoes it through a table shared by the whole process",
)
COHERE = NameRule("a-zA-Z_", "a-zA-Z0-9_", 64, "cohere SDK Tool.name (v1); no length is stated, 64 is ours")

ANY_ID = NameRule(r"\s\S", r"\s\S", 1024, "no limit known")
OPENAI_ID = NameRule(r"\s\S", r"\s\S", 40, "OpenAI's error for longer ids: 'string too long', maximum length 40")
ANTHROPIC_ID = NameRule(_WORD, _WORD, 256, "Anthropic's error text: ^[a-zA-Z0-9_-]+$")
BEDROCK_ID = NameRule("a-zA-Z0-9_.:-", "a-zA-Z0-9_.:-", 64, "botocore bedrock-runtime ToolUseId")
MISTRAL_ID = NameRule("a-zA-Z0-9", "a-zA-Z0-9", 9, "Mistral's error text: a-z, A-Z, 0-9, length of 9 (vllm 9019)")


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider: its dialect (a key of ``wire.DIALECTS``), its rules, and the quirks that its
    answers are known to show (names from the dialect's quirk table).
    """

    provider: str
    dialect: str
    names: NameRule
    ids: NameRule = ANY_ID
    exact_id_length: bool = False
    quirks: frozenset[str] = frozenset()


PROFILES: dict[str, Profile] = {
    profile.provider: profile
    for profile in (
        Profile("openai", "openai", OPENAI, OPENAI_ID),
        Profile("azure", "openai", OPENAI, OPENAI_ID),
        Profile("groq", "openai", OPENAI),
        Profile("mistral", "openai", OPENAI, MISTRAL_ID, exact_id_length=True),
        Profile("deepseek", "openai", OPENAI),
        Profile("openrouter", "openai", OPENAI),
        Profile("xai", "openai", OPENAI),
        Profile("hosted_vllm", "openai", OPENAI),
        Profile("llamafile", "openai", OPENAI),
        Profile("anthropic", "anthropic", ANTHROPIC, ANTHROPIC_ID),
        Profile("gemini", "gemini", GEMINI),
        Profile("vertex_ai", "gemini", GEMINI),
        Profile("bedrock", "bedrock", BEDROCK, BEDROCK_ID),
        Profile("cohere", "cohere", COHERE),
        Profile("cohere_chat", "cohere", COHERE),
        Profile("ollama", "ollama_generate", OPENAI),
        Profile("ollama_chat", "ollama", OPENAI),
    )
}


def profile(provider: str) -> Profile:
    """The profile of ``provider``; for one not listed, OpenAI's dialect under the safe rule."""
    return PROFILES.get(provider) or Profile(provider, "openai", SAFE)
