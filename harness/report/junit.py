"""JUnit XML, which every CI system shows: the one writer of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from xml.etree import ElementTree as ET

from harness.report import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
