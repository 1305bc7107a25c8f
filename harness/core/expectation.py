"""What a case expects of an answer: values that suites are read into and checks look at.

Every field left out expects nothing. A suite may write a single name where several are allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from harness.core.chat import CallFault, Finish  # noqa: TC001 - pydantic reads the fields' types

_STRICT: dict[str, Any] = {"extra": "forbid", "use_attribute_docstrings": True}

Schema: TypeAlias = dict[str, Any]
"""A JSON schema, draft 2020-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextExpectation:
    """What the text of the answer must be. All that is given must hold."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    exact: str | None = None
    """The whole text, to the last character."""
    contains: str | tuple[str, ...] = ()
    """Pieces that must stand in the text, upper and lower case told apart."""
    excludes: str | tuple[str, ...] = ()
    """Pieces that must not stand in it."""
    regex: str | None = None
    """A Python regular expression that must match somewhere in the text."""
    empty: bool | None = None
    """True: no text at all. False: some text, whatever it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallExpectation:
    """One call. All that is given must hold."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str | tuple[str, ...] = ()
    """The tool's name as the suite writes it, or several of which any will do."""
    parameters: dict[str, Any] | None = None
    """The parameters exactly: no more, no fewer, types told apart (1 is neither 1.0 nor true)."""
    includes: dict[str, Any] | None = None
    """Parameters that must be there with these values; others may stand beside them, at every depth."""
    accepts: dict[str, tuple[Any, ...]] | None = None
    """For each parameter the values of which any will do (`[]`: any value that the tool takes); no others beside
    them. Numbers count by their value: 1 and 1.0 are one."""
    optional: str | tuple[str, ...] = ()
    """Parameters of `accepts` that may also be left out."""
    strings: Literal["exact", "relaxed"] = "exact"
    """How text is compared with `accepts`. `relaxed`: letters' case, spaces and `,./-_*^` don't count, and `'` is `"`,
    as the Berkeley Function Calling Leaderboard compares it."""
    fits: Literal["tool"] | Schema | None = None
    """A JSON schema that the parameters must fit; `tool` means the schema of the tool called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountExpectation:
    """How many calls, bounds included."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    min: int = 0
    max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryExpectation:
    """What an agent did until its answer, read from what its models answered. All that is given must hold."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    tools: str | tuple[str, ...] | None = None
    """The tools called, all of them and in this order."""
    in_order: str | tuple[str, ...] = ()
    """Tools that are called in this order; others may be called between them."""
    any_order: str | tuple[str, ...] = ()
    """Tools that are each called, whenever."""
    never: str | tuple[str, ...] = ()
    """Tools that are not called."""
    at_most: dict[str, int] | None = None
    """How often a tool may be called."""
    calls: tuple[CallExpectation, ...] = ()
    """Calls of which each is made, whatever else is."""
    steps: int | CountExpectation | None = None
    """How often models are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorExpectation:
    """That asking fails, and how."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    type: str
    """A class of harness.core.errors, such as `AuthenticationError`; a subclass of it will do."""
    status: int | None = None
    """The HTTP status that came with it."""
    contains: str | tuple[str, ...] = ()
    """Pieces that must stand in its message, such as the provider's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """All that one answer must be. An error or an unreadable call that is not expected is a failure."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    text: TextExpectation | None = None
    """What the text must be."""
    calls: tuple[CallExpectation, ...] | None = None
    """The calls, one entry each, in this order; no more and no fewer."""
    any_order: bool = False
    """Take `calls` in any order."""
    call_count: int | CountExpectation | None = None
    """How many calls, where it matters not which."""
    no_calls: bool = False
    """The model must call nothing."""
    call_errors: tuple[CallFault, ...] | None = None
    """Calls that can't be read and are meant to be so: the fault of each, in order."""
    finish: Finish | tuple[Finish, ...] | None = None
    """Why the answer ended; of several, any will do."""
    json_schema: Schema | None = None
    """The text is one JSON value, and it fits this JSON schema (`{}` for any value)."""
    error: str | ErrorExpectation | None = None
    """That asking fails: a class of harness.core.errors, or its type, status and words."""
    trajectory: TrajectoryExpectation | None = None
    """What was done until the answer: for agents, whose answer is their last word."""
    state: dict[str, dict[str, Any]] | None = None
    """The entries of a world's state that the task must have changed, by collection and key, each with what it must
    hold (others may stand beside); `null`: it must be gone. All else must be as at the start; `{}`: nothing changed."""
    any_of: tuple[Expectation, ...] = ()
    """Several whole expectations of which one must hold, beside all that is given here: for a model or provider that
    may answer in more ways than one."""


def several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """One text or several, as several."""
    return (value,) if isinstance(value, str) else value


def bounds(count: int | CountExpectation) -> tuple[int, int | None]:
    """The least and the most of a count; None where there is no most."""
    return (count, count) if isinstance(count, int) else (count.min, count.max)


def amount(least: int, most: int | None) -> str:
    """``2``, ``1 to 3`` or ``1 to any number``."""
    return str(least) if least == most else f"{least} to {'any number' if most is None else most}"
