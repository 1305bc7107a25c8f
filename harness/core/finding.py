"""What a check says: a finding, and the verdict of a case or cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from annotated_types import Ge

STRICT = {"extra": "forbid", "strict": True}
"""How pydantic reads these values from a document: as what they say, and nothing beside."""

Count: TypeAlias = Annotated[int, Ge(0)]

Verdict: TypeAlias = Literal["pass", "fail", "quirk", "unsupported", "infra", "unseen"]
"""``unseen``: nothing recorded shows it, one way or the other."""

Blame: TypeAlias = Literal["", "model", "provider", "litellm", "backend", "recording", "caller"]
"""Whose doing it is. ``backend`` is this harness: its backend or its reference reader. ``caller`` is the program that
asked: its limit, its stop sequence, its tools. ``""``: nobody is to blame.
"""


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
