"""A counterexample as a file: the question that broke a law, to be put again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from harness.core.chat import CallError, ProviderCall, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.laws.question import History, Question, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.chat import Json

SUFFIX = ".law.json"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """``question`` broke the law called ``law`` for ``backend`` (``module:attribute``), asked in ``mode``."""

    law: str
    backend: str
    mode: str
    question: Question


def to_json(kept: Counterexample) -> dict[str, Json]:
    return {**asdict(kept), "question": _as_json(kept.question)}


def kept_questions(folder: Path, backend: str) -> tuple[Question, ...]:
    """The questions of the counterexamples that ``folder`` keeps for ``backend``; what can't be read is left alone."""
    found = []
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError, ValueError, RecursionError, UsageError):
            kept = from_json(json.loads(file.read_bytes()), str(file))
            if kept.backend == backend:
                found.append(kept.question)
    return tuple(found)


def from_json(value: Json, where: str) -> Counterexample:
    """The counterexample that ``to_json`` made. Raises ``UsageError`` for anything else, naming ``where``."""
    try:
        return Counterexample(value["law"], value["backend"], value["mode"], _as_question(value["question"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{where}: no counterexample of `harness prove` ({error!r}); prove again to get one"
        ) from error


def _as_json(question: Question) -> dict[str, Json]:
    beside = [_as_json(one) for one in question.beside]
    whole = asdict(replace(question, beside=()))
    del whole["memo"]
    return {**whole, "quirks": sorted(question.quirks), "beside": beside}


def _as_question(value: Mapping[str, Json]) -> Question:
    return Question(
        **{
            **value,
            "tools": tuple(value["tools"]),
            "reply": _as_reply(value["reply"]),
            "quirks": frozenset(value["quirks"]),
            "turns": tuple(_as_turn(turn) for turn in value["turns"]),
            "cuts": tuple(value["cuts"]),
            "beside": tuple(_as_question(one) for one in value["beside"]),
            "details": tuple((description, schema) for description, schema in value["details"]),
            "marks": tuple(value.get("marks", ())),
            "allowed": tuple(value.get("allowed", ())),
            "system": tuple(value["system"]),
            "before": tuple(value.get("before", ())),
            "raws": tuple(value.get("raws", ())),
        }
    )


def _as_turn(value: Mapping[str, Json]) -> Turn:
    return Turn(value["user"], value["said"], tuple(History(**past) for past in value["calls"]))


def _as_reply(value: Mapping[str, Json]) -> Reply:
    return Reply(
        **{
            **value,
            "calls": tuple(ToolCall(**call) for call in value["calls"]),
            "errors": tuple(CallError(**error) for error in value["errors"]),
            "provider_calls": tuple(ProviderCall(**call) for call in value["provider_calls"]),
            "usage": value["usage"] and Usage(**value["usage"]),
        }
    )
