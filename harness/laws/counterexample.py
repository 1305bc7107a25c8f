"""A counterexample as a file: the question that broke a law, to be put again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import UsageError
from harness.laws.question import Question  # noqa: TC001 - pydantic reads the field's type

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.chat import Json

SUFFIX = ".law.json"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """``question`` broke the law called ``law`` for ``backend`` (``module:attribute``), asked in ``mode``."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    law: str
    backend: str
    mode: str
    question: Question


@cache
def _adapter() -> TypeAdapter[Counterexample]:
    return TypeAdapter(Counterexample)


_MEMO: dict[str, Any] = {"question": {"memo": True, "beside": {"__all__": {"memo"}}}}
"""What a question is rendered to is no part of it."""


def to_json(counterexample: Counterexample) -> dict[str, Json]:
    made: dict[str, Json] = _adapter().dump_python(counterexample, exclude=_MEMO)
    for question in (made["question"], *made["question"]["beside"]):
        question["quirks"] = sorted(question["quirks"])
    return made


def stored_questions(folder: Path, backend: str) -> tuple[Question, ...]:
    """The questions of the counterexamples of ``backend`` in ``folder``; what can't be read is left alone."""
    found = []
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError, ValueError, RecursionError, UsageError):
            stored = from_json(json.loads(file.read_bytes()), str(file))
            if stored.backend == backend:
                found.append(stored.question)
    return tuple(found)


def from_json(value: Json, where: str) -> Counterexample:
    """The counterexample that ``to_json`` made. Raises ``UsageError`` for anything else, naming ``where``."""
    try:
        return _adapter().validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        raise UsageError(f"{where}: no counterexample of `harness prove` ({what}); prove again to get one") from error
