"""Which providers a proof asks: those whose row has a model and options that keep it off the network; and which
options it asks them for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES, profile, proven, speaker
from harness.laws.values import one_in

if TYPE_CHECKING:
    from random import Random

    from harness.core.chat import Json
    from harness.dialects.wire_profile import WireProfile
    from harness.laws.question import Question


def provers(chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The providers to prove: ``chosen``, or all. Raises ``UsageError`` for one that is not known."""
    unknown = [name for name in chosen if name not in proven()]
    if unknown:
        unproven = [name for name in unknown if name in PROFILES]
        why = f" (of {', '.join(unproven)} nobody knows yet how to ask it here)" if unproven else ""
        raise UsageError(f"no provider {', '.join(unknown)} to prove{why}; there are {', '.join(proven())}")
    return chosen or proven()


def likely(like: WireProfile) -> str:
    """Whom a proof asks for answers like those of a profile: its provider, or who stands for its dialect."""
    able = [name for name in proven() if profile(name).dialect == like.dialect]
    own = [name for name in able if name.partition("/")[0] == like.provider]
    return (own or [speaker(like.dialect).name])[0]


def seldom(provider: str) -> frozenset[str]:
    """Options that litellm refuses for a provider, or drops: asked for now and then, to see that they are named."""
    row = profile(provider)
    return DIALECTS[row.dialect].facts.dropped_options | row.dropped_options


@cache
def addressable() -> tuple[str, ...]:
    """Providers to ask at the same time: those whose address a question chooses, by which its answer is found."""
    rows = [profile(name) for name in proven() if not DIALECTS[profile(name).dialect].facts.tools_in_prompt]
    return tuple(row.name for row in rows if any("provider.test" in str(value) for value in row.options.values()))


_TEMPERATURES = (0, 0.0, 0.2, 0.7, 1, 1.0)


def options_for(rng: Random, question: Question) -> dict[str, Json]:
    """What is asked for beside messages and tools."""
    made: dict[str, Json] = {}
    if one_in(rng, 3):
        made["temperature"] = rng.choice(_TEMPERATURES)
    if one_in(rng, 4):
        made["max_tokens"] = rng.choice((16, 17, 100, 4097, 8192))
    if one_in(rng, 6):
        made["top_p"] = rng.choice((0.1, 0.5, 1.0))
    if one_in(rng, 6):
        made["stop"] = rng.choice((["END"], ["END", "\n\n"], "STOP"))
    if one_in(rng, 10):
        made["seed"] = rng.choice((0, 7))
    if one_in(rng, 12):
        made["presence_penalty"] = 0.5
    if one_in(rng, 8):
        made["parallel_tool_calls"] = rng.choice((True, False))
    if question.kind == "answer" and one_in(rng, 2):
        schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        strict = {"strict": True} if "temperature" in made else {}
        form = {"name": "answer", **strict, "schema": schema}
        made["response_format"] = {"type": "json_schema", "json_schema": form}
    if one_in(rng, 30):
        return made
    left = seldom(question.provider)
    return {name: one for name, one in made.items() if name not in left}
