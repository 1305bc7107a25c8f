"""JUnit XML, which every CI system shows: the one writer of it, and a run in its words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from xml.etree import ElementTree as ET

from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.engine.events import CaseResult
    from harness.engine.scorecard import Scorecard

Outcome: TypeAlias = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """A test case: ``kind`` and ``message`` say why it did not pass, ``text`` says more; ``output`` is what it shows.
    ``seconds`` are None where no time was measured.
    """

    classname: str
    name: str
    outcome: Outcome = "passed"
    kind: str = ""
    message: str = ""
    text: str = ""
    output: str = ""
    seconds: float | None = None


def document(name: str, suites: Mapping[str, Sequence[Case]]) -> str:
    """The report called ``name``: each suite by its name. Text of others is made harmless here."""
    root = ET.Element("testsuites", _totals(name, [case for cases in suites.values() for case in cases]))
    for suite, cases in suites.items():
        node = ET.SubElement(root, "testsuite", _totals(suite, cases))
        for case in cases:
            _case(node, case)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _totals(name: str, cases: Sequence[Case]) -> dict[str, str]:
    found = Counter(case.outcome for case in cases)
    made = {"name": safe_text.line(name), "tests": str(found.total()), "failures": str(found["failure"])}
    made |= {"errors": str(found["error"]), "skipped": str(found["skipped"])}
    times = [case.seconds for case in cases if case.seconds is not None]
    return made | ({"time": f"{sum(times):.3f}"} if times else {})


def _case(suite: ET.Element, case: Case) -> None:
    head = {"classname": safe_text.line(case.classname), "name": safe_text.line(case.name)}
    time = {} if case.seconds is None else {"time": f"{case.seconds:.3f}"}
    node = ET.SubElement(suite, "testcase", head | time)
    if case.outcome != "passed":
        why = {"type": safe_text.line(case.kind), "message": safe_text.line(case.message)}
        ET.SubElement(node, case.outcome, why).text = safe_text.block(case.text)
    if case.output:
        ET.SubElement(node, "system-out").text = safe_text.block(case.output)


def xml(scorecard: Scorecard) -> str:
    """A run. A check that failed is a failure, a cassette that can't be used an error, unsupported is skipped."""
    suites: dict[str, list[Case]] = {}
    for result in scorecard.results:
        suites.setdefault(result.suite, []).append(_of_result(result))
    if scorecard.orphans:
        why = "no case uses this cassette"
        suites["orphaned cassettes"] = [Case("H2", path, "failure", message=why) for path in scorecard.orphans]
    return document("harness", suites)


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
