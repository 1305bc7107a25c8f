"""Which providers a proof asks: those whose row has a model and options that keep it off the network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.dialects import DIALECTS
from harness.dialects.providers import PROFILES, profile, proven, speaker

if TYPE_CHECKING:
    from harness.dialects.wire_profile import WireProfile


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
