"""A run as JSON: the whole scorecard in one document, or each event as a line.

Two replays of the same cassettes give the same bytes, the fields called ``seconds`` aside.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from harness.engine.events import CaseFinished, CaseStarted, RunStarted

if TYPE_CHECKING:
    from harness.core.chat import Reply
    from harness.core.errors import HarnessError
    from harness.core.observation import Observation
    from harness.engine.events import CaseResult, Event
    from harness.engine.scorecard import Scorecard

FORMAT = "harness-report"
VERSION = 1


def whole(scorecard: Scorecard, *, harness: str) -> str:
    """The report as a JSON document; ``harness`` is our own version."""
    words = {
        "format": FORMAT,
        "version": VERSION,
        "harness": harness,
        "exit_code": scorecard.exit_code,
        "counts": scorecard.counts,
        "orphans": list(scorecard.orphans),
        "seconds": round(sum(one.seconds for one in scorecard.results), 3),
        "results": [_result(one) for one in scorecard.results],
    }
    return json.dumps(words, indent=2) + "\n"


def line(event: Event) -> str:
    """One event as a line of JSON, for programs that follow a run as it goes."""
    words: dict[str, Any]
    match event:
        case RunStarted():
            words = {"event": "run_started", "total": event.total}
        case CaseStarted():
            job = event.job
            words = {"event": "case_started", "suite": job.suite, "case": job.case.id, "model": job.model.called}
        case CaseFinished():
            words = {"event": "case_finished", "number": event.number, **_result(event.result)}
    return json.dumps(words) + "\n"


def _result(result: CaseResult) -> dict[str, Any]:
    return {
        "suite": result.suite,
        "case": result.case,
        "model": result.model,
        "verdict": result.verdict,
        "cassette": result.cassette,
        "provenance": dataclasses.asdict(result.provenance) if result.provenance else None,
        "kept": result.kept,
        "problem": dataclasses.asdict(result.problem) if result.problem else None,
        "findings": [
            {
                "check": finding.check,
                "verdict": finding.verdict,
                "path": finding.path,
                "message": finding.message,
                "exchanges": list(finding.evidence.exchanges) if finding.evidence else [],
            }
            for finding in result.findings
        ],
        "turns": [_turn(observation) for observation in result.observations],
        "seconds": result.seconds,
    }


def _turn(observation: Observation) -> dict[str, Any]:
    return {
        "turn": observation.turn,
        "exchanges": [place for place, _ in observation.exchanges],
        "reply": _reply(observation.reply) if observation.reply else None,
        "error": _error(observation.error) if observation.error else None,
    }


def _reply(reply: Reply) -> dict[str, Any]:
    """All of a reply but its id and model, which some providers make again each time."""
    words = dataclasses.asdict(reply)
    return {name: value for name, value in words.items() if name not in {"id", "model"}}


def _error(error: HarnessError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "status": getattr(error, "status", None),
        "retry_after": getattr(error, "retry_after", None),
    }
