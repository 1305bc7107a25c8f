"""Rules from a file or a header, and rules at work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import pydantic

from harness.core.exchange import HttpRequest, header
from harness.server.rules import Rule
from harness.suite import validation_errors
from harness.suite.loader import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = "x-harness-fault"
_RULE: pydantic.TypeAdapter[Rule] = pydantic.TypeAdapter(Annotated[Rule, pydantic.Field(discriminator="fault")])


class _File(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    faults: tuple[Annotated[Rule, pydantic.Field(discriminator="fault")], ...]


def from_file(path: Path | str) -> tuple[Rule, ...]:
    """The rules in a YAML (or JSON) file. Raises ``UsageError``, all mistakes at once, each with file and line."""
    return validation_errors.from_file(pydantic.TypeAdapter(_File), path).faults


def from_text(text: str) -> Rule:
    """The rule in a header: a name, or a mapping. Raises ``UsageError``."""
    document = read(text.encode("utf-8", "replace"))
    value: Any = document.value
    if isinstance(value, str):
        value = {"fault": value}
    elif isinstance(value, int):
        value = {"fault": "status", "status": value}
    return validation_errors.sound(_RULE, replace(document, value=value), lambda _: f"{HEADER}: ")


class Rules:
    """Rules at work: which of them has been used how often."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._seen = [0] * len(self._rules)

    def rule(self, request: HttpRequest) -> Rule | None:
        """The rule for this request, which then counts as used. Raises ``UsageError`` for a header that is none."""
        own = header(request.headers, HEADER)
        if own is not None:
            return from_text(own)
        for place, rule in enumerate(self._rules):
            if rule.fits(request):
                self._seen[place] += 1
                if self._seen[place] > rule.skip and (
                    rule.times is None or self._seen[place] <= rule.skip + rule.times
                ):
                    return rule
        return None
