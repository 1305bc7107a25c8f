"""A run as JUnit XML, which every CI system shows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.report import safe_text

if TYPE_CHECKING:
    from harness.engine.events import CaseResult
    from harness.engine.scorecard import Scorecard


def xml(scorecard: Scorecard) -> str:
    """The report. A check that failed is a failure, a cassette that can't be used an error, unsupported is skipped."""
    root = ET.Element("testsuites", _totals(scorecard.results, "harness"))
    by_suite: dict[str, list[CaseResult]] = {}
    for result in scorecard.results:
        by_suite.setdefault(result.suite, []).append(result)
    for name, results in by_suite.items():
        suite = ET.SubElement(root, "testsuite", _totals(tuple(results), name))
        for result in results:
            _case(suite, result)
    if scorecard.orphans:
        numbers = {"tests": str(len(scorecard.orphans)), "failures": str(len(scorecard.orphans)), "errors": "0"}
        orphans = ET.SubElement(root, "testsuite", {"name": "orphaned cassettes", **numbers})
        for path in scorecard.orphans:
            case = ET.SubElement(orphans, "testcase", {"classname": "H2", "name": safe_text.line(path)})
            ET.SubElement(case, "failure", {"message": "no case uses this cassette"})
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _totals(results: tuple[CaseResult, ...], name: str) -> dict[str, str]:
    errors = sum(1 for one in results if one.problem)
    failures = sum(1 for one in results if not one.problem and one.verdict in {"fail", "infra"})
    skipped = sum(1 for one in results if one.verdict == "unsupported")
    return {
        "name": safe_text.line(name),
        "tests": str(len(results)),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": str(skipped),
        "time": f"{sum(one.seconds for one in results):.3f}",
    }


def _case(suite: ET.Element, result: CaseResult) -> None:
    words = {"classname": f"{result.suite}.{result.case}", "name": result.model, "time": f"{result.seconds:.3f}"}
    case = ET.SubElement(suite, "testcase", {key: safe_text.line(value) for key, value in words.items()})
    if result.problem:
        message = safe_text.line(result.problem.message)
        error = ET.SubElement(case, "error", {"type": result.problem.kind, "message": message})
        error.text = "\n".join(safe_text.line(detail) for detail in result.problem.details)
        return
    told = [one for one in result.findings if one.verdict == result.verdict]
    if result.verdict in {"fail", "infra", "unsupported"}:
        tag = "skipped" if result.verdict == "unsupported" else "failure"
        node = ET.SubElement(case, tag, {"type": told[0].check, "message": safe_text.line(told[0].message)})
        node.text = "\n".join(f"{one.check}: {safe_text.line(one.message)}" for one in told)
    if result.cassette:
        ET.SubElement(case, "system-out").text = safe_text.line(f"cassette: {result.cassette}")
