"""A run on the terminal: a table of suite × case × model, then what is not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import safe_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.engine.events import CaseResult
    from harness.engine.scorecard import Scorecard

_STYLES = {
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


def show(console: Console, scorecard: Scorecard, *, recording: bool = False) -> None:
    """Write the whole scorecard."""
    if scorecard.results:
        console.print(_table(scorecard.results))
    for result in scorecard.wanting:
        _tell(console, result)
    for path in scorecard.orphans:
        _say(console, "FAIL", f"{path}: no case uses this cassette; delete it, or bring its case back", "fail")
    _sum_up(console, scorecard, recording=recording)


def summary_line(result: CaseResult) -> str:
    """A finished case in one line, for long work on a terminal that shows no progress bar."""
    return safe_text.line(f"{_word(result)}  {result.name}  {result.seconds:.1f} s")


def _word(result: CaseResult) -> str:
    word = "unusable" if result.problem else result.verdict
    return _WORDS.get(word, word)


def _style(result: CaseResult) -> str:
    return _STYLES["unusable" if result.problem else result.verdict]


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


def _say(console: Console, word: str, text: str, verdict: str) -> None:
    from rich.text import Text  # noqa: PLC0415 - only when something is wrong

    console.print(Text.assemble((word, _STYLES[verdict]), " ", safe_text.line(text)), soft_wrap=True)


def _tell(console: Console, result: CaseResult) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    _say(console, _word(result), result.name, "unusable" if result.problem else result.verdict)
    for told in reasons(result):
        console.print(Text(f"     {told}"), soft_wrap=True)


def reasons(result: CaseResult) -> list[str]:
    """Why a case is not as it should be, and where to look: harmless lines."""
    if result.problem:
        message, details = result.problem.message, result.problem.details
        listed = () if len(details) == 1 and details[0] in message else details[:_MOST_DIFFERENCES]
        told = [message, *(f"- {one}" for one in listed)]
        return [safe_text.line(one) for one in told]
    told = []
    places: set[int] = set()
    for finding in result.findings:
        if finding.verdict == result.verdict:
            where = f" ({finding.path})" if finding.path else ""
            told.append(f"{finding.check}{where}: {finding.message}")
            places.update(finding.evidence.exchanges if finding.evidence else ())
    if not result.kept:
        told.append("not kept as a cassette; what came is put aside beside it, as ….partial.json")
    elif places:
        told.append(f"see: harness cassettes show {result.cassette} {min(places)}")
    return [safe_text.line(one) for one in told]


def _sum_up(console: Console, scorecard: Scorecard, *, recording: bool) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    total = len(scorecard.results)
    if not total:
        console.print("nothing was run")
        return
    text = Text(f"{total} {'case' if total == 1 else 'cases'}: ")
    parts = [(f"{number} {name}", _STYLES[name]) for name, number in scorecard.counts.items()]
    for number, part in enumerate(parts):
        text.append(", " if number else "")
        text.append(*part)
    if scorecard.orphans:
        text.append(f", {len(scorecard.orphans)} orphaned cassettes", _STYLES["fail"])
    verb = "recorded" if recording else "replayed"
    text.append(f"; {verb} in {sum(one.seconds for one in scorecard.results):.1f} s")
    kinds = sorted({one.provenance.kind for one in scorecard.results if one.provenance})
    if kinds:
        text.append(f"; recordings are {', '.join(kinds)}")
    console.print(text, soft_wrap=True)
