"""A counterexample as a file: the question that broke a law, to be put again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import UsageError
from harness.laws.question import History, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def from_json(value: Json, where: str) -> Counterexample:
    """The counterexample that ``to_json`` made. Raises ``UsageError`` for anything else, naming ``where``."""
    try:
        return Counterexample(value["law"], value["backend"], value["mode"], _as_question(value["question"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{where}: no counterexample of `harness prove` ({error!r}); prove again to get one"
        ) from error


def _as_json(question: Question) -> dict[str, Json]:
    beside = question.beside and _as_json(question.beside)
    return {**asdict(question), "quirks": sorted(question.quirks), "beside": beside}


def _as_question(value: Mapping[str, Json]) -> Question:
    return Question(
        **{
            **value,
            "tools": tuple(value["tools"]),
            "reply": _as_reply(value["reply"]),
            "quirks": frozenset(value["quirks"]),
            "history": tuple(History(**past) for past in value["history"]),
            "cuts": tuple(value["cuts"]),
            "beside": value["beside"] and _as_question(value["beside"]),
        }
    )


def _as_reply(value: Mapping[str, Json]) -> Reply:
    return Reply(
        **{
            **value,
            "calls": tuple(ToolCall(**call) for call in value["calls"]),
            "errors": tuple(CallError(**error) for error in value["errors"]),
            "provider_calls": tuple(ToolCall(**call) for call in value["provider_calls"]),
            "usage": value["usage"] and Usage(**value["usage"]),
        }
    )
