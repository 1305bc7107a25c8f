"""Rules from a file or a header, and rules at work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pydantic

from harness.core.errors import UsageError
from harness.core.exchange import HttpRequest, header
from harness.server.rules import NAMES, Rule, fields
from harness.suite.loader import Document, read

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = "x-harness-fault"
_RULE: pydantic.TypeAdapter[Rule] = pydantic.TypeAdapter(Annotated[Rule, pydantic.Field(discriminator="fault")])


class _File(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    faults: tuple[Annotated[Rule, pydantic.Field(discriminator="fault")], ...]


def from_file(path: Path | str) -> tuple[Rule, ...]:
    """The rules in a YAML (or JSON) file. Raises ``UsageError``, all mistakes at once, each with file and line."""
    try:
        document = read(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from error
    problems = [f"{path}:{one.line}: {one.what}" for one in document.faults]
    if not problems:
        try:
            return _File.model_validate(document.value).faults
        except pydantic.ValidationError as error:
            problems = [f"{path}:{line}: {what}" for line, what in _faults(error, document)]
    raise UsageError("\n".join(problems))


def from_text(text: str) -> Rule:
    """The rule in a header: a name, or a mapping. Raises ``UsageError``."""
    document = read(text.encode("utf-8", "replace"))
    value: Any = document.value
    if isinstance(value, str):
        value = {"fault": value}
    elif isinstance(value, int):
        value = {"fault": "status", "status": value}
    try:
        if document.faults:
            raise UsageError(f"{HEADER}: {document.faults[0].what}")
        return _RULE.validate_python(value)
    except pydantic.ValidationError as error:
        raise UsageError(f"{HEADER}: {'; '.join(what for _, what in _faults(error, document))}") from error


def _faults(error: pydantic.ValidationError, document: Document) -> list[tuple[int, str]]:
    told = []
    for one in error.errors(include_url=False):
        path = tuple(step for step in one["loc"] if isinstance(step, int) or step not in NAMES)
        last = next((step for step in reversed(one["loc"]) if step in fields()), "")
        where = f"{last}: " if last and last not in NAMES else ""
        told.append((document.line(path), f"{where}{one['msg']}"))
    return told


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
