"""A run: on the terminal a table of suite × case × model, then what is not as it should be; as JSON the whole scorecard
in one document, or each event as a line; as JUnit XML.

Two replays of the same cassettes give the same bytes of JSON, the fields called ``seconds`` aside.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from harness.core.finding import count
from harness.engine.events import CaseFinished, CaseStarted, RunStarted
from harness.report import safe_text
from harness.report.junit import Case
from harness.report.junit import document as write_junit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table

    from harness.core.chat import Reply
    from harness.core.errors import HarnessError
    from harness.core.finding import Observation
    from harness.engine.events import CaseResult, Event, Scorecard
    from harness.report.junit import Outcome

STYLES: Mapping[str, str] = {
    "pass": "green",
    "fail": "bold red",
    "quirk": "yellow",
    "unsupported": "cyan",
    "infra": "magenta",
    "unseen": "dim",
    "unusable": "bold red",
}
_WORDS = {"fail": "FAIL", "unusable": "ERROR"}
MOST_COLUMNS = 4
"""Models that get a column of their own each; of more, each is a row."""
_MOST_DIFFERENCES = 5
FORMAT = "harness-report"
VERSION = 1


def show(console: Console, scorecard: Scorecard, *, recording: bool = False) -> None:
    """Write the whole scorecard."""
    if scorecard.results:
        console.print(_table(scorecard.results))
    for result in scorecard.wanting:
        _show_result(console, result)
    for path in scorecard.orphans:
        _print(
            console,
            "FAIL",
            f"{path}: no case uses this cassette; bring its case back, or `harness cassettes prune`",
            STYLES["fail"],
        )
    _sum_up(console, scorecard, recording=recording)


def summary_line(result: CaseResult) -> str:
    """A finished case in one line, for long work on a terminal that shows no progress bar."""
    return safe_text.line(f"{_word(result)}  {result.name}  {result.seconds:.1f} s")


def _word(result: CaseResult) -> str:
    word = "unusable" if result.problem else result.verdict
    return _WORDS.get(word, word)


def _style(result: CaseResult) -> str:
    return STYLES["unusable" if result.problem else result.verdict]


def _table(results: tuple[CaseResult, ...]) -> Table:
    from rich import box  # noqa: PLC0415 - only when a table is drawn
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    models = list(dict.fromkeys(result.model for result in results))
    wide = len(models) <= MOST_COLUMNS
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("suite", "case", *(models if wide else ("model", "verdict"))):
        table.add_column(Text(safe_text.line(heading, 60)), overflow="fold")
    rows: dict[tuple[str, str], dict[str, CaseResult]] = {}
    for result in results:
        rows.setdefault((result.suite, result.case), {})[result.model] = result
    before = ""
    for (suite, case), cells in rows.items():
        if before and suite != before:
            table.add_section()
        names = [Text(safe_text.line(suite if suite != before else "", 60)), Text(safe_text.line(case, 80))]
        before = suite
        if wide:
            verdicts = [cells.get(model) for model in models]
            table.add_row(*names, *(Text(_word(one), _style(one)) if one else Text("") for one in verdicts))
            continue
        for model, one in cells.items():
            table.add_row(*names, Text(safe_text.line(model, 60)), Text(_word(one), _style(one)))
            names = [Text(""), Text("")]
    return table


def _print(console: Console, word: str, text: str, style: str) -> None:
    from rich.text import Text  # noqa: PLC0415 - only when something is wrong

    console.print(Text.assemble((word, style), " ", safe_text.line(text)), soft_wrap=True)


def _show_result(console: Console, result: CaseResult) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    _print(console, _word(result), result.name, _style(result))
    for reason in reasons(result):
        console.print(Text(f"     {reason}"), soft_wrap=True)


def reasons(result: CaseResult) -> list[str]:
    """Why a case is not as it should be, and where to look: harmless lines."""
    if result.problem:
        message, details = result.problem.message, result.problem.details
        joined = "; ".join(details)
        if len(details) > 1:
            message = message.replace(f" {joined}", ":")  # they are listed below it
        listed = () if joined in message else details[:_MOST_DIFFERENCES]
        lines = [message, *(f"- {one}" for one in listed)]
        return [safe_text.line(one) for one in lines]
    lines = []
    places: set[int] = set()
    for finding in result.findings:
        if finding.verdict == result.verdict:
            where = f" ({finding.path.replace('.[', ', [')})" if finding.path else ""
            lines.append(f"{finding.check}{where}: {finding.message}")
            places.update(finding.evidence.exchanges if finding.evidence else ())
    if not result.kept:
        lines.append("not recorded as a cassette; the answers are beside it, as ….partial.json")
    elif places:
        lines.append(f"see: harness cassettes show {result.cassette} {min(places)}")
    return [safe_text.line(one) for one in lines]


def _sum_up(console: Console, scorecard: Scorecard, *, recording: bool) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    total = len(scorecard.results)
    if not total:
        console.print("nothing was run")
        return
    text = Text(f"{total} {'case' if total == 1 else 'cases'}: ")
    parts = [(f"{number} {name}", STYLES[name]) for name, number in scorecard.counts.items()]
    for number, part in enumerate(parts):
        text.append(", " if number else "")
        text.append(*part)
    if scorecard.orphans:
        text.append(f", {count(len(scorecard.orphans), 'orphaned cassette')}", STYLES["fail"])
    verb = "recorded" if recording else "replayed"
    text.append(f"; {verb} in {sum(one.seconds for one in scorecard.results):.1f} s")
    kinds = sorted({one.provenance.kind for one in scorecard.results if one.provenance})
    if kinds:
        text.append(f"; recordings are {', '.join(kinds)}")
    console.print(text, soft_wrap=True)


def as_json(scorecard: Scorecard, *, harness: str) -> str:
    """The report as a JSON document; ``harness`` is our own version."""
    words = {
        "format": FORMAT,
        "version": VERSION,
        "harness": harness,
        "exit_code": scorecard.exit_code,
        "counts": scorecard.counts,
        "orphans": list(scorecard.orphans),
        "seconds": round(sum(one.seconds for one in scorecard.results), 3),
        "results": [_result_json(one) for one in scorecard.results],
    }
    return json.dumps(words, indent=2) + "\n"


def event_line(event: Event) -> str:
    """One event as a line of JSON, for programs that follow a run as it goes."""
    words: dict[str, Any]
    match event:
        case RunStarted():
            words = {"event": "run_started", "total": event.total}
        case CaseStarted():
            job = event.job
            words = {"event": "case_started", "suite": job.suite, "case": job.case.id, "model": job.model.called}
        case CaseFinished():
            words = {"event": "case_finished", "number": event.number, **_result_json(event.result)}
    return json.dumps(words) + "\n"


def _result_json(result: CaseResult) -> dict[str, Any]:
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
        "turns": [_turn_json(observation) for observation in result.observations],
        "seconds": result.seconds,
    }


def _turn_json(observation: Observation) -> dict[str, Any]:
    return {
        "turn": observation.turn,
        "exchanges": [place for place, _ in observation.exchanges],
        "reply": _reply_json(observation.reply) if observation.reply else None,
        "error": _error_json(observation.error) if observation.error else None,
    }


def _reply_json(reply: Reply) -> dict[str, Any]:
    """All of a reply but its id and model, which some providers make again each time."""
    words = dataclasses.asdict(reply)
    return {name: value for name, value in words.items() if name not in {"id", "model"}}


def _error_json(error: HarnessError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "status": getattr(error, "status", None),
        "retry_after": getattr(error, "retry_after", None),
    }


def junit_xml(scorecard: Scorecard) -> str:
    """A run. A check that failed is a failure, a cassette that can't be used an error, unsupported is skipped."""
    suites: dict[str, list[Case]] = {}
    for result in scorecard.results:
        suites.setdefault(result.suite, []).append(_of_result(result))
    if scorecard.orphans:
        why = "no case uses this cassette"
        suites["orphaned cassettes"] = [Case("H2", path, "failure", message=why) for path in scorecard.orphans]
    return write_junit("harness", suites)


def _of_result(result: CaseResult) -> Case:
    name, model, seconds = f"{result.suite}.{result.case}", result.model, result.seconds
    if problem := result.problem:
        details = "\n".join(problem.details)
        return Case(name, model, "error", problem.kind, problem.message, details, seconds=seconds)
    output = f"cassette: {result.cassette}" if result.cassette else ""
    found = [one for one in result.findings if one.verdict == result.verdict]
    if result.verdict not in {"fail", "infra", "unsupported"}:
        return Case(name, model, output=output, seconds=seconds)
    outcome: Outcome = "skipped" if result.verdict == "unsupported" else "failure"
    lines = "\n".join(f"{one.check}: {safe_text.line(one.message)}" for one in found)
    return Case(name, model, outcome, found[0].check, found[0].message, lines, output, seconds)
