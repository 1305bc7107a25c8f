"""What a check looks at, one turn of one case of one model, and its result: a finding, and the verdict of a
case or cell.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - field types of a public value
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeAlias

from annotated_types import Ge

from harness.core.chat import Json, Reply  # noqa: TC001 - as above
from harness.core.errors import HarnessError  # noqa: TC001 - as above
from harness.core.exchange import Exchange  # noqa: TC001 - as above

STRICT = {"extra": "forbid", "strict": True}
"""How pydantic reads these values from a document: strictly, with no other fields."""

Count: TypeAlias = Annotated[int, Ge(0)]

Verdict: TypeAlias = Literal["pass", "fail", "quirk", "unsupported", "infra", "unseen"]
"""``unseen``: nothing recorded shows it, one way or the other."""

Blame: TypeAlias = Literal["", "model", "provider", "litellm", "backend", "recording", "caller"]
"""Who is to blame. ``backend`` is this harness: its backend or its reference reader. ``caller`` is the program that
made the request: its limit, its stop sequence, its tools. ``""``: nobody is to blame.
"""


@dataclass(frozen=True, slots=True)
class WorldRun:
    """What a task did to its world: the state before and after. ``stopped`` is why the loop ended otherwise than by
    an answer without calls, ``complaint`` the message of the case's own check of the state; both are "" where nothing
    is wrong.
    """

    before: Json
    after: Json
    stopped: str = ""
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One question and all that is known of its answer.

    Exactly one of ``reply`` and ``error`` is set. ``asked`` has the caller's arguments (messages, tools,
    options); ``exchanges`` what went over the wire for it, with their places in ``cassette``. ``repeat`` counts the
    times that the case was run before, from 0; ``rechunked`` is what the same bytes gave in other chunks.
    ``world`` is set on the last answer of a task in a world; ``exchanges`` are then those of the whole task.
    """

    suite: str
    case: str
    model: str
    asked: Mapping[str, Json]
    reply: Reply | None = None
    error: HarnessError | None = None
    turn: int = 0
    cassette: str = ""
    exchanges: tuple[tuple[int, Exchange], ...] = field(default=())
    repeat: int = 0
    rechunked: tuple[Reply | HarnessError, ...] = field(default=())
    world: WorldRun | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the proof of a finding stands: a cassette and the exchanges in it, counted from 0."""

    __pydantic_config__: ClassVar = STRICT

    cassette: str
    exchanges: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found. ``key`` stays the same from run to run.

    ``cause`` names what went wrong, so that one wrong call found by several checks counts once.
    """

    __pydantic_config__: ClassVar = STRICT

    check: str
    verdict: Verdict
    message: str
    path: str = ""
    evidence: Evidence | None = None
    blame: Blame = ""
    cause: str = ""

    @property
    def key(self) -> str:
        return f"{self.check}:{self.path}:{self.verdict}"


def count(number: int, noun: str) -> str:
    """``number`` of ``noun``, which takes an s where it is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
