"""Which tool names and call ids providers accept, each rule with its source."""

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
INVOKE_ID = NameRule(_WORD, _WORD, 64, "Anthropic's characters, Bedrock's length: Claude behind InvokeModel")
CALL_ID = NameRule(r"\s\S", r"\s\S", 64, "OpenAI's error for longer call_ids: 'string too long', maximum length 64")
MISTRAL_ID = NameRule("a-zA-Z0-9", "a-zA-Z0-9", 9, "Mistral's error text: a-z, A-Z, 0-9, length of 9 (vllm 9019)")
