"""Tool names as people really give them, and sets of names that get in each other's way."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harness.dialects.providers import profile
from harness.strategies.material import JOINTS, WORDS

if TYPE_CHECKING:
    from harness.dialects.name_rules import NameRule

_LETTERS = st.characters(exclude_categories=["Cs", "Cc"])


@functools.cache  # validated once an object
def tool_names(provider: str = "openai") -> st.SearchStrategy[str]:
    """Names of one tool: legal for ``provider`` or not, short or past its limit, in any script; never empty.

    Shrinks towards ``a``, then ``a/b``.
    """
    rule = profile(provider).names
    joined = st.builds(
        lambda first, rest: first + "".join(joint + word for joint, word in rest),
        st.sampled_from(WORDS[:5]),
        st.lists(st.tuples(st.sampled_from(JOINTS), st.sampled_from(WORDS[:5])), max_size=3),
    )
    wrapped = joined.map(lambda name: f"__{name}__")
    digits = joined.map(lambda name: f"1{name}")
    dashed = joined.map(lambda name: f"-{name}")
    long = st.builds(lambda name, length: (name * length)[:length], joined, st.sampled_from(_lengths(rule)))
    foreign = st.text(_LETTERS, min_size=1, max_size=6)
    return joined | wrapped | digits | dashed | long | foreign


@functools.cache
def legal_names(provider: str = "openai") -> st.SearchStrategy[str]:
    """Names that ``provider`` accepts as they are."""
    rule = profile(provider).names
    return st.from_regex(re.compile(f"[{rule.first}][{rule.rest}]{{0,10}}", re.ASCII), fullmatch=True)


@functools.cache
def _several(provider: str, min_size: int, max_size: int) -> st.SearchStrategy[list[str]]:
    return st.lists(tool_names(provider), min_size=min_size, max_size=max_size, unique=True)


@st.composite
def tool_sets(draw: st.DrawFn, provider: str = "openai", min_size: int = 1, max_size: int = 4) -> list[str]:
    """Different names for the tools of one request, with relatives that a careless mapping confuses: ``a/b`` beside
    ``a__b`` and ``a_b``, a name and its first 64 characters, a name and its ``_2``.
    """
    names = draw(_several(provider, min_size, max_size))
    if len(names) < max_size and names and draw(st.booleans()):
        names.append(draw(st.sampled_from(_relatives(draw(st.sampled_from(names)), profile(provider).names))))
    return list(dict.fromkeys(names))


def _lengths(rule: NameRule) -> tuple[int, ...]:
    return (rule.longest, rule.longest + 1, 65, 129)


def _relatives(name: str, rule: NameRule) -> list[str]:
    flat = re.sub(f"[^{rule.rest}]", "_", name)
    made = (
        name.replace("/", "__"),
        name.replace("__", "/"),
        flat,
        f"{flat}_2",
        f"{name}_",
        name[: rule.longest],
        name.swapcase(),
        f"{name}/b",
        f"a/{name}",
    )
    return [one for one in dict.fromkeys(made) if one]
